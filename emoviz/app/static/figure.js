// Draws a plotly figure into a node that stays, follows the page's theme and width, and reports clicks by id.
const frame = element.querySelector('.ez-figure');
// Drawn already, out of sight, or yet to be.
const ahead = window.emovizDrawing.take(frame.dataset.part);
if (ahead) element.querySelector('.ez-plot').replaceWith(ahead.plot);
const plot = element.querySelector('.ez-plot');
const refused = element.querySelector('.ez-refused');
const tools = element.querySelector('.ez-tools');
let value = props.value;
let listening = false;
const add = element.querySelector('.ez-add');
add.addEventListener('click', () => window.emovizAddSlide(add, plot.layout.meta.name));
element.querySelector('.ez-save').addEventListener('click', () => window.emovizSave(plot, (how) => trigger('download', how)));
let fontIsThere = false;
// Plotly measures labels once, when it draws: in the right font, or legends overlap.
document.fonts.load('12px Inter').finally(() => { fontIsThere = true; draw(); });

// stepping : whether a step will do.
function draw(stepping) {
  // No value: not computed yet, a pale panel stands in its place. null: there is nothing to show.
  frame.classList.toggle('ez-waiting', !value && !plot.data);
  frame.style.display = value === 'null' ? 'none' : '';
  if (!value || value === 'null') return;
  // As JSON, or as one layer of many that are here already (`layers.js`).
  const swept = value.tree ? value : null, figure = swept ? { ...swept.tree } : JSON.parse(value);
  // What cannot be drawn says why in its place; what was drawn before is hidden, since it belongs to another selection.
  refused.textContent = figure.refused || '';
  plot.style.display = figure.refused ? 'none' : '';
  tools.hidden = Boolean(figure.refused);
  add.hidden = !window.emovizSlides[figure.layout?.meta.name];
  if (figure.refused) return;
  const fitted = window.emovizDrawing.fitted(figure, plot.dataset.drawn);
  window.emovizDrawing.sized(plot, fitted);
  if (!fontIsThere) return;
  // The component may be ready before the page's scripts are.
  if (!window.Plotly) { setTimeout(draw, 20); return; }
  window.emovizAccess(frame, plot, fitted.layout, (step) => trigger('select', step));
  const quick = stepping && swept && swept.sweep === sweep ? window.emovizStep(plot, swept, framed) : null;
  framed = Boolean(quick);
  sweep = swept && swept.sweep;
  clearTimeout(whole);
  if (quick) whole = setTimeout(draw, WHOLE);
  const there = ahead && !plot.dataset.drawn && ahead.value === value;
  const drawn = quick || (there ? Promise.resolve() : window.emovizDrawing.draw(plot, fitted));
  drawn.then(() => { plot.dataset.drawn = String(Number(plot.dataset.drawn || 0) + 1); });
  if (!listening) {
    listening = true;
    plot.on('plotly_click', (event) => {
      const point = event.points && event.points[0];
      if (point && point.customdata !== undefined) {
        trigger('select', { kind: plot.layout.meta.kind, ids: [].concat(point.customdata), add: Boolean(event.event?.shiftKey) });
      }
    });
    plot.on('plotly_selected', (event) => {
      if (event?.points?.length) trigger('select', { kind: plot.layout.meta.kind, brushed: event.points.map((point) => [].concat(point.customdata)) });
    });
  }
}

// A step from layer to layer is drawn in part (`steps.js`), and the whole figure when the slider rests.
const WHOLE = 200;
let sweep = null, whole = 0, framed = false;

// What is in sight is drawn at once; the rest a moment later, so that a moved slider does not wait for it.
let later = 0;
function inSight() {
  const box = frame.getBoundingClientRect();
  return Math.min(box.bottom, window.innerHeight) - Math.max(box.top, 0) > 0.25 * box.height;
}
function drawInTurn() {
  clearTimeout(later);
  clearTimeout(whole);
  // Of a moved slider the figure that fills most of the window comes first (`layers.js`).
  const swept = value && value.tree, now = !plot.dataset.drawn || (swept ? value.now : inSight());
  const wait = now ? 0 : swept ? 100 : 150;
  if (wait) later = setTimeout(draw, wait, true); else draw(true);
}
watch('value', () => { value = props.value; window.emovizParts.told(frame.dataset.part, value); drawInTurn(); });
window.emovizParts.listen(frame.dataset.part, (given) => { if (given !== value) { value = given; drawInTurn(); } });
// A figure in a tab that was hidden while it was drawn has no width yet; it is fitted when it gets another.
new ResizeObserver(() => {
  if (plot.data && plot.clientWidth && Math.abs(plot.clientWidth - plot._fullLayout.width) >= 1) Plotly.Plots.resize(plot);
}).observe(plot);
new MutationObserver(() => draw()).observe(document.body, { attributes: true, attributeFilter: ['class'] });
