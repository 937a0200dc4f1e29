"""Reading and writing one vector set: safetensors tensors, JSON in the header metadata.

`NAME.safetensors` holds the set; `NAME.activations.safetensors` beside it, if there, the pooled states of the passages.
Tensors are memory-mapped on reading, so that opening a hundred sets reads only the layers that are looked at.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import InputError
from ..types import Activations, Provenance, Resampled, Story, VectorSet

SCHEMA_VERSION = 1
SUFFIX = ".safetensors"
ACTIVATIONS_SUFFIX = ".activations.safetensors"
STORIES_SUFFIX = ".stories.jsonl.gz"

_REQUIRED = {"class_means": 3, "half_means": 4, "residual_norm": 1, "anisotropy": 1, "decoding_accuracy": 1}
_NUMPY_TYPES = {"F16": np.float16, "F32": np.float32}
# Rounding the class means to float16 may move no class-centred cosine by more than this; else float32 is kept. (Gemma 3
# has single dimensions near 40,000, where float16 steps by 32.)
_MAX_COSINE_ERROR = 5e-3
_MAX_HALF_COSINE_ERROR = 5e-2


def save_set(
    vectors: VectorSet, folder: Path, activations: Activations | None = None, stories: Sequence[Story] = ()
) -> Path:
    """Writes a set, its activations and its stories atomically into `folder` (created if missing). Returns its path."""
    tensors = {
        "class_means": compact(vectors.class_means),
        # The halves only feed noise estimates, whose ranks forgive more.
        "half_means": compact(vectors.half_means, _MAX_HALF_COSINE_ERROR),
        "residual_norm": np.asarray(vectors.residual_norm, np.float32),
        "anisotropy": np.asarray(vectors.anisotropy, np.float32),
        "decoding_accuracy": np.asarray(vectors.decoding_accuracy, np.float32),
    }
    if vectors.umap is not None:
        tensors["umap"] = np.asarray(vectors.umap, np.float32)
    if vectors.anisotropy_centred is not None:
        tensors["anisotropy_centred"] = np.asarray(vectors.anisotropy_centred, np.float32)
    if vectors.controls:
        tensors["controls"] = np.stack([np.asarray(rdm, np.float32) for rdm in vectors.controls.values()])
    header = {
        "classes": vectors.classes,
        "provenance": vectors.provenance.as_dict(),
        "umap_params": vectors.umap_params,
        "controls": list(vectors.controls),
        "notes": vectors.notes,
    }
    if vectors.resampled is not None:
        tensors |= _packed(vectors.resampled)
        header["resampled"] = {
            "n": vectors.resampled.n,
            "seed": vectors.resampled.seed,
            "curves": list(vectors.resampled.half_width),
        }
    if activations is not None:
        _write(
            folder / f"{vectors.name}{ACTIVATIONS_SUFFIX}",
            {"states": _half_if_finite(activations.states)},
            {"layers": activations.layers, "emotions": activations.emotions, "topics": activations.topics},
            kind="activations",
        )
    if stories:
        rows = [{key: value for key, value in asdict(story).items() if key != "ids"} for story in stories]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        # Without a time in its header, so that the same stories are the same file.
        packed = gzip.compress(lines.encode(), mtime=0)
        _atomically(folder / f"{vectors.name}{STORIES_SUFFIX}", lambda temporary: temporary.write_bytes(packed))
    path = folder / f"{vectors.name}{SUFFIX}"
    _write(path, tensors, header, kind="vector set")
    return path


def check_writable(folder: Path) -> None:
    """Raises InputError if a set could not be written into the folder, so that this is known before it is made."""
    try:
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        probe = existing / f".probe.{os.getpid()}.part"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _not_writable(folder, error) from error


def load_set(path: Path | str, *, shipped: bool = False) -> VectorSet:
    """A vector set from its file, tensors memory-mapped read-only.

    Raises InputError if the file is missing, damaged, not one of ours, or of a newer schema.
    """
    path = Path(path)
    tensors, header = _read(path, kind="vector set")
    try:
        classes = tuple(header["classes"])
        provenance = Provenance.from_dict(header["provenance"])
        umap_params = dict(header["umap_params"])
        # Sets of earlier versions have none of these.
        controls = dict(zip(header.get("controls", ()), tensors.get("controls", ()), strict=True))
        resampled = _unpacked(tensors, header["resampled"]) if "resampled" in header else None
        notes = dict(header.get("notes", {"intervals": "the set was made by an earlier version; extract it again"}))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"its header lacks or misnames {error}") from error
    for name, rank in _REQUIRED.items():
        if name not in tensors or tensors[name].ndim != rank:
            raise _damaged(path, f"tensor {name!r} of rank {rank} is missing")
    shape = tensors["class_means"].shape
    if shape[1] != len(classes) or tensors["half_means"].shape != (2, *shape):
        raise _damaged(path, "its tensors do not fit together")
    return VectorSet(
        name=path.name.removesuffix(SUFFIX),
        classes=classes,
        provenance=provenance,
        class_means=tensors["class_means"],
        half_means=tensors["half_means"],
        residual_norm=tensors["residual_norm"],
        anisotropy=tensors["anisotropy"],
        decoding_accuracy=tensors["decoding_accuracy"],
        umap=tensors.get("umap"),
        umap_params=umap_params,
        anisotropy_centred=tensors.get("anisotropy_centred"),
        controls=controls,
        resampled=resampled,
        notes=notes,
        path=path,
        shipped=shipped,
    )


def _packed(resampled: Resampled) -> dict[str, np.ndarray]:
    """Replicates are kept in units of the interval's half width: float16 would round deviations of 1e-5 away."""
    unit = resampled.half_width["mean_cosine"][:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = np.where(unit > 0, resampled.mean_cosine / unit, 0.0)
    return {
        "curve_half_width": np.stack(list(resampled.half_width.values())).astype(np.float32),
        "mean_cosine_replicates": replicates.astype(np.float16),
    }


def _unpacked(tensors: dict[str, np.ndarray], header: dict) -> Resampled:
    half_width = dict(zip(header["curves"], tensors["curve_half_width"], strict=True))
    replicates = np.asarray(tensors["mean_cosine_replicates"], np.float32) * half_width["mean_cosine"][:, None]
    return Resampled(int(header["n"]), int(header["seed"]), half_width, replicates)


def load_activations(vectors: VectorSet) -> Activations | None:
    """The activations stored beside a set, memory-mapped, or None if there are none."""
    if vectors.path is None:
        return None
    path = vectors.path.with_name(f"{vectors.name}{ACTIVATIONS_SUFFIX}")
    if not path.exists():
        return None
    tensors, header = _read(path, kind="activations")
    try:
        return Activations(
            states=tensors["states"],
            layers=tuple(header["layers"]),
            emotions=tuple(header["emotions"]),
            topics=tuple(header["topics"]),
        )
    except KeyError as error:
        raise _damaged(path, f"{error} is missing") from error


def load_stories(vectors: VectorSet) -> tuple[Story, ...]:
    """The stories stored beside a set that was made by generation; empty if there are none.

    Raises InputError if the file is damaged.
    """
    path = None if vectors.path is None else vectors.path.with_name(f"{vectors.name}{STORIES_SUFFIX}")
    if path is None or not path.exists():
        return ()
    try:
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().split("\n") if line]
        return tuple(Story(**row) for row in rows)
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
        raise _damaged(path, str(error)) from error


