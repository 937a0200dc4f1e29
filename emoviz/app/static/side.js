// What the open tab does not use of the selection is greyed and says so in its place; Escape clears the marked emotions.
const FIELD = 'ez-select-';

function grey() {
  const shown = given(element.querySelector('.ez-side'));
  if (!shown) return;
  const play = document.querySelector('#ez-play');
  if (play) play.disabled = shown.unused.includes('depth');
  document.querySelectorAll(`[id^="${FIELD}"]`).forEach((block) => {
    const unused = shown.unused.includes(block.id.slice(FIELD.length));
    let said = block.querySelector('.ez-unused-note');
    if (unused && !said) {
      said = document.createElement('p');
      said.className = 'ez-unused-note';
      said.id = `ez-unused-${block.id}`;
      block.append(said);
    }
    if (!unused) said?.remove();
    else said.textContent = `not used in ${shown.tab}`;
    block.classList.toggle('ez-unused', unused);
    block.setAttribute('role', 'group');
    block.setAttribute('aria-disabled', String(unused));
    block.querySelectorAll('input, button').forEach((control) => {
      control.disabled = unused;
      if (unused) control.setAttribute('aria-describedby', said.id); else control.removeAttribute('aria-describedby');
    });
  });
}

// What is drawn anew there, such as the sets, is greyed again.
window.emovizGrey = grey;
grey();
follow(grey);
document.addEventListener('keydown', (event) => {
  const busy = event.defaultPrevented || document.querySelector('dialog[open]') || event.target.closest?.('input:not([type=radio], [type=checkbox], [type=range]), textarea');
  if (event.key === 'Escape' && !busy) document.querySelector(`#${FIELD}emotions .ez-picker-clear:not([hidden])`)?.click();
});
