"""Acting on the residual stream after a block: a direction is added, or the projection on it set, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..geometry.directions import origin_of
from ..geometry.vectors import residual_norm_at
from ..models.blocks import hidden_of, with_hidden
from ..models.loaded import LoadedModel
from ..types import Intervention, Recipe, Towards, VectorSet
from .directions import directions
from .doses import check_doses
from .grammar import ABLATE, ADD, REFLECT, parse_intervention
from .recipes import check_recipe

# Which positions of a pass that reads the prompt are steered, by scope.
PROMPT_POSITIONS = {"all": slice(None), "prompt": slice(None), "response": slice(-1, None)}
EVERYWHERE = slice(None)


@dataclass(frozen=True, slots=True)
class Projected:
    """What becomes of the projection of n rows after one block: p to keep * p + to, where the condition holds.

    p = (h / s - c / r) . u, with s what doses are a share of, r the layer's stored residual norm, and c what the
    centring subtracts: the projection is measured from there, as a reading is.
    units : u, (n, D). norms : r, (n,). origins : c . u / r, (n,). keep, to : (n,).
    gates, gate_origins, thresholds : the same of the condition's direction, and what its reading is compared with.
    signs : 1 where the reading must be above, -1 where below, 0 where there is no condition.
    """

    units: np.ndarray
    norms: np.ndarray
    origins: np.ndarray
    keep: np.ndarray
    to: np.ndarray
    gates: np.ndarray
    gate_origins: np.ndarray
    thresholds: np.ndarray
    signs: np.ndarray


@dataclass(frozen=True, slots=True)
class Offsets:
    """What is done after each block, float32.

    by_layer : layer -> (rows, D), what is added; in units of the residual stream where the norm is fixed, as fractions
    of the states' mean length where it is live. projected : layer -> what is done to the rows that do not only add,
    which are `others`, with the written tokens that each acts on in `windows`, None where the scope says it.
    """

    by_layer: dict[int, np.ndarray]
    rows: int
    scope: str = "all"
    norm: str = "fixed"
    projected: Mapping[int, Projected] = field(default_factory=dict)
    others: tuple[int, ...] = ()
    windows: tuple[tuple[int, int | None] | None, ...] = ()


def offsets(vectors: VectorSet, rows: Sequence[tuple[Towards, float]], recipe: Recipe) -> Offsets:
    """One row per (direction or intervention, amount), at each of the recipe's layers.

    What only adds: dose * r * u, u the direction's unit vector. r is the layer's stored median residual norm, so that a
    dose is a fraction of the typical state, ||added|| / ||h||, the same for any prompt; with a live norm it is the mean
    length of each row's states in the pass, as in Jeong 2026 (arXiv 2604.04064). At dose 0 nothing is added, whatever
    the direction. Everything else: `Projected`.
    Raises InputError as `check_recipe`, `check_doses`, `parse_intervention` and `directions`.
    """
    check_recipe(recipe, vectors)
    check_doses([amount for _, amount in rows])
    found = {row: _intervention(towards, vectors) for row, (towards, amount) in enumerate(rows) if amount}
    others = tuple(row for row, one in found.items() if not one.plain)
    source = recipe.layers if recipe.vector_layer is None else (recipe.vector_layer,)
    steered = dict.fromkeys(towards for k, (towards, amount) in enumerate(rows) if amount and k not in others)
    units = {direction: directions(vectors, direction, source, recipe.centring) for direction in steered}
    by_layer = {}
    for k, layer in enumerate(recipe.layers):
        added = np.zeros((len(rows), vectors.d_model), np.float32)
        length = residual_norm_at(vectors, layer) if recipe.norm == "fixed" else 1.0
        for row, (direction, dose) in enumerate(rows):
            if dose and row not in others:
                added[row] = dose * length * units[direction][k if recipe.vector_layer is None else 0]
        by_layer[layer] = added
    if not others:
        return Offsets(by_layer, len(rows), recipe.scope, recipe.norm)
    acting = [(found[row], rows[row][1]) for row in others]
    return Offsets(
        by_layer,
        len(rows),
        recipe.scope,
        recipe.norm,
        _projected(vectors, acting, recipe, source),
        others,
        tuple(one.window for one, _ in acting),
    )


def _intervention(towards: Towards, vectors: VectorSet) -> Intervention:
    return Intervention(ADD, "") if not isinstance(towards, str) else parse_intervention(towards, vectors.classes)


def _projected(
    vectors: VectorSet, acting: Sequence[tuple[Intervention, float]], recipe: Recipe, source: tuple[int, ...]
) -> dict[int, Projected]:
    along = [directions(vectors, one.direction, source, recipe.centring) for one, _ in acting]
    nowhere = np.zeros((len(recipe.layers), vectors.d_model))
    gates = [
        nowhere if one.when is None else directions(vectors, one.when.direction, recipe.layers) for one, _ in acting
    ]
    keep = [{ABLATE: 0.0, REFLECT: -1.0, ADD: 1.0}.get(one.how, 0.0) for one, _ in acting]
    to = [0.0 if one.how in (ABLATE, REFLECT) else amount for one, amount in acting]
    out = {}
    for k, layer in enumerate(recipe.layers):
        norm = residual_norm_at(vectors, layer)
        u = np.stack([rows[k if recipe.vector_layer is None else 0] for rows in along])
        w = np.stack([rows[k] for rows in gates])
        values = {
            "units": u,
            "norms": [norm] * len(acting),
            "origins": u @ origin_of(vectors, layer, recipe.centring) / norm,
            "keep": keep,
            "to": to,
            "gates": w,
            "gate_origins": w @ origin_of(vectors, layer) / norm,
            "thresholds": [0.0 if one.when is None else one.when.threshold for one, _ in acting],
            "signs": [0.0 if one.when is None else 1.0 if one.when.above else -1.0 for one, _ in acting],
        }
        out[layer] = Projected(**{name: np.asarray(value, np.float32) for name, value in values.items()})
    return out


@contextmanager
def injected(loaded: LoadedModel, added: Offsets, steps: Mapping[int, Step], *, written: int) -> Iterator[None]:
    """While open, every forward pass acts on each row's tokens after each of the blocks.

    written : tokens that were written before the pass. At 0 it reads the prompt, which scope `response` enters at its
    last position only; scope `prompt` does nothing in later passes.
    Open it around single forward passes and under the model's lock: a hook then never outlives the pass it is for.
    Other hooks on the same block see the steered output, since ours run first.
    """
    positions = PROMPT_POSITIONS[added.scope] if not written else None if added.scope == "prompt" else EVERYWHERE
    with ExitStack() as hooks:
        if positions is not None or added.others:
            for layer, step in steps.items():

                def act(_module: nn.Module, _inputs: Any, output: Any, step: Step = step) -> Any:
                    return with_step(output, step, added, loaded.d_model, positions, written)

                hooks.callback(loaded.blocks[layer].register_forward_hook(act, prepend=True).remove)
        yield


@dataclass(frozen=True, slots=True)
class Step:
    """What is done after one block, on the model's device. offset : (rows, D), of the model's type. others : as
    `Projected`, float32 tensors; empty where every row only adds. at : which rows these are, (n,)."""

    offset: Tensor
    others: Mapping[str, Tensor]
    at: Tensor

    def repeated(self, times: int) -> Step:
        """For a batch in which every row stands several times."""
        if times == 1:
            return self
        at = (self.at[:, None] * times + torch.arange(times, device=self.at.device)).flatten()
        others = {name: value.repeat_interleave(times, 0) for name, value in self.others.items()}
        return Step(self.offset.repeat_interleave(times, 0), others, at)


def with_step(
    output: Any,
    step: Step,
    added: Offsets,
    width: int,
    positions: slice | None,
    written: int,
    attended: Tensor | None = None,
) -> Any:
    """A block's output once each row is acted on.

    positions : where the scope acts in this pass, None for nowhere. written : as in `injected`. attended : (rows,
    tokens), 1 where a token is no padding, which a live norm leaves out; None where there is no padding.
    """
    hidden = hidden_of(output, width)
    lengths = _mean_lengths(hidden, attended) if added.norm == "live" else None
    changed = hidden if positions is None else _plus(hidden, step.offset, positions, lengths)
    if step.others:
        at = step.at.to(hidden.device)
        others = {name: value.to(hidden.device) for name, value in step.others.items()}
        where = _where(added, hidden.shape[1], positions, written, len(at)).to(hidden.device)
        length = others["norms"] if lengths is None else lengths[at]
        changed = changed.clone() if changed is hidden else changed
        changed[at] = _projections_set(hidden[at], others, length, where)
    return with_hidden(output, changed)


def _plus(hidden: Tensor, offset: Tensor, positions: slice, lengths: Tensor | None) -> Tensor:
    # Blocks of a model that is spread over several devices put out on their own; else this does nothing.
    step = offset[:, None, :].to(hidden.device)
    if lengths is not None:
        step = step * lengths[:, None, None].to(hidden.dtype)
    if positions == EVERYWHERE:
        return hidden + step
    changed = hidden.clone()
    changed[:, positions] += step
    return changed


def _mean_lengths(hidden: Tensor, attended: Tensor | None) -> Tensor:
    """(rows,), float32."""
    lengths = hidden.float().norm(dim=-1)
    if attended is None:
        return lengths.mean(1)
    counted = attended.to(lengths)
    return (lengths * counted).sum(1) / counted.sum(1)


def _where(added: Offsets, tokens: int, positions: slice | None, written: int, n: int) -> Tensor:
    """(n, tokens), true where a row that does not only add is acted on in this pass."""
    out = torch.zeros(n, tokens, dtype=torch.bool)
    times = n // len(added.others)
    for k, window in enumerate(added.windows):
        rows = slice(k * times, (k + 1) * times)
        if window is None:
            if positions is not None:
                out[rows, positions] = True
        elif window[0] <= written + 1 and (window[1] is None or written < window[1]):
            # The pass that reads the prompt writes the first token from its last position.
            out[rows, EVERYWHERE if written else slice(-1, None)] = True
    return out


def _projections_set(hidden: Tensor, others: Mapping[str, Tensor], length: Tensor, where: Tensor) -> Tensor:
    """States (n, tokens, D) with their projections set where they are to be. length : (n,)."""
    states = hidden.float()
    signs = others["signs"][:, None]
    if bool(signs.any()):
        lengths = torch.linalg.vector_norm(states, dim=-1)
        readings = _along(states, others["gates"]) / lengths - others["gate_origins"][:, None]
        where = where & ((signs == 0) | (signs * (readings - others["thresholds"][:, None]) > 0))
    now = _along(states, others["units"]) / length[:, None] - others["origins"][:, None]
    then = others["keep"][:, None] * now + others["to"][:, None]
    change = torch.where(where, (then - now) * length[:, None], 0.0)
    return (states + change[..., None] * others["units"][:, None, :]).to(hidden.dtype)


def _along(states: Tensor, units: Tensor) -> Tensor:
    """(n, tokens, D) and (n, D) to (n, tokens)."""
    return torch.einsum("ntd,nd->nt", states, units)


def on_device(added: Offsets, loaded: LoadedModel) -> dict[int, Step]:
    """The steps as tensors of the model's type and device, made once per generation.

    Raises InputError for a model that cannot be steered.
    """
    loaded.check_steerable()
    out, at = {}, torch.tensor(added.others, dtype=torch.long, device=loaded.device)
    for layer, rows in added.by_layer.items():
        offset = torch.from_numpy(rows).to(device=loaded.device, dtype=loaded.model.dtype)
        found = added.projected.get(layer)
        named = () if found is None else fields(found)
        others = {one.name: torch.from_numpy(getattr(found, one.name)).to(loaded.device) for one in named}
        out[layer] = Step(offset, others, at)
    return out
