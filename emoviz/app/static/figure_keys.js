// A figure by keyboard and by ear: its name and description, arrows that move the layer and the emotion, T for its numbers.
(() => {
  const LAYER = { ArrowLeft: -1, ArrowRight: 1 }, EMOTION = { ArrowUp: -1, ArrowDown: 1 };
  let stepped = {}, moved = null;

  // The next layer of the first set, by the page's own slider. What was pressed since the server last spoke counts too.
  function moveLayer(by) {
    const view = window.emovizView, slider = document.querySelector('#ez-sidebar input[type=range]');
    if (!slider || !view || view.layer === null) return;
    const from = stepped.view === view ? stepped.layer : view.layer;
    const layer = Math.min(Math.max(from + by, 0), view.layers - 1);
    stepped = { view, layer };
    if (layer === from) return;
    slider.value = (layer + 1) / view.layers;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  }

  function addSkip() {
    const skip = document.createElement('button');
    skip.className = 'ez-skip';
    skip.textContent = 'Skip to what the tab shows';
    skip.addEventListener('click', () => {
      const first = '.ez-plot[tabindex], button, input, textarea, a[href]', tab = [...document.querySelectorAll('[role=tabpanel]')];
      const seen = tab.flatMap((panel) => [...panel.querySelectorAll(first)]).filter((node) => node.offsetParent);
      (seen.find((node) => node.matches('.ez-plot')) || seen[0])?.focus();
    });
    document.body.prepend(skip);
  }
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', addSkip); else addSkip();

  // What a moved figure says now is read out.
  function say(text) {
    let said = document.getElementById('ez-said');
    if (!said) {
      said = document.createElement('p');
      said.id = 'ez-said';
      said.className = 'ez-hidden';
      said.setAttribute('role', 'status');
      document.body.append(said);
    }
    said.textContent = text;
  }

  // Called with each drawing. tell : reports a step to another emotion.
  window.emovizAccess = (frame, plot, layout, tell) => {
    const caption = frame.querySelector('figcaption'), { title } = layout.meta;
    frame.setAttribute('aria-label', title);
    plot.setAttribute('aria-label', title);
    caption.textContent = layout.meta.description;
    if (moved === plot && document.activeElement === plot) say(caption.textContent);
    if (plot.tabIndex === 0) return;
    plot.tabIndex = 0;
    plot.setAttribute('aria-describedby', caption.id);
    const table = () => window.emovizTable(plot, plot.getAttribute('aria-label'), caption.textContent);
    frame.querySelector('.ez-numbers').addEventListener('click', table);
    plot.addEventListener('keydown', (event) => {
      if (event.target !== plot || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key in LAYER) moveLayer(LAYER[event.key]);
      else if (event.key in EMOTION) tell({ kind: 'step', ids: [EMOTION[event.key]] });
      else if (event.key.toLowerCase() === 't') table();
      else return;
      if (event.key.startsWith('Arrow')) moved = plot;
      event.preventDefault();
    });
  };
})();
