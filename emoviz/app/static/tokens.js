// A text in tokens, coloured by score; one token is chosen by click or key and reported.
const root = element.querySelector('.ez-tokens');
const THICKEST = 5;

function signed(value) { return (value < 0 ? '−' : '+') + Math.abs(value).toFixed(3); }

function painted(token, k, limit) {
  const span = node('span', 'ez-token' + (token.text ? '' : ' ez-token-part'), token.text);
  span.setAttribute('role', 'button');
  span.dataset.token = String(k);
  if (token.score === null) {
    span.classList.add('ez-token-unread');
  } else {
    const share = limit > 0 ? Math.min(1, Math.abs(token.score) / limit) : 0;
    span.style.setProperty('--ez-hue', token.score < 0 ? 'var(--ez-against)' : 'var(--ez-towards)');
    span.style.setProperty('--ez-share', (100 * share).toFixed(1) + '%');
    span.style.setProperty('--ez-weight', Math.round(THICKEST * share) + 'px');
    span.style.setProperty('--ez-stroke', token.score < 0 ? 'dotted' : 'solid');
  }
  return span;
}

function draw() {
  const shown = JSON.parse(value || 'null');
  if (!shown) { root.replaceChildren(); return; }
  const focused = root.contains(document.activeElement) ? document.activeElement.dataset.token : undefined;
  const text = node('div', 'ez-tokens-text'), said = node('p', 'ez-tokens-said'), scale = node('div', 'ez-scale');
  text.setAttribute('role', 'group');
  text.setAttribute('aria-label', shown.title);
  said.setAttribute('aria-live', 'polite');
  const spans = shown.tokens.map((token, k) => painted(token, k, shown.limit));
  text.append(...spans);
  let chosen = shown.chosen;

  function say(k) {
    const token = shown.tokens[k];
    said.textContent = `“${token.text ? token.text.trim() || '␣' : 'part of a character'}”  ${token.score === null ? '' : signed(token.score) + ' '}${token.said}`;
  }
  function mark() {
    spans.forEach((span, k) => {
      span.setAttribute('aria-pressed', String(k === chosen));
      // One stop for the tab key; arrows go on from there.
      span.tabIndex = k === chosen ? 0 : -1;
    });
    say(chosen);
  }
  function choose(k) {
    chosen = k;
    mark();
    trigger('select', { token: k });
  }
  const indexOf = (event) => {
    const span = event.target.closest('.ez-token');
    return span ? Number(span.dataset.token) : -1;
  };
  text.addEventListener('click', (event) => { if (indexOf(event) >= 0) choose(indexOf(event)); });
  for (const moved of ['mouseover', 'focusin']) {
    text.addEventListener(moved, (event) => { if (indexOf(event) >= 0) say(indexOf(event)); });
  }
  text.addEventListener('mouseleave', () => say(chosen));
  text.addEventListener('focusout', () => say(chosen));
  text.addEventListener('keydown', (event) => {
    const k = indexOf(event), last = spans.length - 1;
    const next = { ArrowRight: Math.min(k + 1, last), ArrowLeft: Math.max(k - 1, 0), Home: 0, End: last }[event.key];
    if (next !== undefined) spans[next].focus();
    else if (event.key === 'Enter' || event.key === ' ') choose(k);
    else return;
    event.preventDefault();
  });

  scale.append(
    node('span', '', 'against ' + signed(-shown.limit)), node('span', 'ez-scale-bar'),
    node('span', '', signed(shown.limit) + ' towards'),
    node('span', '', '· underline: thick = strong, dotted = against · dashed box: not read'),
  );
  root.replaceChildren(node('h2', '', shown.title), scale, text, said, node('p', 'ez-small', shown.aid));
  mark();
  if (focused !== undefined && spans[focused]) spans[focused].focus();
}

draw();
follow(draw);
