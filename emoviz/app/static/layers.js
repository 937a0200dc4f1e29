// Moves through the layers without the server: what a view shows at every layer comes once, when the page has a moment.
// The value is {key, from, step} of the view that is shown, with {at, parts} once they are here.
const IDLE = 1500, REST = 250, PLAY = 140;
const slider = () => document.querySelector('#ez-sidebar input[type=range]');
const frames = new Map();
let view = null, asked = null, shown = null, later = 0, rest = 0, playing = 0;

const TYPES = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array };
// Arrays as plotly writes them; those of two dimensions as rows.
function decoded(given) {
  if (!given || !given.bdata || !TYPES[given.dtype]) return given;
  const flat = new TYPES[given.dtype](Uint8Array.from(atob(given.bdata), (c) => c.charCodeAt(0)).buffer);
  const [rows, columns] = String(given.shape || '').split(',').map(Number);
  return columns ? Array.from({ length: rows }, (_, k) => flat.subarray(k * columns, (k + 1) * columns)) : flat;
}

// The tree with another value at a path; all else is shared with the one that was given.
function changed(tree, path, value, depth = 0) {
  if (depth === path.length) return value;
  const copy = Array.isArray(tree) ? [...tree] : { ...tree };
  copy[path[depth]] = changed(tree[path[depth]], path, value, depth + 1);
  return copy;
}

// The range of axes and colours that holds all layers: [path, value] of each that differs.
function oneRange({ paths, values, frames }) {
  return paths.flatMap((path, k) => {
    const name = path.at(-1), all = frames.map((places) => values[places[k]]);
    if (name === 'cmin' || name === 'cmax') return [[path, Math[name.slice(1)](...all)]];
    if (name !== 'range') return [];
    const ends = [Math.min(...all.flat()), Math.max(...all.flat())];
    return [[path, all[0][0] > all[0][1] ? ends.reverse() : ends]];
  });
}

function receive() {
  const given = JSON.parse(value || 'null');
  if (!given) return;
  if (given.parts) {
    Object.values(given.parts).forEach((part) => { part.values = part.values.map(decoded); part.fixed = oneRange(part); });
    frames.set(given.key, given);
    // A few views are kept, so that going back to a tab costs nothing.
    if (frames.size > 6) frames.delete(frames.keys().next().value);
    return;
  }
  view = given;
  shown = null;
  clearTimeout(later);
  if (view.key && !frames.has(view.key)) later = setTimeout(ask, IDLE);
}

function ask() {
  clearTimeout(later);
  if (!view || !view.key || frames.has(view.key) || asked === view.key) return;
  asked = view.key;
  trigger('select', { key: view.key });
}

// The figure that fills most of the window: it is drawn at once, the others as soon as the slider gives them time. Found
// once until the slider rests: to find it, all has to be laid out.
let first = null;
function most(names) {
  const area = (name) => {
    const box = document.querySelector(`.ez-figure[data-part="${name}"]`)?.getBoundingClientRect();
    return box ? Math.max(0, Math.min(box.bottom, window.innerHeight) - Math.max(box.top, 0)) * box.width : 0;
  };
  return names.map((name) => [area(name), name]).reduce((a, b) => (b[0] > a[0] ? b : a), [0, null])[1];
}

function show(depth) {
  const all = frames.get(view.key), frame = all.at[Math.round((depth - view.from) / view.step)];
  if (frame === undefined || frame === shown) return;
  shown = frame;
  first ??= most(Object.keys(all.parts));
  Object.entries(all.parts).forEach(([name, { base, paths, values, fixed, frames: places }]) => {
    const tree = places[frame].reduce((made, place, k) => changed(made, paths[k], values[place]), base);
    window.emovizParts.send(name, { tree, paths, fixed, sweep: all.key, now: name === first });
  });
}

// The slider stands at another depth.
function moved(depth) {
  if (!document.querySelector('#ez-select-layer_mode input:checked')?.closest('label').textContent.includes('same')) trigger('expand');
  const ready = window.emovizLayersReady();
  if (ready) show(depth); else ask();
  tell(ready ? REST : 0, ready ? { swept: true } : {});
}

function tell(after, what) {
  clearTimeout(rest);
  rest = setTimeout(() => { first = null; hand(); trigger('input', what); }, after);
}

// What a moved slider does is done here. Gradio hears of it when it rests: it takes as long for it as a figure to draw.
let handing = false;
function hand() {
  handing = true;
  slider().dispatchEvent(new Event('input', { bubbles: true }));
  handing = false;
}
function hold(event, input) {
  event.stopImmediatePropagation();
  input.style.setProperty('--range_progress', `${(100 * (input.value - input.min)) / (input.max - input.min)}%`);
  document.querySelector('#ez-select-depth input[type=number]').value = input.value;
  moved(Number(input.value));
}

// Whether the layers of this view are here.
window.emovizLayersReady = () => Boolean(view && frames.has(view.key));

function play() {
  const input = slider();
  if (playing || !input) { clearInterval(playing); playing = 0; label(); return; }
  ask();
  const end = Number(input.max), step = () => {
    const at = Number(input.value);
    if (at >= end - 1e-9) { play(); return; }
    // On to the next depth at which any set shows another layer.
    const all = view && frames.get(view.key), place = (d) => all.at[Math.round((d - view.from) / view.step)];
    let next = at + view.step;
    while (all && next < end - 1e-9 && place(next) === place(at)) next += view.step;
    move(input, next);
  };
  if (Number(input.value) >= end - 1e-9) move(input, Number(input.min));
  playing = setInterval(step, PLAY);
  label();
}

function move(input, depth) {
  input.value = depth.toFixed(2);
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

function label() {
  const button = document.querySelector('#ez-play');
  if (button) button.textContent = playing ? 'Pause' : 'Play the layers';
}

document.addEventListener('click', (event) => {
  if (event.target.closest?.('#ez-play')) play();
  if (event.target.closest?.('#ez-select-depth .reset-button')) setTimeout(() => trigger('input', {}));
});
window.addEventListener('input', (event) => { if (event.target === slider() && !handing) hold(event, event.target); }, true);
// What is written may be no depth: the server says so, before gradio makes one of it when the box is left.
document.addEventListener('input', (event) => {
  if (event.target !== slider() && event.target.closest?.('#ez-select-depth')) queueMicrotask(() => trigger('input', {}));
});
// Who reaches for the slider will move it.
['pointerover', 'focusin'].forEach((name) => document.addEventListener(name, (event) => {
  if (event.target === slider()) ask();
}));
follow(receive);
receive();
