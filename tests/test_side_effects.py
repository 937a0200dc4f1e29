"""Side effects: batched numbers are those of a slow loop, laws hold, runs resume, are stored and opened again."""

import gzip
import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

import emoviz as ez
from emoviz.app.components import EMPTY
from emoviz.app.job_strip import BEGUN
from emoviz.app.jobs import JOBS
from emoviz.app.library import library
from emoviz.app.selection import first_selection
from emoviz.app.tabs.steer import effects as tab
from emoviz.cli import main
from emoviz.experiments.effects_summary import Change, bled, can_tell, effect_words, effects, stands_out
from emoviz.judge.likelihood import log_likelihoods
from emoviz.judge.repetition import repeated_share
from emoviz.readout.projection import projections
from emoviz.share.contents import sections
from emoviz.share.figures import drawings, view_of
from emoviz.steer.injection import offsets
from emoviz.steer.recipes import recipe
from emoviz.stimuli import load_corpus
from emoviz.stimuli.effects import CHANCE, KINDS, plain_passages, questions
from emoviz.stimuli.lint import lint_corpus
from emoviz.store import responses_folder, save_set, sets_folder
from emoviz.store.effects import SUFFIX, effects_name, load_side_effects
from emoviz.types import OffTarget, Passage, Question, SideEffects, WitnessCard
from emoviz.witness.witness import Witness

from .conftest import finished, make_set, save_tiny_model, tiny_llama

PROMPTS = ("the cat", "a red dog ran")
PASSAGES = ("the cat sat on the mat and the dog ran .", "a red tree , a blue mat .", "the dog")
QUESTIONS = (
    Question("fact", "the cat sat on", ("the mat", "a tree", "red", "the blue dog"), 0),
    Question("arithmetic", "a dog and a cat", ("ran", "sat", "on", "under"), 2),
    Question("comprehension", "the cat", ("grim", "joyous", "red and blue", "a"), 1, "the joyous cat sat ."),
)
ROWS = [("unsteered", 0.0), ("up", 0.4), ("down", 0.2), ("random", 0.4)]
STEPS = ez.Decoding(5, 0.8, 3)
GIVEN = {"prompts": PROMPTS, "passages": PASSAGES, "questions": QUESTIONS, "decoding": STEPS, "samples": 2}


def test_the_shipped_passages_and_questions_are_what_they_should_be():
    passages, asked = plain_passages(), questions()
    assert len(set(passages)) == 40 and all(50 <= len(text.split()) <= 70 for text in passages)
    assert Counter(one.kind for one in asked) == dict.fromkeys(KINDS, 20)
    assert set(Counter((one.kind, one.answer) for one in asked).values()) == {5}, "each place as often as any other"
    for one in asked:
        assert len(set(one.choices)) == 4 == 1 / CHANCE
        # Or the shortest choice would win, and the longest be told by its length.
        assert max(map(len, one.choices)) <= 2 * min(map(len, one.choices)), one
        assert bool(one.passage) == (one.kind == "comprehension") and one.prompt.endswith("?\nAnswer:")
        assert not one.prompt.startswith("\n")
    longest = [max(one.choices, key=len) == one.choices[one.answer] for one in asked]
    assert sum(longest) < 30


def test_the_shipped_passages_name_no_emotion_and_share_nothing_with_those_that_vectors_are_made_from():
    corpus = load_corpus()
    more = tuple(Passage("neutral", text, f"plain {k}") for k, text in enumerate(plain_passages()))
    found = lint_corpus(replace(corpus, passages=(*corpus.passages, *more)))
    kinds = {"banned word", "duplicate", "near-duplicate", "shared phrase"}
    assert [one for one in found if one.check in kinds] == []


def _set_of(model, **options):
    vectors = make_set(
        layers=model.n_layers, width=model.d_model, model=model.name, classes=("down", "neutral", "up"), **options
    )
    return replace(vectors, provenance=replace(vectors.provenance, revision=model.revision, origin=model.origin))


def _witness(classes=("down", "neutral", "up")) -> Witness:
    """Probabilities that say which text they are of."""
    card = WitnessCard("toy", classes, 0.5, 0.25, "nothing")
    return Witness(card, lambda texts: np.array([[len(t) % 7 / 9, 2 / 9, 1 - (2 + len(t) % 7) / 9] for t in texts]))


