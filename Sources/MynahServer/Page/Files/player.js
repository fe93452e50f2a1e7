// Sound that is heard while it is made, and again afterwards.

export class Player {
  #context;
  #node;
  #pieces = [];
  #generation = 0;
  /** Samples a second. */
  rate = 24000;
  /** Samples that have come. */
  length = 0;
  /** The sample that sounds now. */
  position = 0;
  isPlaying = false;
  /** Told of every move and of the end. */
  onmove = () => {};

  /** Makes ready for new sound. Called from a click or a key, or a browser keeps quiet. */
  async begin(rate) {
    this.stop();
    this.#pieces = [];
    [this.length, this.position] = [0, 0];
    if (this.#context && this.rate !== rate) { await this.#context.close(); this.#context = null; }
    this.rate = rate;
    if (!this.#context) {
      this.#context = new AudioContext({ sampleRate: rate, latencyHint: 'interactive' });
      await this.#context.audioWorklet.addModule('/page/player-worklet.js');
    }
    await this.#start(0);
  }

  async #start(position) {
    const generation = ++this.#generation;
    // Without a sound device this may wait for ever, and the speech should still arrive.
    this.#context.resume().catch(() => {});
    this.#node?.disconnect();
    this.#node = new AudioWorkletNode(this.#context, 'player', { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => {
      if (generation !== this.#generation) return;
      this.position = Math.min(data.position, this.length);
      if (data.isOver) this.stop();
      this.onmove();
    };
    this.#node.port.postMessage({ clear: true, position });
    this.#node.connect(this.#context.destination);
    this.isPlaying = true;
  }

  /** Takes more of the sound. */
  add(samples) {
    this.#pieces.push(samples);
    this.length += samples.length;
    if (this.isPlaying) this.#node.port.postMessage({ samples });
  }

  /** Says that this was all. */
  end() { this.#node?.port.postMessage({ ended: true }); }

  /** Plays what there is, from a sample on. */
  async play(from = 0) {
    if (!this.length) return;
    const start = from >= this.length ? 0 : Math.max(0, Math.floor(from));
    await this.#start(start);
    const all = this.whole();
    this.#node.port.postMessage({ samples: all.slice(start) });
    this.end();
  }

  /** Is silent from now on; what has come stays. */
  stop() {
    this.#generation++;
    this.#node?.disconnect();
    this.#node = null;
    this.isPlaying = false;
  }

  /** Everything that has come. */
  whole() {
    const all = new Float32Array(this.length);
    let offset = 0;
    for (const piece of this.#pieces) { all.set(piece, offset); offset += piece.length; }
    this.#pieces = [all];
    return all;
  }
}
