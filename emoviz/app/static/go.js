// Links within the page: `data-go` names what they change of the view; the rest of the address stays. They open without
// a reload, and in another window as any link. A link to `#ez-at-...` shows that place, and unfolds it.
(() => {
  function href(changes) {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) {
      query.delete(name);
      [].concat(value).forEach((one) => query.append(name, one));
    }
    return `?${query}`;
  }

  // `link.js` shows what the address says when it is told that it has changed.
  function go(to) {
    if (to === location.search) return;
    history.pushState(null, '', to);
    window.dispatchEvent(new PopStateEvent('popstate'));
  }

  // Shows a place of this tab, and opens it if it is a fold.
  function show(place) {
    const fold = place.querySelector('button.label-wrap');
    if (fold && !fold.classList.contains('open')) fold.click();
    const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    place.scrollIntoView({ block: 'start', behavior: still ? 'auto' : 'smooth' });
    fold?.focus({ preventScroll: true });
  }

  window.emovizGo = { href, go };
  const linked = (event) => event.target.closest?.('a[data-go]');
  // The view may have changed since the link was made.
  for (const before of ['pointerover', 'focusin']) {
    document.addEventListener(before, (event) => {
      const link = linked(event);
      if (link) link.href = href(JSON.parse(link.dataset.go));
    });
  }
  document.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    const link = linked(event), here = event.target.closest?.('a[href^="#ez-at-"]');
    if (link) { event.preventDefault(); go(href(JSON.parse(link.dataset.go))); }
    if (here) { event.preventDefault(); show(document.getElementById(here.hash.slice(1))); }
  });
})();
