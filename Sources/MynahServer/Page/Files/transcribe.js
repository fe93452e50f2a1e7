// A recording in, who said what and when out.

import { ask, events } from './api.js';
import { element, fill, save, trouble } from './page.js';
import { plain, short, srt, vtt } from './subtitles.js';

export class Transcribing {
  #file = null;
  #work = null;
  #segments = [];
  #until = Infinity;
  #address = null;

  constructor() {
    const drop = element('drop');
    element('recording').addEventListener('change', event => this.#take(event.target.files[0]));
    for (const kind of ['dragenter', 'dragover']) {
      drop.addEventListener(kind, event => { event.preventDefault(); drop.classList.add('over'); });
    }
    drop.addEventListener('dragleave', event => {
      if (!drop.contains(event.relatedTarget)) drop.classList.remove('over');
    });
    drop.addEventListener('drop', event => {
      event.preventDefault();
      drop.classList.remove('over');
      this.#take(event.dataTransfer.files[0]);
    });
    element('write').addEventListener('click', () => this.#write());
    element('write-stop').addEventListener('click', () => this.#work?.abort());
    addEventListener('keydown', event => { if (event.key === 'Escape') this.#work?.abort(); });
    element('playback').addEventListener('timeupdate', () => this.#follow());
    for (const [form, type, write] of [
      ['srt', 'application/x-subrip', srt], ['vtt', 'text/vtt', vtt], ['text', 'text/plain', plain],
    ]) {
      element(`export-${form}`).addEventListener('click', () => {
        const stem = (this.#file?.name ?? 'recording').replace(/\.[^.]*$/, '');
        save(new Blob([write(this.#segments)], { type }), `${stem}.${form === 'text' ? 'txt' : form}`);
      });
    }
  }

  /** Takes what there is to choose from. */
  offer(models) {
    const listeners = models.filter(model => model.kind === 'transcription');
    fill(element('listener'), listeners.map(model => ({ value: model.id })));
    element('listener-field').hidden = !listeners.length;
    if (!listeners.length) this.#say('No model that listens is installed: run "mynah models pull" on the server.');
    this.#ready();
  }

  #say(text) { element('transcribe-status').textContent = text; }

  #ready() {
    element('write').disabled = !this.#file || !element('listener').value || Boolean(this.#work);
    element('write-stop').disabled = !this.#work;
  }

  #take(file) {
    if (!file) return;
    this.#work?.abort();
    trouble(null);
    this.#file = file;
    element('drop').querySelector('p').textContent = `${file.name}, ${(file.size / 1e6).toFixed(1)} MB`;
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = URL.createObjectURL(file);
    element('playback').src = this.#address;
    element('playback').hidden = false;
    this.#show([]);
    this.#say('Ready.');
    this.#ready();
  }

  async #write() {
    const work = this.#work = new AbortController();
    trouble(null);
    this.#show([]);
    this.#ready();
    this.#say('Listening …');
    const form = new FormData();
    form.append('model', element('listener').value);
    form.append('response_format', 'diarized_json');
    form.append('stream', 'true');
    const hints = element('hints').value.trim();
    if (hints) form.append('prompt', hints);
    form.append('file', this.#file, this.#file.name);
    try {
      const response = await ask('/v1/audio/transcriptions', {
        form, signal: work.signal, waiting: text => this.#say(text),
      });
      for await (const event of events(response)) {
        if (event.type === 'transcript.text.segment') this.#append(event);
        if (event.type === 'transcript.text.done') this.#settle(event);
      }
      const count = this.#segments.length;
      this.#say(count ? `Done: ${count} ${count === 1 ? 'segment' : 'segments'}.` : 'Done: nothing is said in it.');
    } catch (error) {
      this.#say(error.name === 'AbortError' ? 'Stopped.' : '');
      trouble(error);
    }
    this.#work = null;
    this.#ready();
  }

  /** Keeps what stands in the end: the model may have taken something back, or have told no times at all. */
  #settle({ text, usage }) {
    let rest = text;
    const standing = this.#segments.filter(segment => {
      if (!rest.startsWith(segment.text)) return false;
      rest = rest.slice(segment.text.length).replace(/^\n/, '');
      return true;
    });
    // What the model wrote beside segments has no times of its own.
    const last = standing.at(-1)?.end ?? 0;
    const isChanged = standing.length !== this.#segments.length || rest.trim();
    if (rest.trim()) standing.push({ start: last, end: usage?.seconds ?? last, text: rest.trim() });
    if (isChanged) this.#show(standing);
  }

  #show(segments) {
    this.#segments = [];
    element('segments').replaceChildren();
    element('exports').hidden = true;
    segments.forEach(segment => this.#append(segment));
  }

  #append(segment) {
    this.#segments.push(segment);
    const speakers = [...new Set(this.#segments.map(one => one.speaker))];
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    const when = this.#span('when', short(segment.start));
    const what = this.#span('what', '');
    if (segment.speaker) {
      const who = this.#span('who', segment.speaker);
      if (speakers.indexOf(segment.speaker) % 2) who.classList.add('odd');
      what.append(who);
    }
    what.append(segment.text);
    button.append(when, what);
    button.addEventListener('click', () => this.#hear(segment));
    item.append(button);
    element('segments').append(item);
    element('exports').hidden = false;
  }

  #span(name, text) {
    const span = document.createElement('span');
    span.className = name;
    span.textContent = text;
    return span;
  }

  /** Plays one segment. */
  async #hear(segment) {
    const sound = element('playback');
    this.#until = segment.end;
    sound.currentTime = segment.start;
    await sound.play().catch(() => trouble({ message: 'This browser cannot play the recording.' }));
  }

  /** Marks what sounds, and is silent at the end of what was asked for. */
  #follow() {
    const sound = element('playback');
    if (sound.currentTime >= this.#until) { sound.pause(); this.#until = Infinity; }
    this.#segments.forEach((segment, index) => {
      const button = element('segments').children[index]?.firstChild;
      const isNow = sound.currentTime >= segment.start && sound.currentTime < segment.end;
      if (isNow) button?.setAttribute('aria-current', 'true');
      else button?.removeAttribute('aria-current');
    });
  }
}
