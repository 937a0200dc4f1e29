"""Every token of one text, projected on the class vectors of a set after every block."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..extract.capture import out_of_memory
from ..extract.norms import fitting
from ..extract.protocols import reading_protocol
from ..geometry import preferred_layer
from ..models.blocks import hidden_of
from ..models.loaded import LoadedModel
from ..models.memory import check_pass
from ..models.prompts import check_ids, check_whole, special_ids
from ..types import Reading, VectorSet
from .projection import Axes, axes_of

# A token is an attention sink where its state is this much longer than the layer's median. Measured on SmolLM2-135M and
# Gemma-3-270M from the second block on: ordinary tokens stay below 2.3, sinks reach 4 to 155.
SINK = 4.0


def read_text(model: LoadedModel, vectors: VectorSet | None, text: str) -> Reading:
    """Which emotions each token of a text lights up: scores for every class after every block, in one forward pass.

    Tokens that the tokenizer adds are no part of the text and are not kept. The first token of the sequence is not read
    at all if it is a sink at any layer, another token not at those layers where it is one (`SINK`).

    vectors : a set of this very model; None for the one that it uses.
    Returns : Reading, scores (L, T, C) in fractions of the typical residual norm; `to_frame()` has a row per token and
    class.
    Raises  : InputError for an empty text, one beyond the model's context or memory, one that leaves no token to read,
        and a set of another model.
    Source  : the formula is in `readout.projection` and docs/methods.md.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> found = ez.read_text(model, None, "She could not stop crying after the funeral.")
    >>> found.tokens[1:4], found.scores.shape
    ((' could', ' not', ' stop'), (30, 9, 21))
    """
    loaded = model
    vectors = fitting(vectors, loaded)
    ids, kept, offsets = _encoded(loaded, vectors, text)
    axes, layers = _axes(vectors)
    scores, lengths = _forward(loaded, axes, ids, (vectors.n_layers, len(ids[0]), len(vectors.classes)))
    layer = preferred_layer(vectors)
    if layer in axes and not np.isfinite(scores[layer, kept]).any():
        raise InputError(
            f"no state of this text is finite at layer {layer} of {loaded.name} in {loaded.precision}. Load the model "
            "in bf16 or fp32."
        )
    special = np.isin(ids[0, kept], list(special_ids(loaded)))
    unread, why = _unread(list(axes), kept, scores[:, kept], lengths[:, kept], special)
    scores = np.where(unread[..., None], np.float32(np.nan), scores[:, kept])
    if layer in layers:
        raise InputError(f"the layer that stands for {vectors.name} cannot be read: {layers[layer]}")
    if np.isnan(scores[layer]).all():
        raise InputError(
            f"the text leaves no token to read at layer {layer} (the first is a sink). Write a longer one."
        )
    tokens = tuple(text[start:end] for start, end in offsets)
    return Reading(loaded.name, vectors.name, text, tokens, offsets, vectors.classes, scores, layer, layers, why)


def check_fast(loaded: LoadedModel) -> None:
    """Raises InputError for a model whose tokenizer does not say where tokens stand."""
    if not loaded.tokenizer.is_fast:
        raise InputError(
            f"the tokenizer of {loaded.name} does not say where its tokens stand in a text. Use a model with a fast "
            "tokenizer."
        )


def token_ends(spans: Sequence[tuple[int, int]], special: Sequence[int], length: int) -> tuple[np.ndarray, np.ndarray]:
    """(kept, ends): the places of the tokens that stand for text, and where the piece of each ends.

    spans, special : of the tokenizer, which may leave out blanks or share a character. Pieces join to the whole text:
    blanks go to the token after them; a shared character goes to the first of its tokens, and the others are empty.
    """
    places = np.array(spans, np.int64).reshape(-1, 2)
    kept = np.flatnonzero(~(np.array(special, bool) & (places[:, 0] == places[:, 1])))
    ends = np.maximum.accumulate(places[kept, 1])
    ends[-1:] = length
    return kept, ends


def pieces(ends: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Where each piece begins and ends."""
    return tuple(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))


