"""Vectors that another tool made, as its file has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .base import Value


@dataclass(frozen=True, slots=True)
class Imported:
    """The files that a vector set was imported from.

    files : their names. format : of the files, such as `GGUF control vector`. tool : what wrote them, empty where they
    do not say. metadata : what else they say, as text. notes : what was left out, or taken for what it may not be.
    """

    files: tuple[str, ...]
    format: str
    tool: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Imported:
        return Imported(**{**values, "files": tuple(values["files"]), "notes": tuple(values["notes"])})

    def __str__(self) -> str:
        more = f" and {len(self.files) - 3} more" if len(self.files) > 3 else ""
        made = f", made by {self.tool}" if self.tool else ""
        return f"imported from {', '.join(self.files[:3])}{more} ({self.format}{made})"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Foreign(Value):
    """What a reader of `store.formats` finds. What a file does not say is None or empty, and is never made up.

    vectors : (K, C, D) float32, NaN where a class has no vector at a layer. classes : C names. layers : K numbers as
    the file has them; None where its rows have no numbers. n_layers : of the model. model : its name or hub id.
    revision : of it. hint : the architecture that the file names.
    offset : what must be added to the file's numbers so that they are those of blocks, None where the file's tool
    counts as emoviz does. centring : of the directions; `class` where the file has means, else `none`.
    """

    imported: Imported
    vectors: np.ndarray
    classes: tuple[str, ...] | None
    layers: tuple[int, ...] | None
    n_layers: int | None = None
    model: str = ""
    revision: str = ""
    hint: str = ""
    offset: int | None = None
    centring: str = "none"
