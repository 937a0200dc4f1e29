// Lines that each say one thing, and lead to the place that shows it.
const root = element.querySelector('.ez-messages');

function draw() {
  const shown = given(root);
  if (!shown) return;
  const list = node('ul', '');
  shown.messages.forEach((message) => {
    const line = node('li', ''), link = node('a', '');
    link.append(node('strong', '', message.lead), ' ', node('span', '', message.text));
    if (message.open) link.href = `#${message.open}`;
    else { link.dataset.go = JSON.stringify(message.go); link.href = window.emovizGo.href(message.go); }
    line.append(link);
    list.append(line);
  });
  root.replaceChildren(list);
}

draw();
follow(draw);
