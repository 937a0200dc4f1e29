// Where parts of the page hear what they are to show. A part that is not on the page yet hears it when it comes.
(() => {
  const latest = new Map(), listeners = new Map();
  window.emovizParts = {
    send(part, value) { latest.set(part, value); listeners.get(part)?.(value); },
    listen(part, hear) { listeners.set(part, hear); if (latest.has(part)) hear(latest.get(part)); },
  };
})();
