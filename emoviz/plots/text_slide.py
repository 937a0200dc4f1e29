"""Steered texts on slides: the unsteered text and its doses side by side, as large as they can be."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from .canvas import Canvas, drawn_on
from .theme import NOTE_SIZE, REGIME_COLOUR, figure
from .wording import literal

# Texts side by side; more go on, each time beside the first.
MAX_COLUMNS = 4
# Pixels: the largest text, the edge, and what is between two texts. The smallest text is that of notes.
_LARGEST, _EDGE, _GAP = 16, 16, 18
_LINE = 1.3
_NARROW, _WIDE = frozenset("iljft.,;:'|!()[]I \u00a0"), frozenset("mwMW@%—…●✕↻∅")
_RULE = "rgba(122,130,145,0.45)"


@dataclass(frozen=True, slots=True)
class Block:
    """One text: what it is, itself, its verdict with the sign first, the regime (for the sign's colour), and why."""

    head: str
    body: str
    verdict: str
    regime: str | None
    reason: str


def text_slides(
    groups: Sequence[tuple[str, Sequence[str], Sequence[Block]]], prompt: str, on: Canvas
) -> list[go.Figure]:
    """A slide for each heading, its notes and its texts, of which the first stands beside all others.

    on : needs a width and a height. Letters between ⟦ and ⟧ are bold and underlined.
    """
    slides = []
    with drawn_on(on):
        for heading, notes, (first, *others) in groups:
            n = max(1, -(-len(others) // (MAX_COLUMNS - 1)))
            step = max(1, -(-len(others) // n))
            for k in range(0, max(1, len(others)), step):
                slides.append(_slide(heading, [first, *others[k : k + step]], prompt, notes, on))
    return slides


def _slide(heading: str, blocks: Sequence[Block], prompt: str, notes: Sequence[str], on: Canvas) -> go.Figure:
    axis = {"visible": False, "fixedrange": True}
    layout = {"xaxis": axis, "yaxis": axis, "showlegend": False, "meta": {"kind": "texts"}}
    asked = " ".join(prompt.split())

    def framed(traces: list[dict], more: dict, said: Sequence[str]) -> go.Figure:
        return figure(
            traces,
            {**layout, **more},
            title=heading,
            aid=f"same prompt, seed and decoding: {asked}",
            notes=said,
            height=on.height or 0,
            left=_EDGE,
            right=_EDGE,
            below=8,
        )

    margin = framed([], {}, notes).layout.margin
    width, height = (on.width or 0) - 2 * _EDGE, (on.height or 0) - margin.t - margin.b
    column = (width - _GAP * (len(blocks) - 1)) / len(blocks)
    size, cut, texts = _fitted(blocks, column, height)
    if cut:
        notes = [f"… cut here, whole as Markdown and CSV. {notes[0]}", *notes[1:]]
    places = [k * (column + _GAP) for k in range(len(blocks))]
    traces = [
        {
            "type": "scatter",
            "mode": "text",
            "x": places,
            "y": [0.0] * len(blocks),
            "text": texts,
            "textposition": "bottom right",
            "textfont": {"size": size},
            "hoverinfo": "skip",
            "cliponaxis": False,
        }
    ]
    rules = [
        {
            "type": "line",
            "x0": x - _GAP / 2,
            "x1": x - _GAP / 2,
            "y0": 0,
            "y1": height,
            "line": {"width": 1, "color": _RULE},
        }
        for x in places[1:]
    ]
    more = {"xaxis": {**axis, "range": [0, width]}, "yaxis": {**axis, "range": [height, 0]}, "shapes": rules}
    return framed(traces, more, notes)


def _fitted(blocks: Sequence[Block], width: float, height: float) -> tuple[int, bool, list[str]]:
    """The largest size at which all texts fit, whether one had to be cut, and the texts as plotly takes them."""
    for size in range(_LARGEST, NOTE_SIZE - 1, -1):
        room = int(height / (_LINE * size)) - 1
        letters = width / size
        parts = [[_wrapped(part, letters) for part in (b.head, b.body, b.verdict, b.reason)] for b in blocks]
        longest = max(sum(map(len, part)) + 1 for part in parts)
        if longest <= room or size == NOTE_SIZE:
            break
    cut = longest > room
    texts = []
    for block, (head, body, verdict, reason) in zip(blocks, parts, strict=True):
        left = max(1, room - len(head) - len(verdict) - len(reason) - 1)
        if len(body) > left:
            body = [*body[: left - 1], f"{body[left - 1][:-1]}…"]
        texts.append(_as_plotly(block, head, body, verdict, reason))
    return size, cut, texts


def _as_plotly(
    block: Block, head: Sequence[str], body: Sequence[str], verdict: Sequence[str], reason: Sequence[str]
) -> str:
    lines = [f"<b>{line}</b>" for line in map(literal, head)]
    lines += _marked(body)
    if verdict:
        first, *rest = map(literal, verdict)
        sign, _, words = first.partition(" ")
        lines += [" ", f'<span style="color:{REGIME_COLOUR[block.regime]}"><b>{sign}</b></span> <b>{words}</b>']
        lines += [f"<b>{line}</b>" for line in rest]
    return "<br>".join([*lines, *map(literal, reason)])


def _marked(lines: Sequence[str]) -> list[str]:
    """What stands between ⟦ and ⟧, also over several lines, is bold and underlined."""
    found, inside = [], False
    for line in lines:
        pieces, text = [], line
        while text:
            sign = "⟧" if inside else "⟦"
            at = text.find(sign)
            piece, text = (text, "") if at < 0 else (text[: at + inside], text[at + inside :])
            pieces.append(f"<b><u>{literal(piece)}</u></b>" if inside and piece else literal(piece))
            inside = inside if at < 0 else not inside
        found.append("".join(pieces) or " ")
    return found


def _wrapped(text: str, width: float) -> list[str]:
    """Lines of at most so many ems."""
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split(" "):
            for piece in _broken(word, width):
                joined = f"{line} {piece}" if line else piece
                if line and _ems(joined) > width:
                    lines.append(line)
                    line = piece
                else:
                    line = joined
        lines.append(line)
    return lines


def _broken(word: str, width: float) -> list[str]:
    """A word in pieces that each fit into a line; scripts without spaces are one word."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and _ems(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _ems(text: str) -> float:
    """About how wide a text is, in heights of its font."""
    return sum(map(_em, text))


def _em(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    if letter in _NARROW:
        return 0.33
    return 0.92 if letter in _WIDE else 0.72 if letter.isupper() else 0.58
