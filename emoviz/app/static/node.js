// Makes an element; text goes in as text, never as markup.
function node(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

// What the node is to be filled from, null for nothing. What could not be made says why in its place.
function given(root) {
  const shown = JSON.parse(props.value || 'null');
  if (!shown || shown.refused) root.replaceChildren(...(shown ? [node('p', 'ez-refused', shown.refused)] : []));
  return shown && !shown.refused ? shown : null;
}