def _run(model, **changes) -> SideEffects:
    given = {"directions": ["up", "down"], "doses": [0.4, 0.2, 0.0], "controls": ("random",), **GIVEN, **changes}
    return ez.side_effects(model, given.pop("vectors", _set_of(model)), **given)


def _alone(model, vectors, row, prompt, continuation, **how) -> float:
    """One row and one continuation, read in a single pass without a cache."""
    ids = torch.tensor([[*prompt, *continuation]])
    with ez.steering(model, vectors, *row, **how), torch.inference_mode():
        logits = model.model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
    at = range(len(prompt) - 1, len(prompt) + len(continuation) - 1)
    return sum(float(logits[k, token]) for k, token in zip(at, continuation, strict=True))


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_many_rows_and_continuations_together_are_each_alone(name, request):
    model = request.getfixturevalue(name)
    vectors = _set_of(model)
    prompt, continuations = [3, 5, 7], [[4], [9, 8], [6, 5, 4], [10], [3, 3]]
    found = log_likelihoods(model, prompt, continuations, offsets(vectors, ROWS, recipe(vectors)))
    for k, row in enumerate(ROWS):
        expected = [_alone(model, vectors, row, prompt, one) for one in continuations]
        np.testing.assert_allclose(found[k], expected, atol=2e-4)
    assert np.abs(found[1] - found[0]).min() > 1e-4, "the direction must do something here"


def test_scopes_mean_what_they_mean_while_writing(llama):
    vectors = _set_of(llama)
    prompt, continuation = [3, 5, 7], [9, 8, 4]
    by_scope = {
        scope: log_likelihoods(llama, prompt, [continuation], offsets(vectors, ROWS, recipe(vectors, scope=scope)))
        for scope in ("all", "prompt", "response")
    }
    assert len({round(float(found[1, 0]), 4) for found in by_scope.values()}) == 3
    # By hand: at which positions of the whole text the offset is added.
    for scope, steered in (("prompt", slice(0, 3)), ("response", slice(2, None))):
        added = offsets(vectors, ROWS, recipe(vectors))
        hooks = []
        for layer, rows in added.by_layer.items():

            def act(_module, _inputs, output, step=rows[1], steered=steered):
                changed = output[0] if isinstance(output, tuple) else output
                changed[:, steered] += torch.from_numpy(step)
                return output

            hooks.append(llama.blocks[layer].register_forward_hook(act))
        with torch.inference_mode():
            logits = llama.model(input_ids=torch.tensor([[*prompt, *continuation]]), use_cache=False).logits[0]
        for hook in hooks:
            hook.remove()
        logs = logits.log_softmax(-1)
        expected = sum(float(logs[2 + k, token]) for k, token in enumerate(continuation))
        assert by_scope[scope][1, 0] == pytest.approx(expected, abs=2e-4)


