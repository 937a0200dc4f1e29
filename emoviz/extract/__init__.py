"""Activations to vector sets. torch is imported on first use only."""

from .protocols import PROTOCOLS

__all__ = ["PROTOCOLS", "extract"]


def __getattr__(name: str):
    if name == "extract":
        from .comprehension import extract

        return extract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
