// What every part of the page uses.

export const element = id => document.getElementById(id);

/** Says that something is wrong, where it is heard; nothing takes the words away. */
export function trouble(error) {
  const place = element('trouble');
  if (error?.name === 'AbortError') return;
  place.hidden = !error;
  const isBroken = error instanceof TypeError && /fetch|network/i.test(error.message);
  place.textContent = isBroken ? 'The connection to the server broke.' : error?.message ?? '';
}

/** Puts choices into a list, keeping what was chosen where it still can be. */
export function fill(select, choices) {
  const chosen = select.value;
  select.replaceChildren(...choices.map(choice => {
    if (choice.group) {
      const group = document.createElement('optgroup');
      group.label = choice.group;
      group.append(...choice.of.map(one => new Option(one.label ?? one.value, one.value)));
      return group;
    }
    return new Option(choice.label ?? choice.value, choice.value);
  }));
  if ([...select.options].some(option => option.value === chosen)) select.value = chosen;
}

/** Hands bytes to the reader as a file. */
export function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
