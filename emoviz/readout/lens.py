"""The vocabulary lens: which tokens an emotion vector raises and lowers through the model's own final norm and output
head.

A logit lens (nostalgebraist 2020) on a direction instead of a state. It shows the direct path only, past all later
blocks, so that entanglement with another language is seen in the vector before any text is written.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from ..errors import InputError
from ..extract.norms import fitting
from ..geometry.directions import mixed, without_directions
from ..geometry.vectors import check_layer
from ..models.blocks import final_norm, hidden_of
from ..models.loaded import LoadedModel
from ..store.choice import lacking
from ..types import Direction, TokenChange, VectorSet, VocabularyLens
from .vocabulary import vocabulary_scripts

# Of the order that logits have by the lens and by the model: what comes after the head may bend them, and in 16 bits
# they are rounded.
_ALIKE = 0.95
_ENDS: WeakKeyDictionary[LoadedModel, float] = WeakKeyDictionary()


def token_changes(loaded: LoadedModel, vectors: VectorSet, emotion: str | Direction, layer: int) -> np.ndarray:
    """Change of every token's logit per unit of dose along the direct path, relative to the average token: (V,)
    float32.

    With u the unit vector of the emotion at the layer, r_l and r_L the typical residual norms there and after the last
    block, and W, N the output head and the final norm:

        change = (W N(r_L u) - W N(0)) * r_l / r_L, less its mean over the vocabulary.

    A dose d adds d r_l u. N is linearised by holding its scale at that of a state of the typical length r_L, so the
    change grows with the dose in a straight line. Biases cancel; N brings its own form of weights (Gemma's is 1 + w). A
    logit softcap (Gemma 2) and a logit scale come after the head and are left out: the softcap bends large logits and
    keeps their order.

    Raises InputError for a set of another model, an unknown emotion, a missing layer, or no final norm to be found.
    """
    vectors = fitting(vectors, loaded)
    check_layer(vectors, layer)
    terms = emotion.terms if isinstance(emotion, Direction) else ((emotion, 1.0),)
    return changes_along(loaded, vectors, mixed(vectors, terms, (layer,))[0], layer)


def changes_along(loaded: LoadedModel, vectors: VectorSet, towards: np.ndarray, layer: int) -> np.ndarray:
    """The same for any unit vector at a layer, (D,), a control's among them."""
    last = float(vectors.residual_norm[-1])
    if not last > 0:
        raise InputError(
            f"the last layer of {vectors.name} is not finite in {vectors.provenance.precision}, or zero, and the lens "
            "needs it. Extract the set in bf16 or fp32."
        )
    norm, head = final_norm(loaded.decoder, loaded.architecture), loaded.model.get_output_embeddings()
    _check_end(loaded, norm, head)
    direction = torch.from_numpy((towards * last).astype(np.float32)).to(loaded.device, loaded.model.dtype)
    with loaded.inference():
        states = norm(torch.stack([direction, torch.zeros_like(direction)])[None])
        logits = head(states)[0].float().cpu()
    change = (logits[0] - logits[1]) * float(vectors.residual_norm[layer] / last)
    if not bool(change.isfinite().all()):
        raise InputError(
            f"what {vectors.name} does to the logits at layer {layer} is not finite in {loaded.precision}. Load the "
            "model in bf16 or fp32."
        )
    return (change - change.mean()).numpy()


def _check_end(loaded: LoadedModel, norm: nn.Module, head: nn.Module) -> None:
    """Raises InputError for a model that does more between its last block and its logits than norm and head do."""
    if loaded not in _ENDS:
        kept: list[torch.Tensor] = []
        ids = torch.arange(4, device=loaded.device)[None]
        with loaded.inference():
            hook = loaded.blocks[-1].register_forward_hook(
                lambda _module, _inputs, output: kept.append(hidden_of(output, loaded.d_model))
            )
            logits = loaded.model(input_ids=ids, use_cache=False).logits[0, -1]
            hook.remove()
            found = head(norm(kept[0]))[0, -1, : len(logits)]
        # On several devices the head and the logits may be on different ones.
        orders = torch.stack([one.float().cpu().argsort().argsort().double() for one in (found, logits)])
        _ENDS[loaded] = float(torch.corrcoef(orders)[0, 1])
    if not _ENDS[loaded] >= _ALIKE:
        raise InputError(
            f"{loaded.architecture} does more between its last block and its logits than its norm and its output head "
            f"do (rank correlation {_ENDS[loaded]:.2f}). The lens does not know this architecture."
        )


def lens(
    loaded: LoadedModel, vectors: VectorSet, emotion: str | Direction, layer: int, top: int = 20
) -> tuple[tuple[TokenChange, ...], tuple[TokenChange, ...]]:
    """The `top` tokens that are raised most and those lowered most, each from the largest change on.

    Special tokens and unused places of the vocabulary are left out. Errors as `token_changes`.
    """
    return most_changed(loaded, token_changes(loaded, vectors, emotion, layer), top)


def most_changed(
    loaded: LoadedModel, changes: np.ndarray, top: int
) -> tuple[tuple[TokenChange, ...], tuple[TokenChange, ...]]:
    """As `lens`, of changes, (V,), that are there already."""
    tokenizer, table = loaded.tokenizer, vocabulary_scripts(loaded)
    named = np.arange(len(changes)) < len(tokenizer)
    named[[k for k in {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder} if k < len(changes)]] = False
    order = np.flatnonzero(named)[np.argsort(-changes[named], kind="stable")]

    def rows(ids: np.ndarray) -> tuple[TokenChange, ...]:
        return tuple(TokenChange(tokenizer.decode([k]), int(k), float(changes[k]), table.of(k)) for k in ids)

    return rows(order[:top]), rows(order[::-1][:top])


def vocabulary_lens(
    model: LoadedModel, vectors: VectorSet | None, emotion: str | Direction, top: int = 100
) -> VocabularyLens:
    """The tokens that an emotion raises and lowers most, at every layer, along the direct path to the output head.

    vectors : a set of this very model; None for the one that it uses. emotion : an emotion of the set, or what
    `ez.direction` gives.
    top : tokens of each kind.
    Returns : VocabularyLens; changes of the logit per unit of dose. `to_frame()` has a row per layer and token.
    Raises  : InputError for a set of another model, an unknown emotion, or a model without a final norm of a known
    name.
    Source  : nostalgebraist 2020 (logit lens); the formula is in `token_changes`.

    >>> import emoviz as ez
    >>> found = ez.vocabulary_lens(ez.load_model("SmolLM2-135M-Instruct"), None, "angry", top=3)
    >>> [change.token for change in found.raised[28]]
    [' yelling', ' screaming', 'inephrine']
    """
    terms = emotion.terms if isinstance(emotion, Direction) else ((emotion, 1.0),)
    vectors = fitting(vectors, model, lacking(name for name, _ in terms))
    layers = vectors.finite_layers
    there = [layer for layer in layers if layer not in without_directions(vectors, layers)]
    found = {layer: lens(model, vectors, emotion, layer, top) for layer in (there if there else layers)}
    return VocabularyLens(
        model.name,
        vectors.name,
        emotion.label if isinstance(emotion, Direction) else emotion,
        {layer: raised for layer, (raised, _) in found.items()},
        {layer: lowered for layer, (_, lowered) in found.items()},
        vocabulary_scripts(model).shares(),
    )
