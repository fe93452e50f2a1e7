// Plays samples as they arrive. Runs in the audio thread.

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.clear();
    this.port.onmessage = ({ data }) => {
      if (data.samples) { this.queue.push(data.samples); this.held += data.samples.length; }
      if (data.ended) this.ended = true;
      if (data.clear) { this.clear(); this.position = data.position ?? 0; }
    };
  }

  clear() {
    this.queue = [];
    this.offset = 0;
    this.held = 0;
    this.position = 0;
    this.ended = false;
    this.waits = true;
    this.told = 0;
  }

  process(_, [[out]]) {
    // Once it has run dry it waits for a quarter of a second of sound, not to stutter at every piece.
    if (this.waits && (this.ended || this.held >= sampleRate / 4)) this.waits = false;
    let done = 0;
    while (!this.waits && done < out.length && this.queue.length) {
      const first = this.queue[0];
      const count = Math.min(out.length - done, first.length - this.offset);
      out.set(first.subarray(this.offset, this.offset + count), done);
      done += count;
      this.offset += count;
      if (this.offset === first.length) { this.queue.shift(); this.offset = 0; }
    }
    this.held -= done;
    this.position += done;
    const isOver = this.ended && this.held === 0;
    if (!isOver && this.held === 0) this.waits = true;
    if (done && (this.position - this.told >= sampleRate / 30 || isOver)) {
      this.told = this.position;
      this.port.postMessage({ position: this.position, isOver });
    } else if (isOver && this.told !== -1) {
      this.told = -1;
      this.port.postMessage({ position: this.position, isOver });
    }
    return true;
  }
}

registerProcessor('player', Player);
