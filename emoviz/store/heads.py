"""Trained heads in the user's folder, one file each; they can be made again at any time."""

from __future__ import annotations

import logging

import numpy as np

from ..errors import InputError
from .files import _read, _write
from .folders import heads_folder

log = logging.getLogger(__name__)

_KIND = "witness head"


def save_head(key: str, tensors: dict[str, np.ndarray], header: dict) -> None:
    """Writes a head atomically. A folder that cannot be written is logged: the head is then trained at every start."""
    try:
        _write(heads_folder() / f"{key}.safetensors", tensors, header, _KIND)
    except InputError as error:
        log.warning("the trained witness is not kept: %s", error)


def load_head(key: str) -> tuple[dict[str, np.ndarray], dict] | None:
    """Tensors and header as they were saved; None where there is no such file, or a damaged one."""
    path = heads_folder() / f"{key}.safetensors"
    if not path.exists():
        return None
    try:
        return _read(path, _KIND)
    except InputError as error:
        log.warning("trained anew: %s", error)
        return None
