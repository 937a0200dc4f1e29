"""The words of the page with their meaning: those of the About tab, and the depth curves."""

from __future__ import annotations

import re
from pathlib import Path

from ..geometry.curves import CURVES

TEXTS = Path(__file__).parent / "about"
_ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)


def glossary() -> dict[str, str]:
    """Word -> meaning, plain text; every word of `about/words.md`, and each depth curve under its label and name."""
    found: dict[str, str] = {}
    for curve in CURVES.values():
        for word in (curve.label, curve.label.removesuffix(" accuracy"), curve.name.replace("_", " ")):
            found[word.lower()] = f"{curve.axis}: {curve.aid}"
    rows = _ROW.findall((TEXTS / "words.md").read_text("utf-8"))
    for words, meaning in rows[1:]:
        for word in words.split(", "):
            found[word] = meaning.replace("*", "")
    return found
