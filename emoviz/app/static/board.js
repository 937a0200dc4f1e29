// The claims of the papers: a line each, which unfolds to its rule and to what was measured. The value is {key, sets,
// claims: how many} of the sets that are chosen; what stands on them is asked for once the page rests, and kept.
const root = element.querySelector('.ez-board');
// Milliseconds before it is asked for: at first the figures come before it.
const FIRST = 600, REST = 50;
const SIGNS = ['●', '◐', '○', '–'], NAMES = ['holds', 'part', 'fails', 'untested'];
const boards = new Map(), open = new Set();
let wanted = null, drawn = null, later = 0;

function receive() {
  const shown = given(root);
  if (!shown) { clearTimeout(later); wanted = drawn = null; return; }
  if (shown.rows) {
    boards.set(shown.key, shown);
    if (boards.size > 12) boards.delete(boards.keys().next().value);
  } else wanted = shown;
  if (wanted === null) wanted = shown;
  const ready = boards.get(wanted.key);
  // What came may be of sets that were chosen before.
  if (!ready && shown.rows) return;
  clearTimeout(later);
  if (ready) {
    if (drawn !== wanted.key) draw(ready);
    root.removeAttribute('aria-busy');
    return;
  }
  root.setAttribute('aria-busy', 'true');
  // What stood there stays, greyed, until the new board is here.
  if (drawn === null) root.replaceChildren(head('', `checking ${wanted.claims} claims…`));
  later = setTimeout(() => trigger('select', { key: wanted.key, sets: wanted.sets }), boards.size ? REST : FIRST);
}

function head(models, counts) {
  const box = node('div', 'ez-board-head');
  box.append(node('h2', '', 'What of the two papers stands'), node('p', '', counts));
  if (models) box.title = `on ${models}`;
  return box;
}

function draw(shown) {
  const rows = shown.rows.map(row), told = rows.filter((_, k) => shown.rows[k].outcome < 3), rest = rows.filter((_, k) => shown.rows[k].outcome === 3);
  const names = node('div', 'ez-board-names');
  names.setAttribute('aria-hidden', 'true');
  ['claim', 'published', 'here', 'verdict', 'figure'].forEach((name) => names.append(node('span', '', name)));
  const list = node('ul', '');
  list.append(...told);
  root.replaceChildren(head(shown.models, shown.counts), names, list);
  if (rest.length) {
    const fold = kept(node('details', 'ez-board-rest'), 'rest'), more = node('ul', '');
    more.append(...rest);
    fold.append(node('summary', '', `${rest.length} cannot be tested with these sets: what is missing`), more);
    root.append(fold);
  }
  drawn = shown.key;
}

// What is unfolded stays so when the board is drawn anew.
function kept(fold, name) {
  fold.open = open.has(name);
  fold.addEventListener('toggle', () => (fold.open ? open.add(name) : open.delete(name)));
  return fold;
}

function row(claim) {
  const line = node('li', `ez-claim ez-claim-${NAMES[claim.outcome]}`), fold = kept(node('details', ''), claim.id), brief = node('summary', '');
  const title = node('span', 'ez-claim-title'), paper = node('abbr', 'ez-claim-paper', claim.paper === '2604.04064' ? 'P1' : 'P2');
  paper.title = `arXiv ${claim.paper}`;
  title.append(paper, ' ', claim.title);
  title.title = claim.claim;
  const verdict = node('span', 'ez-claim-verdict'), sign = node('span', 'ez-claim-sign', SIGNS[claim.outcome]);
  sign.setAttribute('aria-hidden', 'true');
  verdict.append(sign, ' ', claim.outcome === 3 ? 'cannot be tested' : claim.verdict);
  brief.append(title, labelled('published', claim.published), labelled('here', [claim.measured, claim.control].filter(Boolean).join(' · ') || '–'), verdict);
  fold.append(brief, detail(claim));
  const link = node('a', 'ez-claim-link', claim.figure);
  link.dataset.go = JSON.stringify(claim.go);
  link.href = window.emovizGo.href(claim.go);
  link.setAttribute('aria-label', `${claim.figure}: the figure of this claim`);
  line.append(fold, link);
  return line;
}

// Phones and screen readers, which see no columns, are told what a value is.
function labelled(name, text) {
  const cell = node('span', `ez-claim-cell ez-claim-${name}`);
  cell.append(node('span', 'ez-claim-label', `${name} `), text);
  cell.title = text;
  return cell;
}

function detail(claim) {
  const box = node('div', 'ez-claim-detail'), facts = node('dl', '');
  const fact = (name, ...content) => { const value = node('dd', ''); value.append(...content); facts.append(node('dt', '', name), value); };
  fact('claim', claim.claim);
  fact('rule', claim.rule);
  fact('published', `${claim.published} (${claim.source})`);
  fact('measured', claim.quantity);
  if (claim.values.length) {
    const table = node('table', ''), body = node('tbody', '');
    claim.values.forEach((one) => {
      const cells = node('tr', ''), means = one.holds === null ? '? cannot tell' : one.holds ? '✓ supports it' : '✗ does not';
      cells.append(...[one.of, one.value, one.control, one.note ? `${means}: ${one.note}` : means].map((text) => node('td', '', text)));
      body.append(cells);
    });
    table.append(body);
    const frame = node('div', 'ez-claim-values');
    frame.tabIndex = 0;
    frame.setAttribute('role', 'region');
    frame.setAttribute('aria-label', `what was measured: ${claim.claim}`);
    frame.append(table);
    fact('here', frame);
  }
  fact('verdict', claim.why ? `${claim.verdict}: ${claim.why}` : claim.verdict);
  if (claim.missing.length) fact('missing', claim.missing.join('; '), ...(claim.command ? [node('br', ''), node('code', '', claim.command)] : []));
  box.append(facts);
  return box;
}

receive();
follow(receive);
