// Text in, sound out, heard and drawn while it is made.

import { ask, samples } from './api.js';
import { element, fill, save, trouble } from './page.js';
import { Player } from './player.js';
import { Waveform } from './waveform.js';

const seconds = value => `${value.toFixed(1)} s`;
const title = name => name.charAt(0).toUpperCase() + name.slice(1);

/** Mono floats as the bytes of a WAV file of 16 bits. */
function wave(floats, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * floats.length));
  const word = (offset, text) => [...text].forEach((c, i) => view.setUint8(offset + i, c.charCodeAt(0)));
  word(0, 'RIFF'); view.setUint32(4, 36 + 2 * floats.length, true); word(8, 'WAVEfmt ');
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  word(36, 'data'); view.setUint32(40, 2 * floats.length, true);
  floats.forEach((x, i) => view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(x * 32768))), true));
  return new Blob([view], { type: 'audio/wav' });
}

export class Speaking {
  #player = new Player();
  #wave = new Waveform(element('wave'));
  #models = [];
  #kept = [];
  #work = null;
  /** The request whose sound is there, to ask for it again in another form. */
  #spoken = null;

  constructor() {
    element('speak-form').addEventListener('submit', event => { event.preventDefault(); this.#speak(); });
    element('text').addEventListener('input', () => this.#count());
    element('text').addEventListener('keydown', event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) element('speak-form').requestSubmit();
    });
    element('model').addEventListener('change', () => this.#shape());
    element('stop').addEventListener('click', () => this.#stop());
    addEventListener('keydown', event => { if (event.key === 'Escape') this.#stop(); });
    element('replay').addEventListener('click', () => this.#replay());
    element('position').addEventListener('input', event => this.#seek(Number(event.target.value)));
    element('download').addEventListener('click', () => this.#download());
    this.#player.onmove = () => this.#moved();
    this.#count();
  }

  /** Takes what there is to choose from. */
  offer(models, kept) {
    this.#models = models.filter(model => model.kind === 'speech');
    this.#kept = kept;
    fill(element('model'), this.#models.map(model => ({ value: model.id })));
    element('speak-button').disabled = !this.#models.length;
    if (!this.#models.length) this.#say('No model that speaks is installed: run "mynah models pull" on the server.');
    this.#shape();
  }

  /** Chooses a kept voice, and a model that can speak in it. */
  choose(voice) {
    const model = this.#models.find(one => one.id === voice.model)
      ?? this.#models.find(one => voice.type === 'prompt' ? one.designs : one.clones);
    if (model) element('model').value = model.id;
    this.#shape();
    element('voice').value = voice.id;
  }

  get #model() { return this.#models.find(model => model.id === element('model').value); }

  /** Shows what the model takes, and only that. */
  #shape() {
    const model = this.#model;
    if (!model) return;
    const own = (model.voices ?? []).map(name => ({ value: name, label: title(name) }));
    const kept = this.#kept.filter(voice => voice.type === 'prompt' ? model.designs : model.clones)
      .map(voice => ({ value: voice.id, label: voice.name }));
    const choices = [{ value: '', label: "The model's own choice" }];
    if (own.length) choices.push({ group: 'Of the model', of: own });
    if (kept.length) choices.push({ group: 'Kept here', of: kept });
    fill(element('voice'), choices);
    const languages = (model.languages ?? []).filter(name => name !== 'auto');
    element('language-field').hidden = !languages.length;
    fill(element('language'), [{ value: '', label: 'As the text tells' },
      ...languages.map(name => ({ value: name, label: title(name) }))]);
    element('style-field').hidden = !(model.takes_instructions || model.designs);
    element('style-label').textContent = model.designs ? 'What the voice is like' : 'Style';
  }

  #count() { element('count').textContent = [...element('text').value].length; }
  #say(text) { element('speak-status').textContent = text; }

  #request() {
    const request = {
      model: element('model').value, input: element('text').value, seed: Math.floor(Math.random() * 2 ** 32),
    };
    if (element('voice').value) request.voice = element('voice').value;
    if (!element('language-field').hidden && element('language').value) request.language = element('language').value;
    if (!element('style-field').hidden && element('style').value.trim()) request.instructions = element('style').value.trim();
    if (element('speed').value !== '1') request.speed = Number(element('speed').value);
    return request;
  }

  async #speak() {
    if (!element('text').value.trim()) return this.#say('There is nothing to say yet.');
    this.#work?.abort();
    const work = this.#work = new AbortController();
    const request = this.#request();
    trouble(null);
    this.#busy(true);
    element('sound').hidden = false;
    element('sound').scrollIntoView({ block: 'nearest' });
    for (const fact of ['first', 'rtf']) element(`fact-${fact}`).textContent = '–';
    element('fact-length').textContent = seconds(0);
    element('fact-seed').textContent = request.seed;
    this.#say('Speaking …');
    try {
      await this.#hear(request, work.signal);
      this.#say(`Done: ${seconds(this.#player.length / this.#player.rate)} of speech.`);
    } catch (error) {
      if (work !== this.#work) return;
      if (error.name !== 'AbortError') { trouble(error); this.#say(''); this.#player.stop(); }
    }
    if (work !== this.#work) return;
    this.#work = null;
    this.#busy(false);
    this.#wave.end();
    this.#moved();
  }

  /** Asks, and takes the sound as it comes. */
  async #hear(request, signal) {
    this.#spoken = null;
    const rate = this.#model?.sample_rate ?? 24000;
    await this.#player.begin(rate);
    this.#wave.clear(rate);
    this.#moved();
    const response = await ask('/v1/audio/speech', {
      json: { ...request, response_format: 'pcm' }, signal, waiting: text => this.#say(text),
    });
    const start = performance.now();
    this.#say('Speaking …');
    for await (const piece of samples(response)) {
      if (signal.aborted) break;
      const after = (performance.now() - start) / 1000;
      if (!this.#player.length) element('fact-first').textContent = `${after.toFixed(2)} s`;
      this.#player.add(piece);
      this.#wave.add(piece);
      const made = this.#player.length / this.#player.rate;
      this.#wave.room = Math.max(6, Math.ceil(made / 6) * 6);
      element('fact-length').textContent = seconds(made);
      element('fact-rtf').textContent = (after / made).toFixed(2);
      element('position').max = made;
    }
    signal.throwIfAborted();
    this.#player.end();
    this.#spoken = request;
  }

  #stop() {
    const wasMaking = this.#work !== null;
    this.#work?.abort();
    if (!wasMaking && !this.#player.isPlaying) return;
    this.#player.stop();
    this.#say(wasMaking ? 'Stopped. What was made can be played.' : 'Stopped.');
    this.#moved();
  }

  #busy(isMaking) {
    element('speak-button').disabled = isMaking;
    element('download').disabled = isMaking || !this.#player.length;
  }

  #moved() {
    const { position, rate, length, isPlaying } = this.#player;
    this.#wave.move(position);
    element('position').max = length / rate;
    element('position').value = position / rate;
    element('position').setAttribute('aria-valuetext', `${seconds(position / rate)} of ${seconds(length / rate)}`);
    element('stop').disabled = !isPlaying && !this.#work;
    element('replay').disabled = !length || Boolean(this.#work);
    element('replay').textContent = isPlaying ? 'Pause' : 'Play';
  }

  async #replay() {
    if (this.#player.isPlaying) this.#player.stop();
    else await this.#player.play(this.#player.position);
    this.#moved();
  }

  async #seek(second) {
    if (this.#work) return;
    await this.#player.play(second * this.#player.rate);
    this.#moved();
  }

  /** As wav from what was heard; in another form the server makes the same sound again, by its seed. */
  async #download() {
    const format = element('format').value;
    if (format === 'wav' || !this.#spoken) {
      return save(wave(this.#player.whole(), this.#player.rate), 'mynah.wav');
    }
    element('download').disabled = true;
    this.#say(`Making ${format} …`);
    try {
      const response = await ask('/v1/audio/speech', {
        json: { ...this.#spoken, response_format: format, stream: false }, waiting: text => this.#say(text),
      });
      save(await response.blob(), `mynah.${format === 'opus' ? 'ogg' : format}`);
      this.#say('Downloaded.');
    } catch (error) {
      trouble(error);
      this.#say('');
    }
    element('download').disabled = false;
  }
}
