// A plain table; rows may stand under a heading of their own.
const root = element.querySelector('.ez-table');

// The row can be clicked anywhere; its first cell is a button for the keyboard and for screen readers.
function pickable(line, shown, k) {
  const button = node('button', 'ez-pick', line.firstChild.textContent), marked = (shown.marked || []).includes(k);
  button.type = 'button';
  button.setAttribute('aria-pressed', String(marked));
  line.classList.toggle('ez-marked', marked);
  line.firstChild.replaceChildren(button);
  line.addEventListener('click', (event) => trigger('select', { kind: shown.kind, ids: shown.ids[k], add: event.shiftKey }));
}

// How far a score is from zero, as the tokens of a text show it.
function shade(cell, share) {
  cell.classList.add('ez-shaded');
  cell.style.setProperty('--ez-hue', share < 0 ? 'var(--ez-against)' : 'var(--ez-towards)');
  cell.style.setProperty('--ez-share', (100 * Math.min(1, Math.abs(share))).toFixed(1) + '%');
}

function draw() {
  const shown = given(root);
  if (!shown) return;
  const table = node('table', ''), head = node('thead', ''), body = node('tbody', ''), names = node('tr', '');
  (shown.columns || []).forEach((column) => {
    const [name, help] = [].concat(column);
    const cell = node('th', help ? 'ez-helped' : '', help ? undefined : name);
    if (help) {
      // `glossary.js` shows what it means.
      const term = node('button', 'ez-term', name);
      term.type = 'button';
      term.dataset.meaning = help;
      cell.append(term);
    }
    names.append(cell);
  });
  head.append(names);
  (shown.rows || []).forEach((row, k) => {
    const heading = (shown.groups || {})[k];
    if (heading) {
      const line = node('tr', ''), cell = node('th', '', heading);
      cell.colSpan = shown.columns.length;
      cell.scope = 'rowgroup';
      line.append(cell);
      line.className = 'ez-group';
      body.append(line);
    }
    const line = node('tr', '');
    row.forEach((value) => line.append(node('td', shown.wrap ? 'ez-wrap' : '', value)));
    if (shown.shares) shade(line.firstChild, shown.shares[k]);
    if (shown.ids) pickable(line, shown, k);
    body.append(line);
  });
  table.append(head, body);
  const notes = [...new Set(shown.notes || [])].map((text) => node('p', '', text));
  const at = root.contains(document.activeElement) ? document.activeElement.textContent : undefined;
  root.replaceChildren(...(shown.rows ? [table] : []), ...notes);
  if (at !== undefined) [...root.querySelectorAll('.ez-pick')].find((button) => button.textContent === at)?.focus();
}

draw();
follow(draw);
