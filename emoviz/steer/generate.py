"""Writing several steered texts at once: every row of one batch has the same prompt and its own offset."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from ..errors import InputError
from ..extract.norms import fitting
from ..models.blocks import past_name
from ..models.loaded import LoadedModel
from ..models.memory import check_pass
from ..models.prompts import check_whole, prompt_ids, until_end
from ..readout.scripts import own_scripts
from ..readout.vocabulary import script_mass, vocabulary_scripts
from ..types import Decoding, Generation, Generations, Recipe, Towards, VectorSet
from ..types.judging import broken_words
from .directions import directions_of
from .doses import doses_of
from .grammar import UNSTEERED, label_of, rows_of, unfit
from .injection import Offsets, injected, offsets, on_device
from .recipes import EMOVIZ
from .recipes import recipe as recipe_of

MAX_NEW_TOKENS = 400
MAX_TEMPERATURE = 2.0
# Rows of one batch, and their tokens together: the cache of keys and values grows with both.
MAX_ROWS = 64
MAX_BATCH_TOKENS = 65_536

log = logging.getLogger(__name__)

# Rows of directions in words stay rows of words.
T = TypeVar("T", bound=Towards)
Row = TypeVar("Row", bound=tuple[Towards, float])


@dataclass(frozen=True, slots=True)
class Partial:
    """The texts so far, one per row. `finished` rows have written their end token.

    broken : how many tokens a row has written before its numbers were no longer finite; None where they are.
    ids : (rows, steps), padded with the end token. scripts : of the model's vocabulary. script_mass : (rows, steps,
    scripts), the probability at each step on tokens in scripts that the prompt does not use, after the row's end as at
    its end.
    """

    texts: tuple[str, ...]
    finished: tuple[bool, ...]
    broken: tuple[int | None, ...]
    ids: np.ndarray
    scripts: tuple[str, ...]
    script_mass: np.ndarray

    @property
    def leak_mass(self) -> np.ndarray:
        """(rows, steps), over all scripts together."""
        return self.script_mass.sum(-1)


def batch_rows(
    directions: Sequence[T], doses: Sequence[float], classes: Collection[str] = ()
) -> list[tuple[T | str, float]]:
    """(what is done, amount) of every row of a batch: the baseline first, then as `grammar.rows_of`, each once.

    classes : of the vector set, whose names come before all grammar. Raises InputError for what cannot be read.
    """
    found: dict[tuple[str, float], T | str] = {}
    for towards in directions:
        for one, amount in rows_of(towards, list(dict.fromkeys(doses)), classes):
            found.setdefault((label_of(one), amount), one)
    return [(UNSTEERED, 0.0), *((one, amount) for (_, amount), one in found.items())]


def generate(loaded: LoadedModel, prompt: str, added: Offsets, decoding: Decoding) -> Iterator[Partial]:
    """Continues one prompt under every row of offsets, yielding all texts after each token.

    All rows start from the same tokens, so nothing is padded. Greedy at temperature 0; above it, all rows share the
    same noise at each step, so that they differ by their offsets alone. A caller may stop iterating at any time: hooks
    live only during a forward pass and nothing is left behind.

    A row whose logits are not finite ends there, which `Partial.broken` says, and the log.

    Raises InputError for an empty prompt, a prompt that does not fit the context, a chat turn of a model without a
    template, too many rows for the memory, or limits out of range.
    """
    ids = torch.tensor([checked_ids(loaded, prompt, decoding)], dtype=torch.long)
    if added.rows * (ids.shape[1] + decoding.max_new_tokens) > MAX_BATCH_TOKENS:
        raise InputError(
            f"{added.rows} texts of {ids.shape[1] + decoding.max_new_tokens} tokens with the prompt were asked for "
            f"at once; {MAX_BATCH_TOKENS} tokens together are allowed. Give fewer doses or a shorter prompt."
        )
    check_pass(loaded, added.rows, ids.shape[1] + decoding.max_new_tokens)
    rows, past = ids.expand(added.rows, -1), Past.empty(added.rows, kept=False)
    return write(loaded, rows, torch.ones_like(rows, dtype=torch.bool), added, decoding, own_scripts(prompt), past)


def steer_texts(
    model: LoadedModel,
    vectors: VectorSet | None,
    directions: Towards | Sequence[Towards],
    doses: float | Sequence[float],
    prompt: str,
    recipe: Recipe | str = EMOVIZ,
    decoding: Decoding | None = None,
) -> Generations:
    """One prompt continued without steering, then under every direction and intervention, in one batch.

    vectors : a set of this very model; None for the one that it uses for these directions.
    directions : emotions, mixtures, controls (`random`, `mean`; beside a class of that name `control random`), what
        `direction` gives, or interventions as text, such as `ablate afraid` or `when afraid > 0.1 add calm 0.04` (see
        docs/steering.md).
    doses : fractions of the typical residual norm at each layer, -1 to 1, for all that has no amount of its own.
    recipe : a preset or what `recipe` gives. decoding : None for 40 greedy tokens.
    Returns : Generations, the baseline first; `to_frame()` is a table, `judge_texts` adds the verdicts.
    Raises  : InputError for a set of another model, an unknown emotion, a dose out of range, or a prompt that does not
    fit.
    Source  : docs/methods.md; Jeong 2026 (arXiv 2604.04064) for the recipe `jeong2026a`.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> texts = ez.steer_texts(model, None, ["calm", "0.5 happy - 0.5 sad"], [0.04], "I opened the door and")
    >>> [(one.direction, one.dose) for one in texts]
    [('unsteered', 0.0), ('calm', 0.04), ('0.5 happy - 0.5 sad', 0.04)]
    """
    towards = directions_of(directions)
    vectors = fitting(vectors, model, unfit(towards))
    chosen = recipe_of(vectors, recipe)
    decoding = Decoding() if decoding is None else decoding
    rows = batch_rows(towards, doses_of(doses), vectors.classes)
    out: list[Generation] = []
    for part in batches(model, rows, prompt, decoding):
        steps = generate(model, prompt, offsets(vectors, part, chosen), decoding)
        out += generations(model, vectors, part, prompt, deque(steps, maxlen=1).pop(), chat=decoding.chat)
    return Generations(out)


def batches(loaded: LoadedModel, rows: Sequence[Row], prompt: str, decoding: Decoding) -> list[Sequence[Row]]:
    """The rows in order, as many together as are written at once."""
    length = len(checked_ids(loaded, prompt, decoding)) + decoding.max_new_tokens
    size = max(1, min(MAX_ROWS, MAX_BATCH_TOKENS // length))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def generations(
    loaded: LoadedModel,
    vectors: VectorSet,
    rows: Sequence[tuple[Towards, float]],
    prompt: str,
    partial: Partial,
    *,
    chat: bool = False,
) -> list[Generation]:
    """A batch as far as it is written, one record per row."""
    out, leak_mass = [], partial.leak_mass
    for k, (direction, dose) in enumerate(rows):
        steps, finished = partial.broken[k], partial.finished[k]
        ids = tuple(until_end(loaded, partial.ids[k].tolist()[:steps]))
        out.append(
            Generation(
                model=loaded.name,
                set=vectors.name,
                direction=label_of(direction),
                dose=dose,
                prompt=prompt,
                text=partial.texts[k],
                ids=ids,
                leak_mass=tuple(leak_mass[k, : len(ids) + finished].tolist()),
                finished=finished,
                chat=chat,
                classes=vectors.classes,
                broken="" if steps is None else broken_words(steps, loaded.precision),
            )
        )
    return out


def check_decoding(decoding: Decoding) -> None:
    """Raises InputError for a number of tokens or a temperature out of range."""
    if not isinstance(decoding.max_new_tokens, int):
        raise InputError(f"{decoding.max_new_tokens!r:.40} new tokens were asked for; a whole number is needed.")
    if not 1 <= decoding.max_new_tokens <= MAX_NEW_TOKENS:
        raise InputError(f"{decoding.max_new_tokens} new tokens were asked for; 1 to {MAX_NEW_TOKENS} are allowed.")
    if not 0 <= decoding.temperature <= MAX_TEMPERATURE:
        raise InputError(f"temperature {decoding.temperature} was given; 0 (greedy) to {MAX_TEMPERATURE:g} is allowed.")


def checked_ids(loaded: LoadedModel, prompt: str, decoding: Decoding) -> list[int]:
    """Tokens of the prompt. Raises InputError as `generate`, but for the number of rows."""
    if not isinstance(prompt, str):
        raise InputError(f"prompt {prompt!r:.60} was given; one text is needed.")
    if not prompt.strip():
        raise InputError("the prompt is empty. Write a text to continue.")
    check_whole(prompt, "prompt")
    check_decoding(decoding)
    ids = prompt_ids(loaded, prompt, decoding.chat)
    if loaded.max_tokens is not None and len(ids) + decoding.max_new_tokens > loaded.max_tokens:
        raise InputError(
            f"the prompt has {len(ids)} tokens and {decoding.max_new_tokens} more were asked for; {loaded.name} "
            f"reads at most {loaded.max_tokens}. Shorten it."
        )
    return ids


@dataclass(slots=True)
class Past:
    """What the rows of a batch have read: their cache of keys and values, and which of its columns count.

    there : (rows, tokens) bool. A row that ends before the others leaves columns that do not count.
    kept : whether it is read on after the rows have ended. Else such columns hurt nobody, and all count.
    """

    cache: Any
    there: torch.Tensor
    kept: bool

    @staticmethod
    def empty(rows: int, *, kept: bool) -> Past:
        return Past(None, torch.zeros(rows, 0, dtype=torch.bool), kept)

    def given(self, loaded: LoadedModel) -> dict[str, Any]:
        """What a pass is given of it, by the model's own name."""
        return {} if self.cache is None else {str(past_name(loaded.model)): self.cache}

    def keep(self, loaded: LoadedModel, out: Any) -> None:
        """Keeps what a pass gave back."""
        self.cache = getattr(out, str(past_name(loaded.model)))

    def options(self, loaded: LoadedModel, counted: torch.Tensor) -> dict[str, Any]:
        """What a pass over more columns is given, which then are part of the past. counted : (rows, new) bool."""
        before = self.there.shape[1]
        self.there = torch.cat([self.there, counted], 1)
        if not self.kept or bool(self.there.all()):
            return {}
        positions = (self.there.long().cumsum(1) - 1).clamp_min(0)[:, before:]
        return {
            "attention_mask": self.there.long().to(loaded.device),
            "position_ids": positions.to(loaded.device),
        }


