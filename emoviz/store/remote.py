"""Vector sets out to a store that is reached by URL, and all that are in one."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO
from uuid import uuid4

from ..errors import InputError
from ..types import Pushed, VectorSet
from ..types.given import uncleaned
from .atomic import atomically
from .copies import (
    BLOCK,
    FORMAT,
    RECORD_SUFFIX,
    SCHEMA_VERSION,
    Record,
    Store,
    StoredFile,
    content_of,
    copy_of,
    opened,
    reaching,
    records,
    stored,
)
from .making import scratch_folder
from .sets import files_of, load_set, save_set
from .tensors import ACTIVATIONS_SUFFIX
from .unreadable import leave_out

log = logging.getLogger(__name__)

CARD = "README.md"
# What a card of ours holds; another file of that name is left as it is.
_OURS = "<!-- written by emoviz push -->"
_COLUMNS = ("model", "revision", "weights", "precision", "method", "protocol", "corpus", "n_passages")
_SIZES = ("n_layers", "d_model", "n_classes", "created")

Progress = Callable[[str, int, int], None]


def push_set(vectors: VectorSet, url: str, *, activations: bool = False, progress: Progress | None = None) -> Pushed:
    """Puts a vector set into a store that is reached by URL, where `find_set` and `list_sets` find it.

    url : of the store: `hf://datasets/owner/name`, `s3://bucket/folder`, `file:///folder`, or whatever else fsspec has
        a package for. Tokens and keys are taken from the environment.
    activations : whether the pooled states of the passages go with it; they are larger than the set.
    progress : called with what is done, and how many bytes of how many.
    Returns : Pushed, the URL of the set and of its files. What is there already is not written again.
    Raises  : InputError if the store cannot be reached or written to, and for a cleaned set. A set that could not be
        written whole is not found there.

    >>> import emoviz as ez
    >>> vectors = ez.find_set("gemma-3-270m_emoviz")
    >>> ez.push_set(vectors, "memory://lab/emotions").url
    'memory://lab/emotions/gemma-3-270m_emoviz_fp32_ca4cb220'
    >>> ez.find_set("memory://lab/emotions/gemma-3-270m")
    VectorSet('gemma-3-270m_emoviz_fp32_ca4cb220': 18 layers x 21 classes x 640, comprehension)
    """
    store = opened(url)
    uncleaned(vectors)
    with scratch_folder() as folder:
        # A set that was only just made has no file yet.
        saved = vectors.path is not None and vectors.path.is_file()
        own = vectors if saved else load_set(save_set(vectors, folder))
        kept = [path for path in files_of(own) if activations or not path.name.endswith(ACTIVATIONS_SUFFIX)]
        record = Record(own.name, tuple(map(_measured, kept)), about_set(own))
        with reaching(store.url):
            there = _there(store, record)
            if there is None:
                _push(store, record, kept, progress)
            _write_card(store)
    record = record if there is None else there
    files = [store.files.unstrip_protocol(record.path(store, one)) for one in record.files]
    return Pushed(f"{store.url}/{record.name}", tuple(files))


def remote_sets(url: str) -> list[VectorSet]:
    """The vector sets of a store, by name; none where it does not exist. A set that cannot be read is logged and left
    out.

    Raises InputError if the store cannot be reached.
    """
    store, found = opened(url), []
    for record in records(store):
        try:
            found.append(load_set(copy_of(store, record)))
        except InputError as error:
            leave_out(Path(record.name), error)
    return found


def stored_rows(url: str) -> list[dict]:
    """What the records of a store say of its sets, by name; nothing is copied. Raises InputError as `remote_sets`."""
    return [dict(record.about) for record in records(opened(url))]


def _measured(path: Path) -> StoredFile:
    with path.open("rb") as file:
        return StoredFile(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def about_set(vectors: VectorSet) -> dict:
    """What a record says of a set, and a list shows."""
    p = vectors.provenance
    found = {name: getattr(p, name) for name in _COLUMNS if name != "protocol"}
    sizes = {"n_layers": vectors.n_layers, "d_model": vectors.d_model, "n_classes": len(vectors.classes)}
    return {"set": vectors.name, **found, "protocol": p.protocol.name, **sizes, "created": p.created}


def _there(store: Store, record: Record) -> Record | None:
    """The set as the store has it, with more beside it maybe; None where it is not there, not whole, or another."""
    try:
        found = stored(store, record.name)
    except InputError:
        # A damaged record is written anew.
        return None
    if found is None or found.about != record.about or not set(record.files) <= set(found.files):
        return None
    return found if all(store.files.exists(found.path(store, one)) for one in found.files) else None


def _push(store: Store, record: Record, paths: Sequence[Path], progress: Progress | None) -> None:
    done, total = 0, sum(one.bytes for one in record.files)

    def wrote(n: int) -> None:
        nonlocal done
        done += n
        if progress is not None:
            progress("pushing", done, total)

    store.files.makedirs(f"{store.root}/{record.name}/{record.key}", exist_ok=True)
    for one, path in zip(record.files, paths, strict=True):
        with path.open("rb") as file:
            _write(store, record.path(store, one), file, wrote)
    files = [{"file": one.file, "bytes": one.bytes, "sha256": one.sha256} for one in record.files]
    # On one line, as tables of JSON have their rows.
    head = {"format": FORMAT, "schema_version": SCHEMA_VERSION, "key": record.key}
    told = json.dumps({**head, **record.about, "files": files})
    _write(store, f"{store.root}/{record.name}{RECORD_SUFFIX}", io.BytesIO(f"{told}\n".encode()))


def _write(store: Store, path: str, source: IO[bytes], wrote: Callable[[int], None] = lambda n: None) -> None:
    """Under another name first, where the file system can rename; services that cannot write a file whole at once."""
    from fsspec import AbstractFileSystem
    from fsspec.implementations.local import LocalFileSystem

    def copy(out: IO[bytes]) -> None:
        while chunk := source.read(BLOCK):
            out.write(chunk)
            wrote(len(chunk))

    if type(store.files) is LocalFileSystem:

        def write(temporary: Path) -> None:
            with temporary.open("wb") as out:
                copy(out)

        atomically(Path(path), write)
        return
    renames = type(store.files).mv is not AbstractFileSystem.mv
    folder, _, name = path.rpartition("/")
    target = f"{folder}/.{name}.{uuid4().hex}.part" if renames else path
    try:
        with store.files.open(target, "wb") as out:
            copy(out)
        if renames:
            store.files.mv(target, path)
    except BaseException:
        if renames and store.files.exists(target):
            store.files.rm(target)
        raise


def _write_card(store: Store) -> None:
    there = content_of(store, CARD)
    card = card_of(store.url, records(store)).encode()
    # The beginning of a card is one whose writing was broken off.
    if there is not None and _OURS.encode() not in there and not card.startswith(there):
        log.info("%s/%s is not by emoviz and stays as it is", store.url, CARD)
    elif there != card:
        _write(store, f"{store.root}/{CARD}", io.BytesIO(card))


def card_of(url: str, sets: Sequence[Record]) -> str:
    """The README of a store: front matter of a dataset on the hub, its sets, and how to load one."""
    names = ("set", *_COLUMNS, *_SIZES)
    rows = [[str(one.about.get(name, "")).replace("|", "/").replace("\n", " ") for name in names] for one in sets]
    first = sets[0].name
    return "\n".join(
        [
            "---",
            "license: other",
            "license_name: as-the-models",
            "tags: [emoviz, emotion, interpretability, activation-steering]",
            "configs:",
            "- config_name: sets",
            f'  data_files: "*{RECORD_SUFFIX}"',
            "---",
            _OURS,
            "",
            "# Emotion vector sets",
            "",
            "How language models represent emotions: class means of their residual stream, one vector for each emotion "
            "and layer, made by emoviz. The vectors are under the licences of the models that they were made from.",
            "",
            f"| {' | '.join(names)} |",
            f"|{'---|' * len(names)}",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            "## Loading",
            "",
            f"    emoviz show {url}/{first}",
            "",
            "    import emoviz as ez",
            f'    vectors = ez.find_set("{url}/{first}")    # .class_means: layers x classes x width',
            f'    sets = ez.list_sets("{url}")',
            "",
            f"Without emoviz: `SET{RECORD_SUFFIX}` has the key and the files of a set, with their sha256. They lie in "
            "`SET/KEY/` and are plain safetensors.",
            "",
        ]
    )
