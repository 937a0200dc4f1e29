// Draws the figures as they come into sight, in the theme and the width of the screen; before printing, all of them.
const given = (name) => JSON.parse(document.querySelector(name).textContent);
const templates = given('#templates'), root = document.documentElement;
const phone = matchMedia('(max-width: 700px)'), dark = matchMedia('(prefers-color-scheme: dark)');
const plots = [...document.querySelectorAll('.plot')];
const PAPER = 1000;
let printing = false;

const theme = () => (printing ? 'light' : root.dataset.theme || (dark.matches ? 'dark' : 'light'));

function draw(plot) {
  const figure = given(`script[data-for='${plot.dataset.figure}']`)[phone.matches && !printing ? 'narrow' : 'wide'];
  figure.layout.template = templates[theme()];
  // A finger scrolls the page; only a mouse draws a box to zoom.
  figure.layout.dragmode = matchMedia('(hover: hover)').matches ? 'zoom' : false;
  figure.layout.width = printing ? PAPER : undefined;
  plot.style.height = `${figure.layout.height}px`;
  plot.style.minWidth = phone.matches && !printing ? '' : `${figure.layout.meta.min_width}px`;
  plot.dataset.drawn = 'yes';
  Plotly.react(plot, figure.data, figure.layout, { displaylogo: false, responsive: true, modeBarButtons: [['resetScale2d']] });
}

const again = () => plots.filter((plot) => plot.dataset.drawn).forEach(draw);
const seen = new IntersectionObserver((found) => found.filter((one) => one.isIntersecting).forEach(({ target }) => {
  seen.unobserve(target);
  draw(target);
}), { rootMargin: '600px' });

// Text is measured: with a fallback font it would have other widths.
Promise.all(['12px Inter', '600 17px Inter'].map((font) => document.fonts.load(font))).finally(() => plots.forEach((plot) => seen.observe(plot)));
phone.addEventListener('change', again);
dark.addEventListener('change', again);
addEventListener('beforeprint', () => { printing = true; plots.forEach(draw); });
addEventListener('afterprint', () => { printing = false; again(); });

const button = document.querySelector('#theme');
button.hidden = false;
button.addEventListener('click', () => { root.dataset.theme = theme() === 'dark' ? 'light' : 'dark'; again(); });