def files_of(vectors: VectorSet) -> tuple[Path, ...]:
    """The files that belong to a set read from a file: the set, and what lies beside it."""
    names = (f"{vectors.name}{suffix}" for suffix in (SUFFIX, ACTIVATIONS_SUFFIX, STORIES_SUFFIX))
    return tuple(path for path in map(vectors.path.with_name, names) if path.exists())


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
        rows = values - values.mean(-2, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
        cosines.append(rows @ np.swapaxes(rows, -1, -2))
    # Rows that rounding made equal have no direction left: that is the largest error of all.
    lost = np.isfinite(cosines[0]) & ~np.isfinite(cosines[1])
    return np.inf if lost.any() else float(np.nanmax(np.abs(cosines[0] - cosines[1]), initial=0.0))


def _write(path: Path, tensors: dict[str, np.ndarray], header: dict, kind: str) -> None:
    """Through a temporary file in the same folder, so that a reader sees the old file or the new one, never half."""
    metadata = {
        "format": f"emoviz {kind}",
        "schema_version": str(SCHEMA_VERSION),
        "emoviz": json.dumps(header, ensure_ascii=False),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    _atomically(path, lambda temporary: save_file(arrays, temporary, metadata))


def _atomically(path: Path, write: Callable[[Path], object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            write(temporary)
            # safetensors writes for the owner alone; a shared folder is shared by the umask's word.
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        raise _not_writable(path, error) from error


def _not_writable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be written ({getattr(error, 'strerror', None) or error}); a writable folder with free space "
        "is needed; choose another one with --out or EMOVIZ_HOME."
    )


def read_header(path: Path, kind: str) -> dict:
    """The JSON header of one of our files. Raises InputError with the reason if it is not one."""
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; a vector set file is needed; `emoviz list` names them.") from error
    except (SafetensorError, OSError) as error:
        raise _damaged(path, str(error)) from error
    if not metadata or metadata.get("format") != f"emoviz {kind}":
        raise InputError(
            f"{path} is a safetensors file, but not an emoviz {kind}; files written by `emoviz extract` are read; "
            "choose one of those."
        )
    if metadata.get("schema_version") != str(SCHEMA_VERSION):
        raise InputError(
            f"{path} has schema version {metadata.get('schema_version')}; this emoviz reads version {SCHEMA_VERSION}; "
            "update emoviz or extract the set again."
        )
    try:
        return json.loads(metadata["emoviz"])
    except (KeyError, json.JSONDecodeError) as error:
        raise _damaged(path, "its metadata is not JSON") from error


def _read(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict]:
    header = read_header(path, kind)
    # safe_open has checked lengths and offsets; the layout is 8 bytes of header length, the header, then the data.
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(length))
    tensors = {}
    for name, entry in entries.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in _NUMPY_TYPES:
            raise _damaged(path, f"tensor {name!r} has type {entry['dtype']}, not F16 or F32")
        tensors[name] = np.memmap(
            path,
            dtype=_NUMPY_TYPES[entry["dtype"]],
            mode="r",
            offset=8 + length + entry["data_offsets"][0],
            shape=tuple(entry["shape"]),
        )
    return tensors, header


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"{path} cannot be read as a vector set ({why}); extract it again or fetch a fresh copy.")