def test_a_direction_adds_dose_times_norm_times_its_unit_vector(llama):
    """The injected loss against one whose offset is computed from the class means by hand."""
    vectors = _set_of(llama)
    run = _run(llama, recipe=recipe(vectors, layers=2))
    means = vectors.class_means[2].astype(float)
    v = means[vectors.classes.index("up")] - means.mean(0)
    step = torch.from_numpy(0.4 * vectors.residual_norm[2] * v / np.linalg.norm(v)).float()

    def act(_module, _inputs, output):
        return (output[0] + step, *output[1:]) if isinstance(output, tuple) else output + step

    hook = llama.blocks[2].register_forward_hook(act)
    for k, text in enumerate(PASSAGES):
        ids = torch.tensor([llama.tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            loss = llama.model(input_ids=ids, labels=ids).loss
        assert run.losses[run.rows.index(("up", 0.4)), k] == pytest.approx(float(loss), abs=1e-4)
    hook.remove()


def test_a_run_is_what_a_slow_loop_finds(llama, monkeypatch):
    # A few rows of offsets at a time.
    monkeypatch.setattr("emoviz.judge.likelihood.LOGIT_BYTES", 4 * 32 * 30)
    vectors, run = _set_of(llama), _run(llama, witness=_witness())
    names = [("up", 0.2), ("up", 0.4), ("down", 0.2), ("down", 0.4), ("random", 0.2), ("random", 0.4)]
    assert run.rows == (("unsteered", 0.0), *names)
    for k, row in enumerate(run.rows):
        for p, passage in enumerate(PASSAGES):
            ids = llama.tokenizer(passage)["input_ids"]
            loss = -_alone(llama, vectors, row, ids[:1], ids[1:]) / (len(ids) - 1)
            assert run.losses[k, p] == pytest.approx(loss, abs=1e-4)
        for q, question in enumerate(QUESTIONS):
            context = llama.tokenizer(question.prompt)["input_ids"]
            scores = [
                _alone(llama, vectors, row, context, llama.tokenizer(choice)["input_ids"]) / len(choice)
                for choice in question.choices
            ]
            assert run.right[k, q] == (int(np.argmax(scores)) == question.answer)
    changes = {row: [] for row in run.rows}
    by_witness = {row: [] for row in run.rows}
    at = [vectors.classes.index(name) for name in run.emotions]
    texts = 0
    for prompt in PROMPTS:
        for sample in (0, 1):
            how = replace(STEPS, seed=STEPS.seed + sample)
            ids = llama.tokenizer(prompt)["input_ids"]
            for k, row in enumerate(run.rows):
                direction, dose = row if k else ("up", 0.2)
                twin, steered = ez.steer_texts(llama, vectors, direction, dose, prompt, "emoviz", how)
                one = steered if k else twin
                scores = [projections(llama, vectors, run.layer, ids, [x.ids])[0][at] for x in (one, twin)]
                changes[row].append(scores[0] - scores[1])
                read = _witness().probabilities([one.text, twin.text])[:, [0, 2]]
                by_witness[row].append(read[0] - read[1])
                assert run.lengths[k, texts] == len(one.ids)
                assert run.repetitions[k, texts] == pytest.approx(repeated_share(one.ids), nan_ok=True)
            texts += 1
    for found, each in ((run.off_target["projection"], changes), (run.off_target["witness"], by_witness)):
        for k, row in enumerate(run.rows):
            values = np.array(each[row])
            np.testing.assert_allclose(found.change[k], values.mean(0), atol=1e-5)
            half = stats.t.ppf(0.975, 3) * values.std(0, ddof=1) / 2
            np.testing.assert_allclose(found.spread[k], half, atol=1e-5)
    assert np.abs(run.off_target["projection"].change[1:]).max() > 0.01


def test_dose_0_changes_nothing(llama):
    """All changes of the unsteered row are exactly 0, and a direction at dose 0 is that row again."""
    vectors, run = _set_of(llama), _run(llama, witness=_witness())
    for found in run.off_target.values():
        assert not found.change[0].any() and not found.spread[0].any()
    plain = effects(run)["unsteered", 0.0]
    assert (plain.loss.change, plain.loss.low, plain.loss.high) == (0, 0, 0)
    assert (plain.accuracy.change, plain.accuracy.low, plain.accuracy.high) == (0, 0, 0)
    added = offsets(vectors, [("unsteered", 0.0), ("up", 0.0), ("random", 0.0)], recipe(vectors))
    found = log_likelihoods(llama, [3, 5], [[4, 6], [7], [9, 8]], added)
    # Rows of a batch differ by the order of their sums alone.
    np.testing.assert_allclose(found, np.tile(found[0], (3, 1)), atol=1e-5)


def test_vectors_of_another_length_change_nothing(llama):
    vectors = _set_of(llama)
    centre = vectors.class_means.mean(1, keepdims=True)
    longer = replace(vectors, class_means=centre + 3 * (vectors.class_means - centre))
    # Which directions are random hangs on the last digits of the vectors.
    one, other = _run(llama, controls=()), _run(llama, vectors=longer, controls=())
    np.testing.assert_allclose(other.losses, one.losses, atol=1e-5)
    assert (other.right == one.right).all() and (other.lengths == one.lengths).all()
    a, b = one.off_target["projection"], other.off_target["projection"]
    np.testing.assert_allclose(b.change, a.change, atol=1e-5)


def test_a_killed_run_goes_on_after_its_last_part(llama, tmp_path, monkeypatch):
    whole = _run(llama)
    said = []

    def killed(stage, done, total):
        said.append((stage, done, total))
        if stage == "steering":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(llama, work=tmp_path, progress=killed)
    assert Counter(stage for stage, *_ in said) == {"passages": 3, "questions": 3, "steering": 1}
    assert not any(block._forward_hooks for block in llama.blocks) and not llama.lock.locked()
    monkeypatch.setattr("emoviz.experiments.side_effects.log_likelihoods", None)
    begun = []
    real = __import__("emoviz.experiments.side_effects", fromlist=["generate"]).generate
    monkeypatch.setattr("emoviz.experiments.side_effects.generate", lambda *a: (begun.append(a[1]), real(*a))[1])
    again = _run(llama, work=tmp_path)
    assert begun == [PROMPTS[0], *[PROMPTS[1]] * 2]
    assert (again.losses == whole.losses).all() and (again.right == whole.right).all()
    assert again.off_target == whole.off_target


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"directions": ["sideways"]}, "sideways"),
        ({"directions": []}, "Give one or more of each"),
        ({"directions": ["up", "random"]}, "directions and controls .* each once"),
        ({"doses": [0.0]}, "Give one or more of each"),
        ({"doses": [math.nan]}, "dose nan"),
        ({"directions": ["ablate up"]}, "is an intervention"),
        ({"passages": ["the"]}, "has 1 tokens; tiny-llama is tested on texts of 2 to 64"),
        ({"passages": ["the cat " * 40]}, "has 80 tokens"),
        ({"questions": ()}, "Give one or more of each"),
        ({"prompts": [" "]}, "the prompt is empty"),
        ({"samples": 0}, "0 samples"),
        ({"decoding": ez.Decoding(3)}, "2 samples at temperature 0 were asked for"),
        ({"recipe": "loud"}, "recipe 'loud'"),
    ],
)
def test_what_cannot_be_run_is_said_before_the_first_pass(llama, changes, message, monkeypatch):
    monkeypatch.setattr("emoviz.experiments.side_effects.log_likelihoods", None)
    monkeypatch.setattr("emoviz.experiments.side_effects.generate", None)
    with pytest.raises(ez.InputError, match=message):
        _run(llama, **changes)


