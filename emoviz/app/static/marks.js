// Emotions that are marked beside the one before all: a button for each takes it away, a field adds one.
const root = element.querySelector('.ez-marks');
let chosen = [], all = [];

const head = node('div', 'ez-picker-head'), clear = node('button', 'ez-picker-clear', 'Clear'), list = node('div', 'ez-marks-list');
const add = node('input', 'ez-picker-search'), known = node('datalist', '');
head.append(node('span', 'ez-picker-label', 'Also marked'), clear);
clear.type = 'button';
clear.setAttribute('aria-label', 'Clear all marked emotions');
known.id = 'ez-marks-known';
add.setAttribute('list', known.id);
add.setAttribute('aria-label', 'Mark another emotion');
add.placeholder = 'Add; or shift-click, or box in a map';
root.setAttribute('role', 'group');
root.setAttribute('aria-label', 'Emotions also marked');
root.replaceChildren(head, list, add, known);

function choose(names) {
  chosen = names;
  value = props.value = JSON.stringify({ chosen });
  draw();
  trigger('input');
}

function draw() {
  clear.hidden = !chosen.length;
  list.replaceChildren(...chosen.map((name) => {
    const off = node('button', '', `${name} ×`);
    off.type = 'button';
    off.setAttribute('aria-label', `${name}, do not mark`);
    off.addEventListener('click', () => { choose(chosen.filter((other) => other !== name)); add.focus({ preventScroll: true }); });
    return off;
  }));
  known.replaceChildren(...all.filter((name) => !chosen.includes(name)).map((name) => {
    const option = node('option', '');
    option.value = name;
    return option;
  }));
  window.emovizGrey?.();
}

add.addEventListener('change', () => {
  const name = add.value.trim().toLowerCase(), found = all.find((one) => one.toLowerCase() === name);
  if (!found) return;
  add.value = '';
  if (!chosen.includes(found)) choose([...chosen, found]);
});
clear.addEventListener('click', () => choose([]));

function take() {
  const shown = JSON.parse(value || '{}');
  if (shown.chosen) chosen = shown.chosen;
  if (shown.all) all = shown.all;
  draw();
}
take();
follow(take);
