// Words that our own labels use are explained on hover, focus and tap. What they mean comes with the page
// (`app/glossary.py`); table heads bring their own help. Nothing that a model or a visitor wrote is looked at: labels,
// heads and names of facts count only as a whole, and of a figure its reading aid alone.
(() => {
  const MOST = 7, LINGER = 200;
  const words = window.emovizWords;
  const escaped = Object.keys(words).sort((a, b) => b.length - a.length).map((word) => word.replace(/[^\w ]/g, '\\$&'));
  const any = new RegExp(`(?<![\\w-])(${escaped.join('|')})(?=s?(?![\\w-]))`, 'gi');
  const meaning = (word) => (word.length > 2 ? words[word] || words[word.toLowerCase()] || byAnyCase[word.toLowerCase()] : words[word]);
  const byAnyCase = Object.fromEntries(Object.entries(words).map(([word, text]) => [word.toLowerCase(), text]));

  const popover = document.createElement('div');
  popover.id = 'ez-popover';
  popover.setAttribute('role', 'tooltip');
  popover.hidden = true;
  let shown = null, leaving = 0;

  function show(term) {
    clearTimeout(leaving);
    if (shown === term) return;
    hide();
    shown = term;
    popover.textContent = term.dataset.meaning;
    popover.hidden = false;
    place();
    term.setAttribute('aria-describedby', popover.id);
  }

  // Beside the word, also while the page is scrolled.
  function place() {
    if (!shown) return;
    const box = shown.getBoundingClientRect(), own = popover.getBoundingClientRect(), edge = 8;
    const above = box.bottom + own.height + 2 * edge > window.innerHeight && box.top > own.height + 2 * edge;
    popover.style.left = `${Math.max(edge, Math.min(box.left, document.documentElement.clientWidth - own.width - edge))}px`;
    popover.style.top = `${above ? box.top - own.height - 6 : box.bottom + 6}px`;
  }

  function hide() {
    clearTimeout(leaving);
    shown?.removeAttribute('aria-describedby');
    shown = null;
    popover.hidden = true;
  }

  const termOf = (event) => event.target.closest?.('.ez-term');
  document.addEventListener('mouseover', (event) => {
    const term = termOf(event);
    if (term) show(term); else if (popover.contains(event.target)) clearTimeout(leaving);
  });
  document.addEventListener('mouseout', (event) => {
    if (shown && (termOf(event) || popover.contains(event.target)) && document.activeElement !== shown) {
      clearTimeout(leaving);
      leaving = setTimeout(hide, LINGER);
    }
  });
  document.addEventListener('focusin', (event) => { if (termOf(event)) show(termOf(event)); else hide(); });
  document.addEventListener('focusout', (event) => { if (termOf(event) === shown) hide(); });
  document.addEventListener('click', (event) => { if (termOf(event)) show(termOf(event)); else if (!popover.contains(event.target)) hide(); });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !shown) return;
    hide();
    event.stopPropagation();
  }, true);
  window.addEventListener('scroll', place, true);
  window.addEventListener('resize', place);

  function button(word, text) {
    const made = document.createElement('button');
    made.type = 'button';
    made.className = 'ez-term';
    made.textContent = word;
    made.dataset.meaning = text;
    return made;
  }

  // The words of a text become buttons; the rest stays.
  function within(element) {
    const text = element.textContent, parts = [];
    let last = 0;
    for (const found of text.matchAll(any)) {
      const said = meaning(found[0]);
      if (!said) continue;
      parts.push(text.slice(last, found.index), button(found[0], said));
      last = found.index + found[0].length;
    }
    if (parts.length) element.replaceChildren(...parts, text.slice(last));
  }

  // A label of gradio's own keeps its text node, which gradio may change.
  function whole(element) {
    const said = meaning(element.textContent.trim());
    if (!said) return;
    element.classList.add('ez-term');
    element.dataset.meaning = said;
    element.tabIndex = 0;
    element.setAttribute('role', 'button');
  }

  function ofFigure(plot) {
    const frame = plot.closest('.ez-figure'), aid = plot.layout?.meta?.aid || '';
    let line = frame.querySelector('.ez-terms');
    if (line && line.dataset.of === aid) return;
    const found = [...new Set([...aid.matchAll(any)].map(([word]) => word.toLowerCase()).filter(meaning))].slice(0, MOST);
    line?.remove();
    line = document.createElement('p');
    line.className = 'ez-terms';
    line.dataset.of = aid;
    line.append(...found.map((word) => button(aid.match(new RegExp(word.replace(/[^\w ]/g, '\\$&'), 'i'))[0], meaning(word))));
    frame.append(line);
  }

  const NEW = ':not([data-words])';
  function mark() {
    if (shown && !shown.isConnected) hide();
    const each = (selector, how) => document.querySelectorAll(selector).forEach((one) => { one.dataset.words = ''; how(one); });
    each(`.ez-card dt${NEW}, .ez-table thead th:not(.ez-helped)${NEW}, .ez-footer .ez-word${NEW}`, (one) => {
      const word = one.textContent.trim(), said = meaning(word);
      if (said) one.replaceChildren(button(word, said));
    });
    each(`.ez-card dd.ez-small${NEW}`, within);
    each(`span[data-testid='block-info']${NEW}`, whole);
    document.querySelectorAll('.ez-plot[data-drawn]').forEach(ofFigure);
    // Gradio does not say whether a fold is open.
    document.querySelectorAll('button.label-wrap').forEach((fold) => {
      const open = String(fold.classList.contains('open'));
      if (fold.getAttribute('aria-expanded') !== open) fold.setAttribute('aria-expanded', open);
    });
  }

  // At once, but seldom: the whole page is searched.
  const SELDOM = 250;
  let asked = 0, marked = -SELDOM;
  function later() {
    if (!asked) asked = setTimeout(() => { asked = 0; marked = performance.now(); mark(); }, marked + SELDOM - performance.now());
  }
  function start() {
    document.body.append(popover);
    new MutationObserver(later).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-drawn'] });
    document.addEventListener('click', (event) => { if (event.target.closest?.('button.label-wrap')) later(); });
    later();
  }
  start();
})();
