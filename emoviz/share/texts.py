"""Steered texts that leave: as Markdown, as CSV, and as slides.

What a model wrote is text in all of them: in Markdown every sign that could mean something is escaped, in CSV a cell
that a spreadsheet would take for a formula gets an apostrophe, and a slide draws letters.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from .. import __version__
from ..errors import InputError
from ..judge.leak import leaked_spans
from ..judge.regimes import regime_label
from ..judge.verdict import borderline
from ..plots.canvas import Canvas
from ..plots.export import PICTURES, PRESETS, check_options, export
from ..plots.text_slide import Block, text_slides
from ..plots.wording import dose_label, minus
from ..readout.scripts import own_scripts
from ..steer.grammar import UNSTEERED, amount_words, is_control, is_plain
from ..store.atomic import write_bytes
from ..store.spreadsheet import csv_bytes
from ..types import Decoding, Generation, Verdict
from ..words import counted, visible

FORMATS = ("md", "csv", *PICTURES)
# What stands around letters of a script that the prompt does not use.
LEFT, RIGHT = "\u27e6", "\u27e7"
# Every sign that Markdown or one of its dialects gives a meaning to.
_MEANS = re.compile(r"([\\`*_{}\[\]<>#+\-!|~&$=@^])|(?<=www)(\.)|(:)(?=//)")
_COLUMNS = (
    *("model", "set", "prompt", "direction", "dose", "text", "regime", "borderline", "reason", "ppl_ratio"),
    *("repetition", "leak", "n_tokens", "leak_mass", "leaked", "witness", "outside", "recipe", "emoviz", "link"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One text and what is said of it.

    verdict : None where nobody has judged it. leak_mass : the highest probability on other scripts, NaN where it was
    not measured. witness, outside : what the witness and the outside witness find, in a line each.
    """

    direction: str
    dose: float
    text: str
    verdict: Verdict | None
    leak_mass: float = float("nan")
    witness: str = ""
    outside: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """The texts of one model, the unsteered one first. note : recipe, decoding, vectors. witness, outside : who they
    are. classes : of the vector set, by which directions are read.
    """

    model: str
    set: str
    note: str
    cells: tuple[Cell, ...]
    witness: str = ""
    outside: str = ""
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """Texts after one prompt, as they stand side by side."""

    prompt: str
    columns: tuple[Column, ...]


def sheet(texts: Sequence[Generation]) -> Sheet:
    """What `steer_texts` has made, judged or not, of one model or several. Raises InputError for no texts."""
    if not texts:
        raise InputError("no texts were given. Give what `steer_texts` returns.")
    models = {(one.model, one.set): one.classes for one in texts}
    columns = [
        Column(
            model,
            vectors,
            f"vectors {vectors}",
            tuple(
                Cell(one.direction, one.dose, one.text, one.verdict, max(one.leak_mass, default=float("nan")))
                for one in texts
                if (one.model, one.set) == (model, vectors)
            ),
            classes=classes,
        )
        for (model, vectors), classes in models.items()
    ]
    return Sheet(texts[0].prompt, tuple(columns))


def save_texts(texts: Sequence[Generation] | Sheet, path: str | Path, *, theme: str = "light") -> list[Path]:
    """Writes steered texts as Markdown (.md), CSV (.csv) or slides (.png, .svg, .pdf), by the name's ending.

    texts : what `steer_texts` returns, judged or not. path : of the file. theme : of slides, light or dark.
    Returns : the files. What does not fit on one slide goes on, in `NAME-2.png` and so on.
    Raises : InputError for another ending, for no texts, and for slides where there is no Chromium.

    >>> import emoviz as ez
    >>> ez.save_texts([], "texts.md")
    Traceback (most recent call last):
        ...
    emoviz.errors.InputError: no texts were given. Give what `steer_texts` returns.
    """
    path = Path(path)
    format = path.suffix.lower().removeprefix(".")
    check_texts_format(format)
    files = texts_files(texts if isinstance(texts, Sheet) else sheet(texts), format, theme=theme)
    paths = [path if k == 1 else path.with_name(f"{path.stem}-{k}{path.suffix}") for k in range(1, len(files) + 1)]
    for own, content in zip(paths, files, strict=True):
        write_bytes(own, content)
    return paths


