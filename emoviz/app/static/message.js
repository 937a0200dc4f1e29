// One line: what stands first between ** is strong, the rest is text.
const root = element.querySelector('.ez-message');
root.setAttribute('role', 'status');

function draw() {
  const [, strong, rest] = /^(?:\*\*([^*]*)\*\*)?([\s\S]*)$/.exec(given(root) || '');
  root.replaceChildren(...(strong ? [node('strong', '', strong)] : []), visible(rest));
}

draw();
follow(draw);
