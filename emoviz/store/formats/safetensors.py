"""Plain safetensors: one tensor (layers, width) for each direction, by its name."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.numpy import save_file

from ...types import SteeringVectors
from .metadata import metadata


def write_safetensors(path: Path, given: SteeringVectors) -> None:
    """The directions, with the layers of their rows and where they come from as JSON in the header."""
    save_file(dict(zip(given.names, given.values, strict=True)), path, {"emoviz": json.dumps(metadata(given))})
