// Fetches what tabs show before they are opened, once the page rests: an opened tab then waits for nothing but its drawing.
// The value is {view, tabs, shares}: what is shown, the tabs, and what share of the width a figure has where it is not
// all; then {view, parts} of one tab after another. Only for the view that the page begins with: the server made it once
// for all who come.
const IDLE = 1000;
let view = null, left = [], shares = {};

function next() {
  const tab = left.shift();
  if (tab !== undefined) trigger('select', { tab, view });
}

// The pixels that a figure will have, told from one that is seen. GAP : between two in a row. LEAST : they stand below
// each other where they would have less.
const GAP = 16, LEAST = 380;
const share = (part) => shares[part] || 1;
function width(part) {
  const seen = [...document.querySelectorAll('.ez-plot')].find((plot) => plot.clientWidth), frame = seen?.closest('.ez-figure');
  if (!seen) return 0;
  const all = (frame.offsetWidth + GAP) / share(frame.dataset.part) - GAP, own = share(part) * (all + GAP) - GAP;
  return Math.round((own < LEAST ? all : own) - (frame.offsetWidth - seen.clientWidth));
}

function receive() {
  const given = JSON.parse(value || 'null');
  if (!given) return;
  if (given.parts) {
    if (given.view !== view) return;
    const early = Object.entries(given.parts).filter(([part, shown]) => window.emovizParts.ahead(part, shown));
    const figures = early.filter(([, shown]) => shown?.startsWith('{"data"'));
    window.emovizDrawing.ahead(figures.map(([part, shown]) => ({ part, value: shown, width: width(part) })));
    // Gradio takes the next event once it has done with this one.
    setTimeout(next, 50);
  } else if (view === null) {
    view = given.view;
    ({ tabs: left, shares } = given);
    setTimeout(next, IDLE);
  } else if (given.view !== view) {
    left = [];
    window.emovizParts.forget();
    window.emovizDrawing.forget();
  }
}

follow(receive);
receive();
