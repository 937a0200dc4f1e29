"""The foot of the page: version, data, licence, citation, and where more is said."""

from __future__ import annotations

import hashlib
import html

import gradio as gr

from .. import __version__, citation
from .library import library

LICENCE = "Apache-2.0"


def data_hash() -> str:
    """A digest of the names of the shipped sets, which end in keys of everything that changes their numbers."""
    names = sorted(s.name for s in library().sets.values() if s.shipped)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


def footer() -> gr.HTML:
    parts = [
        f"<span>emoviz {__version__}</span>",
        f"<span><span class='ez-word'>data hash</span> {data_hash()}</span>",
        f"<span>{LICENCE}</span>",
        _copied("Copy citation", citation.plain()),
        _copied("Copy BibTeX", citation.bibtex()),
        "<a href='?tab=About' data-go='{&quot;tab&quot;: &quot;About&quot;}'>About</a>",
        "<button type='button' id='ez-tour-start'>Two-minute tour</button>",
    ]
    return gr.HTML(f"<div class='ez-footer' role='contentinfo'>{''.join(parts)}</div>", apply_default_css=False)


def _copied(label: str, text: str) -> str:
    """A button that `link.js` answers."""
    return f"<button type='button' data-copy='{html.escape(text)}'>{label}</button>"