def _encoded(
    loaded: LoadedModel, vectors: VectorSet, text: str
) -> tuple[Tensor, np.ndarray, tuple[tuple[int, int], ...]]:
    """Token ids, the places of those that stand for text, and where their pieces are."""
    if not text.strip():
        raise InputError("the text is empty. Write or paste some words.")
    check_whole(text, "text")
    check_fast(loaded)
    coded = loaded.tokenizer(
        text,
        add_special_tokens=reading_protocol(vectors).special_tokens,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        verbose=False,
    )
    ids, spans = coded["input_ids"], coded["offset_mapping"]
    if loaded.max_tokens is not None and len(ids) > loaded.max_tokens:
        raise InputError(
            f"the text has {len(ids)} tokens; {loaded.name} reads at most {loaded.max_tokens}. Shorten it."
        )
    check_ids(loaded, ids, "the text")
    check_pass(loaded, 1, len(ids), kept=False)
    kept, ends = token_ends(spans, coded["special_tokens_mask"], len(text))
    if not kept.size:
        raise InputError("the text leaves no token to read. Write a longer one.")
    return torch.tensor([ids]), kept, pieces(ends)


def _axes(vectors: VectorSet) -> tuple[dict[int, Axes], dict[int, str]]:
    """The class vectors of every layer that can be read, and why the others cannot."""
    found: dict[int, Axes] = {}
    why = {at: f"layer {at} of {vectors.name} {vectors.gap}" for at in vectors.provenance.nonfinite_layers}
    for layer in vectors.finite_layers:
        try:
            found[layer] = axes_of(vectors, layer)
        # A class without a direction there; the other layers have theirs.
        except InputError as error:
            why[layer] = str(error)
    return found, why


def _forward(
    loaded: LoadedModel, axes_at: dict[int, Axes], ids: Tensor, shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (L, T, C) and the length of each state over the layer's median (L, T); NaN at layers without axes."""
    scores = np.full(shape, np.nan, np.float32)
    lengths = np.full(shape[:2], np.nan)

    def reader(layer: int, axes: Axes):
        directions = torch.from_numpy(axes.units.T.astype(np.float32))
        offset = torch.from_numpy(axes.offset.astype(np.float32))

        def project(_module, _inputs, output) -> None:
            hidden = hidden_of(output, loaded.d_model)[0].float()
            length = torch.linalg.vector_norm(hidden, dim=-1)
            found = (hidden / length[:, None] - offset.to(hidden.device)) @ directions.to(hidden.device)
            scores[layer], lengths[layer] = found.cpu().numpy(), length.cpu().numpy() / axes.norm

        return project

    readers = {layer: reader(layer, axes) for layer, axes in axes_at.items()}
    try:
        with loaded.inference(), ExitStack() as hooks:
            for layer, project in readers.items():
                hooks.callback(loaded.blocks[layer].register_forward_hook(project).remove)
            loaded.decoder(input_ids=ids.to(loaded.device), use_cache=False)
    except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise InputError(
            f"a text of {ids.shape[1]} tokens does not fit into the memory of {loaded.device}. Shorten it."
        ) from error
    return scores, lengths


def _unread(
    there: list[int], kept: np.ndarray, scores: np.ndarray, lengths: np.ndarray, special: np.ndarray
) -> tuple[np.ndarray, dict[int, str]]:
    """Which (layer, token) have no score, (L, T), and why, by token.

    there : the layers that are read. special : (T,) typed start and end tokens.
    """
    finite = np.isfinite(scores).all(-1)
    sink = lengths > SINK
    if kept[0] == 0 and sink[:, 0].any():
        sink[:, 0] = True
    why = {int(token): "a special token of the model, which is no text; not read" for token in np.flatnonzero(special)}
    for token in np.flatnonzero(sink.any(0)).tolist():
        at = np.flatnonzero(sink[:, token])
        where = "all layers" if len(at) == len(sink) else f"layers {', '.join(map(str, at))}"
        why.setdefault(
            token,
            f"attention sink: its state is up to {np.nanmax(lengths[:, token]):.0f} times as long as usual; not read "
            f"at {where}",
        )
    for token in np.flatnonzero((~finite[there]).any(0)).tolist():
        why.setdefault(token, "its state is not finite at some layers; not read there")
    return ~finite | sink | special, why
