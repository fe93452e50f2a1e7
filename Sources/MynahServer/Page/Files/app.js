// What the page is made of.

import { ask, key } from './api.js';
import { element, trouble } from './page.js';
import { Speaking } from './speak.js';
import { Voices } from './voices.js';
import { Transcribing } from './transcribe.js';

const sections = ['speak', 'voices', 'transcribe'];
let shown = null;

/** Shows the section that the address names. */
function route() {
  const name = sections.includes(location.hash.slice(1)) ? location.hash.slice(1) : 'speak';
  for (const section of sections) element(section).hidden = section !== name;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${document.querySelector(`nav a[href="#${name}"]`).textContent} · Mynah`;
  // Who follows a link hears where it led; who opens the page begins at its top.
  if (shown !== null && shown !== name) element(`${name}-title`).focus({ preventScroll: true });
  if (shown !== name) { scrollTo(0, 0); trouble(null); }
  shown = name;
}

const parts = { speaking: new Speaking(), transcribing: new Transcribing(), voices: null };
parts.voices = new Voices({ refresh, use: voice => { parts.speaking.choose(voice); location.hash = '#speak'; } });

/** Asks what there is, and tells every part. */
async function refresh() {
  const [models, voices] = await Promise.all(['/v1/models', '/v1/audio/voices'].map(
    async path => (await ask(path)).json()));
  const all = models.data;
  const kept = voices.voices.filter(voice => voice.type !== 'preset');
  parts.speaking.offer(all, kept);
  parts.voices.offer(all, kept);
  parts.transcribing.offer(all);
}

async function open() {
  try {
    await refresh();
    element('key-form').hidden = true;
    trouble(null);
  } catch (error) {
    if (error.status !== 401) trouble(error);
  }
}

addEventListener('hashchange', route);
addEventListener('key-wanted', () => {
  element('key-form').hidden = false;
  if (key.get()) trouble({ message: 'The server does not know this key.' });
  element('key').focus();
});
element('key-form').addEventListener('submit', event => {
  event.preventDefault();
  key.set(element('key').value.trim());
  element('key').value = '';
  open();
});
route();
open();
