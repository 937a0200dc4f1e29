// A conversation: what the user said, and below it the answers of every row, turn by turn. A turn is written anew only
// where it has changed.
const root = element.querySelector('.ez-turns');
const MOST_COLUMNS = 5;
let seen = [], sections = [];

function button(text, title, said) {
  const made = node('button', 'ez-send', text);
  made.type = 'button';
  made.title = title;
  made.addEventListener('click', () => trigger('select', said));
  return made;
}

function answer(turn, cell, baseline, place, chosen) {
  const made = node('article', 'ez-text' + (baseline === null ? ' ez-text-baseline' : '')), top = node('header', '');
  const body = node('p', 'ez-body'), foot = node('div', 'ez-verdict');
  if (chosen && chosen[0] === turn && chosen[1] === place) made.dataset.chosen = 'yes';
  top.append(node('span', 'ez-dose', cell.label), ...(cell.control ? [node('span', 'ez-tag', 'control')] : []), node('span', 'ez-state', cell.state));
  if (cell.reason) top.append(
    button('Profile', 'All emotions over this answer', { profile: [turn, place] }),
    button('Tokens', 'What the model was given before this answer, token by token', { tokens: [turn, place] }),
  );
  body.append(...pieces(cell, baseline));
  if (cell.reason) foot.append(...verdict(cell, baseline === null));
  if (cell.read) foot.append(node('p', '', cell.read));
  foot.title = cell.mass || '';
  made.append(top, body, foot);
  return made;
}

function section(turn, k, shown) {
  const made = node('section', 'ez-turn'), head = node('header', 'ez-turn-user');
  head.append(node('span', 'ez-turn-number', `${k + 1}`), node('p', '', turn.user));
  if (turn.done) head.append(button('Edit', 'Say something else here; what follows is forgotten', { edit: k }));
  made.append(head);
  let place = 0;
  for (const row of turn.rows) {
    if (turn.rows.length > 1) made.append(node('h3', '', row.title));
    const cells = node('div', 'ez-texts-cells'), n = row.cells.length;
    cells.style.setProperty('--ez-columns', Math.ceil(n / Math.ceil(n / MOST_COLUMNS)));
    row.cells.forEach((cell, at) => cells.append(answer(k, cell, at ? row.cells[0].text : null, place++, shown.chosen)));
    made.append(cells);
    if (row.witness) made.append(node('p', 'ez-turn-note', row.witness));
  }
  const { exact } = shown;
  if (exact && exact.turn === k) {
    const box = node('div', 'ez-exact');
    box.append(node('h4', '', exact.title));
    const text = node('pre', '');
    text.append(...exact.pieces.map(([piece, control]) => node('span', control ? 'ez-control' : '', piece)));
    box.append(text);
    made.append(box);
  }
  return made;
}

function draw() {
  const shown = given(root);
  if (!shown) { seen = []; sections = []; return; }
  const marks = shown.turns.map((turn, k) => JSON.stringify([turn, shown.chosen && shown.chosen[0] === k ? shown.chosen : null, shown.exact && shown.exact.turn === k ? shown.exact : null]));
  const notes = node('div', 'ez-turns-notes');
  notes.append(...shown.notes.map((note) => node('p', '', note)));
  sections = shown.turns.map((turn, k) => (marks[k] === seen[k] ? sections[k] : section(turn, k, shown)));
  seen = marks;
  root.replaceChildren(notes, ...sections);
}

draw();
follow(draw);
