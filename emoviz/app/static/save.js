// The dialog that saves a figure, one for the page, and pictures that the browser makes itself where the server cannot.
(() => {
  const KEPT = 'emoviz-save', PICTURES = ['png', 'svg'];
  const MOVING = { gif: 'GIF, every layer', webm: 'WebM, every layer', mp4: 'MP4, every layer' };
  const FORMATS = { png: 'PNG picture', svg: 'SVG drawing', pdf: 'PDF', html: 'HTML, interactive, needs no network', csv: 'CSV, the numbers' };
  const TEXTS = { md: 'Markdown', csv: 'CSV, with the numbers', png: 'PNG slide', svg: 'SVG slide', pdf: 'PDF slide' };
  let dialog = null, asked = null, saved = null, what = 'figure';

  function option(value, text) {
    const made = document.createElement('option');
    made.value = value;
    made.textContent = text;
    return made;
  }

  function choice(name, label, values) {
    const line = document.createElement('label'), select = document.createElement('select');
    select.name = name;
    select.append(...Object.entries(values).map(([value, text]) => option(value, text)));
    line.append(label, select);
    return line;
  }

  function build() {
    dialog = document.createElement('dialog');
    dialog.className = 'ez-save-dialog';
    dialog.setAttribute('aria-labelledby', 'ez-save-title');
    const form = document.createElement('form'), title = document.createElement('h2'), buttons = document.createElement('div');
    form.method = 'dialog';
    title.id = 'ez-save-title';
    form.append(title, choice('format', 'Format', {}), choice('preset', 'Size', window.emovizPresets),
      choice('theme', 'Theme', { light: 'light', dark: 'dark' }));
    for (const [value, text] of [['save', 'Save'], ['', 'Cancel']]) {
      const button = document.createElement('button');
      button.value = value;
      button.textContent = text;
      if (value) button.className = 'ez-primary';
      buttons.append(button);
    }
    form.append(buttons);
    dialog.append(form);
    document.body.append(dialog);
    const fields = () => Object.fromEntries(new FormData(form));
    const sizes = () => {
      const moving = form.format.value in MOVING;
      form.preset.disabled = what === 'texts' || ['html', 'csv'].includes(form.format.value);
      form.theme.disabled = ['csv', 'md'].includes(form.format.value);
      // An animation is for a screen.
      [...form.preset.options].forEach((one) => { one.disabled = moving && one.value === 'paper'; });
      if (moving && form.preset.value === 'paper') form.preset.value = 'slide';
    };
    form.addEventListener('change', sizes);
    dialog.addEventListener('close', () => {
      if (dialog.returnValue !== 'save' || !asked) return;
      const given = { preset: form.preset.value, theme: form.theme.value, ...fields() };
      localStorage.setItem(`${KEPT}-${what}`, JSON.stringify(given));
      asked({ ...given, link: location.href });
    });
    dialog.show_again = () => {
      const kept = { theme: document.body.classList.contains('dark') ? 'dark' : 'light', ...JSON.parse(localStorage.getItem(`${KEPT}-${what}`) || '{}') };
      title.textContent = what === 'texts' ? 'Save these texts' : 'Save this figure';
      form.format.replaceChildren(...Object.entries(what === 'texts' ? TEXTS : { ...FORMATS, ...MOVING }).map(([value, text]) => option(value, text)));
      for (const [name, value] of Object.entries(kept)) if (form[name]) form[name].value = value;
      // Only a figure that changes from layer to layer can move.
      const name = (saved?.layout.meta.name || '').split('_')[0], moves = window.emovizOverLayers.includes(name);
      [...form.format.options].forEach((one) => { one.hidden = one.disabled = one.value in MOVING && !moves; });
      if (!form.format.value || form.format.selectedOptions[0].disabled) form.format.value = 'png';
      sizes();
      dialog.returnValue = '';
      dialog.showModal();
    };
  }

  // Asks how to save the plot, or texts where there is none, and tells `ask`.
  window.emovizSave = (plot, ask) => {
    if (!dialog) build();
    saved = plot;
    what = plot ? 'figure' : 'texts';
    asked = ask;
    dialog.show_again();
  };

  function download(name, blob) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  window.emovizDownload = ({ name, type, data }) => {
    download(name, new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], { type }));
  };

  let faces = null;
  // An image of an SVG knows no font of the page, so that they must be in it.
  async function fontFaces() {
    if (faces) return faces;
    const sheet = [...document.styleSheets].find((s) => (s.href || '').endsWith('fonts.css'));
    const rules = await Promise.all([...sheet.cssRules].map(async (rule) => {
      const [, url] = /url\("?([^")]+)"?\)/.exec(rule.cssText);
      const bytes = new Uint8Array(await (await fetch(new URL(url, sheet.href))).arrayBuffer());
      let text = '';
      bytes.forEach((b) => { text += String.fromCharCode(b); });
      return rule.cssText.replace(/url\([^)]*\)/, `url(data:font/woff2;base64,${btoa(text)})`);
    }));
    faces = rules.join('');
    return faces;
  }

  // What the page shows, as it is, by the browser alone. Resolves to whether the format can be made here.
  window.emovizOwnPicture = async (name, format) => {
    if (!PICTURES.includes(format) || !saved || !saved.data) return false;
    const { width, height } = saved._fullLayout;
    const url = await Plotly.toImage(saved, { format: 'svg', width, height });
    const plain = decodeURIComponent(url.slice(url.indexOf(',') + 1));
    const svg = plain.replace(/^(<svg[^>]*>)/, `$1<style>${await fontFaces()}</style>`);
    const drawn = new Blob([svg], { type: 'image/svg+xml' });
    if (format === 'svg') { download(name, drawn); return true; }
    const image = new Image(), canvas = document.createElement('canvas');
    image.src = URL.createObjectURL(drawn);
    await image.decode();
    [canvas.width, canvas.height] = [2 * width, 2 * height];
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(image.src);
    download(name, await new Promise((done) => canvas.toBlob(done, 'image/png')));
    return true;
  };
})();
