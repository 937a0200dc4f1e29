// The numbers of a figure as a table in a dialog, one for the page: the rows and columns of its CSV file.
(() => {
  const COLUMNS = ['series', 'name', 'kind', 'panel', 'id', 'x', 'y', 'z'];
  let dialog = null, rows = [];

  function made(tag, text, name) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (name) node.className = name;
    return node;
  }

  // Seven digits, which is what the numbers have.
  function cell(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return '';
    return typeof value === 'number' ? String(Number(value.toPrecision(7))) : String(value);
  }

  // As it is read: names are escaped in what plotly gets (`wording.literal`), and lines broken.
  const ENTITIES = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&#123;': '{' };
  const plain = (value) => (typeof value === 'string' ? value.replace(/<br>/g, ' ').replace(/&(lt|gt|amp|#123);/g, (one) => ENTITIES[one]) : value);

  const id = (given) => (given === undefined ? '' : [].concat(given).join(', '));

  // Plotly keeps arrays as they came in `data` and unpacked in `_fullData`.
  function points(plot) {
    return plot.data.flatMap((given, series) => {
      const trace = plot._fullData[series], ids = trace.customdata;
      const kind = trace.fill === 'toself' ? 'area' : trace.type;
      const about = [series, plain(given.name ?? ''), kind, (given.xaxis || 'x').slice(1) || '1'];
      if (trace.type === 'heatmap') {
        const at = (axis, k) => (given[axis] ? trace[axis][k] : k);
        return [...trace.z].flatMap((row, j) => [...row].map((z, i) => [...about, id(ids?.[j][i]), at('x', i), at('y', j), z]));
      }
      if (!given.x || !given.y) return [];
      return [...trace.x].map((x, k) => [...about, id(ids?.[k]), plain(x), plain(trace.y[k]), '']);
    }).map((row) => row.map(cell));
  }

  function csv() {
    // A name that a spreadsheet would take for a formula gets an apostrophe, as in the file.
    const safe = (text) => (/^ *[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text);
    const quoted = (text) => (/[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    return [COLUMNS, ...rows].map((row) => row.map(safe).map(quoted).join(',') + '\n').join('');
  }

  function build() {
    dialog = made('dialog', undefined, 'ez-table-dialog');
    const title = made('h2'), numbers = made('div', undefined, 'ez-table-scroll'), buttons = made('form'), copy = made('button', 'Copy as CSV'), close = made('button', 'Close');
    title.id = 'ez-table-title';
    dialog.setAttribute('aria-labelledby', title.id);
    numbers.tabIndex = 0;
    numbers.setAttribute('role', 'region');
    numbers.setAttribute('aria-labelledby', title.id);
    buttons.method = 'dialog';
    copy.type = 'button';
    copy.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(csv());
        copy.textContent = 'Copied';
      } catch {
        // No clipboard outside localhost and https.
        copy.textContent = 'No clipboard here: use Save, CSV';
      }
      setTimeout(() => { copy.textContent = 'Copy as CSV'; }, 1500);
    });
    buttons.append(close, copy);
    dialog.append(title, numbers, buttons);
    document.body.append(dialog);
  }

  // Closing it gives the focus back to where it was.
  window.emovizTable = (plot, title, description) => {
    if (!dialog) build();
    rows = points(plot);
    const table = made('table'), head = made('thead'), names = made('tr'), body = made('tbody');
    names.append(...COLUMNS.map((name) => { const th = made('th', name); th.scope = 'col'; return th; }));
    head.append(names);
    body.append(...rows.map((row) => { const line = made('tr'); line.append(...row.map((text) => made('td', text))); return line; }));
    table.append(made('caption', `${description} ${rows.length.toLocaleString('en')} rows.`), head, body);
    dialog.querySelector('h2').textContent = title;
    dialog.querySelector('.ez-table-scroll').replaceChildren(table);
    dialog.showModal();
    dialog.querySelector('.ez-table-scroll').scrollTop = 0;
  };
})();
