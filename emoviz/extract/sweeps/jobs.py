"""What a job of a sweep is as a command, and what can be said of it before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...models.hub import hub_path
from ...models.identity import revision_of
from ...models.load import DEFAULT_PRECISION
from ...models.memory import needed_bytes
from ...models.registry import ModelSource, resolve
from ...process import words_of as command_words
from ...types import Corpus, Job, Protocol
from ..generation import writing_protocol
from ..protocols import protocol_for
from ..sets import set_name
from .plan import corpus_in

# Options of a job that are not those of `emoviz extract`.
_OWN = ("gpus",)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a job will make, and what it takes.

    set : the name of its vector set, None where only the loaded model can tell. bytes : of memory, None where the
    model's size is unknown. device : the kind of device that it runs on.
    """

    set: str | None
    bytes: float | None
    device: str


@dataclass(frozen=True, slots=True)
class _Model:
    """A model that is not loaded, as far as a name is made of it."""

    name: str
    revision: str
    precision: str
    instruct: bool
    asked: str
    commit: str


class Foresight:
    """What jobs need; every model and every file of passages is looked at once."""

    def __init__(self) -> None:
        self._revision = lru_cache(maxsize=None)(revision_of)
        self._corpora: dict[tuple, Corpus] = {}

    def needs(self, job: Job, device: str) -> Needs:
        """Raises InputError for a job that can only fail: a base model that is to write, a model or file that is
        gone."""
        source = resolve(job.origin)
        precision = DEFAULT_PRECISION[device] if job.precision == "auto" else job.precision
        folder = Path(source.location) if source.hub is None else hub_path(source.hub)
        # Beside a GGUF file may lie the weights of others.
        size = needed_bytes(source, None if source.is_gguf else folder, precision)
        return Needs(self._set(job, source, precision), None if size is None else size[1], device)

    def _set(self, job: Job, source: ModelSource, precision: str) -> str | None:
        protocol = protocol_of(job)
        entry = source.entry
        if protocol.writing is not None and entry is None:
            # Whether it follows requests stands in its tokenizer.
            return None
        found = self._revision(source)
        if found is None:
            return None
        revision, commit = found
        model = _Model(
            source.name,
            revision,
            precision,
            instruct=entry is not None and entry.variant == "instruct",
            asked="" if source.hub is None else source.hub.revision,
            commit=commit,
        )
        protocol = writing_protocol(model, protocol, allow_base=bool(job.options.get("allow_base", False)))
        return set_name(model, protocol, self._corpus(job.options) if protocol.writing is None else None)

    def _corpus(self, options: Mapping[str, Any]) -> Corpus:
        key = tuple(options.get(name) for name in ("passages", "text_column", "label_column", "labels"))
        if key not in self._corpora:
            self._corpora[key] = corpus_in(options)
        return self._corpora[key]


def protocol_of(job: Job) -> Protocol:
    return protocol_for(None, job.options["protocol"], job.options.get("pooling"), job.options.get("stories"))


def words_of(job: Job) -> list[str]:
    """The job as `emoviz extract --json` is told it."""
    given = {name: value for name, value in job.options.items() if name not in _OWN}
    return command_words(
        "extract", job.origin, **{name: one if isinstance(one, bool) else str(one) for name, one in given.items()}
    )
