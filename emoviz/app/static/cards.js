// Cards with a heading and a few named numbers each.
const root = element.querySelector('.ez-cards');

function draw() {
  const shown = given(root);
  if (!shown) return;
  root.replaceChildren(...shown.cards.map((card) => {
    const box = node('article', 'ez-card');
    box.style.setProperty('--ez-series', card.colour);
    box.style.borderLeftStyle = card.dashed ? 'dashed' : 'solid';
    const facts = node('dl', '');
    card.facts.forEach((fact) => {
      const pair = node('div', '');
      pair.append(node('dt', '', fact.name), node('dd', 'ez-number', fact.value), node('dd', 'ez-small', fact.note));
      facts.append(pair);
    });
    box.append(node('h2', '', card.title), node('p', 'ez-small', card.note), facts);
    return box;
  }));
}

draw();
follow(draw);
