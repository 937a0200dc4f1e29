"""Stores of vector sets that are reached by URL, and copies of their sets in the user's folder.

    README.md               what the sets are, for people; on the Hugging Face hub the dataset card
    NAME.json               the record of a set: what it is, and its files with their bytes and sha256
    NAME/KEY/NAME.safetensors, and what lies beside it (`store.sets`); KEY is made from what the files hold

A record is written after the files that it names, and those are never replaced: a set that is pushed anew gets another
KEY. So a reader finds a set whole, the old or the new one, and pushes into one store do not hinder each other. Whatever
has no record is not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, first_line
from ..files import DAMAGED, parsed
from .folders import remote_folder
from .making import being_made, locked, sweep
from .names import named
from .tensors import ACTIVATIONS_SUFFIX, STORIES_SUFFIX, SUFFIX
from .unreadable import leave_out

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

log = logging.getLogger(__name__)

RECORD_SUFFIX = ".json"
FORMAT = "emoviz stored set"
SCHEMA_VERSION = 1
BLOCK = 1 << 20
_LONGEST_RECORD = 1 << 20


@dataclass(frozen=True, slots=True)
class Store:
    """A folder that holds sets. files : the file system that it is in. root : its path there."""

    url: str
    files: AbstractFileSystem
    root: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a set. bytes, sha256 : what it must have."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a store says of a set. about : what it is, as `emoviz list` shows it and the card tells it."""

    name: str
    files: tuple[StoredFile, ...]
    about: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The same for the same content."""
        content = sorted((one.file, one.sha256) for one in self.files)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def path(self, store: Store, file: StoredFile) -> str:
        return f"{store.root}/{self.name}/{self.key}/{file.file}"


def is_url(name: str) -> bool:
    return "://" in name


def opened(url: str) -> Store:
    """A store, which need not exist yet.

    Raises InputError for what is no URL, a scheme that nothing here reads, and a password in it.
    """
    from fsspec import get_filesystem_class
    from fsspec.core import url_to_fs

    if not isinstance(url, str) or not is_url(url) or "::" in url:
        raise InputError(
            f"store {str(url)!r:.80} was given; a URL such as hf://datasets/owner/name, s3://bucket/folder or "
            "file:///folder is needed."
        )
    if re.match(r"[^/]*//[^/]*:[^/]*@", url):
        raise InputError(
            "the URL of the store holds a password. Leave it out, and give it in the environment or the configuration "
            "of fsspec."
        )
    url = url.rstrip("/")
    scheme = url.partition("://")[0]
    with reaching(url):
        try:
            get_filesystem_class(scheme)
        except ValueError as error:
            raise InputError(
                f"scheme {scheme!r:.40} of {url} is unknown; hf, s3, gs, file, memory and others of fsspec are allowed."
            ) from error
        # An instance of one's own: shared ones remember what they listed.
        files, root = url_to_fs(url, skip_instance_cache=True)
        return Store(url, files, root.rstrip("/"))


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Around whatever asks a file system. Raises InputError, in one line, for whatever that raises."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{url} does not exist. Check the address, and whether you may see it.") from error
    except PermissionError as error:
        raise InputError(
            f"{url} is closed to you ({first_line(error)}). Check your rights; keys and tokens are taken from the "
            "environment (HF_TOKEN, AWS_ACCESS_KEY_ID, ...)."
        ) from error
    except ImportError as error:
        raise InputError(f"{url} needs a missing package ({first_line(error)}). Install it with pip.") from error
    # Every service raises what it likes.
    except Exception as error:
        raise InputError(
            f"{url} cannot be used ({first_line(error)}). Check the address and the network, and try again."
        ) from error


def records(store: Store) -> list[Record]:
    """The sets of a store by name; none where it does not exist. A record that cannot be read is logged and left out.

    Raises InputError if the store cannot be reached.
    """
    found: list[Record] = []
    for name in _names(store):
        try:
            record = stored(store, name)
        except InputError as error:
            leave_out(Path(f"{name}{RECORD_SUFFIX}"), error)
            continue
        # None of one that was taken away meanwhile.
        found += [] if record is None else [record]
    return found


def stored(store: Store, name: str) -> Record | None:
    """The record of a set; None where there is none. Raises InputError if it is damaged."""
    content = content_of(store, f"{name}{RECORD_SUFFIX}", _LONGEST_RECORD)
    return None if content is None else _parsed(store, name, content)


def content_of(store: Store, file: str, most: int = -1) -> bytes | None:
    """What a small file of a store holds; None where there is none. Raises InputError if it cannot be read."""
    with reaching(f"{store.url}/{file}"):
        try:
            with store.files.open(f"{store.root}/{file}", "rb") as stream:
                return stream.read(most)
        except FileNotFoundError:
            return None


def copied(url: str) -> Path:
    """The file of a set that is named by its URL, in the user's folder; copied there where it is not yet.

    url : of the store, with the set's name or an unambiguous beginning of it behind.
    Raises InputError if there is no such set, or it cannot be copied whole.
    """
    place, _, name = url.rstrip("/").rpartition("/")
    if not name or not is_url(place):
        raise InputError(f"set {url!r} was given; the URL of its store with its name is needed: URL/SET.")
    store = opened(place)
    record, advice = stored(store, name), f"`emoviz list {store.url}` shows what is there."
    if record is None:
        name = named(name, _names(store), f"sets in {store.url}", advice)
        record = stored(store, name)
    if record is None:
        raise InputError(f"{store.url}/{name} was taken away just now. {advice}")
    return copy_of(store, record)


def copy_of(store: Store, record: Record) -> Path:
    """The file of a set in the user's folder, whole and checked. Raises InputError if it cannot be copied."""
    folder = remote_folder() / record.key
    path = folder / f"{record.name}{SUFFIX}"
    if path.is_file():
        sweep(folder)
        return path
    size = sum(one.bytes for one in record.files)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
        if free < size:
            raise InputError(
                f"{record.name} has {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free in {folder.parent}. Make room, "
                "or set EMOVIZ_HOME to another disk."
            )
        with locked(folder):
            if not path.is_file():
                log.info("copying %s from %s (%.1f MB)", record.name, store.url, size / 1e6)
                with being_made(folder) as work:
                    whole = work / "set"
                    whole.mkdir()
                    for one in record.files:
                        _copy(store, record, one, whole / one.file)
                    whole.rename(folder)
    except OSError as error:
        raise InputError(
            f"{folder.parent} cannot hold a copy of {record.name} ({error.strerror or error}). Make room, or set "
            "EMOVIZ_HOME to a folder that can be written to."
        ) from error
    return path


