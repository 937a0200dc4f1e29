// One steered text: what it shares with the unsteered one, what leaked into other scripts, and its verdict.
function sharedLetters(a, b) {
  const left = a.split(/(\s+)/), right = b.split(/(\s+)/);
  let k = 0;
  while (k < left.length && k < right.length && left[k] === right[k]) k++;
  return [...left.slice(0, k).join('')].length;
}

// The text in pieces: shared or own, leaked or not. Places are counted in characters, not in UTF-16 units.
function pieces(cell, baseline) {
  const letters = [...cell.text], shared = baseline === null ? 0 : sharedLetters(cell.text, baseline);
  const cuts = [0, shared, ...cell.leaks.flatMap((leak) => leak.slice(0, 2)), letters.length];
  const ends = [...new Set(cuts)].sort((a, b) => a - b);
  return ends.slice(1).map((end, k) => {
    const leak = cell.leaks.find(([start, stop]) => start <= ends[k] && end <= stop);
    const kind = end <= shared ? 'ez-shared' : 'ez-own';
    const piece = node(leak ? 'mark' : 'span', kind + (leak ? ' ez-leak' : ''), letters.slice(ends[k], end).join(''));
    if (leak) piece.title = leak[3] ? `${leak[2]} script: ${leak[3]}` : `${leak[2]} script, unlike the prompt's`;
    return piece;
  });
}

function verdict(cell, baseline) {
  const regime = node('span', 'ez-regime', cell.verdict);
  // A sign beside the word, so that colour is not the only channel.
  const sign = node('span', 'ez-sign', cell.sign);
  sign.dataset.regime = cell.regime || '';
  regime.prepend(sign, ' ');
  // That the unsteered text is the same as the unsteered text need not be said.
  const lines = [baseline ? '' : cell.reason, cell.numbers, cell.hidden, cell.witness, cell.outside].filter(Boolean);
  return [regime, ...lines.map((line) => node('p', '', line))];
}
