"""Trained heads, one file each: those that come with emoviz, and the user's own. They can be made again at any time."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import DAMAGED, why
from .fields import check_facts, check_once
from .folders import heads_folder, shipped_folder
from .tensors import SUFFIX, damaged, read_tensors, write_tensors
from .unreadable import readable, stored

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
        found += [(own, *head) for head in readable(stored(folder, f"{beginning}*{SUFFIX}"), read_head)]
    return found


def load_head(key: str) -> tuple[dict[str, np.ndarray], dict] | None:
    """Tensors and header as they were saved; None where there is no such file, or a damaged one."""
    for folder in (shipped_folder() / "heads", heads_folder()):
        path = folder / f"{key}.safetensors"
        if path.exists():
            try:
                return read_head(path)
            except InputError as error:
                log.warning("trained anew: %s", error)
    return None


def read_head(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Raises InputError for a file that is none, is damaged, or whose parts do not fit together."""
    tensors, header = read_tensors(path, _KIND)
    try:
        classes, topics, confusion = header["classes"], header["topics"], np.array(header["confusion"])
        check_once(classes, "classes")
        n, width = tensors["weights"].shape
        sizes = {"mean": (width,), "scale": (width,), "bias": (n,), "weights": (n, width)}
        numbers = [header[name] for name in ("log_loss", "confidence", "strength")]
        check_facts(
            {
                "its arrays do not fit together": all(tensors[name].shape == size for name, size in sizes.items()),
                "its arrays are not finite": all(np.isfinite(tensors[name]).all() for name in sizes),
                "a scale is not above 0": bool((tensors["scale"] > 0).all()),
                "its classes are not those of its rows": len(classes) == n > 1,
                "a name is no text": all(isinstance(one, str) for one in (*classes, *topics)),
                "its mistakes are no counts": confusion.shape == (n, n)
                and confusion.dtype.kind == "i"
                and bool((confusion >= 0).all() and confusion.any()),
                "its figures are no numbers": all(isinstance(one, float) and np.isfinite(one) for one in numbers),
                "it does not say what it reads": all(isinstance(one, str) for one in header.get("parts", ["source"])),
                "it does not say what it learned from": isinstance(header.get("source", ""), str),
            }
        )
    except DAMAGED as error:
        raise damaged(path, _KIND, why(error)) from error
    return tensors, header
