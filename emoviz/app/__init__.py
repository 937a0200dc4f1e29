"""The dashboard; the only place that imports gradio."""

__all__ = ["build", "serve"]


def __getattr__(name: str):
    if name == "build":
        from .page import build

        return build
    if name == "serve":
        from .server import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
