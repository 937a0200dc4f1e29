"""Pushing a model towards an emotion while it writes. torch is imported on first use only."""

__all__ = ["steer_texts"]


def __getattr__(name: str):
    if name == "steer_texts":
        from .generate import steer_texts

        return steer_texts
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
