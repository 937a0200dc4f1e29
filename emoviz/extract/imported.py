"""Vector sets of what other tools made: their files read, what they do not say asked for, checked against the model."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..models.identity import Identity, identity
from ..models.registry import resolve
from ..store import list_sets, load_set, save_set
from ..store.formats.checks import MAX_LAYERS, check_classes
from ..types import Foreign, Imported, Protocol, Provenance, VectorSet
from ..types.given import file_name
from ..types.vectors import IMPORTED
from ..words import counted
from .foreign import Paths, check_room, files_of, own_set, read_vectors

log = logging.getLogger(__name__)

# How they were made is not known. Directions are differences already, unless a file says that it holds means.
PROTOCOL = Protocol(
    name=IMPORTED,
    pooling="",
    special_tokens=False,
    skip_first=False,
    equal_norm=False,
    centring="none",
    layer_rule="middle",
)
_LACKING = ("halves", "residual_norm", "anisotropy", "anisotropy_centred", "decoding_accuracy", "intervals")


def load_vectors(
    paths: Paths,
    *,
    name: str | None = None,
    classes: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    n_layers: int | None = None,
    model: str | None = None,
    layer_offset: int | None = None,
) -> VectorSet:
    """Vectors that another tool made, as a vector set; nothing is stored (`ez.save_set` does that).

    paths : a file, or several that make one set, or a folder of them: GGUF control vectors (one emotion a file),
        steerkit probes, .npz, .npy, .safetensors, and .pt dictionaries. A set of emoviz is taken as it is.
    name : of the set; made of the model's and the files' names where none is given.
    classes : names of the emotions in the order of the file or the files, where these have none, or others.
    layers : the 0-based block of each row of an array, where the file does not say.
    n_layers : of the model, where it is not at hand and the file has some of its layers only.
    model : what the vectors were made from, as `ez.load_model` takes it. Of one that is at hand width and number of
        layers are checked, and the set is tied to its revision.
    layer_offset : what is added to the file's layers, such as -1 where a tool counts the embedding as layer 0.
    Returns : VectorSet, class means (L, C, D) float32 as the file has them, NaN at layers without vectors.
    Raises  : InputError for a file that cannot be read or is damaged, for what cannot be known and was not given, and
        for vectors that do not fit the model.
    Source  : docs/exchange.md says what is read of each format.

    >>> import emoviz as ez, numpy as np, tempfile
    >>> file = tempfile.mkdtemp() + "/mine.npz"
    >>> np.savez(file, happy=np.ones((12, 768), np.float32), sad=-np.ones((12, 768), np.float32))
    >>> ez.load_vectors(file, model="openai-community/gpt2", name="mine")
    VectorSet('mine': 12 layers x 2 classes x 768, imported)
    """
    files = files_of(paths)
    own = own_set(files)
    if own is not None:
        if any(one is not None for one in (classes, layers, n_layers, model, layer_offset)):
            raise InputError(f"{files[0].name} is a vector set of emoviz, which says all of itself. Give a name alone.")
        return own if name is None else replace(own, name=file_name(name))
    asked = Asked(name, classes, layers, n_layers, model, layer_offset)
    return set_of(read_vectors(files), asked)


def stored(vectors: VectorSet) -> VectorSet:
    """The set in the user's folder, written if it is not there yet. Raises InputError where another has its name."""
    # Some disks take names that differ in case alone for one.
    there = next((one for one in list_sets() if one.name.casefold() == vectors.name.casefold()), None)
    if there is None:
        return load_set(save_set(vectors))
    same = (there.name, there.classes, there.provenance.revision) == (
        vectors.name,
        vectors.classes,
        vectors.provenance.revision,
    )
    if not same or not np.array_equal(there.class_means, vectors.class_means, equal_nan=True):
        raise InputError(f"there is another set called {there.name}. Give a name by --as, or delete that one.")
    return there


@dataclass(frozen=True, slots=True)
class Asked:
    """What is said of vectors beside their files; see `load_vectors`."""

    name: str | None = None
    classes: Sequence[str] | None = None
    layers: Sequence[int] | None = None
    n_layers: int | None = None
    model: str | None = None
    layer_offset: int | None = None


