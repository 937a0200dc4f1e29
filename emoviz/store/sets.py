"""Vector sets on disk.

`NAME.safetensors` holds the set; beside it, if there, `NAME.activations.safetensors` the pooled states of the passages
and `NAME.stories.jsonl.gz` what a model wrote.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..files import DAMAGED, parsed, unpacked, why
from ..types import Activations, Provenance, Resampled, Story, VectorSet
from ..types.given import uncleaned
from .atomic import atomically
from .copies import copied, is_url
from .fields import check_facts, check_fields, check_once
from .folders import sets_folder
from .tensors import ACTIVATIONS_SUFFIX, STORIES_SUFFIX, SUFFIX, damaged, read_tensors, write_tensors
from .unreadable import leave_out

# Curves in the order in which files have had their rows since the first schema; later curves follow.
_ROWS = (
    "mean_cosine",
    "rdm_std",
    "participation_ratio",
    "effective_rank",
    "vector_norm",
    "split_half_rho",
    "decoding_accuracy",
    "valence_r",
    "arousal_r",
    "control bag of words",
    "control token embeddings",
    "control sentence encoder",
    "anisotropy",
    "anisotropy_centred",
    "residual_norm",
)
# Rounding the class means to float16 may move no class-centred cosine by more than this; else float32 is kept. (Gemma 3
# has single dimensions near 40,000, where float16 steps by 32.)
_MAX_COSINE_ERROR = 5e-3
_MAX_HALF_COSINE_ERROR = 5e-2


def save_set(vectors: VectorSet, folder: Path | str | None = None) -> Path:
    """Writes a set atomically, with its activations and stories beside it.

    folder : created if missing; the user's own, where `list_sets` finds it, if none is named.
    Returns : the path of the set. Raises : InputError if it cannot be written, and for a cleaned set.

    >>> import emoviz as ez, tempfile
    >>> vectors = ez.find_set("gemma-3-270m_emoviz")
    >>> ez.save_set(vectors, tempfile.mkdtemp()).name
    'gemma-3-270m_emoviz_fp32_ca4cb220.safetensors'
    """
    uncleaned(vectors)
    folder = sets_folder() if folder is None else Path(folder)
    halves = vectors.half_means
    tensors = {
        # Vectors of other tools, which have no halves, may be of any scale, or of a single class without a cosine.
        "class_means": np.asarray(vectors.class_means, np.float32) if halves is None else compact(vectors.class_means),
        "residual_norm": np.asarray(vectors.residual_norm, np.float32),
        "anisotropy": np.asarray(vectors.anisotropy, np.float32),
        "decoding_accuracy": np.asarray(vectors.decoding_accuracy, np.float32),
    }
    if halves is not None:
        # They only feed noise estimates, whose ranks forgive more.
        tensors["half_means"] = compact(halves, _MAX_HALF_COSINE_ERROR)
    if vectors.umap is not None:
        tensors["umap"] = np.asarray(vectors.umap, np.float32)
    if vectors.anisotropy_centred is not None:
        tensors["anisotropy_centred"] = np.asarray(vectors.anisotropy_centred, np.float32)
    if vectors.control_rdms:
        tensors["controls"] = np.stack([np.asarray(rdm, np.float32) for rdm in vectors.control_rdms.values()])
    header = {
        "classes": vectors.classes,
        "provenance": vectors.provenance.as_dict(),
        "umap_params": vectors.umap_params,
        "controls": list(vectors.control_rdms),
        "notes": vectors.notes,
    }
    if vectors.resampled is not None:
        tensors |= _packed(vectors.resampled)
        header["resampled"] = {
            "n": vectors.resampled.n,
            "seed": vectors.resampled.seed,
            "curves": _in_order(vectors.resampled),
        }
    kept = vectors.activations
    if kept is not None:
        write_tensors(
            folder / f"{vectors.name}{ACTIVATIONS_SUFFIX}",
            {"states": _half_if_finite(kept.states)},
            {"layers": kept.layers, "emotions": kept.emotions, "topics": kept.topics},
            kind="activations",
        )
    if vectors.stories:
        rows = [{key: value for key, value in asdict(story).items() if key != "ids"} for story in vectors.stories]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        # Without a time in its header, so that the same stories are the same file.
        packed = gzip.compress(lines.encode(), mtime=0)
        atomically(folder / f"{vectors.name}{STORIES_SUFFIX}", lambda temporary: temporary.write_bytes(packed))
    path = folder / f"{vectors.name}{SUFFIX}"
    write_tensors(path, tensors, header, kind="vector set")
    return path


def load_set(path: Path | str, *, shipped: bool = False) -> VectorSet:
    """A vector set from its file, with the activations beside it; tensors are memory-mapped read-only.

    path : of the file, or the URL of a store with the set's name; from there it is copied to the user's folder once.
    shipped : what the set says of itself. Returns : VectorSet.
    Raises : InputError if the file is missing, damaged, not one of ours, or of a newer schema, and if a store cannot be
        reached. Damaged activations are
        left out, with the reason in `notes`.

    >>> import emoviz as ez
    >>> ez.load_set(ez.find_set("gemma-3-270m_emoviz").path)
    VectorSet('gemma-3-270m_emoviz_fp32_ca4cb220': 18 layers x 21 classes x 640, comprehension)
    """
    path = copied(path) if isinstance(path, str) and is_url(path) else Path(path)
    tensors, header = read_tensors(path, kind="vector set")
    try:
        classes = tuple(header["classes"])
        provenance = Provenance.from_dict(header["provenance"])
        umap_params = dict(header["umap_params"])
        # Sets of earlier versions have none of these.
        control_rdms = dict(zip(header.get("controls", ()), tensors.get("controls", ()), strict=True))
        resampled = _unpacked(tensors, header["resampled"]) if "resampled" in header else None
        notes = dict(header.get("notes", {"intervals": "the set was made by an earlier version; extract it again"}))
        vectors = VectorSet(
            name=path.name.removesuffix(SUFFIX),
            classes=classes,
            provenance=provenance,
            half_means=tensors.get("half_means"),
            class_means=tensors["class_means"],
            residual_norm=tensors["residual_norm"],
            anisotropy=tensors["anisotropy"],
            decoding_accuracy=tensors["decoding_accuracy"],
            umap=tensors.get("umap"),
            umap_params=umap_params,
            anisotropy_centred=tensors.get("anisotropy_centred"),
            control_rdms=control_rdms,
            resampled=resampled,
            notes=notes,
            path=path,
            shipped=shipped,
        )
        _check_set(vectors)
    except DAMAGED as error:
        raise damaged(path, "vector set", why(error)) from error
    try:
        return replace(vectors, activations=_activations(path, vectors))
    except InputError as error:
        leave_out(_beside(path, ACTIVATIONS_SUFFIX), error)
        return replace(vectors, notes={**notes, "activations": str(error)})


def _check_set(vectors: VectorSet) -> None:
    """Raises ValueError for parts that are of another kind or size than they should be, or name what is not there."""
    check_fields(vectors)
    n, c, d = vectors.class_means.shape
    pairs, missing, found = c * (c - 1) // 2, vectors.provenance.nonfinite_layers, vectors.resampled
    stability = vectors.umap_params.get("stability")
    curves = (vectors.residual_norm, vectors.anisotropy, vectors.decoding_accuracy, vectors.anisotropy_centred)
    check_once(vectors.classes, "classes")
    check_facts(
        {
            f"{len(vectors.classes)} classes are named and {c} are there": len(vectors.classes) == c,
            "its missing layers are not some of its layers": set(missing) < set(range(n))
            and len(set(missing)) == len(missing),
            "its halves do not fit its means": vectors.half_means is None or vectors.half_means.shape == (2, n, c, d),
            "a curve has not one number a layer": all(
                curve is None or (curve.shape == (n,) and not np.isinf(curve).any()) for curve in curves
            ),
            "its map has not one place a class": (vectors.umap is None or vectors.umap.shape == (n, c, 2))
            and (stability is None or (isinstance(stability, list) and len(stability) == n)),
            "its controls are not of its pairs": all(rdm.shape == (pairs,) for rdm in vectors.control_rdms.values()),
            "its errors are not of its layers": found is None
            or (found.n > 0 and found.mean_cosine.shape == (3, found.n, n))
            and all(rows.shape == (3, n) for rows in found.half_width.values()),
        }
    )


def _in_order(resampled: Resampled) -> list[str]:
    known = list(resampled.half_width)
    return sorted(known, key=lambda name: (_ROWS.index(name) if name in _ROWS else len(_ROWS), known.index(name)))


def _packed(resampled: Resampled) -> dict[str, np.ndarray]:
    """Replicates are kept in units of the interval's half width: float16 would round deviations of 1e-5 away."""
    unit = resampled.half_width["mean_cosine"][:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = np.where(unit > 0, resampled.mean_cosine / unit, 0.0)
    rows = [resampled.half_width[name] for name in _in_order(resampled)]
    return {
        "curve_half_width": np.stack(rows).astype(np.float32),
        "mean_cosine_replicates": replicates.astype(np.float16),
    }


def _unpacked(tensors: dict[str, np.ndarray], header: dict[str, Any]) -> Resampled:
    half_width = dict(zip(header["curves"], tensors["curve_half_width"], strict=True))
    replicates = np.asarray(tensors["mean_cosine_replicates"], np.float32) * half_width["mean_cosine"][:, None]
    return Resampled(int(header["n"]), int(header["seed"]), half_width, replicates)


def _beside(path: Path, suffix: str) -> Path:
    """What lies beside the file of a set."""
    return path.with_name(f"{path.name.removesuffix(SUFFIX)}{suffix}")


def _activations(path: Path, vectors: VectorSet) -> Activations | None:
    """The activations stored beside a set's file, memory-mapped, or None if there are none."""
    path = _beside(path, ACTIVATIONS_SUFFIX)
    if not path.exists() and not path.is_symlink():
        return None
    tensors, header = read_tensors(path, kind="activations")
    try:
        found = Activations(
            states=tensors["states"],
            layers=tuple(header["layers"]),
            emotions=tuple(header["emotions"]),
            topics=tuple(header["topics"]),
        )
        check_fields(found)
        rows, layers, width = found.states.shape
        check_facts(
            {
                "it is not as wide as its set": width == vectors.d_model,
                "its layers are not some of those of its set": len(found.layers) == len(set(found.layers)) == layers
                and set(found.layers) <= set(vectors.finite_layers),
                "its rows have not one label each": len(found.emotions) == len(found.topics) == rows,
            }
        )
    except DAMAGED as error:
        raise damaged(path, "activations", why(error)) from error
    return found


def load_stories(vectors: VectorSet) -> tuple[Story, ...]:
    """The stories that a set by generation was made from: its own, or those beside its file; empty if there are none.

    Raises InputError if the file is damaged.
    """
    if vectors.stories or vectors.path is None:
        return vectors.stories
    path = _beside(vectors.path, STORIES_SUFFIX)
    if not path.exists():
        return ()
    try:
        stories = tuple(Story(**parsed(line)) for line in unpacked(path).decode().split("\n") if line)
        for story in stories:
            check_fields(story)
    except DAMAGED as error:
        raise damaged(path, "stories", why(error)) from error
    return stories


def files_of(vectors: VectorSet) -> tuple[Path, ...]:
    """The files that belong to a set read from a file: the set, and what lies beside it."""
    if vectors.path is None:
        return ()
    beside = (_beside(vectors.path, suffix) for suffix in (SUFFIX, ACTIVATIONS_SUFFIX, STORIES_SUFFIX))
    return tuple(path for path in beside if path.exists())


def compact(values: np.ndarray, max_error: float = _MAX_COSINE_ERROR) -> np.ndarray:
    """float16 where that moves no class-centred cosine by more than `max_error`, else float32. values : (..., C, D)."""
    exact = np.asarray(values, np.float32)
    half = _half_if_finite(exact)
    if half.dtype == np.float32:
        return exact
    return half if _cosine_error(exact, half.astype(np.float32)) <= max_error else exact


def _half_if_finite(values: np.ndarray) -> np.ndarray:
    """float16 unless a finite value would overflow."""
    with np.errstate(over="ignore"):
        half = np.asarray(values, np.float16)
    return half if np.array_equal(np.isfinite(half), np.isfinite(values)) else np.asarray(values, np.float32)


def _cosine_error(exact: np.ndarray, rounded: np.ndarray) -> float:
    cosines = []
    for values in (exact, rounded):
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            rows = values - values.mean(-2, keepdims=True)
            rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
        cosines.append(rows @ np.swapaxes(rows, -1, -2))
    # Rows that rounding made equal have no direction left: that is the largest error of all.
    lost = np.isfinite(cosines[0]) & ~np.isfinite(cosines[1])
    return np.inf if lost.any() else float(np.nanmax(np.abs(cosines[0] - cosines[1]), initial=0.0))
