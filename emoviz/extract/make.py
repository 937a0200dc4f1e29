"""Vector sets for whoever asks: made and stored, or found where they were made before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, faults_told
from ..geometry import preferred_layer
from ..models.loaded import LoadedModel, loaded_model
from ..stimuli.corpus import corpus_of
from ..stimuli.labels import alike, alike_words
from ..store import check_writable, list_sets, load_set, load_stories, save_set, sets_folder, shipped_folder
from ..store.tensors import SUFFIX
from ..types import Corpus, Protocol, VectorSet
from .capture import DEFAULT_BATCH_TOKENS
from .generation import writing_protocol
from .progress import Progress
from .protocols import check_kept, protocol_for
from .sets import extract_set, set_name
from .work import drop_work, work_folder

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


def extract(
    model: LoadedModel,
    passages: Corpus | Path | str | pd.DataFrame | Iterable[Sequence[str]] | None = None,
    protocol: str | Protocol = "emoviz",
    *,
    name: str = "passages",
    keep: str = "best",
    batch_tokens: int = DEFAULT_BATCH_TOKENS,
    allow_base: bool = False,
    save: bool = True,
    folder: Path | str | None = None,
    progress: bool | Callable[[str, int, int], None] = True,
) -> VectorSet:
    """The vector set of a model: its states over passages, or over stories that it writes itself, averaged by class.

    passages : None for the shipped corpus; the path of a file, or a pandas DataFrame, with the usual columns (text,
        sentence or utterance; emotion, label or class; topic, if you like); a corpus of `load_corpus`, which takes
        other columns and names of numbered labels; or (emotion, text) and (emotion, text, topic) tuples. At least two
        passages a class.
    protocol : how vectors are made, see `extract.protocols`: `emoviz`, `jeong2026b`; by generation `emoviz-stories`,
        `jeong2026a`, `jeong2026a-loose`, which take no passages.
    name : what passages that come from no file are called.
    keep : layers whose pooled states stay with the set, so that intervals can be drawn: `best`, the one that its
        protocol's rule picks and those of this model's sets from other passages, `all` or `none`.
    batch_tokens : padded tokens of one forward pass. allow_base : let a base model write stories.
    save : whether the set is stored, in `folder` or else the user's own. The same request is then never computed twice,
        and a run that was killed goes on where it stopped.
    progress : True shows how far it is, False is silent; or a function of (stage, done, total).
    Returns : VectorSet, class means (L, C, D) in the units of the residual stream.
    Raises  : InputError if the passages cannot be used, one does not fit the model, or no layer is finite.
    Source  : docs/methods.md; Jeong 2026 (arXiv 2604.11050 and 2604.04064) for the protocols of their name.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> rows = [("glad", f"What a lovely {thing}!", thing) for thing in ("day", "song", "meal", "walk")]
    >>> rows += [("cross", f"That wretched {thing} again.", thing) for thing in ("day", "song", "meal", "walk")]
    >>> ez.extract(model, rows, save=False, progress=False).classes
    ('cross', 'glad')
    """
    loaded_model(model)
    if not isinstance(batch_tokens, int) or batch_tokens < 1:
        raise InputError(f"batch_tokens {batch_tokens!r:.40} was given; a whole number above 0 is needed.")
    found = protocol if isinstance(protocol, Protocol) else protocol_for(name=protocol)
    check_kept(keep)
    if found.writing is not None:
        if passages is not None:
            raise InputError(
                f"passages were given with protocol {found.name}, which reads the model's own stories; passages are "
                "for comprehension. Leave one of the two out."
            )
        found = writing_protocol(model, found, allow_base)
    corpus = corpus_of(passages, name) if found.writing is None else None
    for first, other, difference in alike(corpus.classes if corpus is not None else ()):
        log.warning("two classes look alike: %s", alike_words(first, other, difference))
    also = _layers_of_other_corpora(model, found) if corpus is not None else ()
    show = Progress() if progress is True else (lambda stage, done, total: None) if progress is False else progress
    try:
        if not save:
            return extract_set(model, corpus, found, keep=keep, also=also, batch_tokens=batch_tokens, progress=show)
        with faults_told():
            return _stored(model, corpus, found, folder, keep, also, batch_tokens, show)
    finally:
        if isinstance(show, Progress):
            show.close()


def _layers_of_other_corpora(model: LoadedModel, protocol: Protocol) -> tuple[int, ...]:
    """Where the model's sets at hand by this protocol stand, so that corpora can be compared at one layer with an
    interval."""
    found = (s for s in list_sets() if s.provenance.revision == model.revision and s.provenance.protocol == protocol)
    return tuple(sorted({preferred_layer(s) for s in found}))


def _there(path: Path) -> VectorSet | None:
    """The set of a file, None where there is none, or, which is said, it or what lies beside it is damaged."""
    if not path.exists():
        return None
    try:
        found = load_set(path)
        load_stories(found)
    except InputError as error:
        log.warning("%s It is made anew.", error)
        return None
    if "activations" in found.notes and found.activations is None:
        log.warning("%s It is made anew.", found.notes["activations"])
        return None
    return found


def _stored(model, corpus, protocol, folder, keep, also, batch_tokens, show) -> VectorSet:
    own = set_name(model, protocol, corpus)
    shipped = shipped_folder() / f"{own}{SUFFIX}"
    if folder is None and shipped.exists():
        log.info("%s is shipped; nothing to compute", own)
        return load_set(shipped, shipped=True)
    folder = sets_folder() if folder is None else Path(folder)
    path = folder / f"{own}{SUFFIX}"
    there = _there(path)
    if there is not None:
        log.info("%s is there already; nothing to compute", path.name)
        drop_work(own)
        return there
    check_writable(folder)
    with work_folder(own) as work:
        made = extract_set(
            model, corpus, protocol, keep=keep, also=also, batch_tokens=batch_tokens, work=work, progress=show
        )
        # As it will be opened: files keep fewer digits.
        return load_set(save_set(made, folder))
