"""Pushing a model towards an emotion while it writes. torch is imported on first use only."""

__all__ = ["Offsets", "emotion_offsets", "generate"]


def __getattr__(name: str):
    if name == "generate":
        from .generate import generate

        return generate
    if name in ("Offsets", "emotion_offsets"):
        from . import injection

        return getattr(injection, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
