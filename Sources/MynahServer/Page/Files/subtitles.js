// Segments as the forms in which they are kept.

const two = value => String(value).padStart(2, '0');

function clock(seconds, point) {
  const whole = Math.round(Math.max(0, seconds) * 1000);
  const [ms, s, m] = [whole % 1000, Math.floor(whole / 1000) % 60, Math.floor(whole / 60_000) % 60];
  return `${two(Math.floor(whole / 3_600_000))}:${two(m)}:${two(s)}${point}${String(ms).padStart(3, '0')}`;
}

const line = text => text.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').trim();
const escaped = text => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const several = segments => new Set(segments.map(one => one.speaker).filter(Boolean)).size > 1;

/** SubRip. */
export function srt(segments) {
  const names = several(segments);
  return segments.map((one, index) =>
    `${index + 1}\n${clock(one.start, ',')} --> ${clock(one.end, ',')}\n`
    + `${names && one.speaker ? `${one.speaker}: ` : ''}${line(one.text)}\n`).join('\n');
}

/** WebVTT. */
export function vtt(segments) {
  return 'WEBVTT\n\n' + segments.map(one =>
    `${clock(one.start, '.')} --> ${clock(one.end, '.')}\n`
    + `${one.speaker ? `<v ${escaped(one.speaker)}>` : ''}${escaped(line(one.text))}\n`).join('\n');
}

/** A line for each segment. */
export function plain(segments) {
  const names = several(segments);
  return segments.map(one => `${names && one.speaker ? `${one.speaker}: ` : ''}${line(one.text)}\n`).join('');
}

/** A time as people read it. */
export function short(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${two(whole % 60)}.${Math.floor(seconds * 10) % 10}`;
}
