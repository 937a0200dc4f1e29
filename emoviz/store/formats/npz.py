"""NumPy archives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ...types import SteeringVectors, VectorSet
from .metadata import metadata


def write_npz(path: Path, given: SteeringVectors, vectors: VectorSet) -> None:
    """The directions (emotions, layers, width), and the class means (classes, all layers, width) they are made of."""
    with path.open("wb") as file:
        np.savez(
            file,
            vectors=given.values,
            emotions=np.array(given.names),
            layers=np.array(given.layers),
            residual_norm=np.asarray(given.residual_norm, np.float32),
            means=np.asarray(vectors.class_means, np.float32).swapaxes(0, 1),
            classes=np.array(vectors.classes),
            metadata=np.array(json.dumps(metadata(given))),
        )
