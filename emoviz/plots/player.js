// A talk: one figure at a time over the whole window, laid out for the slide and scaled to the screen. On the dashboard
// `leave` is what happens when it ends; a page that is nothing but a talk has none, and never ends.
window.emovizTalk = ({ slides, template, counter, leave, said }) => {
  const SWIPE = 40;
  const NEXT = ['ArrowRight', 'ArrowDown', 'PageDown', ' ', 'Enter'], BACK = ['ArrowLeft', 'ArrowUp', 'PageUp', 'Backspace'];
  const colours = template.layout;

  function part(tag, style, text) {
    const made = document.createElement(tag);
    made.style.cssText = style;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const talk = part('section', `position: fixed; inset: 0; z-index: 1000; overflow: hidden; outline: none; touch-action: pinch-zoom; background: ${colours.paper_bgcolor}`);
  const stage = part('figure', 'position: absolute; margin: 0; transform-origin: 0 0');
  const plot = part('div', ''), count = part('p', `position: absolute; right: 16px; bottom: 3px; margin: 0; font: 11px/13px Inter, sans-serif; color: ${colours.annotationdefaults.font.color}`);
  // What the slide shows, for who does not see it.
  const told = part('p', 'position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap');
  const waiting = part('p', `position: absolute; inset: 0; margin: auto; height: 1.4em; text-align: center; font: 24px/1.4 Inter, sans-serif; color: ${colours.title.font.color}`, said || '');
  talk.className = 'ez-talk';
  talk.tabIndex = -1;
  talk.setAttribute('role', leave ? 'dialog' : 'main');
  if (leave) talk.setAttribute('aria-modal', 'true');
  talk.setAttribute('aria-label', 'Talk');
  told.setAttribute('role', 'status');
  count.className = 'ez-talk-count';
  count.setAttribute('aria-hidden', 'true');
  plot.setAttribute('aria-hidden', 'true');
  stage.append(plot, count);
  talk.append(stage, told, waiting);
  const behind = [...document.body.children].filter((one) => !one.inert && one.tagName !== 'SCRIPT');
  if (leave) behind.forEach((one) => { one.inert = true; });
  document.body.append(talk);
  talk.focus();

  let at = 0, shown = null, size = [1, 1], asked = false;

  function fit() {
    const [width, height] = size, scale = Math.min(talk.clientWidth / width, talk.clientHeight / height);
    stage.style.width = `${width}px`;
    stage.style.height = `${height}px`;
    stage.style.transform = `translate(${(talk.clientWidth - scale * width) / 2}px, ${(talk.clientHeight - scale * height) / 2}px) scale(${scale})`;
  }

  const form = () => (talk.clientHeight > talk.clientWidth ? 'tall' : 'wide');

  async function show() {
    if (!slides.length) return;
    const wanted = `${form()} ${at}`;
    if (wanted === shown) { fit(); return; }
    shown = wanted;
    // Plotly measures labels when it draws: in the right font, or legends overlap.
    await Promise.all([document.fonts.load('12px Inter'), document.fonts.load('600 17px Inter')]);
    if (wanted !== shown) return;
    const { data, layout } = structuredClone(slides[at][form()]);
    size = [layout.width, layout.height + counter];
    waiting.textContent = '';
    count.textContent = `${at + 1} / ${slides.length}`;
    told.textContent = `Slide ${at + 1} of ${slides.length}. ${layout.meta.description}`;
    fit();
    await Plotly.newPlot(plot, data, { ...layout, template, dragmode: false }, { displayModeBar: false, doubleClick: false });
    talk.dataset.shown = wanted;
  }

  function go(to) {
    at = Math.min(Math.max(to, 0), slides.length - 1);
    show();
  }

  function full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else talk.requestFullscreen?.().catch(() => {});
  }

  function end() {
    document.removeEventListener('keydown', key, true);
    document.removeEventListener('fullscreenchange', changed);
    watched.disconnect();
    if (document.fullscreenElement) document.exitFullscreen();
    behind.forEach((one) => { one.inert = false; });
    Plotly.purge(plot);
    talk.remove();
    leave();
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (NEXT.includes(event.key) && !event.shiftKey) go(at + 1);
    else if (BACK.includes(event.key) || event.key === ' ') go(at - 1);
    else if (event.key === 'Home') go(0);
    else if (event.key === 'End') go(slides.length - 1);
    else if (event.key.toLowerCase() === 'f') { asked = Boolean(document.fullscreenElement); full(); }
    else if (event.key === 'Escape' && leave) end();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // In full screen the browser keeps Escape for itself: it leaves the talk too, unless F asked for it.
  function changed() {
    if (!document.fullscreenElement && leave && !asked) end();
    asked = false;
  }

  let touched = null;
  talk.addEventListener('touchstart', (event) => { touched = event.touches.length === 1 ? event.touches[0] : null; }, { passive: true });
  talk.addEventListener('touchend', (event) => {
    if (!touched) return;
    const x = event.changedTouches[0].clientX - touched.clientX, y = event.changedTouches[0].clientY - touched.clientY;
    touched = null;
    if (Math.abs(x) > SWIPE && Math.abs(x) > Math.abs(y)) go(at + (x < 0 ? 1 : -1));
  });
  document.addEventListener('keydown', key, true);
  document.addEventListener('fullscreenchange', changed);
  const watched = new ResizeObserver(show);
  watched.observe(talk);
  if (leave) full();
  show();
  // The figures may come later than the talk is opened.
  return { fill: (given, below) => { slides = given; counter = below; go(0); }, say: (text) => { waiting.textContent = text; told.textContent = text; } };
};
