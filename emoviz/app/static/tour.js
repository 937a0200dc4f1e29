// The tour: a box beside the thing it speaks of; its steps are links (`app/tour.py`). Offered once, and started again from
// the foot of the page.
(() => {
  const KEPT = 'emoviz-tour', PATIENCE = 8000, EDGE = 12;
  const steps = window.emovizTour;
  let at = -1, box = null, toured = null, before = null, opened = null, offer = null;

  const made = (tag, name, text) => {
    const one = document.createElement(tag);
    one.className = name;
    one.textContent = text;
    return one;
  };
  function button(text, act, name = '') {
    const one = made('button', name, text);
    one.type = 'button';
    one.addEventListener('click', act);
    return one;
  }
  const seen = (selector) => [...document.querySelectorAll(selector)].find((one) => one.offsetParent && one.getBoundingClientRect().width);

  function build() {
    box = made('section', 'ez-tour', '');
    box.setAttribute('role', 'dialog');
    box.setAttribute('aria-labelledby', 'ez-tour-title');
    box.setAttribute('aria-describedby', 'ez-tour-text');
    const title = made('h2', '', ''), text = made('p', '', ''), line = made('div', '', '');
    title.id = 'ez-tour-title';
    text.id = 'ez-tour-text';
    text.setAttribute('aria-live', 'polite');
    line.append(made('span', '', ''), button('Skip', end), button('Back', () => step(at - 1)), button('Next', () => step(at + 1), 'ez-primary'));
    box.append(title, text, line);
    document.body.append(box);
  }

  function start() {
    before = document.activeElement;
    seal();
    if (!box) build();
    step(0);
  }

  // Offered no more.
  function seal() {
    localStorage.setItem(KEPT, 'seen');
    offer?.remove();
    offer = null;
  }

  function leave() {
    toured?.classList.remove('ez-toured');
    toured = null;
    // Only what the tour itself has opened.
    opened?.click();
    opened = null;
  }

  function end() {
    leave();
    box.remove();
    box = null;
    at = -1;
    (before?.isConnected ? before : document.getElementById('ez-tour-start'))?.focus();
  }

  function step(k) {
    if (k < 0) return;
    if (k >= steps.length) { end(); return; }
    leave();
    at = k;
    const { title, text, go } = steps[k];
    box.querySelector('h2').textContent = title;
    box.querySelector('p').textContent = text;
    box.querySelector('span').textContent = `${k + 1} of ${steps.length}`;
    const [, back, next] = box.querySelectorAll('button');
    back.disabled = k === 0;
    next.textContent = k === steps.length - 1 ? 'Done' : 'Next';
    place(null);
    next.focus({ preventScroll: true });
    window.emovizGo.go(window.emovizGo.href(go));
    wait(k, Date.now() + PATIENCE);
  }

  // The tab that the link opens has to be there, and drawn.
  function wait(k, until) {
    if (at !== k) return;
    const { at: selector, go } = steps[k], there = new URLSearchParams(location.search).get('tab') === go.tab;
    let found = there && seen(selector);
    const toggle = document.querySelector('#ez-sidebar .toggle-button');
    if (there && !opened && toggle && document.querySelector(`#ez-sidebar ${selector}`) && !inView(found)) {
      toggle.click();
      opened = toggle;
      found = null;
    }
    const tab = [...document.querySelectorAll('[role=tab][aria-selected=true]')].some((one) => one.textContent.trim() === go.tab);
    if (!found || !tab) {
      if (Date.now() < until) setTimeout(() => wait(k, until), 120);
      return;
    }
    toured = found;
    found.classList.add('ez-toured');
    found.scrollIntoView({ block: 'nearest', behavior: 'auto' });
    if (found.getBoundingClientRect().top < 0) found.scrollIntoView({ block: 'start', behavior: 'auto' });
    place(found);
    setTimeout(() => { if (at === k) place(found); }, 600);
  }

  function inView(one) {
    const area = one?.getBoundingClientRect();
    return Boolean(area && area.right > 0 && area.left >= 0 && area.left < window.innerWidth);
  }

  // Below what it speaks of, else above it, else in the corner.
  function place(found) {
    const own = box.getBoundingClientRect(), right = document.documentElement.clientWidth - own.width - EDGE;
    const area = found?.getBoundingClientRect(), bottom = window.innerHeight - own.height - EDGE;
    const below = area && area.bottom + EDGE <= bottom, above = area && area.top - own.height - EDGE > EDGE;
    box.style.left = `${area && (below || above) ? Math.max(EDGE, Math.min(area.left, right)) : right}px`;
    box.style.top = `${below ? area.bottom + EDGE : above ? area.top - own.height - EDGE : bottom}px`;
  }

  document.addEventListener('keydown', (event) => {
    if (at < 0) return;
    if (event.key === 'Escape') end();
    else if (box.contains(event.target) && event.key === 'ArrowRight') step(at + 1);
    else if (box.contains(event.target) && event.key === 'ArrowLeft') step(at - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  window.addEventListener('resize', () => { if (box) place(toured); });
  document.addEventListener('click', (event) => { if (event.target.closest?.('#ez-tour-start')) start(); });

  // The first lines may come later than this.
  function invite() {
    const glance = document.getElementById('ez-glance');
    if (localStorage.getItem(KEPT)) return;
    if (!glance) { setTimeout(invite, 200); return; }
    offer = made('div', 'ez-offer', '');
    offer.append(button('New here? Two-minute tour', start), button('No, thanks', seal));
    glance.append(offer);
  }
  invite();
})();
