"""The twelve models of Jeong 2026, "Shared Emotion Geometry Across Small Language Models" (arXiv 2604.11050)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

SOURCE = "Jeong 2026, arXiv 2604.11050"

_DATA = files(__package__) / "data"


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One record; None where nothing was published.

    n_layers : of SmolLM2-1.7B-Instruct taken from its base model, since its own record is missing.
    best_depth : of the published best layer in our convention, (layer + 1) / n_layers; the papers print layer /
    n_layers.
    mean_cosine : class-centred mean off-diagonal cosine per layer (fp16, last token, 63 passages), rounded to 4
    decimals.
    anisotropy : at the best layer and at a quarter, half and three quarters of the layers, as (depth, value) pairs.
    """

    id: str
    label: str
    family: str
    variant: str
    billions: float
    n_layers: int
    d_model: int
    best_depth: float
    rdm_std: float
    anisotropy_best: float
    anisotropy: tuple[tuple[float, float], ...]
    mean_cosine: tuple[float | None, ...] | None


@cache
def published_models() -> tuple[PublishedModel, ...]:
    """All twelve, in the order of the published matrix."""
    records = {r["model_id"]: r for r in read_data("jeong2026b_models.json")["models"]}
    rsa = read_data("jeong2026b_rsa.json")
    layers_of_family = {r["family"]: r["n_layers"] for r in records.values() if r["n_layers"] is not None}
    return tuple(
        _model(records[model_id], label, layers_of_family[records[model_id]["family"]])
        for model_id, label in zip(rsa["model_ids"], rsa["labels"], strict=True)
    )


@cache
def published_rho() -> np.ndarray:
    """The 12 x 12 Spearman matrix, each model at its own best layer."""
    return np.array(read_data("jeong2026b_rsa.json")["rho_matrix"])


def _model(record: dict, label: str, n_layers: int) -> PublishedModel:
    layer_at = {"25pct": n_layers // 4, "50pct": n_layers // 2, "75pct": 3 * n_layers // 4}
    known = record["anisotropy"] if record["anisotropy"] is not None else {}
    sweep = record["layer_sweep"]
    return PublishedModel(
        id=record["model_id"],
        label=label,
        family=record["family"],
        variant=record["variant"],
        billions=record["size_B"],
        n_layers=n_layers,
        d_model=record["d_model"],
        best_depth=(round(record["best_layer_pct"] / 100 * n_layers) + 1) / n_layers,
        rdm_std=record["rdm_std"],
        anisotropy_best=record["anisotropy_best_n12"],
        anisotropy=tuple(
            ((layer + 1) / n_layers, known[key]) for key, layer in layer_at.items() if known.get(key) is not None
        ),
        mean_cosine=None if sweep is None else tuple(sweep),
    )


def read_data(name: str) -> dict:
    """The content of a file in reference/data."""
    return json.loads((_DATA / name).read_text("utf-8"))