def test_a_run_comes_back_from_its_file_as_it_was(llama, tmp_path):
    run = _run(llama, witness=_witness())
    path = ez.save_side_effects(run)
    (opened,) = [one for one in ez.list_side_effects() if not one.shipped]
    assert path == responses_folder() / f"{run.name}{SUFFIX}" and repr(opened) == repr(run)
    for name in run.__slots__:
        if name in ("right", "lengths"):
            assert np.array_equal(getattr(opened, name), getattr(run, name))
        elif name not in ("losses", "repetitions", "off_target"):
            assert getattr(opened, name) == getattr(run, name), name
    np.testing.assert_allclose(opened.losses, run.losses, rtol=1e-3)
    np.testing.assert_allclose(opened.repetitions, run.repetitions, rtol=1e-3)
    for reader, found in run.off_target.items():
        np.testing.assert_allclose(opened.off_target[reader].change, found.change, rtol=1e-3)
        assert opened.off_target[reader].card == found.card
    assert path.read_bytes() == ez.save_side_effects(opened, tmp_path / "again").read_bytes()
    assert opened.to_frame().shape == (7, 9 + 2 * 2)
    data = json.loads(gzip.decompress(path.read_bytes()))
    for broken, message in (
        ({**data, "format": "other"}, "something else"),
        ({**data, "schema_version": 9}, "version 9"),
    ):
        path.write_bytes(gzip.compress(json.dumps(broken).encode()))
        with pytest.raises(ez.InputError, match=rf"cannot be read as a run of .*{message}.*Run emoviz effects again"):
            load_side_effects(path)


