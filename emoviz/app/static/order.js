// The talk: its slides, put in order in a dialog, and the player that shows them. The server hears of every change, and
// keeps the order in the address of the view.
const root = element.querySelector('.ez-order');
let items = [], at = null, playing = null;
root.setAttribute('role', 'status');

const dialog = node('dialog', 'ez-save-dialog ez-order-dialog'), title = node('h2', '', 'Talk');
const list = node('ol', 'ez-order-list'), said = node('p', 'ez-order-note'), menu = node('select', '');
const line = node('div', 'ez-order-add'), called = node('label', '', 'Add a figure'), buttons = node('div', 'ez-order-buttons');
const start = button('Start', 'ez-primary', () => { dialog.close(); play(); });
const download = button('Download', '', () => { dialog.close(); trigger('download', { theme: theme() }); });
title.id = 'ez-order-title';
said.setAttribute('role', 'status');
dialog.setAttribute('aria-labelledby', title.id);
// Beside the menu, not around it: a label's name is all of its text, every option too.
menu.id = called.htmlFor = 'ez-order-menu';
menu.append(...[['', 'Choose'], ...Object.entries(window.emovizSlides)].map(([name, label]) => {
  const made = node('option', '', label);
  made.value = name;
  return made;
}));
line.append(called, menu);
buttons.append(start, download, button('Close', '', () => dialog.close()));
dialog.append(title, list, said, line, buttons);
document.body.append(dialog);
menu.addEventListener('change', () => { if (menu.value) put([...items, slide(menu.value)]); menu.value = ''; });

function button(text, name, press) {
  const made = node('button', name, text);
  made.type = 'button';
  made.addEventListener('click', press);
  return made;
}

const theme = () => (document.body.classList.contains('dark') ? 'dark' : 'light');
// A figure that changes with the layer keeps the depth that the page shows.
const overLayers = (name) => window.emovizOverLayers.includes(name.split('_')[0]);
const slide = (name) => (at === null || !overLayers(name) ? name : `${name}@${at}`);

function labelOf(item) {
  const [name, depth] = item.split('@');
  return (window.emovizSlides[name] || name) + (depth ? `, depth ${Number(depth).toFixed(2)}` : '');
}

function put(wanted) {
  items = wanted;
  list_again();
  trigger('select', { items });
}

function move(from, to) {
  if (to < 0 || to >= items.length) return;
  const wanted = [...items];
  wanted.splice(to, 0, ...wanted.splice(from, 1));
  put(wanted);
}

function list_again() {
  const press = (k, text, said, off, act) => {
    const made = button(text, '', act);
    made.setAttribute('aria-label', `${said}: ${labelOf(items[k])}`);
    made.disabled = off;
    return made;
  };
  list.replaceChildren(...items.map((item, k) => {
    const row = node('li', ''), last = items.length - 1;
    const drop = () => { put(items.filter((_, other) => other !== k)); focus(Math.min(k, last - 1), 2); };
    row.append(node('span', '', `${k + 1}. ${labelOf(item)}`),
      press(k, '\u2191', 'Move up', k === 0, () => { move(k, k - 1); focus(k - 1, 0); }),
      press(k, '\u2193', 'Move down', k === last, () => { move(k, k + 1); focus(k + 1, 1); }),
      press(k, '\u00d7', 'Remove', false, drop));
    row.addEventListener('keydown', (event) => {
      const to = { ArrowUp: k - 1, ArrowDown: k + 1 }[event.key], which = [...row.children].indexOf(event.target) - 1;
      if (event.key === 'Delete') drop();
      else if (to === undefined) return;
      else if (to >= 0 && to <= last) { move(k, to); focus(to, which); }
      event.preventDefault();
    });
    return row;
  }));
  start.disabled = download.disabled = !items.length;
  said.textContent = items.length ? '' : 'No figure yet. Press + Talk in the corner of one, or choose below.';
}

// The button of a row that the keyboard is on; at the ends of the list the one that still works.
function focus(k, which) {
  const row = list.children[k];
  const found = row && [...row.querySelectorAll('button')];
  (found ? (found[which].disabled ? found.find((one) => !one.disabled) : found[which]) : menu).focus();
}

function open() {
  list_again();
  dialog.showModal();
  (items.length ? start : menu).focus();
}

function play() {
  playing = window.emovizTalk({
    slides: [], template: window.emovizTemplates[theme()], counter: 0,
    said: items.length === 1 ? 'Drawing the figure' : `Drawing ${items.length} figures`,
    leave: () => { playing = null; document.querySelector('#ez-talk').focus(); open(); },
  });
  trigger('expand', {});
}

window.emovizAddSlide = (pressed, name) => {
  if (pressed.dataset.added) return;
  put([...items, slide(name)]);
  const text = pressed.textContent;
  pressed.dataset.added = 'yes';
  pressed.textContent = 'Added';
  root.textContent = `${labelOf(items[items.length - 1])} is slide ${items.length} of the talk.`;
  setTimeout(() => { pressed.textContent = text; delete pressed.dataset.added; }, 1200);
};

document.addEventListener('click', (event) => {
  if (event.target.closest && event.target.closest('#ez-talk')) open();
});
// What the page shows: the order and the depth.
window.emovizParts.listen(root.dataset.part, (given) => {
  const shown = JSON.parse(given), before = items;
  [items, at] = [shown.items, shown.at];
  // Its own changes come back, and the keyboard stays where it is; what was opened before the page had its answer is
  // opened anew with it.
  if (!dialog.open) list_again();
  else if (!before.length && items.length) { list_again(); start.focus(); }
});
// What is to be shown as a talk.
watch('value', () => {
  const { slides, counter, left_out } = JSON.parse(props.value || '{}');
  if (!slides || !playing) return;
  if (!slides.length) playing.say(left_out[0] || 'There is no figure in the talk.');
  else playing.fill(slides, counter);
  if (left_out.length) root.textContent = said.textContent = left_out.join(' ');
});
