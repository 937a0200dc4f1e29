// A file that is too large is not sent: it would end in a message that vanishes.
const limit = JSON.parse(props.value);
document.addEventListener('change', (event) => {
  const file = event.target.type === 'file' && event.target.closest(limit.within) && event.target.files[0];
  if (!file || file.size <= limit.bytes) return;
  event.stopImmediatePropagation();
  event.target.value = '';
  trigger('select', { name: file.name, bytes: file.size });
}, true);
