// A sound drawn as it comes.

const binSeconds = 0.02;

export class Waveform {
  #canvas;
  #bins = [];
  #open = { peak: 0, count: 0 };
  #binSize = 480;
  #rate = 24000;
  #position = 0;
  #pending = false;
  /** Seconds that fill the width while less has come. */
  room = 6;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#later());
  }

  clear(rate) {
    this.#bins = [];
    this.#open = { peak: 0, count: 0 };
    this.#binSize = Math.round(rate * binSeconds);
    this.#rate = rate;
    this.#position = 0;
    this.room = 6;
    this.#later();
  }

  add(samples) {
    const open = this.#open;
    for (const x of samples) {
      open.peak = Math.max(open.peak, Math.abs(x));
      if (++open.count === this.#binSize) {
        this.#bins.push(open.peak);
        open.peak = open.count = 0;
      }
    }
    this.#later();
  }

  /** Says that nothing more comes: the sound fills the width. */
  end() { this.room = 0; this.#later(); }

  /** Moves the head, in samples. */
  move(position) { this.#position = position; this.#later(); }

  #later() {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => { this.#pending = false; this.#draw(); });
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width) return;
    const scale = devicePixelRatio;
    if (this.#canvas.width !== Math.round(width * scale) || this.#canvas.height !== Math.round(height * scale)) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    const style = getComputedStyle(document.documentElement);
    const [heard, unheard, line] = ['--bill', '--soft', '--line'].map(name => style.getPropertyValue(name));
    const pen = this.#canvas.getContext('2d');
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = line;
    pen.fillRect(0, height / 2 - .5, width, 1);
    const shown = Math.max(this.#bins.length, this.room / binSeconds, 1);
    const head = this.#position / this.#rate / binSeconds / shown * width;
    const bars = Math.floor(width / 4);
    const drawn = Math.min(bars, Math.floor(this.#bins.length / shown * bars));
    for (let bar = 0; bar < drawn; bar++) {
      const from = Math.floor(bar * shown / bars);
      const to = Math.max(from + 1, Math.floor((bar + 1) * shown / bars));
      const peak = Math.max(0, ...this.#bins.slice(from, to));
      // The square root shows quiet speech beside loud.
      const size = Math.max(2, Math.sqrt(Math.min(1, peak)) * height);
      pen.fillStyle = bar * 4 < head ? heard : unheard;
      pen.beginPath();
      pen.roundRect(bar * 4, (height - size) / 2, 2.5, size, 1.25);
      pen.fill();
    }
  }
}
