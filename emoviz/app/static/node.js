// What would be done instead of seen is written out, as `words.visible` does.
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
const visible = (text) => String(text).replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

// Makes an element; text goes in as text, never as markup.
function node(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = visible(text);
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
