// The server, as this page asks it.

const kept = 'mynah-key';

/** The API key of this tab. */
export const key = {
  get: () => sessionStorage.getItem(kept),
  set: value => sessionStorage.setItem(kept, value),
};

/** What the server says is wrong. */
export class Refusal extends Error {
  constructor(status, error) {
    super(error?.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = error?.code ?? null;
  }
}

const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});

/**
 * Asks, and gives the response once it is a good one. While a model is being loaded it waits and asks again, telling
 * `waiting` what for.
 */
export async function ask(path, { json, form, method, signal, waiting } = {}) {
  const headers = {};
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  if (json) headers['Content-Type'] = 'application/json';
  const body = json ? JSON.stringify(json) : form;
  for (;;) {
    const response = await fetch(path, { method: method ?? (body ? 'POST' : 'GET'), headers, body, signal });
    if (response.ok) return response;
    const { error } = await response.json().catch(() => ({}));
    const after = Number(response.headers.get('Retry-After'));
    if (response.status === 503 && after > 0 && waiting) {
      waiting(error?.message ?? 'The server is busy.');
      await pause(Math.min(after, 10), signal);
      continue;
    }
    if (response.status === 401) dispatchEvent(new Event('key-wanted'));
    throw new Refusal(response.status, error);
  }
}

/** The events of a stream, as objects, to its end. */
export async function* events(response) {
  let rest = '';
  for await (const text of pieces(response.body.pipeThrough(new TextDecoderStream()))) {
    const blocks = (rest + text).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split(/\r?\n/).filter(line => line.startsWith('data:'))
        .map(line => line.slice(5).trimStart()).join('\n');
      if (!data || data === '[DONE]') continue;
      const event = JSON.parse(data);
      if (event.error) throw new Refusal(response.status, event.error);
      yield event;
    }
  }
}

/** The pieces of a stream as they come; whoever stops listening ends it. */
export async function* pieces(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** 16-bit samples, as they come, to floats. */
export async function* samples(response) {
  let odd = new Uint8Array(0);
  for await (const piece of pieces(response.body)) {
    const bytes = new Uint8Array(odd.length + piece.length);
    bytes.set(odd);
    bytes.set(piece, odd.length);
    const count = bytes.length >> 1;
    const view = new DataView(bytes.buffer);
    const floats = new Float32Array(count);
    for (let i = 0; i < count; i++) floats[i] = view.getInt16(2 * i, true) / 32768;
    odd = bytes.slice(2 * count);
    if (count) yield floats;
  }
}
