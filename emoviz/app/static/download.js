// How far a file is that takes the server longer. One that it made is saved; what it could not make is made here, where it can be, and said in any case.
const root = element.querySelector('.ez-download');
root.setAttribute('role', 'status');

async function draw() {
  const made = given(root);
  if (!made) return;
  if (made.progress) {
    const line = node('p', 'ez-progress', `${made.name}: ${made.progress} `), cancel = node('button', '', 'Cancel');
    cancel.type = 'button';
    cancel.addEventListener('click', () => { trigger('select', {}); root.replaceChildren(node('p', '', `${made.name} is cancelled.`)); });
    line.append(cancel);
    root.replaceChildren(line);
    return;
  }
  if (made.data) window.emovizDownload(made);
  const own = made.problem ? await window.emovizOwnPicture(made.name, made.format) : false;
  const said = made.problem ? (own ? `${made.problem} This picture was made by the browser, as it stands here.` : made.problem) : `${made.name} is saved.`;
  root.replaceChildren(node('p', made.problem ? 'ez-problem' : '', said));
}

follow(draw);
