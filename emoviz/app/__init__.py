"""The dashboard; the only place that imports gradio."""

from .quick_start import uncollected, without_stubs

__all__ = ["build", "serve"]

without_stubs()


def __getattr__(name: str):
    if name == "build":
        from .page import build

        return build
    if name == "serve":
        with uncollected():
            from .server import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
