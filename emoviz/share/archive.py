"""Everything of a selection in one .zip: figures, tables, what each file is, what to cite, and the Python that made it.

figures/NAME.png .svg .html .csv    tables/NAME.csv    report.html    manifest.json    references.bib    make.py
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from .. import __version__
from ..errors import InputError
from ..plots.chromium import NoChromium
from ..plots.export import check_options, export
from ..plots.files import PLOTLY_JS
from ..reference.bibliography import bibtex
from ..stats import compare
from ..store.jsonable import plain
from ..store.spreadsheet import csv_bytes
from ..types import Comparison
from .contents import MAX_PAIRS, NamedTable, sections, set_hash, shown_pairs
from .figures import Drawing, View, drawings
from .report import report
from .steps import Step, Steps, finished

_Figure = TypeVar("_Figure")
FORMATS = ("png", "svg", "html", "csv")
# Beside the pages of the figures, which would each hold its five megabytes otherwise.
_PLOTLY = "plotly.min.js"


@dataclass(frozen=True, slots=True)
class Archive:
    """content : of the .zip. left_out : what could not be made -> why; the manifest says it too."""

    content: bytes
    left_out: dict[str, str]


@dataclass
class _Contents:
    """What is in the archive so far. files : path -> (content, what it is). left_out : what -> why."""

    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def archive(
    view: View,
    names: Sequence[str] | None = None,
    formats: Sequence[str] = FORMATS,
    preset: str = "slide",
    theme: str = "light",
) -> Steps[Archive]:
    """Makes the archive, a step for each figure; returns it.

    names : of the figures, None for all. Where there is no Chromium, the manifest says that pictures are left out.
    Raises InputError for an unknown name, format, preset or theme.
    """
    for format in formats:
        check_options(format, preset, theme)
    known = chosen(drawings(view), names)
    found, code = _Contents(), {}
    if names is None:
        shown = {f"pair_{i + 1}_{j + 1}" for i, j in shown_pairs(view)}
        others = [name for name in known if name.startswith("pair_") and name not in shown]
        known = {name: one for name, one in known.items() if name not in others}
        found.left_out |= dict.fromkeys(others, f"the first {MAX_PAIRS} pairs are drawn; name others in --only")
    many = len(view.sets) > 1
    n = len(known) + 1 + many
    compared = None
    if many:
        yield Step("comparing the sets", 1, n)
        compared = compare(view.sets, view.layers, centring=view.centring)
    for k, (name, drawing) in enumerate(known.items(), 1 + many):
        yield Step(f"drawing {name.replace('_', ' ')}", k, n)
        try:
            code[name] = _figure(name, drawing, compared, formats, preset, theme, found).code
        except InputError as error:
            found.left_out[name] = str(error)
    if "html" in formats:
        found.files[f"figures/{_PLOTLY}"] = PLOTLY_JS.read_bytes(), "plotly.js, which the pages of the figures need"
    yield Step("writing the tables and the report", n, n)
    for section in sections(view, compared):
        for table in section.tables:
            _table(table, found)
    page = finished(report(view, compared))
    found.files["report.html"] = page.encode(), "all figures and tables with methods and provenance, one page"
    found.files["references.bib"] = bibtex(__version__).encode(), "what to cite"
    found.files["make.py"] = _make(view, code).encode(), "the Python that draws the figures again"
    return Archive(_packed(found, _manifest(view, preset, theme, found)), found.left_out)


def chosen(known: dict[str, _Figure], names: Sequence[str] | None) -> dict[str, _Figure]:
    """The named figures. Raises InputError for a name that is not known."""
    unknown = next((name for name in names or () if name not in known), None)
    if unknown is not None:
        raise InputError(f"figure {unknown!r:.60} is unknown for these sets; {', '.join(known)} are allowed.")
    return known if names is None else {name: known[name] for name in names}


def _figure(
    name: str,
    drawing: Drawing,
    compared: Comparison | None,
    formats: Sequence[str],
    preset: str,
    theme: str,
    found: _Contents,
) -> Drawing:
    """Adds a figure in every format; returns what was drawn, which may be fewer sets."""
    try:
        title = drawing.draw(compared).layout.meta["title"]
    except InputError:
        drawing, notes = drawing.without_failing()
        title = drawing.draw(compared).layout.meta["title"]
        found.left_out[f"sets of {name}"] = "; ".join(notes)
    for format in formats:
        if format in found.left_out:
            continue
        try:
            content = export(lambda: drawing.draw(compared), format, preset, theme, drawing.view.link, _PLOTLY)
            found.files[f"figures/{name}.{format}"] = content, title
        except NoChromium as error:
            found.left_out[format] = str(error)
    return drawing


def _table(table: NamedTable, found: _Contents) -> None:
    try:
        made = table.make()
    except InputError as error:
        found.left_out[f"table {table.name}"] = str(error)
        return
    heading, columns = "", [column if isinstance(column, str) else column[0] for column in made["columns"]]
    rows, groups = [], made.get("groups", {})
    for k, row in enumerate(made["rows"]):
        heading = groups.get(k, heading)
        rows.append([*row, heading] if groups else row)
    content = csv_bytes([*columns, "group"] if groups else columns, rows, mark=True)
    found.files[f"tables/{table.name}.csv"] = content, table.title


def _make(view: View, code: dict[str, str]) -> str:
    sets = "".join(f"    ez.find_set({s.name!r}),\n" for s in view.sets)
    drawn = "".join(f"    {name!r}: {expression},\n" for name, expression in code.items())
    return f'''"""Draws the figures of this archive again, into the folder `made`, with emoviz {__version__}."""

from pathlib import Path

import emoviz as ez

sets = [
{sets}]
figures = {{
{drawn}}}
folder = Path(__file__).parent / "made"
folder.mkdir(exist_ok=True)
for name, figure in figures.items():
    figure.write_html(folder / f"{{name}}.html", include_plotlyjs="directory")
'''


def _manifest(view: View, preset: str, theme: str, found: _Contents) -> dict[str, Any]:
    return {
        "emoviz": __version__,
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+00:00}",
        "link": view.link,
        "centring": view.centring,
        "emotion": view.emotion,
        "preset": preset,
        "theme": theme,
        "sets": [
            {"set": s.name, "sha256": set_hash(s), "layer": layer, "depth": s.depth(layer), **s.provenance.as_dict()}
            for s, layer in zip(view.sets, view.layers, strict=True)
        ],
        "files": [
            {"file": path, "what": what, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for path, (content, what) in found.files.items()
        ],
        "left_out": found.left_out,
    }


def _packed(found: _Contents, manifest: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for path, (content, _) in found.files.items():
            file.writestr(path, content)
        file.writestr("manifest.json", json.dumps(plain(manifest), ensure_ascii=False, indent=1))
    return out.getvalue()
