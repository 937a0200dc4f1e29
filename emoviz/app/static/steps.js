// A figure on its way from layer to layer: only what differs is drawn, in half the time; `figure.js` draws the whole when
// the slider rests. On the way, axes and colours keep one range, which holds all layers.
(() => {
  const POINTS = ['x', 'y', 'text', 'textposition'];
  const at = (tree, path) => path.reduce((found, key) => found?.[key], tree);
  const named = (path) => path.slice(1).map((key) => (Number.isInteger(key) ? `[${key}]` : `.${key}`)).join('').slice(1);

  // Another text in the place of one that plotly drew, as long as it has as many lines: plotly would lay all out anew.
  function write(plot, path, text) {
    const [, name, k] = path, axis = name.replace('axis', '');
    const drawn = plot.querySelector(name === 'annotations' ? `.annotation[data-index="${k}"] text` : `.g-${name === 'title' ? 'g' : axis}title text`);
    const lines = text.split('<br>'), places = lines.length > 1 ? [...(drawn?.children || [])] : [drawn];
    if (!drawn || places.length !== lines.length) return;
    lines.forEach((line, n) => {
      const bold = /^<b>(.*)<\/b>$/.exec(line), place = bold ? places[n].firstElementChild : places[n];
      if (place && !place.childElementCount && !/[<&]/.test(bold ? bold[1] : line)) place.textContent = bold ? bold[1] : line;
    });
  }

  // The colour of a value, between the two that the scale names around it, as plotly mixes them.
  function mixed(scale, share) {
    const k = Math.max(1, scale.findIndex(([place]) => place >= share)), [low, from] = scale[k - 1], [high, to] = scale[k];
    const part = (share - low) / (high - low), channel = (hex, n) => parseInt(hex.slice(1 + 2 * n, 3 + 2 * n), 16);
    return `rgb(${[0, 1, 2].map((n) => Math.round(channel(from, n) + part * (channel(to, n) - channel(from, n)))).join()})`;
  }

  // The cells of a heat map in other colours. False where it is zoomed or not of the usual kind: plotly draws it then.
  function paint(plot, node, trace, colours) {
    const image = node.querySelector('image'), full = plot._fullLayout;
    const [x, y] = ['x', 'y'].map((name) => full[`${name}axis${(trace[`${name}axis`] || name).slice(1)}`]);
    const rows = trace.z.length, columns = trace.z[0].length, width = Number(image?.getAttribute('width'));
    if (!image || !colours?.colorscale?.every(([, hex]) => /^#[0-9a-f]{6}$/i.test(hex))) return false;
    if (Math.abs(columns * Math.abs(x.l2p(1) - x.l2p(0)) - width) > 1.5) return false;
    const canvas = Object.assign(document.createElement('canvas'), { width, height: Number(image.getAttribute('height')) });
    const pen = canvas.getContext('2d'), wide = width / columns, high = canvas.height / rows, down = y.range[0] > y.range[1];
    trace.z.forEach((row, j) => row.forEach((z, i) => {
      if (z === null || Number.isNaN(z)) return;
      pen.fillStyle = mixed(colours.colorscale, Math.min(Math.max((z - colours.cmin) / (colours.cmax - colours.cmin), 0), 1));
      const left = Math.round(i * wide), top = Math.round((down ? j : rows - 1 - j) * high), gap = trace.xgap || 0;
      pen.fillRect(left, top, Math.round((i + 1) * wide) - left - gap, Math.round(((down ? j : rows - 1 - j) + 1) * high) - top - gap);
    }));
    image.setAttribute('href', canvas.toDataURL());
    return true;
  }

  // Points and their labels moved without plotly, which takes four times as long. False where a trace is of another kind.
  const SIDE = { left: -1, top: -1, right: 1, bottom: 1 }, ANCHOR = { '-1': 'end', 0: 'middle', 1: 'start' };
  function move(plot, traces, data) {
    const nodes = [...plot.querySelectorAll('.scatterlayer > .trace')].map((node) => [node, node.__data__[0].trace.index]);
    const moved = nodes.filter(([, k]) => traces.includes(k)).map(([node, k]) => ({
      trace: data[k], points: [...node.querySelectorAll('.point')], labels: [...node.querySelectorAll('.textpoint')],
    }));
    const whole = ({ trace: { mode, text, x }, points, labels }) => ['markers', 'markers+text'].includes(mode)
      && points.length === x.length && (mode === 'markers' || (labels.length === x.length && Array.isArray(text)));
    if (moved.length < traces.length || !moved.every(whole)) return false;
    moved.forEach(({ trace, points, labels }) => {
      const [x, y] = ['x', 'y'].map((name) => {
        const axis = plot._fullLayout[`${name}axis${(trace[`${name}axis`] || name).slice(1)}`];
        return Array.from(trace[name], (value) => Math.round(100 * axis.c2p(value)) / 100);
      });
      points.forEach((point, k) => point.setAttribute('transform', `translate(${x[k]},${y[k]})`));
      labels.forEach((label, k) => {
        const written = label.firstElementChild, { mrc, ts } = label.__data__, size = ts || label.__data__.trace?.textfont.size || trace.textfont.size;
        const place = [].concat(trace.textposition), [down, across] = place[place.length > 1 ? k : 0].split(' ').map((word) => SIDE[word] || 0);
        // As plotly sets a label of one line beside a marker.
        const away = mrc / 0.8 + 1;
        label.setAttribute('transform', `translate(${across * away},${0.75 * size + down * away + (down - 1) * size / 2})`);
        written.setAttribute('text-anchor', ANCHOR[across]);
        written.setAttribute('x', x[k]);
        written.setAttribute('y', y[k]);
      });
    });
    return true;
  }

  // Draws a step; gives what is done when it is, null where more differs than can be drawn so.
  // given : {tree: the figure, paths: what differs, fixed: [path, value] of the ranges}. framed : whether it has these.
  window.emovizStep = (plot, { tree, paths, fixed }, framed) => {
    const data = paths.filter(([kind]) => kind === 'data'), traces = [...new Set(data.map(([, k]) => k))];
    const heat = traces.filter((k) => tree.data[k].type === 'heatmap');
    const known = data.every(([, k, name, more]) => more === undefined && (heat.includes(k) ? name === 'z' : POINTS.includes(name)));
    // Traces that plotly moves come to lie below the others: it may move the last ones alone.
    const last = traces.length === 0 || Math.min(...traces) === tree.data.length - traces.length;
    if (!known || (heat.length ? heat.length < traces.length : !last)) return null;
    const held = fixed.map(([path]) => named(path)), texts = [], layout = framed ? {} : Object.fromEntries(fixed.map(([path, value]) => [named(path), value]));
    paths.filter(([kind, name]) => kind === 'layout' && name !== 'meta').forEach((path) => {
      if (path.at(-1) === 'text') texts.push(path);
      else if (!held.includes(named(path))) layout[named(path)] = at(tree, path);
    });
    const say = () => texts.forEach((path) => write(plot, path, at(tree, path)));
    const moved = Object.keys(layout).length ? Plotly.relayout(plot, layout) : Promise.resolve();
    if (heat.length) {
      const range = Object.fromEntries(fixed.filter(([path]) => path[1] === 'coloraxis').map(([path, value]) => [path[2], value]));
      const nodes = [...plot.querySelectorAll('.heatmaplayer .hm')], colours = { ...tree.layout.coloraxis, ...range };
      const painted = nodes.length && nodes.every((node) => paint(plot, node, tree.data[node.__data__[0].trace.index], colours));
      return moved.then(() => (painted ? null : Plotly.restyle(plot, { z: heat.map((k) => tree.data[k].z) }, heat))).then(say);
    }
    const points = traces.map((k) => Object.fromEntries(POINTS.filter((name) => name in tree.data[k]).map((name) => [name, tree.data[k][name]])));
    const atOnce = { mode: 'immediate', transition: { duration: 0 }, frame: { duration: 0, redraw: false } };
    return moved.then(() => (traces.length && !move(plot, traces, tree.data) ? Plotly.animate(plot, { data: points, traces }, atOnce) : null)).then(say);
  };
})();
