"""What steering breaks, and what else it makes a model say: every direction and dose beside random directions."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..extract.norms import fitting
from ..extract.work import kept
from ..geometry import preferred_layer
from ..judge.likelihood import log_likelihoods, rows_at_once
from ..judge.repetition import repeated_share
from ..models.loaded import LoadedModel
from ..models.prompts import prompt_ids
from ..readout.projection import projections
from ..steer.doses import check_doses, parse_doses
from ..steer.generate import batch_rows, batches, checked_ids, generate, generations
from ..steer.grammar import control_labels, plain_labels, unfit
from ..steer.injection import Offsets, offsets
from ..steer.recipes import EMOVIZ
from ..steer.recipes import recipe as recipe_of
from ..stimuli.effects import plain_passages
from ..stimuli.effects import questions as shipped_questions
from ..stimuli.scenarios import dose_prompts
from ..store.effects import effects_name
from ..types import Decoding, OffTarget, Question, Recipe, SideEffects, VectorSet
from ..witness.targets import judged, target_scores
from .dose_response import check_named
from .effects_summary import EFFECT_DOSES, OUTSIDE, PROJECTION, RANDOMS, WITNESS
from .plans import SAMPLES, TEMPERATURE, TOKENS

if TYPE_CHECKING:
    from ..witness.witness import Witness

Progress = Callable[[str, int, int], None]
# [ids, text, whether it broke off] of every row of one batch.
Written = list[list[Any]]


def side_effects(
    model: LoadedModel,
    vectors: VectorSet | None = None,
    directions: Sequence[str] | None = None,
    doses: Sequence[float] | None = None,
    recipe: Recipe | str = EMOVIZ,
    controls: Sequence[str] = RANDOMS,
    witness: Witness | None = None,
    *,
    outside: Witness | None = None,
    prompts: Sequence[str] | None = None,
    decoding: Decoding | None = None,
    samples: int = SAMPLES,
    passages: Sequence[str] | None = None,
    questions: Sequence[Question] | None = None,
    work: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> SideEffects:
    """What every direction and dose does beside what it is for, and the same of random directions.

    Loss on plain passages and accuracy on multiple-choice questions, both teacher-forced with the direction added;
    length and repetition of steered texts; and what readers that are not steered find of all emotions in these texts.

    vectors : a set of this very model; None for the one that it uses.
    directions : emotions, or mixtures as they are written; None for all emotions of the set.
    doses : fractions of the residual norm that the recipe names, but 0; None for 0.015, 0.03 and 0.06.
    recipe : as `steer_texts`. controls : directions that carry no emotion; three random ones.
    witness, outside : as `dose_response`; without them the projection reads alone.
    prompts : texts to continue; None for the two shipped openings. decoding : of these texts, its seed is that of the
        first sample; None for 48 tokens at temperature 0.7. samples : texts after each prompt, each with the next seed.
    passages, questions : None for the 40 and the 60 that are shipped.
    work : a folder in which finished parts are kept, so that a run that was killed goes on after them.
    progress : called with `passages`, `questions`, `steering` and `reading texts`, what is done and in all.
    Returns : SideEffects, not stored yet; `to_frame()` has a row per direction and dose.
    Raises  : InputError as `steer_texts`, and for anything that is missing or named twice.
    Source  : docs/steering.md; a choice's score is its log likelihood over its length (acc_norm of the LM Evaluation
        Harness, Gao et al. 2021).

    >>> import emoviz as ez
    >>> from emoviz.types import Question
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> sky = Question("fact", "Which colour is the sky on a clear day?", ("red", "blue", "green"), 1)
    >>> few = {"passages": ["The bus runs every twenty minutes."], "prompts": ["I opened the door and"], "samples": 1}
    >>> found = ez.side_effects(model, None, ["calm"], [0.04], controls=(), questions=[sky], **few)
    >>> found.rows
    (('unsteered', 0.0), ('calm', 0.04))
    >>> bool(found.losses[1] > found.losses[0]), found.right.shape
    (True, (2, 1))
    """
    vectors = fitting(vectors, model, unfit(directions or ()))
    model.check_steerable()
    directions = plain_labels(vectors.emotions if directions is None else directions, vectors.classes)
    controls = control_labels(controls, vectors.classes)
    prompts = tuple(dose_prompts() if prompts is None else prompts)
    passages = tuple(plain_passages() if passages is None else passages)
    questions = tuple(shipped_questions() if questions is None else questions)
    decoding = Decoding(TOKENS, TEMPERATURE) if decoding is None else decoding
    chosen = recipe_of(vectors, recipe)
    named = {"prompts": prompts, "passages": passages, "directions and controls": (*directions, *controls)}
    for name, given in named.items():
        check_named(name, given)
    doses = parse_doses(EFFECT_DOSES) if doses is None else doses
    check_doses(doses)
    doses = tuple(sorted({float(dose) for dose in doses} - {0.0}))
    if not doses or not directions or not questions:
        raise InputError("directions, doses but 0 and questions are needed. Give one or more of each.")
    if samples < 1 or (samples > 1 and decoding.temperature == 0):
        raise InputError(
            f"{samples} samples at temperature {decoding.temperature:g} were asked for; one, or several above "
            "temperature 0, are allowed."
        )
    rows = batch_rows([*directions, *controls], doses, vectors.classes)
    # Whatever cannot be steered or read is found before the first pass.
    added = offsets(vectors, rows, chosen)
    ids = [checked_ids(model, prompt, decoding) for prompt in prompts]
    read = [_fitting_ids(model, passage) for passage in passages]
    asked = [_asked(model, question) for question in questions]

    started = time.perf_counter()
    losses = _losses(model, read, added, work, progress)
    right = _answers(model, questions, asked, added, work, progress)
    written = _written(model, vectors, rows, prompts, chosen, decoding, samples, work, progress)
    how: dict[str, Any] = {"recipe": chosen, "decoding": decoding, "samples": samples, "prompts": prompts}
    what: dict[str, Any] = {"directions": directions, "controls": controls, "doses": doses}
    return SideEffects(
        name=effects_name(vectors, **how, passages=passages, questions=questions, **what, precision=model.precision),
        model=model.name,
        set=vectors.name,
        precision=model.precision,
        **how,
        **what,
        emotions=vectors.emotions,
        layer=preferred_layer(vectors),
        rows=tuple(rows),
        losses=losses,
        right=right,
        kinds=tuple(question.kind for question in questions),
        lengths=np.array([[np.nan if cut else len(ids) for ids, _, cut in sample] for sample in written], float).T,
        repetitions=np.array([[repeated_share(ids) for ids, *_ in sample] for sample in written]).T,
        off_target=_read(model, vectors, ids, written, {WITNESS: witness, OUTSIDE: outside}, progress),
        seconds=round(time.perf_counter() - started, 1),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _losses(
    model: LoadedModel, passages: Sequence[list[int]], added: Offsets, work: Path | None, progress: Progress
) -> np.ndarray:
    """(R, P) nats per token; the first token of a passage is given."""
    losses = []
    for k, ids in enumerate(passages):
        found = kept(work, f"passage{k}", partial(_likelihoods, model, ids[:1], [ids[1:]], added))
        losses.append(-np.array(found)[:, 0] / (len(ids) - 1))
        progress("passages", k + 1, len(passages))
    return np.stack(losses, 1)


def _answers(
    model: LoadedModel,
    questions: Sequence[Question],
    asked: Sequence[tuple[list[int], list[list[int]]]],
    added: Offsets,
    work: Path | None,
    progress: Progress,
) -> np.ndarray:
    """(R, Q), 1 where the likeliest choice, letter for letter, is the right one, else 0; NaN where a choice is not
    finite."""
    right = []
    for k, (question, (context, choices)) in enumerate(zip(questions, asked, strict=True)):
        found = kept(work, f"question{k}", partial(_likelihoods, model, context, choices, added))
        scores = np.array(found) / [len(choice) for choice in question.choices]
        right.append(np.where(np.isnan(scores).any(1), np.nan, scores.argmax(1) == question.answer))
        progress("questions", k + 1, len(questions))
    return np.stack(right, 1)


def _written(
    model: LoadedModel,
    vectors: VectorSet,
    rows: Sequence[tuple[str, float]],
    prompts: Sequence[str],
    recipe: Recipe,
    decoding: Decoding,
    samples: int,
    work: Path | None,
    progress: Progress,
) -> list[Written]:
    """Prompt by prompt, and for each sample by sample."""
    written: list[Written] = []
    for k, prompt in enumerate(prompts):
        for sample in range(samples):
            seeded = replace(decoding, seed=decoding.seed + sample)
            written.append(
                kept(work, f"texts{k}-{sample}", partial(_texts, model, vectors, rows, prompt, recipe, seeded))
            )
            progress("steering", len(written) * len(rows), len(prompts) * samples * len(rows))
    return written


def _read(
    model: LoadedModel,
    vectors: VectorSet,
    prompts: Sequence[list[int]],
    written: Sequence[Written],
    witnesses: Mapping[str, Witness | None],
    progress: Progress,
) -> dict[str, OffTarget]:
    """What every reader at hand finds. prompts : their tokens."""
    texts = [text for sample in written for _, text, _ in sample]
    at_hand = {name: witness for name, witness in witnesses.items() if witness is not None}
    total = (1 + len(at_hand)) * len(texts)
    progress("reading texts", 0, total)
    found = {PROJECTION: _off_target(_projected(model, vectors, prompts, written))}
    for name, witness in at_hand.items():
        progress("reading texts", len(found) * len(texts), total)
        scores = _witnessed(witness, texts, vectors.emotions).reshape(len(written), -1, len(vectors.emotions))
        found[name] = replace(_off_target(scores), card=witness.card)
    progress("reading texts", total, total)
    return found


def _fitting_ids(model: LoadedModel, text: str) -> list[int]:
    """Tokens of a text. Raises InputError for one that does not fit, and for one without a token to score."""
    ids = prompt_ids(model, text, False)
    if len(ids) < 2 or (model.max_tokens is not None and len(ids) > model.max_tokens):
        raise InputError(
            f"{text!r:.60} has {len(ids)} tokens; {model.name} is tested on texts of 2 to {model.max_tokens}."
        )
    return ids


def _asked(model: LoadedModel, question: Question) -> tuple[list[int], list[list[int]]]:
    """Tokens of what stands before the choices, and of each choice behind it. Raises InputError as `_fitting_ids`."""
    context = prompt_ids(model, question.prompt, False)
    whole = [_fitting_ids(model, f"{question.prompt} {choice}") for choice in question.choices]
    return context, [ids[len(context) :] for ids in whole]


def _likelihoods(
    model: LoadedModel, prompt: Sequence[int], continuations: Sequence[Sequence[int]], added: Offsets
) -> list[list[float]]:
    """(R, n) as a list, as many rows at a time as fit."""
    size, found = rows_at_once(model, continuations), []
    for start in range(0, added.rows, size):
        by_layer = {layer: rows[start : start + size] for layer, rows in added.by_layer.items()}
        some = replace(added, by_layer=by_layer, rows=min(size, added.rows - start))
        found.append(log_likelihoods(model, prompt, continuations, some))
    return np.concatenate(found).tolist()


def _texts(
    model: LoadedModel,
    vectors: VectorSet,
    rows: Sequence[tuple[str, float]],
    prompt: str,
    recipe: Recipe,
    decoding: Decoding,
) -> Written:
    made = []
    for part in batches(model, rows, prompt, decoding):
        steps = generate(model, prompt, offsets(vectors, part, recipe), decoding)
        made += generations(model, vectors, part, prompt, deque(steps, maxlen=1).pop(), chat=decoding.chat)
    return [[list(one.ids), one.text, bool(one.broken)] for one in made]


def _projected(
    model: LoadedModel, vectors: VectorSet, prompts: Sequence[list[int]], written: Sequence[Written]
) -> np.ndarray:
    """(T, R, E), as the unsteered model reads the texts."""
    samples, layer = len(written) // len(prompts), preferred_layer(vectors)
    columns = [vectors.classes.index(name) for name in vectors.emotions]
    found = []
    for k, prompt in enumerate(prompts):
        own = [tuple(ids) for sample in written[k * samples : (k + 1) * samples] for ids, *_ in sample]
        distinct = list(dict.fromkeys(own))
        scores = dict(zip(distinct, projections(model, vectors, layer, prompt, distinct)[:, columns], strict=True))
        found += [scores[ids] for ids in own]
    return np.array(found).reshape(len(written), -1, len(columns))


def _witnessed(witness: Witness, texts: Sequence[str], emotions: Sequence[str]) -> np.ndarray:
    """(n, E), NaN for an emotion that the witness does not judge."""
    distinct = list(dict.fromkeys(texts))
    classes, read = witness.card.classes, witness.probabilities(distinct)
    known = judged(classes)
    nothing = np.full(len(distinct), np.nan)
    scores = np.stack([target_scores(classes, read, name) if name in known else nothing for name in emotions], 1)
    place = {text: k for k, text in enumerate(distinct)}
    return scores[[place[text] for text in texts]]


def _off_target(scores: np.ndarray) -> OffTarget:
    """scores : (T, R, E), the unsteered texts first; a text without a score counts for nothing."""
    from scipy.special import stdtrit

    each = scores - scores[:, :1]
    there = np.isfinite(each)
    n = there.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.where(there, each, 0).sum(0) / n
        deviation = np.sqrt((np.where(there, each - change, 0) ** 2).sum(0) / (n - 1))
        spread = np.where(n > 1, stdtrit(np.maximum(n - 1, 1), 0.975) * deviation / np.sqrt(n), np.nan)
        first = scores[:, 0]
        before = np.where(np.isfinite(first), first, 0).sum(0) / np.isfinite(first).sum(0)
    return OffTarget(before, change, spread)
