"""A report: one HTML page of a selection of sets, to send with a paper. It needs no network and no server.

Nothing that a set, a model or a file wrote is read as HTML: all text is escaped, and the page itself forbids every
request.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from .. import __version__, citation
from ..errors import InputError
from ..plots.canvas import Canvas, drawn_on
from ..plots.files import font_faces, plotly_script
from ..plots.marks import names
from ..plots.theme import DARK, LIGHT, short_label
from ..reference.bibliography import bibtex
from ..stats import compare
from ..types import Comparison
from ..words import counted, visible
from .contents import SECTIONS, NamedTable, Section, provenance_table, sections
from .figures import Drawing, View, drawings
from .methods import methods
from .steps import Step, Steps
from .tables import Table

# Pixels of a figure on a phone; wider screens get the figure of the page.
_PHONE = 350
_LIMITS = files(f"{__package__.rpartition('.')[0]}.app") / "about" / "limits.md"
# No request of any kind, whatever stands in the page.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; font-src data:; img-src data: blob:"
)


def report(view: View, compared: Comparison | None = None) -> Steps[str]:
    """Makes the page, a step for each thing that takes time; returns it.

    compared : the comparison of the sets, if it was made before.
    """
    known = drawings(view)
    n = len(SECTIONS)
    if len(view.sets) > 1 and compared is None:
        yield Step("comparing the sets", 1, n)
        compared = compare(view.sets, view.layers, centring=view.centring)
    parts, contents = [], []
    for k, section in enumerate(sections(view, compared), 1):
        yield Step(f"drawing {section.title.lower()}", k, n)
        parts.append(_section(section, known, compared))
        contents.append((section.name, section.title))
    told = [
        ("methods", "Methods", "".join(f"<h3>{escape(h)}</h3><p>{escape(p)}</p>" for h, p in methods(view, compared))),
        (
            "provenance",
            "Provenance",
            _table(NamedTable("", "Where every set comes from", lambda: provenance_table(view))),
        ),
        *_limits(),
        ("citation", "Citation", f"<pre tabindex='0'>{escape(bibtex(__version__))}</pre>"),
    ]
    parts += [f"<section id='{name}'><h2>{title}</h2>{body}</section>" for name, title, body in told]
    contents += [(name, title) for name, title, _ in told]
    return _page(view, contents, parts)


def escape(text: str) -> str:
    """Text as HTML that shows it."""
    return html.escape(visible(text))


def _section(section: Section, known: dict[str, Drawing], compared: Comparison | None) -> str:
    drawn = "".join(_figure(name, known[name], compared) for name in section.figures)
    tables = "".join(map(_table, section.tables))
    head = f"<h2>{escape(section.title)}</h2><p>{escape(section.text)}</p>"
    return f"<section id='{section.name}'>{head}{drawn}{tables}</section>"


def _figure(name: str, drawing: Drawing, compared: Comparison | None) -> str:
    """A figure as data for a wide and a narrow screen, with its description; why, where it cannot be drawn."""
    try:
        notes: list[str] = []
        try:
            wide = drawing.draw(compared)
        except InputError:
            drawing, notes = drawing.without_failing()
            wide = drawing.draw(compared)
        with drawn_on(Canvas(_PHONE)):
            narrow = drawing.draw(compared)
    except InputError as error:
        return f"<p class='refused'>{escape(str(error))}</p>"
    said = escape(wide.layout.meta["description"])
    data = _json({"wide": _data(wide), "narrow": _data(narrow)})
    return (
        f"<figure id='figure-{name}' aria-label='{said}'><div class='plot' data-figure='{name}'></div>"
        f"<figcaption>{said}{''.join(f' {escape(note)}' for note in notes)}</figcaption>"
        f"<script type='application/json' data-for='{name}'>{data}</script></figure>"
    )


def _data(figure: Any) -> dict[str, Any]:
    found = json.loads(figure.to_json())
    # The page brings its own, one for each theme.
    del found["layout"]["template"]
    return found


def _json(value: object) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment."""
    return json.dumps(value).replace("<", "\\u003c")