def test_names_are_of_what_was_asked_for():
    vectors = make_set()
    asked = {
        "recipe": recipe(vectors), "decoding": STEPS, "samples": 2, "prompts": PROMPTS, "passages": PASSAGES,
        "questions": QUESTIONS, "directions": ("sad",), "controls": (), "doses": (0.1,), "precision": "fp32",
    }  # fmt: skip
    other = {
        "recipe": recipe(vectors, scope="prompt"), "decoding": replace(STEPS, seed=9), "samples": 3,
        "prompts": PROMPTS[:1], "passages": PASSAGES[:1], "questions": QUESTIONS[:1], "directions": ("happy",),
        "controls": ("random",), "doses": (0.2,), "precision": "bf16",
    }  # fmt: skip
    names = [effects_name(vectors, **{**asked, key: value}) for key, value in other.items()]
    assert len({effects_name(vectors, **asked), *names}) == 1 + len(other)


def simulated(**changes) -> SideEffects:
    """A run of three emotions and two random directions at two doses, whose numbers are known.

    At 0.03 `calm` costs 0.5 nats and 4 of 8 answers, raises calm by 0.2 and happy by 0.1, and lowers sad by 0.1; happy
    and the random directions do nearly nothing.
    """
    names, emotions = ("calm", "happy", "sad", "random", "random 1"), ("calm", "happy", "sad")
    rows = (("unsteered", 0.0), *((name, dose) for name in names for dose in (0.03, 0.06)))
    losses = np.tile(np.linspace(3, 4, 6), (len(rows), 1))
    right = np.ones((len(rows), 8), bool)
    right[:, 7] = False
    change, spread = np.zeros((len(rows), 3)), np.full((len(rows), 3), 0.02)
    change[1:] = 0.001
    change[rows.index(("random", 0.03))] = (0.05, -0.01, -0.02)
    change[rows.index(("random 1", 0.03))] = (0.0, 0.03, 0.02)
    calm = rows.index(("calm", 0.03))
    losses[calm] += np.array([0.4, 0.6, 0.5, 0.5, 0.45, 0.55])
    right[calm, :4] = False
    change[calm] = (0.2, 0.1, -0.1)
    off_target = OffTarget(np.array([0.1, 0.0, 0.2]), change, spread)
    given = {
        "name": "made-up_effects_00000000", "model": "made-up", "set": "made-up-set", "precision": "fp32",
        "recipe": recipe(make_set()), "decoding": STEPS, "samples": 5, "prompts": PROMPTS, "directions": names[:3],
        "controls": names[3:], "doses": (0.03, 0.06), "emotions": emotions, "layer": 3, "rows": rows, "losses": losses,
        "right": right, "kinds": ("fact",) * 4 + ("arithmetic",) * 4, "lengths": np.full((len(rows), 4), 48.0),
        "repetitions": np.full((len(rows), 4), 0.2), "off_target": {"projection": off_target}, "seconds": 1.0,
        "created": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    return SideEffects(**{**given, **changes})


def test_changes_are_paired_and_their_intervals_are_those_of_resampled_pairs():
    each = effects(simulated())
    one = each["calm", 0.03]
    assert one.loss.change == pytest.approx(0.5) and one.accuracy.change == pytest.approx(-4 / 8)
    rng = np.random.default_rng(1)
    drawn = [rng.choice([0.4, 0.6, 0.5, 0.5, 0.45, 0.55], 6).mean() for _ in range(20_000)]
    np.testing.assert_allclose([one.loss.low, one.loss.high], np.percentile(drawn, [2.5, 97.5]), atol=0.01)
    # Passages differ by a nat, which says nothing of the change.
    assert one.loss.high - one.loss.low < 0.15 and one.loss.told and one.accuracy.told
    assert one.by_kind == {"fact": 0, "arithmetic": 0.75} and (one.length, one.repetition) == (48, 0.2)
    assert not each["happy", 0.03].loss.told and each["random", 0.03].control


def test_what_stands_out_is_beyond_its_interval_and_beyond_every_random_direction():
    run = simulated()
    marks = {row: tuple(own) for row, own in zip(run.rows, stands_out(run, "projection").tolist(), strict=True)}
    assert marks["calm", 0.03] == (1, 1, -1)
    assert {own for row, own in marks.items() if row != ("calm", 0.03)} == {(0, 0, 0)}
    assert bled(run, "calm", 0.03, "projection") == ([("happy", 0.1)], [("sad", -0.1)])
    wide = replace(run.off_target["projection"], spread=np.full(run.off_target["projection"].spread.shape, 0.15))
    assert stands_out(replace(run, off_target={"projection": wide}), "projection").sum() == 1, "calm alone"
    loud = run.off_target["projection"].change.copy()
    loud[run.rows.index(("random", 0.03))] = (0.3, 0.2, -0.2)
    louder = replace(run, off_target={"projection": replace(run.off_target["projection"], change=loud)})
    assert not stands_out(louder, "projection").any()


def test_a_model_that_guesses_is_said_not_to_tell():
    run = simulated()
    assert can_tell(run)
    guessing = replace(run, right=np.tile([True, False, False, False] * 2, (len(run.rows), 1)))
    assert not can_tell(guessing)
    broke, _ = effect_words(guessing, "calm", 0.03, "projection")
    assert "cannot be told, since the unsteered model is right in 0.25 of them" in broke


def test_what_a_direction_does_is_said_in_words():
    broke, other = effect_words(simulated(), "calm", 0.03, "projection")
    assert broke.startswith("calm at 0.03 costs 0.50 nats per token [0.45, 0.55] on plain passages (controls: +0.00)")
    assert "the share of right answers falls from 0.88 to 0.38" in broke and "(controls: 0.88)" in broke
    assert other == (
        "By projection: calm changes by +0.200, most of all, it also raises happy (+0.100), and lowers sad (-0.100) "
        "(beyond every control direction)."
    )
    broke, other = effect_words(simulated(), "random", 0.03, "projection")
    assert "does not change the loss on plain passages for certain" in broke
    assert other == "By projection: a control direction, whose changes, -0.020 to +0.050, are what chance does."
    _, other = effect_words(simulated(), "happy", 0.03, "projection")
    assert "it raises no other emotion, and lowers none" in other
    with pytest.raises(ez.InputError, match=r"'calm' at 0.5 is not in made-up_effects_00000000"):
        effect_words(simulated(), "calm", 0.5, "projection")


def test_the_figures_hold_every_number_of_the_run():
    run = simulated()
    each, seen = effects(run), Counter()
    for trace in ez.plot.side_effects(run, "calm").data:
        if trace.customdata is None:
            continue
        what = trace.meta.split()[0]
        ends = zip(trace.x, trace.error_x.array, trace.error_x.arrayminus, strict=True)
        for (direction, dose, name), (x, up, down) in zip(trace.customdata, ends, strict=True):
            change: Change = getattr(each[direction, float(dose)], what)
            assert name == run.name
            np.testing.assert_allclose([x, x + up, x - down], [change.change, change.high, change.low], atol=1e-12)
            seen[what, direction, float(dose)] += 1
    assert set(seen.values()) == {1} and len(seen) == 2 * 5 * 2
    figure = ez.plot.off_target(run, 0.03, emotion="calm")
    heat, signs = figure.data
    assert list(figure.layout.yaxis.ticktext) == ["happy", "<b>calm</b>", "sad", "random", "random 1"]
    assert list(figure.layout.xaxis.ticktext) == ["happy", "<b>calm</b>", "sad"]
    assert heat.z[1].tolist() == [0.1, 0.2, -0.1] and heat.z[3].tolist() == [-0.01, 0.05, -0.02]
    assert list(zip(signs.y, signs.x, signs.text, strict=True)) == [(1, 0, "▲"), (1, 1, "▲"), (1, 2, "▼")]
    assert figure.layout.title.text.startswith("At 0.03 1 of 3 directions raise their own emotion most")
    with pytest.raises(ez.InputError, match="reader 'witness' is not in made-up_effects"):
        ez.plot.off_target(run, reader="witness")
    with pytest.raises(ez.InputError, match=r"dose 0.5 is not in made-up_effects_00000000; 0.03, 0.06 are"):
        ez.plot.off_target(run, 0.5)
    with pytest.raises(ez.InputError, match="run 'nowhere' is not stored"):
        ez.plot.side_effects("nowhere")


def test_a_model_that_guesses_is_told_in_the_figure():
    run = simulated()
    guessing = replace(run, right=np.zeros(run.right.shape, bool))
    notes = " ".join(note.text for note in ez.plot.side_effects(guessing).layout.annotations)
    assert "cannot tell: the unsteered model is right in 0.00 of the questions, by guessing 0.25" in notes


@pytest.fixture
def longer_reader(tmp_path):
    """A tiny model that can read the shipped passages, with a set of its own; nothing of it is in its vocabulary."""
    from emoviz.models.load import load_model

    config = tiny_llama()
    config.max_position_embeddings = 256
    folder = save_tiny_model(tmp_path / "reader", config)
    model = load_model(str(folder))
    save_set(replace(_set_of(model), name="reader-set"), sets_folder())
    return folder


def test_the_command_makes_a_run_and_opens_it_again(capsys, longer_reader, monkeypatch):
    monkeypatch.setattr("emoviz.witness.witness.witness_for", lambda *_: _witness())
    monkeypatch.setattr("emoviz.witness.outside.outside_for", lambda *_: None)
    words = [
        "effects",
        str(longer_reader),
        "--emotion",
        "up",
        "--dose",
        "0.2,0,0.4",
        "--json",
        "--controls",
        "random 7",
    ]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["computed"] and found["path"] == str(responses_folder() / f"{found['run']}{SUFFIX}")
    assert (found["passages"], found["questions"], found["chance"], found["samples"]) == (40, 60, 0.25, 5)
    assert [(row["emotion"], row["dose"], row["control"]) for row in found["rows"]] == [
        ("unsteered", 0, False), ("up", 0.2, False), ("up", 0.4, False), ("random 7", 0.2, True),
        ("random 7", 0.4, True),
    ]  # fmt: skip
    keys = {"loss", "loss_change", "loss_low", "loss_high", "accuracy", "accuracy_change", "accuracy_low"}
    assert all(keys | {"accuracy_by_kind", "length", "repetition"} <= set(row) for row in found["rows"])
    row = found["rows"][2]
    assert set(row["off_target"]) == {"projection", "witness"} == set(found["readers"]) == set(row["stands_out"])
    assert set(row["off_target"]["witness"]) == {"down", "up"} and set(row["stands_out"]["witness"]) == {
        "raised",
        "lowered",
    }
    assert row["loss_change"] == pytest.approx(row["loss"] - found["rows"][0]["loss"], abs=1e-6)
    assert not list((responses_folder().parent / "work").iterdir())
    monkeypatch.setattr("emoviz.experiments.side_effects.generate", None)
    assert main(words) == 0
    again = json.loads(capsys.readouterr().out)
    assert not again.pop("computed") and found.pop("computed") and again == found
    assert main([word for word in words if word != "--json"]) == 0
    said = capsys.readouterr().out
    assert "change in loss on plain passages" in said and "random 7 (control)" in said and "made before" in said
    assert main([*words, "--recipe", "loud"]) == 2
    assert "recipe 'loud' is unknown" in capsys.readouterr().err
    assert main([*words, "--controls", "blue"]) == 2
    assert "control 'blue' is unknown" in capsys.readouterr().err


def _view(**changes):
    return replace(first_selection(), **changes)


def test_the_part_shows_a_run_in_figures_words_and_numbers_and_a_click_chooses(monkeypatch):
    run = simulated(model="SmolLM2-135M-Instruct", shipped=True, created="2999-01-01T00:00:00+00:00")
    monkeypatch.setitem(library().__dict__, "effects", {run.name: run})
    shown = tab.draw(_view(emotion="calm"), None, None, None)
    assert (
        shown["model"]["value"] == run.model
        and shown["dose"]["value"] == "0.06"
        and shown["reader"]["value"] == "projection"
    )
    shown = tab.draw(_view(emotion="calm"), run.model, "0.03", "witness")
    assert shown["reader"]["value"] == "projection", "nobody else has read this run"
    assert "calm at 0.03 costs 0.50 nats" in shown["broken"] and "also raises happy" in shown["felt"]
    assert [row[0] for row in shown["numbers"]["rows"]] == ["unsteered", "0.03", "0.06"]
    assert shown["numbers"]["rows"][1][2] == "+0.50 [+0.45, +0.55]"
    assert shown["matrix"].layout.meta["kind"] == "off-target" and shown["losses"].layout.meta["kind"] == "side-effects"
    assert "No run of gemma-3-270m" in shown["status"]
    assert tab.pick(["happy", 0.03, run.name], _view()) == {"model": run.model, "dose": "0.03", "emotion": "happy"}
    assert tab.pick(["random", 0.06, run.name], _view()) == {"model": run.model, "dose": "0.06"}
    for wrong in (["happy", 0.5, run.name], ["happy", 0.03, "other"], ["bored", 0.03, run.name], [1], [None] * 3):
        assert tab.pick(wrong, _view()) == {}
    missing = tab.draw(_view(emotion="angry"), None, None, None)
    assert missing["broken"] == "**No angry** in the run of SmolLM2-135M-Instruct." and missing["numbers"] == EMPTY
    code = tab.python(_view(emotion="calm"), run.model, "0.03", None)
    assert (
        f"run = '{run.name}'" in code and "ez.plot.off_target(run, 0.03, 'projection', emotion='calm').show()" in code
    )
    with pytest.raises(ez.InputError, match="no run is chosen"):
        tab.OWN.what_goes(run.name)
    assert tab.OWN.delete(run.name).startswith("**Cannot delete.**")


def test_a_run_of_ones_own_is_a_job_that_asks_the_command_line(monkeypatch):
    asked = []
    monkeypatch.setattr(JOBS, "start", lambda kind, label, owner, make: asked.append((kind, label, make)))

    def command(words):
        asked.append(words)
        yield "steering"
        return {"run": "mine", "seconds": 3, "computed": True}

    monkeypatch.setattr("emoviz.app.steer.own_runs.run_command", command)
    said, _ = tab.OWN.begin("SmolLM2-135M-Instruct", ["calm"], "me")
    assert said == BEGUN and asked[0][:2] == ("side effects", "Side effects of SmolLM2-135M-Instruct")
    _, result = finished(asked[0][2]())
    assert asked[1] == ["effects", "--json", "--emotion=calm", "--", "SmolLM2-135M-Instruct"]
    assert result == "mine is stored: made in 3 s. Steer, Side effects shows it."
    assert tab.OWN.begin("nothing", [], "me")[0].startswith("**Cannot run.** no model is chosen")


def test_the_shipped_run_opens_without_its_model_and_what_it_found_stands(capsys, monkeypatch):
    monkeypatch.setattr("emoviz.models.load.load_model", None)
    assert main(["effects", "SmolLM2-135M-Instruct", "--precision", "bf16", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert not found["computed"] and found["can_tell"] and found["doses"] == [0.015, 0.03, 0.06]
    assert len(found["rows"]) == 1 + 3 * 23 and Path(found["path"]).stat().st_size < 70_000
    assert set(found["readers"]) == {"projection", "witness", "outside"}
    assert "SmolLM2" not in found["readers"]["witness"]["name"] + found["readers"]["outside"]["name"]
    usable = [row for row in found["rows"] if row["dose"] == 0.03]
    usual = max(row["loss_change"] for row in usable if row["control"])
    own = [row for row in usable if not row["control"]]
    assert len(own) == 20 and min(row["loss_change"] for row in own) > usual, "every emotion costs more than chance"
    assert sum(row["accuracy_high"] < 0 for row in own) == 13
    first = [max(row["off_target"]["projection"], key=row["off_target"]["projection"].get) for row in own]
    assert sum(name == row["emotion"] for name, row in zip(first, own, strict=True)) == 19
    calm = next(row for row in own if row["emotion"] == "calm")
    assert list(calm["stands_out"]["witness"]["raised"]) == ["blissful"]


def test_figures_reports_and_talks_have_the_stored_run():
    view = view_of([ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32")], emotion="calm")
    shown = drawings(view)
    assert shown["side_effects"].draw().layout.meta["kind"] == "side-effects"
    assert (
        "'emotion': 'calm'" in str(shown["off_target"].options)
        and "ez.plot.off_target(run=" in shown["off_target"].code
    )
    (section,) = [one for one in sections(view, None) if one.name == "side-effects"]
    assert section.figures == ("side_effects", "off_target") and "SmolLM2-135M-Instruct" in section.text
    other = view_of([ez.find_set("Qwen2.5-Coder-0.5B-Instruct_emoviz_fp32")])
    assert "side_effects" not in drawings(other)