def check_texts_format(format: str) -> None:
    """Raises InputError for an unknown one."""
    if format not in FORMATS:
        raise InputError(f"format {format!r:.40} is unknown for texts; {', '.join(FORMATS)} are allowed.")


def texts_files(given: Sheet, format: str, *, theme: str = "light", link: str = "") -> list[bytes]:
    """The content of one file, or of several slides. link : an http address of the view."""
    check_texts_format(format)
    if format == "md":
        return [_markdown(given, link).encode()]
    if format == "csv":
        return [_csv(given, link)]
    check_options(format, "slide", theme)
    slides = text_slides(_groups(given), given.prompt, Canvas(*PRESETS["slide"].canvas, link))
    return [export(lambda slide=slide: slide, format, "slide", theme) for slide in slides]  # type: ignore[misc]


def texts_file(given: Sheet, name: str, format: str, *, theme: str = "light", link: str = "") -> tuple[str, bytes]:
    """One file and its name: several slides are packed into a .zip."""
    files = texts_files(given, format, theme=theme, link=link)
    if len(files) == 1:
        return f"{name}.{format}", files[0]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for k, content in enumerate(files, 1):
            packed.writestr(f"{name}-{k}.{format}", content)
    return f"{name}.zip", out.getvalue()


def markdown(text: str) -> str:
    """Text as Markdown that shows it, in one line: it can end neither a table's cell nor its row."""
    lines = " \u23ce ".join(line.strip() for line in visible(text.strip()).splitlines())
    return _MEANS.sub(lambda found: f"\\{found[0]}", lines)


