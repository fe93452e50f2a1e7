// The kept voices, and how one is made of a recording.

import { ask } from './api.js';
import { element, fill, trouble } from './page.js';
import { Waveform } from './waveform.js';

export class Voices {
  #wave = new Waveform(element('reference-wave'));
  #recorder = null;
  #reference = null;
  #address = null;
  #refresh;
  #use;

  constructor({ refresh, use }) {
    [this.#refresh, this.#use] = [refresh, use];
    element('record').addEventListener('click', () => this.#record());
    element('reference').addEventListener('change', event => {
      if (event.target.files[0]) this.#take(event.target.files[0]);
    });
    element('voice-form').addEventListener('submit', event => { event.preventDefault(); this.#keep(); });
    if (!navigator.mediaDevices || !globalThis.MediaRecorder) {
      element('record').disabled = true;
      element('record').title = 'A browser records only over https or on the machine itself.';
    }
  }

  /** Takes what there is. */
  offer(models, kept) {
    const cloning = models.filter(model => model.clones);
    fill(element('voice-model'), cloning.map(model => ({ value: model.id })));
    element('keep').disabled = !cloning.length;
    if (!cloning.length) this.#say('No installed model takes a voice from a recording.');
    element('voice-list').replaceChildren(...kept.map(voice => this.#row(voice)));
    if (!kept.length) {
      const none = document.createElement('li');
      none.className = 'hint';
      none.textContent = 'None is kept yet.';
      element('voice-list').append(none);
    }
  }

  #say(text) { element('voice-status').textContent = text; }

  #row(voice) {
    const row = document.createElement('li');
    const name = document.createElement('span');
    name.className = 'name';
    name.textContent = voice.name;
    const about = document.createElement('span');
    about.className = 'about';
    const made = voice.created_at ? new Date(voice.created_at * 1000).toLocaleDateString() : '';
    about.textContent = [voice.prompt ?? voice.model, made].filter(Boolean).join(', ');
    name.append(about);
    const use = this.#button('Use', `Speak as ${voice.name}`, () => this.#use(voice));
    const remove = this.#button('Remove', `Remove ${voice.name}`, () => this.#remove(voice, remove));
    row.append(name, use, remove);
    return row;
  }

  #button(text, label, action) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.setAttribute('aria-label', label);
    button.addEventListener('click', action);
    return button;
  }

  /** Asks once more before it removes. */
  async #remove(voice, button) {
    if (button.dataset.sure !== 'yes') {
      button.dataset.sure = 'yes';
      button.textContent = 'Really?';
      button.setAttribute('aria-label', `Really remove ${voice.name}?`);
      button.addEventListener('blur', () => {
        delete button.dataset.sure;
        button.textContent = 'Remove';
        button.setAttribute('aria-label', `Remove ${voice.name}`);
      }, { once: true });
      return;
    }
    try {
      await ask(`/v1/audio/voices/${encodeURIComponent(voice.id)}`, { method: 'DELETE' });
      await this.#refresh();
      this.#say(`${voice.name} is removed.`);
      element('voices-title').focus();
    } catch (error) {
      trouble(error);
    }
  }

  // Recording.

  async #record() {
    if (this.#recorder) return this.#recorder.stop();
    trouble(null);
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
    } catch {
      return trouble({ message: 'The microphone may not be used. Allow it in the browser, or choose a recording.' });
    }
    const pieces = [];
    const recorder = this.#recorder = new MediaRecorder(stream);
    const start = performance.now();
    const button = element('record');
    const show = () => { button.textContent = `Stop ${((performance.now() - start) / 1000).toFixed(0)} s`; };
    const clock = setInterval(() => {
      show();
      if (performance.now() - start > 60_000) recorder.stop();
    }, 250);
    recorder.ondataavailable = event => pieces.push(event.data);
    recorder.onstop = () => {
      clearInterval(clock);
      stream.getTracks().forEach(track => track.stop());
      this.#recorder = null;
      button.textContent = 'Record';
      button.classList.remove('recording');
      const type = recorder.mimeType.split(';')[0];
      this.#take(new File(pieces, `recording.${type.includes('mp4') ? 'mp4' : 'webm'}`, { type }));
    };
    recorder.start();
    button.classList.add('recording');
    show();
    this.#say('Recording. Speak for ten seconds or so.');
  }

  /** Takes a recording, shows it and has it looked at. */
  async #take(file) {
    trouble(null);
    this.#reference = file;
    element('heard').hidden = false;
    element('checks').replaceChildren();
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = URL.createObjectURL(file);
    element('reference-sound').src = this.#address;
    this.#say('Looking at the recording …');
    await Promise.all([this.#draw(file), this.#check(file)]);
  }

  async #draw(file) {
    this.#wave.clear(24000);
    try {
      const context = new OfflineAudioContext(1, 1, 24000);
      this.#wave.add((await context.decodeAudioData(await file.arrayBuffer())).getChannelData(0));
    } catch {
      // The browser may not know the format; the server says whether it does.
    }
    this.#wave.end();
  }

  async #check(file) {
    try {
      const form = new FormData();
      form.append('file', file, file.name);
      const report = await (await ask('/page/recording', { form })).json();
      if (file !== this.#reference) return;
      const lines = report.advice.length
        ? report.advice.map(text => ({ text: text.charAt(0).toUpperCase() + text.slice(1), doubt: true }))
        : [{ text: 'Length, level and noise are as they should be.' }];
      lines.unshift({ text: `${report.duration.toFixed(1)} seconds at ${report.sample_rate} Hz.` });
      element('checks').replaceChildren(...lines.map(line => {
        const item = document.createElement('li');
        item.textContent = line.text;
        if (line.doubt) item.className = 'doubt';
        return item;
      }));
      this.#say(report.advice.length ? 'The recording will do, with doubts.' : 'The recording is good.');
    } catch (error) {
      if (file !== this.#reference) return;
      this.#reference = null;
      this.#say('');
      trouble(error);
    }
  }

  // Keeping.

  async #keep() {
    if (!this.#reference) return this.#say('Record something, or choose a recording, first.');
    const name = element('voice-name').value.trim();
    trouble(null);
    element('keep').disabled = true;
    this.#say('Making the voice …');
    const form = new FormData();
    form.append('name', name);
    form.append('model', element('voice-model').value);
    form.append('consent', document.querySelector('label[for=consent]').textContent);
    if (element('said').value.trim()) form.append('ref_text', element('said').value.trim());
    form.append('audio_sample', this.#reference, this.#reference.name);
    try {
      await ask('/v1/audio/voices', { form, waiting: text => this.#say(text) });
      element('voice-form').reset();
      element('heard').hidden = true;
      this.#reference = null;
      await this.#refresh();
      this.#say(`${name} is kept.`);
    } catch (error) {
      trouble(error);
      this.#say('');
    }
    element('keep').disabled = false;
  }
}
