"""How much of other scripts steering brings out of a model: in what it writes, and in what it nearly writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..errors import InputError
from ..extract.norms import fitting
from ..geometry import preferred_layer
from ..judge.leak import HIDDEN_LEAK, leaked_spans
from ..models.loaded import LoadedModel
from ..readout.gloss import cut, dictionary, foreign_pieces
from ..readout.lens import changes_along, most_changed
from ..readout.neighbours import latin_neighbours
from ..readout.scripts import LATIN, PARTIAL, own_scripts, script_shares
from ..readout.vocabulary import vocabulary_scripts
from ..steer.directions import directions as units
from ..steer.doses import check_doses, parse_doses
from ..steer.generate import Partial, batch_rows, batches, checked_ids, generate, generations
from ..steer.grammar import RANDOM, control_labels, plain_labels, unfit
from ..steer.injection import offsets
from ..steer.recipes import recipe as recipe_of
from ..stimuli.scenarios import dose_prompts
from ..store.kept import read_kept
from ..store.leaks import leak_name, text_of
from ..types import Decoding, Generation, LeakLens, LeakRun, LeakText, VectorSet
from .dose_response import check_named, keep
from .leak_summary import LEAK_DOSES, RECIPES

# A script is not named for less.
_LEAST = 1e-4
# Tokens that a direction raises, of which the scripts are told.
_RAISED = 100


def leak_run(
    model: LoadedModel,
    vectors: VectorSet | None = None,
    directions: Sequence[str] | None = None,
    doses: Sequence[float] | None = None,
    prompts: Sequence[str] | None = None,
    recipes: Sequence[str] = RECIPES,
    decoding: Decoding | None = None,
    controls: Sequence[str] = (RANDOM,),
    *,
    work: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> LeakRun:
    """What leaks of other scripts: every direction and control at every dose after every prompt, by several recipes.

    A leak is *visible* in the text, as a share of its letters, and *hidden* in the probabilities from which it was
    chosen: the probability at a step on all tokens in scripts that the prompt does not use.

    vectors : a set of this very model; None for the one that it uses.
    directions : emotions, or mixtures as they are written; None for all emotions of the set.
    doses : fractions of the residual norm that a recipe names, but 0; None for four from 0.01 to 0.05.
    prompts : texts to continue; None for the two shipped openings. recipes : names of presets.
    decoding, controls, work, progress : as `dose_response`; the stage is `steering`.
    Returns : LeakRun, not stored yet; `to_frame()` has a row per text. With it the tokens that every direction raises
    through the output head, and for pieces that our dictionary lacks the words next to them in the embedding.
    Raises  : InputError as `steer_texts`, and for anything that is missing or named twice.
    Source  : Jeong 2026 (arXiv 2604.04064), which saw Chinese tokens in Qwen; the hidden leak is ours.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> found = ez.leak_run(model, None, ["calm"], [0.04], ["I opened the door and"], ["emoviz"], controls=())
    >>> found.to_frame()[["direction", "dose", "visible"]].values.tolist()
    [['unsteered', 0.0, 0.0], ['calm', 0.04, 0.0]]
    """
    vectors = fitting(vectors, model, unfit(directions or ()))
    model.check_steerable()
    directions = plain_labels(vectors.emotions if directions is None else directions, vectors.classes)
    controls = control_labels(controls, vectors.classes)
    prompts = tuple(dose_prompts() if prompts is None else prompts)
    doses = parse_doses(LEAK_DOSES) if doses is None else doses
    decoding = Decoding() if decoding is None else decoding
    named = {"prompts": prompts, "recipes": recipes, "directions and controls": (*directions, *controls)}
    for what, given in named.items():
        check_named(what, given)
    check_doses(doses)
    doses = tuple(sorted({float(dose) for dose in doses} - {0.0}))
    if not doses:
        raise InputError("no dose but 0 was given. Give one or more.")
    by_name = {name: recipe_of(vectors, name) for name in recipes}
    rows = batch_rows([*directions, *controls], doses, vectors.classes)
    # Whatever cannot be steered is found before the first text is written.
    for one in by_name.values():
        offsets(vectors, rows, one)
    for prompt in prompts:
        checked_ids(model, prompt, decoding)

    started = time.perf_counter()
    total = len(by_name) * len(prompts) * len(rows)
    texts: list[LeakText] = []
    for recipe, how in by_name.items():
        for k, prompt in enumerate(prompts):
            for n, part in enumerate(batches(model, rows, prompt, decoding)):
                kept = None if work is None else work / f"{recipe}-prompt{k}-batch{n}.json"
                made = _kept(kept)
                if made is None:
                    for partial in generate(model, prompt, offsets(vectors, part, how), decoding):
                        share = partial.ids.shape[1] / decoding.max_new_tokens
                        progress("steering", len(texts) + int(len(part) * share), total)
                    written = generations(model, vectors, part, prompt, partial, chat=decoding.chat)
                    made = _leaks(model, written, partial, recipe, k, prompt)
                    keep(kept, made)
                texts += made
                progress("steering", len(texts), total)
    found = lens_of(model, vectors, (*directions, *controls))
    return LeakRun(
        name=leak_name(vectors, by_name, decoding, prompts, directions, controls, doses, model.precision),
        model=model.name,
        set=vectors.name,
        precision=model.precision,
        recipes=by_name,
        decoding=decoding,
        prompts=prompts,
        directions=directions,
        controls=controls,
        doses=doses,
        texts=tuple(texts),
        seconds=round(time.perf_counter() - started, 1),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        lens=found,
        neighbours=neighbours_of(model, texts, found),
    )


def lens_of(model: LoadedModel, vectors: VectorSet, directions: Sequence[str]) -> LeakLens | None:
    """What each direction raises at the set's best layer; None where the output head of the model cannot be read."""
    layer, raised = preferred_layer(vectors), {}
    try:
        for towards in directions:
            changes = changes_along(model, vectors, units(vectors, towards, (layer,))[0], layer)
            raised[towards] = most_changed(model, changes, _RAISED)[0]
    except InputError:
        # A model without a final norm of a known name, or with a last layer that is not finite, leaks all the same.
        return None
    return LeakLens(layer, raised, vocabulary_scripts(model).shares())


