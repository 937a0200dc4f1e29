"""Activations to vector sets. torch is imported on first use only."""

from .protocols import PROTOCOLS

__all__ = ["PROTOCOLS", "extract_set"]


def __getattr__(name: str):
    if name == "extract_set":
        from .sets import extract_set

        return extract_set
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
