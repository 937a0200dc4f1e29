"""Where vectors come from, and the vectors of one model."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..emotions import NEUTRAL
from ..words import counted
from .base import Value
from .corpus import Story
from .imported import Imported

# The method and protocol of vectors that were made by another tool.
IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Writing:
    """How a model is made to write stories, for extraction by generation.

    templates : name of the set of prompts (stimuli/data/stories.json). stories : per class.
    chat : through the model's chat template. temperature : 0 is greedy. seed : every story has its own, made from this.
    """

    templates: str
    stories: int
    chat: bool
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True, slots=True)
class Protocol:
    """A complete way of making vectors.

    pooling : `mean` over content tokens, `last` content token, or `mid`, the middle one.
    special_tokens : whether the tokenizer adds its special tokens (they are never content).
    skip_first : leave the first token out of the content (attention sink), special or not.
    equal_norm : bring every content token's state to the layer's median norm before pooling, so that a token with a
        massive activation (attention sinks also sit elsewhere than on the first token) counts no more than another.
    centring : the default at view time, `class`, `neutral` or `none`.
    layer_rule : the default best-layer rule, `decoding`, `reliability`, `separation`, or `middle` (block L // 2).
    writing : how the texts are written by the model itself; None where it reads given passages.
    """

    name: str
    pooling: str
    special_tokens: bool
    skip_first: bool
    equal_norm: bool
    centring: str
    layer_rule: str
    writing: Writing | None = None

    @property
    def method(self) -> str:
        """`generation` where the model reads what it wrote itself, else `comprehension`."""
        return "comprehension" if self.writing is None else "generation"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Provenance(Value):
    """Where a vector set comes from; printed on every figure. What is not known of an imported set is empty or 0.

    method : `comprehension`, `generation`, or `imported`. nonfinite_layers : those without vectors.
    origin : what loads the model again, a short name, hub id or path; empty in sets of early versions.
    asked, commit : of a model of the hub: the branch, tag or commit that was asked for, empty for the default branch;
        the commit that was found.
    imported : the files that the vectors come from, None for sets that emoviz made.
    """

    model: str
    revision: str
    architecture: str
    weights: str
    precision: str
    method: str
    protocol: Protocol
    corpus: str
    corpus_hash: str
    n_passages: int
    n_neutral_sentences: int
    topics: tuple[str, ...]
    nonfinite_layers: tuple[int, ...]
    created: str
    versions: dict[str, str]
    origin: str = ""
    asked: str = ""
    commit: str = ""
    imported: Imported | None = None

    @property
    def checkpoint(self) -> str:
        """The model with the beginning of its revision, as far as they are known."""
        model = self.model if self.model else "unknown model"
        return f"{model} @{self.revision[:8]}" if self.revision else f"{model}, revision unknown"

    @property
    def computed(self) -> str:
        """What its weights were stored as and computed in, as far as that is known; else empty."""
        return " in ".join(part for part in (self.weights, self.precision) if part)

    @property
    def made(self) -> str:
        """How its vectors were made and from what, as far as that is known."""
        if self.imported is not None:
            return str(self.imported)
        passages = f"{counted(self.n_passages, 'passage')} on {counted(len(self.topics), 'topic')}"
        return f"{self.method}, protocol {self.protocol.name}, {passages} ({self.corpus} {self.corpus_hash[:8]})"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Provenance:
        values = dict(values)
        protocol = dict(values["protocol"])
        if protocol.get("writing") is not None:
            protocol["writing"] = Writing(**protocol["writing"])
        values["protocol"] = Protocol(**protocol)
        if values.get("imported") is not None:
            values["imported"] = Imported.from_dict(values["imported"])
        values["topics"] = tuple(values["topics"])
        values["nonfinite_layers"] = tuple(values["nonfinite_layers"])
        return Provenance(**values)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Activations(Value):
    """Pooled states of every passage, the input of everything that resamples passages.

    states : (n_passages, n_kept_layers, D) float16 or float32.
    layers : the block index of each kept layer.
    emotions, topics : one entry per row of `states`.
    """

    states: np.ndarray
    layers: tuple[int, ...]
    emotions: tuple[str, ...]
    topics: tuple[str, ...]

    def at(self, layer: int) -> np.ndarray:
        """States at one block, (n_passages, D) float32; KeyError if that layer was not kept."""
        if layer not in self.layers:
            raise KeyError(layer)
        return np.asarray(self.states[:, self.layers.index(layer)], np.float32)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Resampled(Value):
    """What a topic bootstrap says about the depth curves of a set, made when the set is made.

    n, seed : replicates, and the seed of their draws.
    half_width : curve -> (3, L), half of a 95 % interval, a row per centring (class, neutral, none); of correlations on
        Fisher's z scale.
    mean_cosine : (3, n, L) replicates of the mean cosine less their mean, from which the U shape gets its interval.
    """

    n: int
    seed: int
    half_width: dict[str, np.ndarray]
    mean_cosine: np.ndarray


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Cleaned(Value):
    """What the directions of a set are differences of, where they are cleaned. See `geometry.cleaning`.

    name : as it is printed, such as `neutral 50 %`, `whitened`, `against calm`.
    means : (L, C, D), the class means as the cleaning leaves them; NaN at non-finite layers.
    origin : (L, D), the mean that takes the place of what a centring subtracts; None where the centring stays.
    """

    name: str
    means: np.ndarray
    origin: np.ndarray | None = None


@dataclass(frozen=True, slots=True, repr=False, eq=False, weakref_slot=True)
class VectorSet(Value):
    """Class means of one (model, revision, precision, method, protocol, corpus).

    class_means : (L, C, D) in the units of the residual stream; memory-mapped when read from a file.
    half_means : (2, L, C, D), the same of the two halves, split by topic; None where they are not known.
    residual_norm, anisotropy, decoding_accuracy : (L,), NaN at non-finite layers and where they are not known.
    umap : (L, C, 2) stored coordinates, or None when they were not computed.
    anisotropy_centred : (L,) anisotropy after the mean over the passages has been taken off.
    control_rdms : name -> (C * (C - 1) / 2,) condensed RDM of the same passages as words, token embeddings, sentences.
    resampled : None, with the reason in `notes`, where topics could not be resampled.
    notes : what -> why it is missing: a curve by its name (`residual_norm`), `halves`, `layers`, `intervals`, `umap`,
    `activations`, or a control RDM.
    activations : pooled states of the passages at some layers, None where they were not kept.
    stories : what the model wrote, for a set by generation that was just made; `store.load_stories` has those of a
    file.
    cleaned : how its directions are cleaned, None where they are not; such a set is for reading and steering alone.
    """

    name: str
    classes: tuple[str, ...]
    provenance: Provenance
    class_means: np.ndarray
    half_means: np.ndarray | None
    residual_norm: np.ndarray
    anisotropy: np.ndarray
    decoding_accuracy: np.ndarray
    umap: np.ndarray | None
    umap_params: dict[str, Any] = field(default_factory=dict)
    anisotropy_centred: np.ndarray | None = None
    control_rdms: dict[str, np.ndarray] = field(default_factory=dict)
    resampled: Resampled | None = None
    notes: dict[str, str] = field(default_factory=dict)
    path: Path | None = field(default=None, compare=False)
    shipped: bool = field(default=False, compare=False)
    activations: Activations | None = None
    stories: tuple[Story, ...] = ()
    cleaned: Cleaned | None = None

    @property
    def n_layers(self) -> int:
        return self.class_means.shape[0]

    @property
    def d_model(self) -> int:
        return self.class_means.shape[2]

    @property
    def emotions(self) -> tuple[str, ...]:
        """The classes but neutral."""
        return tuple(name for name in self.classes if name != NEUTRAL)

    @property
    def finite_layers(self) -> tuple[int, ...]:
        missing = self.provenance.nonfinite_layers
        return tuple(layer for layer in range(self.n_layers) if layer not in missing)

    def depth(self, layer: int) -> float:
        return (layer + 1) / self.n_layers

    @property
    def gap(self) -> str:
        """What is said of a missing layer, fit to stand behind its number."""
        if "layers" in self.notes:
            return f"is missing: {self.notes['layers']}"
        return f"is not finite in {self.provenance.precision}"

    def halves(self, layer: int) -> np.ndarray:
        """The class means of the two halves at one layer, (2, C, D); NaN where they are not known."""
        if self.half_means is None:
            return np.full((2, *self.class_means.shape[1:]), np.nan, np.float32)
        return self.half_means[:, layer]

    @property
    def _size(self) -> str:
        return f"{self.n_layers} layers x {len(self.classes)} classes x {self.d_model}"

    def __repr__(self) -> str:
        return f"VectorSet({self.name!r}: {self._size}, {self.provenance.method})"

    def _repr_html_(self) -> str:
        p = self.provenance
        rows = {
            "model": ", ".join(part for part in (p.checkpoint, p.computed) if part),
            "made by": p.made,
            "size": self._size,
            "classes": ", ".join(self.classes[:24]) + (", ..." if len(self.classes) > 24 else ""),
            "missing": "; ".join(f"{what}: {why}" for what, why in self.notes.items()),
        }
        cells = "".join(f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in rows.items() if text)
        return f"<table><caption>{html.escape(self.name)}</caption>{cells}</table>"


@dataclass(frozen=True, slots=True)
class Pushed:
    """A vector set that was put into a store. url : what opens it. files : the URLs of its files."""

    url: str
    files: tuple[str, ...]
