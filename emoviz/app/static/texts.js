// Fills columns of texts; what a text shares with its unsteered twin from the start is greyed.
const root = element.querySelector('.ez-texts');

function sharedWords(a, b) {
  const left = a.split(/(\s+)/), right = b.split(/(\s+)/);
  let k = 0;
  while (k < left.length && k < right.length && left[k] === right[k]) k++;
  return left.slice(0, k).join('').length;
}

// A sign beside the word, so that colour is not the only channel.
const SIGNS = { surgical: '●', repetitive_collapse: '↻', explosive: '✕', unchanged: '=', empty: '∅' };

function verdict(cell) {
  const foot = node('div', 'ez-verdict');
  foot.append(
    node('span', 'ez-regime', `${SIGNS[cell.regime] || '?'} ${(cell.regime || 'no verdict').replace('_', ' ')}`),
    node('p', '', cell.reason),
    node('p', '', cell.numbers),
  );
  return foot;
}

function draw() {
  const shown = JSON.parse(props.value || 'null') || { rows: [] };
  root.replaceChildren(...shown.rows.map((row) => {
    const block = node('section', 'ez-texts-row');
    const head = node('header', 'ez-texts-head');
    head.append(node('h3', '', row.title), node('p', '', row.note), node('p', 'ez-prompt', shown.prompt));
    const cells = node('div', 'ez-texts-cells');
    row.cells.forEach((cell) => {
      const box = node('article', 'ez-text' + (cell.twin ? ' ez-text-twin' : ''));
      const top = node('header', '');
      top.append(node('span', 'ez-dose', cell.label), node('span', 'ez-state', cell.state));
      const body = node('p', '');
      const text = cell.text.trim();
      const shared = cell.twin ? 0 : sharedWords(text, row.cells[0].text.trim());
      body.append(node('span', 'ez-shared', text.slice(0, shared)), node('span', 'ez-own', text.slice(shared)));
      box.append(top, body);
      if (cell.reason) box.append(verdict(cell));
      cells.append(box);
    });
    block.append(head, cells);
    return block;
  }));
}

draw();
watch('value', draw);