def set_of(found: Foreign, asked: Asked) -> VectorSet:
    """A vector set of what files hold and what was said beside them. Raises InputError as `load_vectors`."""
    found = _named(found, asked.classes)
    known, name, origin = _model(found, asked.model)
    classes = found.classes or ()
    notes = list(found.imported.notes)
    if known is None:
        notes.append(f"{origin} is not at hand, so that the vectors were not checked against it")
    elif known.d_model != found.vectors.shape[2]:
        raise InputError(
            f"the vectors have width {found.vectors.shape[2]}, {known.name} has {known.d_model}. Vectors do not carry "
            "over between models: name theirs by --model."
        )
    elif found.revision not in ("", known.revision):
        raise InputError(
            f"the vectors are of {found.model:.80} @{found.revision:.8}, the model at hand is {known.name} "
            f"@{known.revision:.8}. Vectors do not carry over between models."
        )
    elif found.hint and not (known.kind.startswith(found.hint) or found.hint.startswith(known.kind)):
        notes.append(f"the files are for the architecture {found.hint:.40}, {known.name} has {known.kind}")
    total = _total(found, asked.n_layers, known)
    layers = _layers(found, asked.layers, asked.layer_offset, total, notes)
    total = max(layers) + 1 if total is None else total
    means = _placed(found.vectors, layers, total, notes)
    missing = tuple(np.flatnonzero(np.isnan(means).any((1, 2))).tolist())
    if len(missing) == total:
        raise InputError("no layer has vectors of all classes. Give files that have the same layers.")
    for note in notes:
        log.warning("%s", note)
    stem = _stems(found.imported)
    revision = known.revision if known is not None else found.revision
    key = hashlib.sha256(repr((classes, name, revision)).encode() + means.tobytes()).hexdigest()[:8]
    unknown = np.full(total, np.nan)
    lacking = dict.fromkeys(_LACKING, "vectors of another tool come without the passages that they were made from")
    if missing:
        lacking["layers"] = "the files have no vectors of all classes for it"
    return VectorSet(
        name="_".join((_fit(name), IMPORTED, _fit(stem), key)) if asked.name is None else file_name(asked.name),
        classes=classes,
        provenance=Provenance(
            model=name,
            revision=revision,
            architecture=known.architecture if known is not None else found.hint,
            weights=known.weights if known is not None else "",
            precision="",
            method=IMPORTED,
            protocol=replace(PROTOCOL, centring=found.centring if len(classes) > 1 else "none"),
            corpus=stem,
            corpus_hash="",
            n_passages=0,
            n_neutral_sentences=0,
            topics=(),
            nonfinite_layers=missing,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions={"numpy": version("numpy")},
            origin=origin,
            imported=replace(found.imported, notes=tuple(notes)),
        ),
        class_means=means,
        half_means=None,
        residual_norm=unknown,
        anisotropy=unknown,
        decoding_accuracy=unknown,
        umap=None,
        notes={**lacking, "umap": "it is not computed for vectors of another tool"},
    )


def _named(found: Foreign, asked: Sequence[str] | None) -> Foreign:
    """The same with the names of its classes. Raises InputError where they are not known."""
    file, n_rows, n_classes = found.imported.files[0], *found.vectors.shape[:2]
    if asked is None and found.classes is None:
        raise InputError(f"{file} has {n_classes} classes without names. Name them in their order by --classes a,b,c.")
    names = check_classes(found.classes or () if asked is None else asked)
    if len(names) == n_classes:
        return replace(found, classes=names)
    if found.classes is None and found.layers is None and len(names) == n_rows:
        return replace(found, classes=names, vectors=found.vectors.swapaxes(0, 1))
    raise InputError(f"{counted(len(names), 'class')} were named, {file} has {n_classes}. Name each, in their order.")


def _model(found: Foreign, asked: str | None) -> tuple[Identity | None, str, str]:
    """The model of the vectors if it is at hand, its name, and what loads it. Raises InputError where none is named."""
    model = found.model if asked is None else asked
    if not isinstance(model, str) or not model.strip():
        raise InputError("the files do not say which model they are of. Name it by --model, as for emoviz extract.")
    model = model.strip()
    if len(model) > 200 or re.search(r"[\x00-\x1f\x7f]", model):
        raise InputError(f"model {model!r:.60} was given; a name, hub id, folder or .gguf file is needed.")
    known = None
    try:
        name = resolve(model, away=True).name
        known = identity(model)
    except InputError:
        # A path must be there; a name need not.
        if Path(model).exists() or model.startswith((".", "/", "~")) or model.lower().endswith(".gguf"):
            raise
        name = _short(model)
    of_path = known is not None and Path(known.origin).exists()
    if found.model and not of_path and name not in (found.model, _short(found.model)):
        raise InputError(
            f"the files say that they are of {found.model:.80}, and --model says {model:.80}. Vectors do not carry "
            "over between models."
        )
    return known, name, model if known is None else known.origin


