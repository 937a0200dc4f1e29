"""Which vector set a model uses where none is named: the one rule, for the command line, the library and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from ..errors import InputError
from ..stimuli import DEFAULT_CORPUS
from ..types import VectorSet
from ..types.vectors import IMPORTED
from .catalog import find_set, list_sets

DEFAULT_PROTOCOL, DEFAULT_PRECISION = "emoviz", "fp32"
# How badly a set fits what is asked for, as `steer.grammar.unfit` and `lacking` say it: the least comes first.
Unfit = Callable[[VectorSet], Any]


class _Model(Protocol):
    """A model in memory, such as `models.load.LoadedModel`."""

    @property
    def name(self) -> str: ...

    @property
    def origin(self) -> str: ...

    @property
    def revision(self) -> str: ...


class _Source(Protocol):
    """Where a model's files are, such as `models.registry.ModelSource`."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def entry(self) -> object | None: ...


def made_from(vectors: VectorSet, model: _Model) -> bool:
    """Whether a set was made from a model: by its revision, or where nobody knows that by the name of the model, as far
    as it is known."""
    p = vectors.provenance
    return p.revision == model.revision if p.revision else p.model in ("", model.name)


def anything(_vectors: VectorSet) -> int:
    """Where nothing is asked for, all sets fit alike."""
    return 0


def lacking(classes: Iterable[str]) -> Unfit:
    """A set without one of these classes fits worse."""
    wanted = set(classes)
    return lambda vectors: not wanted <= set(vectors.classes)


# The rule in words.
RULE = "with the emotions as written, our own, of the shipped corpus, protocol emoviz, fp32, the newest, in this order"


def best_first(sets: Iterable[VectorSet], unfit: Unfit = anything) -> list[VectorSet]:
    """The rule: sets that fit what is asked for, then our own before those of other tools, then those of the shipped
    corpus, then protocol `emoviz`, then fp32, then the newest. Controls ask for nothing."""
    newest = sorted(sets, key=lambda s: s.provenance.created, reverse=True)
    return sorted(
        newest,
        key=lambda s: (
            unfit(s),
            s.provenance.method == IMPORTED,
            s.provenance.corpus != DEFAULT_CORPUS,
            s.provenance.protocol.name != DEFAULT_PROTOCOL,
            s.provenance.precision != DEFAULT_PRECISION,
        ),
    )


def set_for(model: _Model, unfit: Unfit = anything) -> VectorSet:
    """The set that was made from this very model. Raises InputError if there is none."""
    fitting = best_first((s for s in list_sets() if s.provenance.model and made_from(s, model)), unfit)
    if not fitting:
        raise InputError(
            f"there is no vector set of {model.name} @{model.revision[:8]}. Make one with emoviz extract "
            f"{model.origin if model.origin else model.name}, or ez.extract(model)."
        )
    return fitting[0]


def asked_set(model: _Model, asked: str | VectorSet) -> VectorSet:
    """A set that was asked for, by name or itself. Raises InputError if it was made from other weights than the
    model's."""
    vectors = find_set(asked) if isinstance(asked, str) else asked
    if not made_from(vectors, model):
        raise InputError(
            f"set {vectors.name} was made from {vectors.provenance.checkpoint}, the model is {model.name} "
            f"@{model.revision[:8]}. Vectors do not carry over between models."
        )
    return vectors


def set_before_loading(source: _Source, unfit: Unfit = anything) -> VectorSet | None:
    """What `set_for` will find once the model is loaded; None where only loading can tell.

    A folder or file may hold other weights than when its set was made, unless it is pinned by its hash; a bundled or
    hub model changes with its version.
    """
    if not _tells(source):
        return None
    known = [s for s in list_sets() if s.provenance.model == source.name]
    if len({s.provenance.revision for s in known if s.provenance.revision}) != 1:
        return None
    return best_first(known, unfit)[0]


def named_before_loading(source: _Source, named: Sequence[VectorSet], alone: bool) -> VectorSet | None:
    """As `set_before_loading`, where sets are named. alone : whether they are for no other model.

    Raises InputError if none can be this model's, though one must be.
    """
    own = [s for s in named if s.provenance.model in ("", source.name)]
    if alone and not own and source.entry is not None:
        raise InputError(
            f"set {named[0].name} was made from {named[0].provenance.checkpoint}, the model is {source.name}. Vectors "
            "do not carry over between models."
        )
    return own[0] if len(own) == 1 and _tells(source) else None


def _tells(source: _Source) -> bool:
    """Whether the name of a model says which weights it has."""
    return source.kind in ("bundled", "hub") or source.entry is not None


def set_of_each_model(sets: Iterable[VectorSet]) -> dict[str, VectorSet]:
    """Model -> the set that it uses among these, models in the order in which they come."""
    sets = list(sets)
    found: dict[str, VectorSet] = {}
    for vectors in best_first(sets):
        found.setdefault(vectors.provenance.model, vectors)
    return {s.provenance.model: found[s.provenance.model] for s in sets}
