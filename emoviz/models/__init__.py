"""Language models: which there are, how to load one, how to reach its blocks. torch is imported on first use only."""

from .registry import REGISTRY, ModelEntry, available, resolve

__all__ = ["REGISTRY", "ModelEntry", "available", "load_model", "resolve"]


def __getattr__(name: str):
    if name == "load_model":
        from .load import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
