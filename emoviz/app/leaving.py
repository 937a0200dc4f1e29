"""The selection leaves in one piece: a report to send with a paper, or everything in one archive.

Either takes seconds: the page says what is being made and how much is left, and it can be stopped.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

import gradio as gr

from ..errors import InputError
from ..plots.export import MAX_LINK
from ..share.archive import archive
from ..share.figures import View, view_of
from ..share.report import report
from ..share.steps import Steps
from ..store.making import scratch_folder
from .components import Message
from .contract import QUIET, Page, Part, by_name
from .selection import Selection

# Of all visitors together; pictures of several wait for each other one by one.
_AT_ONCE: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "leaving",
    "concurrency_limit": 2,
}
REPORT, ARCHIVE = "Report", "Export all"
# The address of the view is known to the browser alone.
_WITH_LINK = "(link, ...given) => [location.href, ...given]"
# The button gets its file a moment after it gets its name.
_SAVE = """() => {
  const until = Date.now() + 5000, click = () => {
    const file = document.querySelector('#%s');
    if (file && file.textContent.includes('%s')) setTimeout(() => file.click(), 200);
    else if (Date.now() < until) setTimeout(click, 50);
  };
  click();
}"""


def lay() -> dict[str, Part]:
    """The two buttons."""
    with gr.Row(elem_id="ez-leaving"):
        return {
            REPORT: gr.Button(REPORT, size="sm", elem_id="ez-report", min_width=90),
            ARCHIVE: gr.Button(ARCHIVE, size="sm", elem_id="ez-archive", min_width=90),
        }


def lay_told() -> dict[str, Part]:
    """What is being made, what ends it or puts it away, and the file; always in sight."""
    with gr.Column(elem_id="ez-leaving-told"):
        return {
            "status": Message(elem_classes="ez-status"),
            "file": gr.DownloadButton("Save the file", size="sm", visible=False, elem_id="ez-leaving-file"),
            "end": gr.Button("Cancel", size="sm", elem_id="ez-leaving-end"),
            "link": gr.Textbox(visible=False),
        }


def wire(parts: dict[str, Part], page: Page) -> None:
    status, end, file = parts["status"], parts["end"], parts["file"]
    buttons = [parts[REPORT], parts[ARCHIVE]]
    running = []
    for what in (REPORT, ARCHIVE):
        started = parts[what].click(
            lambda: ["starting", gr.update(visible=False), *_ends("Cancel")],
            None,
            [status, file, end, *buttons],
            **QUIET,
        )
        made = started.then(
            *by_name(partial(_made, what), page.selection, link=parts["link"]),
            [status, file],
            js=_WITH_LINK,
            **_AT_ONCE,
        )
        made.then(lambda: _ends("Close"), None, [end, *buttons], **QUIET).then(
            None, js=when_ready("ez-leaving-file", "emoviz-")
        )
        running.append(made)
    end.click(lambda: [None, *_ends("Close")], None, [status, end, *buttons], cancels=running, **QUIET)


def when_ready(button: str, named: str) -> str:
    """JavaScript that presses a button, by its id, as soon as it is called so."""
    return _SAVE % (button, named)


def _ends(how: str) -> list:
    """The button that ends it, and those that begin one."""
    return [how, *(gr.update(interactive=how == "Close") for _ in (REPORT, ARCHIVE))]


def _made(what: str, view: Selection, link: Any) -> Iterator[tuple[Any, Any]]:
    """Yields what is being made; at last the file."""
    try:
        name, content, said = yield from _content(what, _view(view, link))
    except InputError as error:
        yield f"**Cannot make it.** {error}", gr.update(visible=False)
        return
    with scratch_folder() as folder:
        path = folder / name
        path.write_bytes(content)
        # Gradio keeps a copy for the browser to fetch.
        size = f"{len(content) / 1e6:.1f} MB"
        yield f"{name}, {size}.{said}", gr.update(value=str(path), label=f"Save {name}", visible=True)


def _content(what: str, view: View) -> Generator[tuple[str, Any], None, tuple[str, bytes, str]]:
    """Yields steps as `_made` does; returns a name, the content, and what else is to be said."""
    if what == REPORT:
        page = yield from _told(report(view))
        return "emoviz-report.html", page.encode(), ""
    made = yield from _told(archive(view))
    left = " ".join(dict.fromkeys(made.left_out.values()))
    return "emoviz-export.zip", made.content, f" Left out: {left}" if left else ""


def _told(steps: Steps[Any]) -> Generator[tuple[str, Any], None, Any]:
    """Yields the steps as the status and returns their result; closing it ends them."""
    try:
        while True:
            try:
                step = next(steps)
            except StopIteration as done:
                return done.value
            yield f"{step}", gr.skip()
    finally:
        steps.close()


def _view(chosen: Selection, link: Any) -> View:
    sets = chosen.chosen()
    marked = [name for name in chosen.marked if any(name in vectors.classes for vectors in sets)]
    link = link if isinstance(link, str) and link.startswith(("http://", "https://")) and len(link) <= MAX_LINK else ""
    return view_of(sets, chosen.layers(sets), chosen.centring, marked, link)
