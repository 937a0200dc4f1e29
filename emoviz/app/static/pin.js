// Holds the name of the pinned set; the picker shows it and says when it changes.
const tell = () => window.emovizParts.send('pinned', JSON.parse(value || 'null'));
window.emovizParts.listen('pin', ([name, alone]) => {
  value = props.value = JSON.stringify(name);
  tell();
  if (alone) trigger('input');
});
tell();
follow(tell);
