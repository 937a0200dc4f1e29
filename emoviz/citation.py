"""How emoviz is cited, in words and as BibTeX."""

from __future__ import annotations

_TITLE, _YEAR = "emoviz: emotion geometry and steering in small language models", 2026


def plain() -> str:
    from . import __version__

    return f"emoviz contributors, {_TITLE}, version {__version__}, {_YEAR}."


def bibtex() -> str:
    """The first of the references, emoviz itself."""
    from . import __version__
    from .reference import bibliography

    return bibliography.bibtex(__version__).split("\n\n")[0]
