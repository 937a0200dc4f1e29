// Makes an element; text goes in as text, never as markup.
function node(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

// What the node is to be filled from, null for nothing. What could not be made says why in its place.
function given(root) {
  const shown = value && value.tree ? value.tree : JSON.parse(value || 'null');
  if (!shown || shown.refused) root.replaceChildren(...(shown ? [node('p', 'ez-refused', shown.refused)] : []));
  return shown && !shown.refused ? shown : null;
}

// The latest value: the component's own, or what came for it with the others of a view (`shown.js`).
let value = props.value;
function follow(draw) {
  const { part } = element.querySelector('[data-part]').dataset;
  watch('value', () => { value = props.value; window.emovizParts.told(part, value); draw(); });
  window.emovizParts.listen(part, (given) => { if (given !== value) { value = given; draw(); } });
}
