// Where parts of the page hear what they are to show. A part that is not on the page yet hears it when it comes, or what
// came ahead for it; what a part shows already is not told again.
(() => {
  const latest = new Map(), early = new Map(), listeners = new Map(), said = new Map();
  let number = 0;
  window.emovizParts = {
    send(part, value) {
      early.delete(part);
      if (latest.get(part) === value) return;
      latest.set(part, value);
      listeners.get(part)?.(value);
    },
    // Gradio has filled the part itself.
    told(part, value) { latest.set(part, value); },
    // Whether the part is not on the page yet.
    ahead(part, value) {
      if (!listeners.has(part)) early.set(part, value);
      return !listeners.has(part);
    },
    forget() { early.clear(); },
    // A part's `trigger`, which keeps what the part said.
    saying(element, trigger) {
      const { part } = element.querySelector('[data-part]').dataset;
      return (event, data) => { said.set(`${part} ${event}`, { number: ++number, data }); trigger(event, data); };
    },
    // What one of the parts said last with the event.
    said(parts, event) {
      const all = parts.map((part) => said.get(`${part} ${event}`)).filter(Boolean);
      return JSON.stringify(all.sort((a, b) => b.number - a.number)[0]?.data ?? null);
    },
    listen(part, hear) {
      listeners.set(part, hear);
      if (early.has(part)) { latest.set(part, early.get(part)); early.delete(part); }
      if (latest.has(part)) hear(latest.get(part));
    },
  };
})();