def write(
    loaded: LoadedModel,
    ids: torch.Tensor,
    counted: torch.Tensor,
    added: Offsets,
    decoding: Decoding,
    own: frozenset[str],
    past: Past,
    stop: str | None = None,
) -> Iterator[Partial]:
    """Continues every row after some more tokens, yielding all texts after each token; `past` goes along.

    ids, counted : (rows, tokens), and which of them count. own : scripts that do not leak. stop : a text that ends a
    row as its end token does, and is no part of it. The tokens that were written last are not in the past yet.
    """
    acting, table = on_device(added, loaded), vocabulary_scripts(loaded)
    foreign = table.foreign(own)
    end = torch.tensor(loaded.end_tokens if loaded.end_tokens else (-1,))
    # What a row that has ended is given, so that the others go on; any token will do.
    filling = end[0].clamp_min(0)
    random = torch.Generator().manual_seed(decoding.seed)
    # Vocabulary logits of the whole prompt would be computed for nothing.
    options = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(loaded.model.forward).parameters else {}
    step_ids = ids.to(loaded.device)
    written: list[torch.Tensor] = []
    mass: list[np.ndarray] = []
    # Rows that are not written on, and of those where the numbers broke, after how many tokens.
    ended, at_break = torch.zeros(added.rows, dtype=torch.bool), torch.full((added.rows,), -1)
    for _ in range(decoding.max_new_tokens):
        more = past.options(loaded, counted) | options
        with loaded.inference(), injected(loaded, added, acting, written=len(written)):
            out = loaded.model(input_ids=step_ids, use_cache=True, **past.given(loaded), **more)
        past.keep(loaded, out)
        logits = out.logits[:, -1].float()
        # A push beyond what the type can hold; whatever was chosen then would be taken for what the model writes.
        broken = (torch.isnan(logits) | (logits == torch.inf)).any(-1).cpu() & ~ended
        if broken.any():
            log.warning(
                "%d of %d texts end at token %d, where the numbers of %s are no longer finite in %s. Give a smaller "
                "dose, or another precision.",
                *(int(broken.sum()), added.rows, len(written) + 1, loaded.name, loaded.precision),
            )
            ended |= broken
            at_break[broken] = len(written)
        now = script_mass(logits, table, foreign)
        mass.append(np.where(ended[:, None], mass[-1] if mass else 0.0, now))
        chosen = _choose(logits.cpu(), decoding.temperature, random)
        written.append(torch.where(ended, filling, chosen))
        ended |= torch.isin(chosen, end)
        so_far, broken_at = torch.stack(written, 1), tuple(at if at >= 0 else None for at in at_break.tolist())
        texts = _texts(loaded, [row[:at] for row, at in zip(so_far.tolist(), broken_at, strict=True)])
        if stop is not None:
            ended |= torch.tensor([stop in text for text in texts])
            texts = tuple(text.partition(stop)[0] for text in texts)
        finished = tuple((ended & (at_break < 0)).tolist())
        yield Partial(texts, finished, broken_at, so_far.numpy(), table.scripts, np.stack(mass, 1))
        if ended.all():
            return
        step_ids, counted = written[-1][:, None].to(loaded.device), ~ended[:, None]


def _choose(logits: torch.Tensor, temperature: float, random: torch.Generator) -> torch.Tensor:
    """Next token per row; sampling by the Gumbel trick with one noise vector for all rows."""
    if temperature == 0:
        return logits.argmax(-1)
    noise = -torch.log(-torch.log(torch.rand(logits.shape[-1], generator=random).clamp(1e-12, 1 - 1e-7)))
    return (logits / temperature + noise).argmax(-1)


def _texts(loaded: LoadedModel, ids: list[list[int]]) -> tuple[str, ...]:
    # A character whose bytes are not complete yet decodes to U+FFFD; it is held back until it is.
    return tuple(text.rstrip("\ufffd") for text in loaded.tokenizer.batch_decode(ids, skip_special_tokens=True))
