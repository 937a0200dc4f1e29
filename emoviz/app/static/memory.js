// The models that are in memory, each with its size and a button that lets it go.
const root = element.querySelector('.ez-memory');

function draw() {
  const shown = JSON.parse(value || 'null') || { models: [] };
  const held = shown.held && shown.models.length ? [node('span', '', `the server holds ${shown.held}`)] : [];
  root.replaceChildren(...(shown.models.length ? [node('span', '', 'in memory:')] : []), ...shown.models.map((model) => {
    const line = node('span', 'ez-memory-model', `${model.name} ${model.size} `);
    const free = node('button', 'ez-send', 'free');
    free.type = 'button';
    free.title = `Take ${model.name} out of memory; the next run loads it again`;
    free.addEventListener('click', () => trigger('select', { free: model.name }));
    if (!shown.shared) line.append(free);
    return line;
  }), ...held);
}

draw();
follow(draw);
