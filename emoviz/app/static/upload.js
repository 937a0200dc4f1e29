// A file that is too large is not sent: it would end in a message that vanishes.
const limit = JSON.parse(props.value);
const refuse = (event, files) => {
  const large = event.target.closest(limit.within) && [...files].find((file) => file.size > limit.bytes);
  if (!large) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (event.target.type === 'file') event.target.value = '';
  trigger('select', { name: large.name, bytes: large.size });
};
document.addEventListener('change', (event) => event.target.type === 'file' && refuse(event, event.target.files), true);
document.addEventListener('drop', (event) => refuse(event, event.dataTransfer.files), true);
