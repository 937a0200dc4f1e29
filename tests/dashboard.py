"""The dashboard as `make run` starts it, in a process of its own; for tests, screenshots and benchmarks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[1]

# Counts what a page has asked for and not got yet; what it fetches ahead, for other tabs and layers, is not waited for.
_COUNT = """(() => {
  const fetched = window.fetch;
  window.waitedFor = 0;
  window.fetch = (...given) => {
    const answer = fetched(...given), ahead = /"view":|"key":"layers /.test(given[1]?.body);
    if (/predict|queue.join/.test(given[0]) && !ahead) {
      window.waitedFor += 1;
      const got = () => { window.waitedFor -= 1; };
      answer.then((one) => one.clone().arrayBuffer()).then(got, got);
    }
    return answer;
  };
})();"""
_SETTLED = """(looks) => new Promise((done) => {
  let still = 0;
  const watch = new MutationObserver((changes) => {
    const nodes = changes.map(({ target }) => target.closest ? target : target.parentElement).filter(Boolean);
    if (nodes.some((one) => one.checkVisibility() && !one.closest('.ez-out-of-sight, .wrap.hide'))) still = 0;
  });
  watch.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  const look = () => {
    still = window.waitedFor ? 0 : still + 1;
    if (still > looks) { watch.disconnect(); done(); } else setTimeout(look, 20);
  };
  look();
})"""


@contextmanager
def dashboard(*options: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """Its address and its process, once it answers; ended afterwards.

    options : of `emoviz serve`. environment : added to this process's own.
    """
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "emoviz", "serve", "--port", str(port), *options],
        cwd=_ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
    )
    try:
        wait_for(process, port)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(process: subprocess.Popen, port: int, seconds: float = 60) -> None:
    """Until it answers. Raises RuntimeError where it ends before, or does not."""
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the dashboard did not answer on port {port} within {seconds:g} s")


def counted(page):
    """The page, as `settled` needs it: before it goes anywhere."""
    page.add_init_script(_COUNT)
    return page


def settled(page, looks: int = 10) -> None:
    """Waits until every answer is there and nothing that can be seen changes between so many looks, 20 ms apart."""
    page.evaluate(_SETTLED, looks)


def go_slowly(page, query: str) -> None:
    """Follows a link within the page, whose view comes 1.5 seconds late, as from a busy server; waits for nothing."""
    page.evaluate(
        """to => {
          const fetched = window.fetch, later = (ms) => new Promise((done) => setTimeout(done, ms));
          window.fetch = (...given) => later(/"query":/.test(given[1]?.body) ? 1500 : 0).then(() => fetched(...given));
          window.emovizGo.go(to);
        }""",
        f"?{query}",
    )
