"""Which vector sets there are, and how a name finds one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ..errors import InputError
from ..types import VectorSet
from .copies import is_url
from .folders import sets_folder, shipped_folder
from .names import named
from .remote import remote_sets
from .sets import ACTIVATIONS_SUFFIX, files_of, load_set
from .tensors import SUFFIX
from .unreadable import readable, stored


def list_sets(url: str | None = None) -> list[VectorSet]:
    """The vector sets at hand: shipped ones, then the user's own, each by model, method and name.

    Tensors are memory-mapped, so that listing reads headers only. A file that cannot be read is logged and left out.
    url : a store, such as `hf://datasets/owner/name`, whose sets are meant instead (docs/stores.md).
    Raises : InputError if the store cannot be reached.

    >>> import emoviz as ez
    >>> [vectors.name for vectors in ez.list_sets() if vectors.shipped][:2]
    ['Qwen2.5-Coder-0.5B-Instruct_emoviz_fp32_bed2002a', 'Qwen2.5-Coder-0.5B-Instruct_jeong2026b_fp32_88988d92']
    """
    if url is not None:
        return remote_sets(url)
    found: dict[str, VectorSet] = {}
    for folder, shipped in ((shipped_folder(), True), (sets_folder(), False)):
        for vectors in readable(_files(folder), partial(load_set, shipped=shipped)):
            found.setdefault(vectors.name, vectors)
    return sorted(found.values(), key=lambda s: (not s.shipped, s.provenance.model, s.provenance.method, s.name))


def find_set(name: str | Path) -> VectorSet:
    """A vector set by its name in `list_sets`, by an unambiguous beginning of that name, by the path of its file, or by
    the URL of its store with its name (`hf://datasets/owner/name/SET`, `s3://bucket/folder/SET`; docs/stores.md).

    Returns : VectorSet. Raises : InputError if nothing or more than one set fits.

    >>> import emoviz as ez
    >>> ez.find_set("gemma-3-270m_emoviz")
    VectorSet('gemma-3-270m_emoviz_fp32_ca4cb220': 18 layers x 21 classes x 640, comprehension)
    """
    if isinstance(name, Path):
        return load_set(name)
    if not isinstance(name, str):
        raise InputError(f"set {name!r:.60} was asked for; its name or the path of its file is needed.")
    if is_url(name) or name.endswith(SUFFIX):
        return load_set(name)
    sets = list_sets()
    advice = f"Give one of these, the path of a {SUFFIX} file, or run emoviz extract."
    found = named(name, [s.name for s in sets], "known sets", advice)
    return next(s for s in sets if s.name == found)


def delete_set(vectors: VectorSet) -> None:
    """Deletes one of the user's own sets and what lies beside it. Raises InputError for a shipped one."""
    if vectors.shipped:
        raise InputError(f"{vectors.name} is shipped with emoviz; only sets of your own can be deleted.")
    for path in files_of(vectors):
        try:
            path.unlink()
        except OSError as error:
            raise InputError(f"{path} cannot be deleted ({error.strerror}). Check who owns it.") from error


def _files(folder: Path) -> list[Path]:
    return [path for path in stored(folder, f"*{SUFFIX}") if not path.name.endswith(ACTIVATIONS_SUFFIX)]
