"""Trained heads, one file each: those that come with emoviz, and the user's own. They can be made again at any time."""

from __future__ import annotations

import logging

import numpy as np

from ..errors import InputError
from .folders import heads_folder, shipped_folder
from .tensors import read_tensors, write_tensors

log = logging.getLogger(__name__)

_KIND = "witness head"


def save_head(key: str, tensors: dict[str, np.ndarray], header: dict) -> None:
    """Writes a head atomically. A folder that cannot be written is logged: the head is then trained at every start."""
    try:
        write_tensors(heads_folder() / f"{key}.safetensors", tensors, header, _KIND)
    except InputError as error:
        log.warning("the trained witness is not kept: %s", error)


def list_heads(beginning: str) -> list[tuple[bool, dict[str, np.ndarray], dict]]:
    """Every head whose name begins so: whether it is the user's own, tensors and header. Damaged ones are logged."""
    found = []
    for folder, own in ((heads_folder(), True), (shipped_folder() / "heads", False)):
        for path in sorted(folder.glob(f"{beginning}*.safetensors")):
            try:
                found.append((own, *read_tensors(path, _KIND)))
            except InputError as error:
                log.warning("left out: %s", error)
    return found


def load_head(key: str) -> tuple[dict[str, np.ndarray], dict] | None:
    """Tensors and header as they were saved; None where there is no such file, or a damaged one."""
    for folder in (shipped_folder() / "heads", heads_folder()):
        path = folder / f"{key}.safetensors"
        if path.exists():
            try:
                return read_tensors(path, _KIND)
            except InputError as error:
                log.warning("trained anew: %s", error)
    return None