def _table(named: NamedTable) -> str:
    try:
        return table_html(named.title, named.make())
    except InputError as error:
        return f"<h3>{escape(named.title)}</h3><p class='refused'>{escape(str(error))}</p>"


def table_html(title: str, table: Table) -> str:
    """A table with a caption; what its columns mean, and its notes, stand below."""
    columns = [[column] if isinstance(column, str) else column for column in table["columns"]]
    groups, wrapped = table.get("groups", {}), " class='wrap'" if table.get("wrap") else ""
    rows = []
    for k, row in enumerate(table["rows"]):
        if k in groups:
            rows.append(f"<tr><th scope='rowgroup' colspan='{len(columns)}'>{escape(groups[k])}</th></tr>")
        first, *cells = (escape(str(cell)) for cell in row)
        rows.append(f"<tr><th scope='row'>{first}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    head = "".join(f"<th scope='col'>{escape(column[0]) or 'item'}</th>" for column in columns)
    helped = "; ".join(f"<b>{escape(c[0])}</b>: {escape(c[1])}" for c in columns if len(c) > 1)
    notes = [f"<p class='note'>{escape(note)}</p>" for note in dict.fromkeys(table.get("notes", ()))]
    return (
        f"<div class='table' tabindex='0' role='region' aria-label='{escape(title)}'><table{wrapped}>"
        f"<caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f"{f'<p class=note>{helped}.</p>' if helped else ''}{''.join(notes)}"
    )


def _limits() -> list[tuple[str, str, str]]:
    """The limits and the sources of the page's About tab, as (name, title, HTML)."""
    found = []
    for part in re.split(
        r"^## ", _LIMITS.read_text("utf-8").replace("{citation}", citation.plain()), flags=re.MULTILINE
    )[1:]:
        title, _, body = part.partition("\n")
        found.append((title.strip().lower(), title.strip(), _prose(body)))
    return found


def _prose(text: str) -> str:
    """The little Markdown of our own texts: lists, paragraphs, emphasis."""
    escaped = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", escape(text.strip())))
    blocks = []
    for block in re.split(r"\n\s*\n", escaped):
        items = [line.removeprefix("- ") for line in block.splitlines()]
        listed = block.startswith("- ")
        blocks.append(f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if listed else f"<p>{block}</p>")
    return "".join(blocks)


def _page(view: View, contents: Iterable[tuple[str, str]], parts: Iterable[str]) -> str:
    models = list(dict.fromkeys(s.provenance.model for s in view.sets))
    title = f"Emotion geometry of {', '.join(models)}"
    templates = _json({"light": LIGHT.to_plotly_json(), "dark": DARK.to_plotly_json()})
    listed = "".join(f"<li><a href='#{name}'>{escape(text)}</a></li>" for name, text in contents)
    made = f"{datetime.now(UTC):%Y-%m-%d} with emoviz {__version__}"
    named = ", ".join(short_label(s) for s in view.sets)
    link = (
        f" <a href='{escape(view.link)}'>Open this view</a>." if view.link.startswith(("http://", "https://")) else ""
    )
    marked = f", {', '.join(names(view.emotion))} marked" if names(view.emotion) else ""
    about = f"{counted(len(view.sets), 'vector set')}: {named}. {view.centring} centring{marked}. Made {made}."
    own = files(__package__)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="emoviz {__version__}">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{font_faces()}{(own / "report.css").read_text("utf-8")}</style>
</head>
<body>
<header>
<p class="mark">emoviz report</p>
<h1>{escape(title)}</h1>
<p>{escape(about)}{link}</p>
<button type="button" id="theme" hidden>Light / dark</button>
</header>
<nav aria-label="Contents"><h2>Contents</h2><ol>{listed}</ol></nav>
<noscript><p class="refused">The figures need JavaScript; the tables and the text do not.</p></noscript>
<main>
{"".join(parts)}
</main>
<footer><p>emoviz {__version__}. Vectors are directions in a model's activations. They are not feelings.</p></footer>
{plotly_script()}
<script type="application/json" id="templates">{templates}</script>
<script>{(own / "report.js").read_text("utf-8")}</script>
</body>
</html>
"""
