// The address bar holds the view: what the server says is written there, and a link or the back button is reported.
// Changes that follow each other within a second are one step back.
const STEP = 1000;
let last = 0, asked = 0, opening = false, held = 0;

const query = () => [...new URLSearchParams(location.search)].filter(([name]) => !name.startsWith('__'));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// Figures are drawn for a narrow screen as soon as it is one; edges of the page as in app.css.
const small = window.matchMedia('(max-width: 700px)'), EDGES = 50;
const width = () => (small.matches ? document.documentElement.clientWidth - EDGES : null);

// What is chosen while a link is opened would be lost to it: the mouse waits, for ten seconds at most.
function hold(on) {
  opening = on;
  const mark = (given) => document.documentElement.toggleAttribute('data-ez-opening', given);
  mark(on);
  clearTimeout(held);
  if (on) held = setTimeout(mark, 10000, false);
}

function ask() {
  hold(true);
  trigger('select', { query: location.search, width: width(), number: ++asked });
}

function write() {
  if (!value) return;
  window.emovizView = JSON.parse(value);
  // What was asked for before the address changed must not be written over it.
  if (opening && window.emovizView.asked !== asked) return;
  const url = new URL(location.href), wanted = [...new URLSearchParams(window.emovizView.query)];
  if (same(wanted, query())) { hold(false); return; }
  const own = [...url.searchParams].filter(([name]) => name.startsWith('__'));
  url.search = new URLSearchParams([...wanted, ...own]).toString();
  const step = !opening && Date.now() - last > STEP;
  // The first view of all has no address yet, and what a link could not give is put right in place.
  history[step && query().length ? 'pushState' : 'replaceState'](null, '', url);
  last = Date.now();
  hold(false);
}

follow(write);
window.addEventListener('popstate', ask);
small.addEventListener('change', () => trigger('expand', { width: width() }));
if (query().length || small.matches) ask(); else write();

const COPIES = {
  'ez-copy-link': [() => location.href, 'Link copied'],
  'ez-copy-python': [() => window.emovizView?.python || '', 'Python copied'],
};
// The buttons may come later than this.
document.addEventListener('click', async (event) => {
  const button = event.target.closest && event.target.closest('button');
  const copy = button && (COPIES[button.id] || (button.dataset.copy && [() => button.dataset.copy, 'Copied']));
  if (!copy) return;
  const [text, said] = copy, label = button.textContent;
  if (label === said) return;
  try {
    await navigator.clipboard.writeText(text());
  } catch {
    // No clipboard outside localhost and https: the text can still be copied by hand.
    window.prompt('Copy this:', text());
    return;
  }
  button.textContent = said;
  setTimeout(() => { button.textContent = label; }, 1500);
});
