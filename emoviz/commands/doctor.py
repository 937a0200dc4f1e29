"""`emoviz doctor`: is this installation whole? Each check names what is missing and what to do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from ..files import entries
from ..models.registry import BUNDLED, available
from ..store import list_sets, models_folder, sets_folder, shipped_folder
from ..store.left import Left, left_behind, remove_useless
from ..store.unreadable import noting, unreadable_files
from ..words import counted
from .arguments import Result
from .printing import table

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NEEDED_PACKAGES = (
    "torch",
    "transformers",
    "gradio",
    "plotly",
    "safetensors",
    "scipy",
    "scikit-learn",
    "umap-learn",
    "gguf",
    "accelerate",
)
# Two converted models and a few sets.
NEEDED_BYTES = 2_000_000_000


def arguments(parser: ArgumentParser) -> None:
    help = "remove what killed processes have left, but what can be gone on with"
    parser.add_argument("--clean", action="store_true", help=help)


def run(given: Namespace) -> Result:
    """Checks as {name, ok, detail}; `ok` is false only for what stops emoviz from working."""
    left = {one: given.clean and remove_useless(one) for one in left_behind()}
    checks = [
        _python(),
        *_packages(),
        _bundled(),
        _sets(),
        _unreadable(),
        _folder(),
        _left(left),
        _browser(),
        _device(),
    ]
    failed = [c for c in checks if not c["ok"]]
    lines = [f"{'ok  ' if c['ok'] else 'FAIL'}  {c['name']}: {c['detail']}" for c in checks]
    rows = [
        {"path": str(one.path), "bytes": one.bytes, "seconds": one.seconds, "what": one.what, "removed": removed}
        for one, removed in left.items()
    ]
    return {"checks": checks, "left": rows}, "\n".join([*lines, *_listed(left)]), 1 if failed else 0


def _check(name: str, ok: bool, detail: str) -> dict:
    return {"name": name, "ok": ok, "detail": detail}


def _python() -> dict:
    return _check("python", sys.version_info >= (3, 11), f"{platform.python_version()} (3.11 or newer is needed)")


def _packages() -> list[dict]:
    checks = []
    for name in NEEDED_PACKAGES:
        try:
            checks.append(_check(name, True, version(name)))
        except PackageNotFoundError:
            checks.append(_check(name, False, "not installed; run make install"))
    return checks


def _bundled() -> dict:
    missing = [entry.id for entry in BUNDLED if not available(entry)]
    if missing:
        return _check(
            "bundled models",
            True,
            f"{', '.join(missing)} not here, so stored results only; emoviz fetch {missing[0]}",
        )
    there = [one.name for one in entries(models_folder()) if (one / "emoviz.json").is_file()]
    converted = [entry.id for entry in BUNDLED if any(name.startswith(f"{entry.id}-") for name in there)]
    state = f"converted: {', '.join(converted)}" if converted else "will be converted on first use, about a minute each"
    return _check("bundled models", True, f"{', '.join(entry.id for entry in BUNDLED)} are here; {state}")


def _sets() -> dict:
    # What cannot be read is named below.
    with noting():
        sets = list_sets()
    shipped = sum(s.shipped for s in sets)
    return _check(
        "vector sets", shipped > 0, f"{shipped} shipped in {shipped_folder()}, {len(sets) - shipped} of your own"
    )


def _unreadable() -> dict:
    found = unreadable_files()
    detail = "all can be read" if not found else f"{counted(len(found), 'file')} left out"
    return _check("stored files", True, "\n        ".join([detail, *(one.why for one in found)]))


def _folder() -> dict:
    folder = sets_folder().parent
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    ok = existing.is_dir() and os.access(existing, os.W_OK)
    detail = f"{folder}, {free / 1e9:.0f} GB free"
    if not ok:
        detail += "; not writable: set EMOVIZ_HOME to a folder that is"
    elif free < NEEDED_BYTES:
        detail += f"; converting models needs up to {NEEDED_BYTES / 1e9:.0f} GB: make room or set EMOVIZ_HOME"
    return _check("cache folder", ok, detail)


def _left(left: Mapping[Left, bool]) -> dict:
    there = [one for one, removed in left.items() if not removed]
    size = sum(one.bytes for one in there) / 1e6
    advice = "; emoviz doctor --clean removes what is of no use" if any(one.useless for one in there) else ""
    detail = f"{counted(len(there), 'thing')}, {size:.1f} MB{advice}" if there else "nothing"
    return _check("left by killed processes", True, detail)


def _listed(left: Mapping[Left, bool]) -> list[str]:
    rows = [
        {
            "left": str(one.path),
            "size": f"{one.bytes / 1e6:.1f} MB",
            "age": f"{one.seconds / 3600:.1f} h",
            "what": "removed" if removed else one.what,
        }
        for one, removed in left.items()
    ]
    return ["", table(rows)] if rows else []


def _browser() -> dict:
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    return _check(
        "browser for tests", True, found if found else "no Chromium found; make test installs one where it can"
    )


def _device() -> dict:
    if find_spec("torch") is None:
        return _check("device", False, "torch is not installed; run make install")
    import torch

    devices = [
        name
        for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()))
        if there
    ]
    return _check("device", True, f"cpu ({os.cpu_count()} cores){''.join(f', {d}' for d in devices)}")
