// Draws a figure into its node: in its place, or out of sight while the page rests, before its tab is opened.
(() => {
  const theme = () => (document.body.classList.contains('dark') ? 'dark' : 'light');
  // What was drawn out of sight: {plot, value, theme} by the part that it is for.
  const drawn = new Map();
  let waiting = [], place = null, atWork = false;

  // The figure as this window and theme show it; what was given stays as it is.
  function fitted(given, drawings) {
    // Plotly writes into the axes that it is given; those of a layer are shown again.
    const layout = { title: {}, legend: {}, ...structuredClone(given.layout) };
    if (layout.meta.fill && window.innerWidth > 700) {
      // A large screen is filled below the tabs and cards, but no figure gets taller than wide; title and legend keep
      // their distance from the edge in pixels.
      const height = Math.max(layout.height, Math.min(window.innerHeight - 250, 0.75 * window.innerWidth));
      layout.title.y = 1 - ((1 - layout.title.y) * layout.height) / height;
      if (layout.legend.yref === 'container') layout.legend.y *= layout.height / height;
      layout.height = height;
    }
    // A finger scrolls the page; only a mouse draws a box to zoom.
    const mouse = window.matchMedia('(hover: hover)').matches;
    layout.dragmode = mouse ? (layout.meta.kind === 'map' ? 'select' : 'zoom') : false;
    // A box that was drawn has done its work: what it chose is marked. What a step moved (`steps.js`) is set anew.
    layout.selectionrevision = layout.datarevision = drawings;
    layout.template = window.emovizTemplates[theme()];
    return { ...given, layout };
  }

  function sized(plot, { layout }) {
    plot.style.height = layout.height + 'px';
    plot.style.minWidth = layout.meta.min_width + 'px';
  }

  function draw(plot, { data, layout }) {
    return Plotly.react(plot, data, layout, {
      displaylogo: false,
      displayModeBar: window.matchMedia('(hover: hover)').matches ? 'hover' : false,
      modeBarButtons: layout.meta.kind === 'map' ? [['select2d', 'lasso2d', 'zoom2d'], ['resetScale2d']] : [['resetScale2d']],
    });
  }

  // One at a time, when neither the browser nor its user has anything else to do.
  const soon = window.requestIdleCallback || ((what) => setTimeout(what, 50));
  const REST = 600;
  let acted = -REST;
  ['pointerdown', 'click', 'keydown', 'input'].forEach((name) => window.addEventListener(name, () => { acted = performance.now(); }, true));

  function next() {
    const busy = acted + REST - performance.now();
    if (busy > 0 && waiting.length) { setTimeout(next, busy); return; }
    const one = waiting.shift();
    atWork = Boolean(one);
    if (!one) return;
    if (window.Plotly && one.width) {
      const plot = document.createElement('div'), figure = fitted(JSON.parse(one.value));
      plot.setAttribute('role', 'group');
      sized(plot, figure);
      plot.style.width = one.width + 'px';
      if (!place) {
        place = document.createElement('div');
        place.className = 'ez-out-of-sight';
        document.querySelector('.gradio-container').append(place);
      }
      place.append(plot);
      draw(plot, figure);
      drawn.set(one.part, { plot, value: one.value, theme: theme() });
    }
    soon(next);
  }

  function forget() {
    waiting = [];
    drawn.clear();
    place?.replaceChildren();
  }

  window.emovizDrawing = {
    fitted, sized, draw,
    // figures : [{part, value, width}] to draw out of sight.
    ahead(figures) {
      waiting.push(...figures);
      if (!atWork) soon(next);
      atWork = true;
    },
    // The node that was drawn for a part, null if there is none in this theme.
    take(part) {
      const found = drawn.get(part);
      drawn.delete(part);
      waiting = waiting.filter((one) => one.part !== part);
      if (found?.theme !== theme()) { found?.plot.remove(); return null; }
      found.plot.className += ' ez-plot';
      found.plot.style.width = '';
      return found;
    },
    forget,
  };
  // What fills the window is drawn for one size.
  window.addEventListener('resize', forget);
})();
