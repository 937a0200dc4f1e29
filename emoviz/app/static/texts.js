// Steered texts: per model the baseline, then one line per direction with its doses. What a text shares with the baseline
// from the start is greyed, what leaked into another script is marked. Only what changed is written anew.
const root = element.querySelector('.ez-texts');
const MOST_COLUMNS = 5;
let built = '', parts = [], witnesses = [], own = false;

const cellsOf = (row) => [row.baseline, ...row.lines.flatMap((line) => line.cells)];

function box(shown, row, cell) {
  const made = node('article', 'ez-text' + (cell === row.baseline ? ' ez-text-baseline' : ''));
  const top = node('header', ''), state = node('span', 'ez-state'), read = node('button', 'ez-send', 'Read');
  const body = node('p', 'ez-body'), foot = node('div', 'ez-verdict');
  const part = { made, state, body, foot, read, seen: '', text: '' };
  read.type = 'button';
  read.title = 'Open this text in the Read tab';
  read.addEventListener('click', () => {
    trigger('select', { text: shown.prompt + (shown.chat ? '\n\n' : ' ') + part.text, set: row.set });
  });
  top.append(node('span', 'ez-dose', cell.label), state, read);
  made.append(top, body, foot);
  parts.push(part);
  return made;
}

function build(shown) {
  parts = [];
  witnesses = [];
  const same = node('p', 'ez-prompt-line', 'Same prompt, seed and decoding for all: ');
  const save = node('button', 'ez-send', 'Save');
  save.type = 'button';
  save.title = 'Save these texts: Markdown, CSV or a slide';
  save.addEventListener('click', () => window.emovizSave(null, (how) => trigger('download', how)));
  same.append(node('span', 'ez-prompt', shown.prompt), ' ', save);
  root.replaceChildren(same, ...shown.rows.map((row) => {
    const block = node('section', 'ez-texts-row'), head = node('header', 'ez-texts-head');
    witnesses.push(node('p', ''));
    head.append(node('h2', '', row.title), node('p', '', row.note), witnesses.at(-1));
    // A single short line has room for the baseline; above several it stands once for all of them.
    const beside = row.lines.length === 1 && row.lines[0].cells.length < MOST_COLUMNS;
    block.append(head, ...(beside ? [] : [box(shown, row, row.baseline)]), ...row.lines.map((line) => {
      const group = node('section', 'ez-line'), name = node(line.label ? 'h3' : 'div', '', line.label), cells = node('div', 'ez-texts-cells');
      if (line.control) name.append(' ', node('span', 'ez-tag', 'control'));
      // Lines of like length: 8 doses stand as 4 and 4, not as 5 and 3.
      const shownCells = beside ? cellsOf(row) : line.cells, n = shownCells.length;
      cells.style.setProperty('--ez-columns', Math.ceil(n / Math.ceil(n / MOST_COLUMNS)));
      cells.append(...shownCells.map((cell) => box(shown, row, cell)));
      group.append(name, cells);
      return group;
    }));
    return block;
  }));
}

function fill(part, cell, baseline) {
  const seen = JSON.stringify([cell, baseline]);
  if (seen === part.seen) return;
  part.seen = seen;
  part.text = cell.text;
  part.state.textContent = cell.state;
  part.body.replaceChildren(...pieces(cell, baseline));
  // Texts that nobody judges have lines of their own.
  const lines = (cell.lines || []).map((line) => node('p', '', line));
  part.read.hidden = !(cell.reason || cell.lines) || !cell.text;
  part.foot.replaceChildren(...(cell.reason ? verdict(cell, baseline === null) : lines));
  part.foot.title = cell.mass || '';
}

function draw() {
  const shown = JSON.parse(value || 'null');
  if (!shown) { own = own || built !== ''; root.replaceChildren(); built = ''; return; }
  // A stored example may come when the visitor's own texts were asked for already.
  if (shown.stored && own) return;
  const frame = JSON.stringify([shown.prompt, shown.chat, shown.rows.map((row) => [row.title, row.note, row.set, row.lines.map((line) => [line.label, line.cells.length]), cellsOf(row).map((cell) => cell.label)])]);
  if (frame !== built) { build(shown); built = frame; }
  shown.rows.forEach((row, k) => { witnesses[k].textContent = [row.witness, row.outside].filter(Boolean).join('; '); });
  const cells = shown.rows.flatMap((row) => cellsOf(row).map((cell) => [cell, cell === row.baseline ? null : row.baseline.text]));
  cells.forEach(([cell, baseline], k) => fill(parts[k], cell, baseline));
}

draw();
follow(draw);