def neighbours_of(model: LoadedModel, texts: Sequence[LeakText], lens: LeakLens | None) -> dict[str, tuple[str, ...]]:
    """The neighbours of every piece in another script than Latin, in the texts or raised, that the dictionary lacks."""
    pieces = [piece for text in texts for piece in text.pieces]
    for tokens in () if lens is None else lens.raised.values():
        pieces += [one.token.strip() for one in tokens if one.script not in (None, PARTIAL, LATIN)]
    unknown = [piece for piece in dict.fromkeys(pieces) if piece not in dictionary() and not cut(piece)]
    return latin_neighbours(model, unknown)


def _leaks(
    model: LoadedModel, written: Sequence[Generation], partial: Partial, recipe: str, prompt: int, opening: str
) -> list[LeakText]:
    own = own_scripts(opening)
    out = []
    for k, one in enumerate(written):
        highest = partial.script_mass[k, : len(one.leak_mass)].max(0, initial=0.0)
        hidden = {name: float(mass) for name, mass in zip(partial.scripts, highest, strict=True) if mass >= _LEAST}
        out.append(
            LeakText(
                recipe=recipe,
                direction=one.direction,
                dose=one.dose,
                prompt=prompt,
                text=one.text,
                visible={name: share for name, share in script_shares(one.text).items() if name not in own},
                hidden=dict(sorted(hidden.items(), key=lambda item: -item[1])),
                mass=one.leak_mass,
                starts=next((step for step, mass in enumerate(one.leak_mass, 1) if mass >= HIDDEN_LEAK), None),
                spans=leaked_spans(one.text, own),
                pieces=foreign_pieces(model.tokenizer, one.ids, own),
                broken=one.broken,
            )
        )
    return out


def _kept(path: Path | None) -> list[LeakText] | None:
    """A batch that an earlier run has written; None if there is none."""
    rows = None if path is None else read_kept(path)
    return None if rows is None else [text_of(row) for row in rows]
