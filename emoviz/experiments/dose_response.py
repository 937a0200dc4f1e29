"""What doses do: every direction at every dose on a few prompts, with all that is measured on each text."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..extract.norms import fitting
from ..geometry import preferred_layer
from ..judge.texts import judge_batch
from ..models.loaded import LoadedModel
from ..readout.projection import projections
from ..steer.doses import RUN_DOSES, check_doses, parse_doses
from ..steer.generate import batch_rows, batches, checked_ids, generate, generations
from ..steer.grammar import control_labels, plain_labels, unfit, usual_controls
from ..steer.injection import offsets
from ..steer.recipes import EMOVIZ
from ..steer.recipes import recipe as recipe_of
from ..stimuli.scenarios import dose_prompts
from ..store.kept import read_kept, write_kept
from ..store.responses import response_name
from ..types import Decoding, DoseResponse, Generation, Recipe, SteeredText, VectorSet, Verdict, WitnessCard

if TYPE_CHECKING:
    from ..witness.witness import Witness

NO_WITNESS = "none"


def dose_response(
    model: LoadedModel,
    vectors: VectorSet | None = None,
    directions: Sequence[str] | None = None,
    doses: Sequence[float] | None = None,
    prompts: Sequence[str] | None = None,
    recipe: Recipe | str = EMOVIZ,
    decoding: Decoding | None = None,
    controls: Sequence[str] | None = None,
    witness: Witness | None = None,
    *,
    outside: Witness | None = None,
    work: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> DoseResponse:
    """What doses do: every direction and control at every dose after every prompt, judged and measured.

    vectors : a set of this very model; None for the one that it uses.
    directions : emotions, or mixtures as they are written; None for all emotions of the set.
    doses : fractions of the typical residual norm, in any order; 0 is added. None for eight from 0.005 to 0.2.
    prompts : texts to continue; None for the two shipped openings.
    recipe, decoding : as `steer_texts`. controls : None for `random` and `mean`, the latter where the set has a neutral
        class.
    witness : a classifier that is not the model, see `witness_for`; None leaves its probabilities empty. outside : one
        that people taught, see `outside_for`; the same.
    work : a folder in which finished batches are kept, so that a run that was killed goes on after them; `seconds`
        counts from there.
    progress : called with `steering` (after every token of a batch), then `judging` and `classifying`, texts done and
        in all. What it raises ends the run at that token and leaves no hook behind.
    Returns : DoseResponse, not stored yet; `to_frame()` has a row per text.
    Raises  : InputError as `steer_texts`, and for prompts, directions or doses that are missing or named twice.
    Source  : docs/methods.md; Jeong 2026 (arXiv 2604.04064) for the regimes and the doses 0.005 to 0.05.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> found = ez.dose_response(model, None, ["calm"], [0.04], ["I opened the door and"], controls=())
    >>> found.to_frame()[["direction", "dose", "regime"]].values.tolist()
    [['unsteered', 0.0, 'unchanged'], ['calm', 0.04, 'surgical']]
    """
    loaded = model
    vectors = fitting(vectors, loaded, unfit(directions or ()))
    loaded.check_steerable()
    directions = plain_labels(vectors.emotions if directions is None else directions, vectors.classes)
    controls = control_labels(usual_controls(vectors) if controls is None else controls, vectors.classes)
    prompts = dose_prompts() if prompts is None else prompts
    recipe = recipe_of(vectors, recipe)
    decoding = Decoding() if decoding is None else decoding
    check_named("prompts", prompts)
    check_named("directions", directions)
    check_named("directions and controls", [*directions, *controls])
    doses = parse_doses(RUN_DOSES) if doses is None else doses
    check_doses(doses)
    doses = tuple(sorted({0.0, *map(float, doses)}))
    rows = batch_rows([*directions, *controls], doses, vectors.classes)
    if len(rows) == 1:
        raise InputError("no dose but 0 was given. Give one or more.")
    # Whatever cannot be steered is found before the first text is written.
    offsets(vectors, rows, recipe)
    ids = [checked_ids(loaded, prompt, decoding) for prompt in prompts]

    started = time.perf_counter()
    total = len(prompts) * len(rows)
    written = []
    for k, prompt in enumerate(prompts):
        made: list[Generation] = []
        for n, part in enumerate(batches(loaded, rows, prompt, decoding)):
            before = k * len(rows) + len(made)
            kept = None if work is None else work / f"prompt{k}-batch{n}.json"
            batch = _kept(kept, part)
            if batch is None:
                for partial in generate(loaded, prompt, offsets(vectors, part, recipe), decoding):
                    share = partial.ids.shape[1] / decoding.max_new_tokens
                    progress("steering", before + int(len(part) * share), total)
                batch = generations(loaded, vectors, part, prompt, partial, chat=decoding.chat)
                keep(kept, [replace(one, classes=()) for one in batch])
            made += batch
            progress("steering", before + len(part), total)
        written.append(made)

    layer = preferred_layer(vectors)
    measured: list[tuple[Generation, int, Verdict, np.ndarray]] = []
    progress("judging", 0, total)
    for k, made in enumerate(written):
        verdicts = judge_batch(loaded, made)
        found = _projections(loaded, vectors, layer, ids[k], made)
        measured += zip(made, [k] * len(made), verdicts, found, strict=True)
        progress("judging", len(measured), total)
    progress("classifying", 0, total)
    texts = [one.text for one, *_ in measured]
    card, probabilities = _witnessed(witness, texts)
    outside_card, outside_probabilities = _witnessed(outside, texts)
    progress("classifying", total, total)
    return DoseResponse(
        name=response_name(vectors, recipe, decoding, prompts, directions, controls, doses, loaded.precision),
        model=loaded.name,
        set=vectors.name,
        precision=loaded.precision,
        recipe=recipe,
        decoding=decoding,
        witness=card,
        prompts=tuple(prompts),
        directions=directions,
        controls=controls,
        doses=doses,
        classes=vectors.classes,
        layer=layer,
        texts=tuple(
            SteeredText(
                one.direction,
                one.dose,
                k,
                one.text,
                verdict,
                max(one.leak_mass, default=math.nan),
                tuple(p),
                tuple(found.tolist()),
                tuple(q),
            )
            for (one, k, verdict, found), p, q in zip(measured, probabilities, outside_probabilities, strict=True)
        ),
        seconds=round(time.perf_counter() - started, 1),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        outside=None if outside is None else outside_card,
    )


def by_outside(response: DoseResponse, witness: Witness) -> DoseResponse:
    """The same run, its texts read by an outside witness too."""
    card, probabilities = _witnessed(witness, [t.text for t in response.texts])
    texts = tuple(replace(t, outside=tuple(p)) for t, p in zip(response.texts, probabilities, strict=True))
    return replace(response, texts=texts, outside=card)


def _witnessed(witness: Witness | None, texts: list[str]) -> tuple[WitnessCard, Sequence[Sequence[float]]]:
    """The card, and a row of probabilities per text."""
    if witness is None:
        return WitnessCard(NO_WITNESS, (), None, math.nan, "nothing: no classifier was at hand"), ((),) * len(texts)
    # Doses that change nothing give the same text again.
    distinct = list(dict.fromkeys(texts))
    found = dict(zip(distinct, witness.probabilities(distinct).tolist(), strict=True))
    return witness.card, [found[text] for text in texts]


def _projections(
    loaded: LoadedModel, vectors: VectorSet, layer: int, prompt: Sequence[int], made: Sequence[Generation]
) -> list[np.ndarray]:
    distinct = list(dict.fromkeys(one.ids for one in made))
    found = dict(zip(distinct, projections(loaded, vectors, layer, prompt, distinct), strict=True))
    return [found[one.ids] for one in made]


def check_named(what: str, given: Sequence[str]) -> None:
    """Raises InputError where nothing was given, or something twice."""
    if not given or len(set(given)) < len(given):
        raise InputError(f"{what} {list(given)} were given. Name one or more, each once.")


def keep(path: Path | None, made: Sequence[Any]) -> None:
    """Writes a finished batch, dataclasses, for a run that goes on after it; nothing without a path."""
    if path is not None:
        write_kept(path, [asdict(one) for one in made])


def _kept(path: Path | None, part: Sequence[tuple[str, float]]) -> list[Generation] | None:
    """A batch that an earlier run has written; None if there is none, or one of other rows."""
    rows = None if path is None else read_kept(path)
    if rows is None:
        return None
    lists = ("ids", "leak_mass", "classes")
    made = [Generation(**{**row, **{name: tuple(row[name]) for name in lists}}) for row in rows]
    return made if [(one.direction, one.dose) for one in made] == list(part) else None
