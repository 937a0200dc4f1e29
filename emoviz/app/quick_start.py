"""Halves the time that gradio takes to start: what only its own developers need is left out."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_STUBS = "gradio.component_meta"


class _WithoutStubs:
    """Imports gradio without its writing a type stub (.pyi) beside every component, read and parsed at every start."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == _STUBS else None
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_without(module: ModuleType) -> None:
            run(module)
            setattr(module, "create_or_modify_pyi", lambda *_: None)  # noqa: B010

        setattr(spec.loader, "exec_module", run_without)  # noqa: B010
        return spec


def without_stubs() -> None:
    """Holds for every later import of gradio in this process."""
    if _WithoutStubs not in sys.meta_path:
        sys.meta_path.insert(0, _WithoutStubs)


@contextmanager
def uncollected() -> Iterator[None]:
    """Looks for no garbage while much is made that stays; afterwards it is not looked through again."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def without_app() -> Iterator[None]:
    """Lays a page out without the web application around it, which `launch` makes anew in any case."""
    from gradio.routes import App

    made = App.create_app
    setattr(App, "create_app", staticmethod(lambda *_, **__: None))  # noqa: B010
    try:
        yield
    finally:
        setattr(App, "create_app", staticmethod(made))  # noqa: B010