def _short(model: str) -> str:
    """The name of a hub id, without its owner and revision."""
    return model.rstrip("/").split("/")[-1].partition("@")[0]


def _total(found: Foreign, asked: int | None, known: Identity | None) -> int | None:
    """The model's number of layers, None where nothing says it."""
    said = {"--n-layers": asked, found.imported.files[0]: found.n_layers}
    if known is not None:
        said[known.name] = known.n_layers
    given = {who: n for who, n in said.items() if n is not None}
    for who, n in given.items():
        if type(n) is not int or not 1 <= n <= MAX_LAYERS:
            raise InputError(f"{who} says {n!r:.20} layers; 1 to {MAX_LAYERS} are allowed.")
    if len(set(given.values())) > 1:
        both = ", ".join(f"{n} by {who}" for who, n in given.items())
        raise InputError(f"the model has two numbers of layers ({both}). Vectors do not carry over between models.")
    return next(iter(given.values()), None)


def _layers(
    found: Foreign, asked: Sequence[int] | None, offset: int | None, total: int | None, notes: list[str]
) -> list[int]:
    """The block of each row; -1 and `total`, which are no blocks, where a file has them."""
    file, rows = found.imported.files[0], len(found.vectors)
    if offset is not None and (type(offset) is not int or abs(offset) > MAX_LAYERS):
        raise InputError(f"layer offset {offset!r:.20} was given; a whole number such as -1 is needed.")
    if asked is not None and found.layers is not None:
        raise InputError(f"{file} numbers its layers itself. Leave --layers out; --layer-offset shifts them.")
    numbers = list(range(rows) if asked is None else asked) if found.layers is None else list(found.layers)
    if len(numbers) != rows or any(type(one) is not int for one in numbers) or len(set(numbers)) < rows:
        raise InputError(f"{counted(len(numbers), 'layer')} were named for {rows} rows. Name one for each, none twice.")
    said = asked is not None or found.layers is not None
    if not said and rows == 1 and total != 1:
        raise InputError(f"{file} does not say of which layer it is. Name the block by --layers.")
    if not said and total not in (None, rows, rows + (0 if offset is None else offset)):
        more = ", or by --layer-offset -1 leave out the first, the embedding" if rows == total + 1 else ""
        raise InputError(f"{file} has {rows} rows, the model {total} layers. Name the block of each by --layers{more}.")
    if total is None and (asked is not None or numbers != list(range(rows)) or rows == 1):
        raise InputError(
            f"{file} has vectors of some layers, and the model, which is not at hand, may have more. Say how many by "
            "--n-layers."
        )
    if total is None:
        notes.append(f"the {rows} layers of the files are taken for all of the model")
    if found.offset is not None and offset is None:
        notes.append(
            f"made by {found.imported.tool}, it seems, which calls the vector of block N - 1 direction.N: "
            f"--layer-offset {found.offset} takes it so; here N is the block"
        )
    return [one + (0 if offset is None else offset) for one in numbers]


def _placed(vectors: np.ndarray, layers: Sequence[int], total: int, notes: list[str]) -> np.ndarray:
    """(L, C, D), NaN where there are no vectors."""
    check_room(total, *vectors.shape[1:])
    out = np.full((total, *vectors.shape[1:]), np.nan, np.float32)
    for layer, rows in zip(layers, vectors, strict=True):
        if layer in (-1, total):
            notes.append(f"left out: layer {layer}, which is {'the embedding' if layer == -1 else 'the final norm'}")
        elif not 0 <= layer < total:
            raise InputError(
                f"the vectors have layer {layer}, the model layers 0 to {total - 1}. Name their model by --model, or "
                "shift them by --layer-offset."
            )
        else:
            out[layer] = rows
    empty = (out == 0).all(-1)
    if empty.any():
        out[empty] = np.nan
        notes.append("vectors of zeros, which have no direction, are taken for missing")
    return out


def _stems(imported: Imported) -> str:
    """The files in a word or two: of several how many."""
    stem = imported.files[0].split(".")[0]
    return stem if len(imported.files) == 1 else f"{stem} and {len(imported.files) - 1} more"


def _fit(name: str) -> str:
    """As a part of a file name."""
    return re.sub(r"[^\w.+-]+", "-", name, flags=re.ASCII).strip("-._")[:30] or "vectors"
