// Fetches what tabs show before they are opened, once the page rests: an opened tab then waits for nothing but its drawing.
// The value is {view, tabs}: what is shown, and the tabs; then {view, parts} of one tab after another. Only for the view
// that the page begins with: the server made it once for all who come.
const IDLE = 1000;
let view = null, left = [];

function next() {
  const tab = left.shift();
  if (tab !== undefined) trigger('select', { tab, view });
}

function receive() {
  const given = JSON.parse(value || 'null');
  if (!given) return;
  if (given.parts) {
    if (given.view !== view) return;
    Object.entries(given.parts).forEach(([part, shown]) => window.emovizParts.ahead(part, shown));
    // Gradio takes the next event once it has done with this one.
    setTimeout(next, 50);
  } else if (view === null) {
    view = given.view;
    left = given.tabs;
    setTimeout(next, IDLE);
  } else if (given.view !== view) {
    left = [];
    window.emovizParts.forget();
  }
}

follow(receive);
receive();