def marked(text: str, prompt: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is in a script that the prompt does not use."""
    pieces, end = [], 0
    for span in leaked_spans(text, own_scripts(prompt)):
        pieces += [(text[end : span.start], False), (text[span.start : span.end], True)]
        end = span.end
    return [piece for piece in [*pieces, (text[end:], False)] if piece[0]]


def verdict_label(verdict: Verdict | None) -> str:
    """The regime with its sign; near a threshold it says so."""
    if verdict is None:
        return ""
    return f"{regime_label(verdict.regime)}{', borderline' if borderline(verdict) else ''}"


def verdict_numbers(verdict: Verdict | None) -> str:
    """Perplexity, repetition and, where there is one, the leak; what cannot be computed is left out."""
    if verdict is None:
        return ""
    ratio, shares = verdict.ppl_ratio, (("repetition", verdict.repetition), ("leak", verdict.leak))
    said = (
        [f"perplexity \u00d7 {ratio:.0f}" if ratio >= 100 else f"perplexity \u00d7 {ratio:.2g}"]
        if isfinite(ratio)
        else []
    )
    # A percentage is not broken over two lines.
    said += [
        f"{name} {100 * share:.0f}\u00a0%" for name, share in shares if isfinite(share) and (share or name != "leak")
    ]
    return " \u00b7 ".join(said)


def decoding_words(decoding: Decoding) -> str:
    """How the next token was chosen, the same for every text of a run."""
    chosen = f"temperature {decoding.temperature:g}, seed {decoding.seed}, same noise for all"
    turn = "chat template" if decoding.chat else "no chat template"
    how = "greedy" if decoding.temperature == 0 else chosen
    return f"{how}, {turn}, up to {counted(decoding.max_new_tokens, 'token')}"


def _markdown(given: Sheet, link: str) -> str:
    lines = ["# Steered texts", "", f"Prompt: {markdown(given.prompt)}", ""]
    for column in given.columns:
        lines += [f"## {markdown(column.model)}", "", markdown(column.note), ""]
        for who in (column.witness, column.outside):
            lines += [markdown(who), ""] if who else []
        lines += ["| direction | dose | text | verdict | why | numbers | witnesses |", "|---|---|---|---|---|---|---|"]
        for one in column.cells:
            body = "".join(
                f"{LEFT}{markdown(piece)}{RIGHT}" if leaked else _spaced(piece)
                for piece, leaked in marked(one.text.strip(), given.prompt)
            )
            reason = "" if one.verdict is None else one.verdict.reason
            cells = (one.direction, dose_label(one.dose))
            said = (verdict_label(one.verdict), reason, verdict_numbers(one.verdict), _witnesses(one))
            lines.append(f"| {' | '.join([*map(markdown, cells), body, *map(markdown, said)])} |")
        lines.append("")
    if any(leaked for c in given.columns for one in c.cells for _, leaked in marked(one.text, given.prompt)):
        lines += [f"{LEFT} {RIGHT}: in a script that the prompt does not use.", ""]
    lines.append(f"emoviz {__version__}{f', <{link}>' if link.startswith(('http://', 'https://')) else ''}")
    return "\n".join(lines) + "\n"


def _witnesses(one: Cell) -> str:
    return "; ".join(said for said in (one.witness, one.outside) if said)


def _spaced(piece: str) -> str:
    """As `markdown`, with the spaces at its ends: a marked piece may follow."""
    inside = markdown(piece)
    return f"{' ' * piece[:1].isspace()}{inside}{' ' * (piece[-1:].isspace() and bool(inside))}"


def _csv(given: Sheet, link: str) -> bytes:
    rows = []
    for column in given.columns:
        for one in column.cells:
            v = one.verdict
            leaked = " ".join(piece for piece, is_leaked in marked(one.text, given.prompt) if is_leaked)
            judged = (
                ["", "", "", "", "", "", ""]
                if v is None
                else [
                    *(v.regime, "yes" if borderline(v) else "no", v.reason, v.ppl_ratio, v.repetition, v.leak),
                    v.n_tokens,
                ]
            )
            rows.append(
                [
                    *(column.model, column.set, given.prompt, one.direction, one.dose, one.text, *judged),
                    *(one.leak_mass, leaked, one.witness, one.outside, column.note, __version__, link),
                ]
            )
    return csv_bytes(_COLUMNS, rows, mark=True)


def _groups(given: Sheet) -> list[tuple[str, Sequence[str], Sequence[Block]]]:
    """(heading, notes, texts) of every model and direction, the unsteered text first in each."""
    found: list[tuple[str, Sequence[str], Sequence[Block]]] = []
    for column in given.columns:
        notes, classes = [column.note, f"emoviz {__version__}"], column.classes
        baselines = [_block(one, given.prompt, UNSTEERED) for one in column.cells if not one.dose]
        steered = [one for one in column.cells if one.dose]
        directions = list(dict.fromkeys(one.direction for one in steered))
        doses = {one.dose for one in steered}
        if len(doses) == 1 and len(directions) > 1 and all(is_plain(one, classes) for one in directions):
            # Told apart by direction alone, they stand side by side.
            heading = f"{column.model}, dose {dose_label(*doses)}"
            blocks = [_block(one, given.prompt, one.direction) for one in steered]
            found.append((heading, notes, [*baselines, *blocks]))
            continue
        for direction in directions:
            own = [
                _block(one, given.prompt, minus(amount_words(direction, one.dose, classes)))
                for one in steered
                if one.direction == direction
            ]
            what = f"towards {direction}" if is_plain(direction, classes) else direction
            what = f"control: {direction}" if is_control(direction, classes) else what
            found.append((f"{column.model}, {what}", notes, [*baselines, *own]))
        if not steered:
            found.append((column.model, notes, baselines))
    return found


def _block(one: Cell, prompt: str, head: str) -> Block:
    body = "".join(f"{LEFT}{piece}{RIGHT}" if leaked else piece for piece, leaked in marked(one.text.strip(), prompt))
    regime = None if one.verdict is None else one.verdict.regime
    said = "" if one.verdict is None else one.verdict.reason
    return Block(head, body, verdict_label(one.verdict), regime, said if one.dose else "")
