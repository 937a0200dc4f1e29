// Draws a plotly figure into a node that stays, follows the page's theme and width, and reports clicks by id.
const frame = element.querySelector('.ez-figure');
const plot = element.querySelector('.ez-plot');
const caption = element.querySelector('figcaption');
const refused = element.querySelector('.ez-refused');
const save = element.querySelector('.ez-save');
let value = props.value;
let listening = false;
const add = element.querySelector('.ez-add');
add.addEventListener('click', () => window.emovizAddSlide(add, plot.layout.meta.name));
save.addEventListener('click', () => window.emovizSave(plot, (how) => trigger('download', how)));
let fontIsThere = false;
// Plotly measures labels once, when it draws: in the right font, or legends overlap.
document.fonts.load('12px Inter').finally(() => { fontIsThere = true; draw(); });

function draw() {
  // No value: not computed yet, a pale panel stands in its place. null: there is nothing to show.
  frame.classList.toggle('ez-waiting', !value && !plot.data);
  frame.style.display = value === 'null' ? 'none' : '';
  if (!value || value === 'null') return;
  const figure = JSON.parse(value);
  // What cannot be drawn says why in its place; what was drawn before is hidden, since it belongs to another selection.
  refused.textContent = figure.refused || '';
  plot.style.display = figure.refused ? 'none' : '';
  save.hidden = Boolean(figure.refused);
  add.hidden = save.hidden || !window.emovizSlides[figure.layout.meta.name];
  if (figure.refused) return;
  if (figure.layout.meta.fill) {
    // A large screen is filled; the title keeps its distance from the edge in pixels.
    const fixed = (1 - figure.layout.title.y) * figure.layout.height;
    figure.layout.height = Math.max(figure.layout.height, Math.round(0.62 * window.innerHeight));
    figure.layout.title.y = 1 - fixed / figure.layout.height;
  }
  plot.style.height = figure.layout.height + 'px';
  plot.style.minWidth = figure.layout.meta.min_width + 'px';
  if (!fontIsThere) return;
  // The component may be ready before the page's scripts are.
  if (!window.Plotly) { setTimeout(draw, 20); return; }
  // A finger scrolls the page; only a mouse draws a box to zoom.
  figure.layout.dragmode = window.matchMedia('(hover: hover)').matches ? 'zoom' : false;
  figure.layout.template = window.emovizTemplates[document.body.classList.contains('dark') ? 'dark' : 'light'];
  caption.textContent = (figure.layout.meta || {}).description || '';
  Plotly.react(plot, figure.data, figure.layout, {
    displaylogo: false,
    displayModeBar: window.matchMedia('(hover: hover)').matches ? 'hover' : false,
    modeBarButtons: [['resetScale2d']],
  }).then(() => { plot.dataset.drawn = String(Number(plot.dataset.drawn || 0) + 1); });
  if (!listening) {
    listening = true;
    plot.on('plotly_click', (event) => {
      const point = event.points && event.points[0];
      if (point && point.customdata !== undefined) {
        trigger('select', { kind: plot.layout.meta.kind, ids: [].concat(point.customdata) });
      }
    });
  }
}

// What is in sight is drawn at once; the rest a moment later, so that a moved slider does not wait for it.
let later = 0;
function drawInTurn() {
  const box = frame.getBoundingClientRect();
  const inSight = Math.min(box.bottom, window.innerHeight) - Math.max(box.top, 0) > 0.25 * box.height;
  clearTimeout(later);
  if (!plot.data || inSight) draw(); else later = setTimeout(draw, 150);
}
watch('value', () => { value = props.value; drawInTurn(); });
window.emovizParts.listen(frame.dataset.part, (given) => { value = given; drawInTurn(); });
// A figure in a tab that was hidden while it was drawn has no width yet; it is fitted when it gets one.
new ResizeObserver(() => { if (plot.data && plot.clientWidth) Plotly.Plots.resize(plot); }).observe(plot);
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ['class'] });