def _copy(store: Store, record: Record, one: StoredFile, target: Path) -> None:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        for block in _blocks(store, record, one):
            size += len(block)
            digest.update(block)
            out.write(block)
            if size > one.bytes:
                break
    if size != one.bytes or digest.hexdigest() != one.sha256:
        raise InputError(
            f"{store.url}/{record.name} is not what its record says: {one.file} has not the {one.bytes:,} bytes that "
            "were pushed. Push the set again."
        )


def _blocks(store: Store, record: Record, one: StoredFile) -> Iterator[bytes]:
    """What a stored file holds. Its own errors alone are those of the store, not those of whoever reads it."""
    with reaching(f"{store.url}/{record.name}"), store.files.open(record.path(store, one), "rb") as stream:
        while block := stream.read(BLOCK):
            yield block


def _names(store: Store) -> list[str]:
    with reaching(store.url):
        try:
            paths = store.files.ls(store.root, detail=False)
        except FileNotFoundError:
            return []
    files = (path.rstrip("/").rpartition("/")[2] for path in paths)
    return sorted(file.removesuffix(RECORD_SUFFIX) for file in files if file.endswith(RECORD_SUFFIX) and file[0] != ".")


def _parsed(store: Store, name: str, content: bytes) -> Record:
    try:
        about = parsed(content)
        if about.pop("format") != FORMAT or about.pop("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"it is not of the form {FORMAT} {SCHEMA_VERSION}")
        files = tuple(StoredFile(**one) for one in about.pop("files"))
        key, names = about.pop("key"), [one.file for one in files]
        # Names of our own making: nothing is read or written where a stranger's record says.
        known = [f"{name}{suffix}" for suffix in (SUFFIX, ACTIVATIONS_SUFFIX, STORIES_SUFFIX)]
        found = Record(name, files, about)
        if about["set"] != name or key != found.key or known[0] not in names or not set(names) <= set(known):
            raise ValueError("its parts do not fit together")
        if not all(isinstance(one.bytes, int) and isinstance(one.sha256, str) for one in files):
            raise ValueError("sizes or sums are missing")
        if not all(value is None or isinstance(value, (str, int, float)) for value in about.values()):
            raise ValueError("what it says is more than words and numbers")
    except DAMAGED as error:
        raise InputError(
            f"{store.url}/{name}{RECORD_SUFFIX} cannot be read as the record of a vector set ({first_line(error)}). "
            "Push the set again."
        ) from error
    return found
