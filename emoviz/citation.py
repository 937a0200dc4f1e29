"""How emoviz is cited, in words and as BibTeX."""

from __future__ import annotations

_TITLE, _YEAR = "emoviz: emotion geometry and steering in small language models", 2026


def plain() -> str:
    from . import __version__

    return f"emoviz contributors, {_TITLE}, version {__version__}, {_YEAR}."


def bibtex() -> str:
    from . import __version__

    return (
        f"@software{{emoviz{_YEAR},\n  author = {{{{emoviz contributors}}}},\n  title = {{{{{_TITLE}}}}},\n"
        f"  version = {{{__version__}}},\n  year = {{{_YEAR}}}\n}}\n"
    )
