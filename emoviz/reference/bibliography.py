"""What to cite, as BibTeX."""

from __future__ import annotations

from importlib.resources import files


def bibtex(version: str) -> str:
    """The references of emoviz of this version, itself first."""
    return (files(__package__) / "data" / "references.bib").read_text("utf-8").replace("VERSION", version)
