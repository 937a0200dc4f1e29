// Chosen sets in their order on top, all sets by model below, in a box of fixed height. Names are only ever text.
const root = element.querySelector('.ez-picker');
const MANY = 8;
const DASHES = { solid: '', dash: '5,4', dot: '1.5,3', dashdot: '6,3,1.5,3', longdash: '9,4', longdashdot: '9,3,1.5,3' };
let chosen = [], sets = [], pinned = null;

const letter = (k) => (k < 26 ? '' : letter(Math.floor(k / 26) - 1)) + String.fromCharCode(65 + (k % 26));
const byName = (name) => sets.find((set) => set.name === name);
// The pinned set is drawn first, as `Selection.chosen` has it.
const inOrder = () => [...chosen].sort((a, b) => (b === pinned) - (a === pinned)).filter(byName);

function labelled(tag, className, label, text) {
  const made = node(tag, className, text);
  made.setAttribute('aria-label', label);
  return made;
}

const head = node('div', 'ez-picker-head'), count = node('span', 'ez-picker-count'), clear = node('button', 'ez-picker-clear', 'Clear');
const top = labelled('ol', 'ez-picker-chosen', 'Chosen sets, in order');
const search = labelled('input', 'ez-picker-search', 'Search sets');
const list = node('div', 'ez-picker-list'), none = node('p', 'ez-small');
head.append(node('span', 'ez-picker-label', 'Vector sets'), count, clear);
clear.type = 'button';
clear.setAttribute('aria-label', 'Clear all sets');
search.type = 'search';
search.placeholder = 'Search: model, protocol …';
count.setAttribute('role', 'status');
none.setAttribute('role', 'status');
for (const [part, label] of [[root, 'Vector sets'], [list, 'All sets; arrow keys move, space chooses']]) {
  part.setAttribute('role', 'group');
  part.setAttribute('aria-label', label);
}
root.replaceChildren(head, top, search, list, none);

function choose(names, pin = pinned) {
  chosen = names;
  value = props.value = JSON.stringify({ chosen });
  if (pin !== pinned) window.emovizParts.send('pin', [pin, false]);
  draw();
  trigger('input');
}

function swatch(set) {
  const SVG = 'http://www.w3.org/2000/svg', drawn = document.createElementNS(SVG, 'svg'), line = document.createElementNS(SVG, 'line');
  drawn.setAttribute('class', 'ez-swatch');
  drawn.setAttribute('viewBox', '0 0 26 6');
  drawn.setAttribute('aria-hidden', 'true');
  for (const [name, at] of Object.entries({ x1: 0, y1: 3, x2: 26, y2: 3, stroke: set.colour, 'stroke-width': 3, 'stroke-dasharray': DASHES[set.dash] ?? set.dash.replaceAll('px', '') })) line.setAttribute(name, at);
  drawn.append(line);
  return drawn;
}

function action(key, sign, label, act) {
  const made = labelled('button', 'ez-picker-act', label, sign);
  made.type = 'button';
  made.title = label;
  made.dataset.key = key;
  made.addEventListener('click', act);
  return made;
}

function row(name, k) {
  const set = byName(name), line = node('li', ''), isPinned = name === pinned, said = node('span', 'ez-picker-name', isPinned ? `${set.label}, reference` : set.label);
  const others = chosen.filter((other) => other !== name);
  said.title = set.label;
  const pin = action(`pin ${name}`, '◎', isPinned ? `Do not pin ${set.label}` : `Pin ${set.label}: the others are compared with it`,
    () => window.emovizParts.send('pin', [isPinned ? null : name, true]));
  pin.setAttribute('aria-pressed', String(isPinned));
  const first = action(`first ${name}`, '↑', `Move ${set.label} to the front`, () => choose([name, ...others]));
  first.style.visibility = k === 0 || (k === 1 && pinned === inOrder()[0]) ? 'hidden' : '';
  const off = action(`off ${name}`, '×', `Take out ${set.label}`, () => choose(others, isPinned ? null : pinned));
  line.append(node('b', '', letter(k)), swatch(set), said, pin, first, off);
  return line;
}

function box(set) {
  const line = node('label', ''), tick = labelled('input', '', set.label);
  tick.type = 'checkbox';
  tick.checked = chosen.includes(set.name);
  tick.dataset.key = set.name;
  tick.addEventListener('change', () => (tick.checked
    ? choose([...chosen, set.name])
    : choose(chosen.filter((other) => other !== set.name), pinned === set.name ? null : pinned)));
  line.append(tick, swatch(set), node('span', '', set.short));
  return line;
}

function draw() {
  const at = root.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean), shown = inOrder();
  const found = sets.filter((set) => words.every((word) => set.label.toLowerCase().includes(word)));
  count.textContent = `${shown.length} of ${sets.length}`;
  clear.hidden = !shown.length;
  search.hidden = sets.length <= MANY && !search.value;
  none.textContent = found.length ? '' : sets.length ? `No set has ${words.join(' and ')} in its name.` : 'No vector set is stored yet. Extract one in the Library.';
  top.hidden = !shown.length;
  top.replaceChildren(...shown.map(row));
  list.hidden = !found.length;
  list.replaceChildren(...[...new Set(found.map((set) => set.model))].map((model) => {
    const group = labelled('div', 'ez-picker-group', model);
    group.setAttribute('role', 'group');
    group.append(node('p', '', model), ...found.filter((set) => set.model === model).map(box));
    return group;
  }));
  const boxes = [...list.querySelectorAll('input')];
  // One stop for the tab key; arrows go on from there.
  boxes.forEach((tick) => { tick.tabIndex = -1; });
  if (boxes.length) (boxes.find((tick) => tick.dataset.key === at) || boxes[0]).tabIndex = 0;
  window.emovizGrey?.();
  // What was removed leaves its place to what is near.
  if (at !== undefined) ([...root.querySelectorAll('[data-key]')].find((one) => one.dataset.key === at) || boxes[0] || search).focus({ preventScroll: true });
}

list.addEventListener('keydown', (event) => {
  const boxes = [...list.querySelectorAll('input')], k = boxes.indexOf(event.target);
  const next = { ArrowDown: k + 1, ArrowUp: k - 1, Home: 0, End: boxes.length - 1 }[event.key];
  if (next === undefined || k < 0) return;
  event.preventDefault();
  if (next < 0) { search.focus(); return; }
  const to = boxes[Math.min(next, boxes.length - 1)];
  boxes.forEach((tick) => { tick.tabIndex = tick === to ? 0 : -1; });
  to.focus();
});
search.addEventListener('input', draw);
search.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown') list.querySelector('input')?.focus();
  else if (event.key === 'Escape' && search.value) { search.value = ''; draw(); }
  else return;
  event.preventDefault();
  event.stopPropagation();
});
clear.addEventListener('click', () => choose([], null));

function take() {
  const shown = JSON.parse(value || '{}');
  // What comes of the sets alone leaves what is chosen.
  if (shown.chosen) chosen = shown.chosen;
  if (shown.sets) sets = shown.sets;
  draw();
}
window.emovizParts.listen('pinned', (name) => { pinned = name; draw(); });
take();
follow(take);
