"""Verification: the criterion, calibration kept apart from scenarios, the control, files, figure, command and page."""

import gzip
import json
import re
import threading
from dataclasses import replace

import numpy as np
import pytest

from emoviz.app.jobs import Jobs
from emoviz.app.library import Library, library
from emoviz.app.selection import first_selection
from emoviz.app.tabs.steer import verification as page
from emoviz.cli import main
from emoviz.emotions import CLASSES, EMOTIONS
from emoviz.errors import InputError
from emoviz.experiments import calibration as calibrating
from emoviz.experiments import judged as judging
from emoviz.experiments import verification as verifying
from emoviz.experiments.calibration import calibrate, targets
from emoviz.experiments.claims import evidence
from emoviz.experiments.plans import plan_for, rise_words
from emoviz.experiments.verification import (
    confirmed,
    criterion,
    run_scenarios,
    second_witness,
    usable_calibration,
    verified_emotions,
)
from emoviz.extract.cleaning import cleaned
from emoviz.plots.verification import verification_figure
from emoviz.stats.wilson import wilson_interval
from emoviz.stimuli import openings
from emoviz.store import list_verifications, load_verification, save_set, save_verification, sets_folder, shipped_folder
from emoviz.types import Calibrated, Decoding, Openings, Recipe, VerificationPlan, WitnessCard
from emoviz.witness.witness import Witness

from .conftest import WORDS, finished, make_set

PLAN = VerificationPlan(Recipe((1, 2)), (0.1, 0.5), Decoding(8, 0.7), 3, 0.05)
TINY = Openings(("the cat sat on", "a dog ran"), ("the red tree", "a blue mat and"))


def _quiet(_stage, _done, _total):
    pass


def _witness(name="counts words", accuracy=0.5):
    """Reads nothing but how often each word occurs, so that every text has its own probabilities."""
    mixing = np.random.default_rng(3).normal(size=(len(WORDS), len(CLASSES)))

    def read(texts):
        counts = np.array([[text.split().count(word) for word in WORDS] for text in texts])
        raised = np.exp(counts @ mixing)
        return raised / raised.sum(1, keepdims=True)

    return Witness(WitnessCard(name, CLASSES, accuracy, 1 / len(CLASSES), "nothing"), read)


def _set_of(loaded):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))


def _run(loaded, plan=PLAN, prompts=TINY, vectors=None, work=None):
    vectors, witness = _set_of(loaded) if vectors is None else vectors, _witness()
    chosen = calibrate(loaded, vectors, witness, plan, EMOTIONS, prompts.calibration, _quiet, work)
    return run_scenarios(
        loaded,
        vectors,
        witness,
        _witness("another"),
        plan,
        chosen,
        prompts,
        calibrated_by=(witness.card.name, 1.0),
        progress=_quiet,
        work=work,
    )


@pytest.mark.parametrize(("k", "n"), [(0, 40), (5, 40), (37, 40), (40, 40), (1, 3)])
def test_wilson_interval_is_that_of_scipy(k, n):
    from scipy.stats import binomtest

    found = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson_interval(k, n) == pytest.approx((found.low, found.high), abs=1e-12)


def test_wilson_interval_of_nothing_is_missing():
    assert np.isnan(wilson_interval(0, 0)).all()


def test_openings_are_neutral_and_kept_apart():
    found = openings()
    assert len(EMOTIONS) * len(found.verification) == 40
    assert len(found.calibration) >= 6
    assert not set(found.calibration) & set(found.verification)
    said = re.findall(r"[a-z]+", " ".join(found.calibration + found.verification).lower())
    # Four letters catch the noun as well: hopeful and hope, guilty and guilt.
    assert not [(word, name) for word in said for name in EMOTIONS if word[:4] == name[:4]]


@pytest.mark.parametrize(
    ("before", "after", "surgical", "expected"),
    [
        (0.1, 0.2, 3, True),
        (0.1, 0.2, 2, True),
        (0.1, 0.2, 1, False),
        (0.1, 0.15, 3, False),
        (0.2, 0.1, 3, False),
        (0.1, float("nan"), 3, False),
    ],
)
def test_a_scenario_needs_a_gain_above_the_margin_and_mostly_surgical_texts(before, after, surgical, expected):
    assert confirmed(before, after, surgical, PLAN) is expected


def test_half_of_an_even_number_is_not_most():
    assert not confirmed(0.0, 1.0, 2, replace(PLAN, samples=4))


def test_the_criterion_in_words_names_its_numbers():
    words = criterion(replace(PLAN, margin=0.07, samples=9))
    assert "0.07" in words
    assert "9 sampled" in words


def test_a_verification_counts_its_own_rows_and_is_deterministic(llama):
    found = _run(llama)
    assert (len(found.rows), len(found.controls), found.n) == (40, 40, 40)
    assert {(row.emotion, row.prompt) for row in found.rows} == {(name, k) for name in EMOTIONS for k in (0, 1)}
    assert found.k == sum(row.confirmed for row in found.rows)
    assert found.control_k == sum(row.confirmed for row in found.controls)
    assert (found.wilson_low, found.wilson_high) == wilson_interval(found.k, 40)
    for row in (*found.rows, *found.controls):
        assert row.after == pytest.approx(np.mean([text.target for text in row.texts]))
        assert row.before == pytest.approx(np.mean([text.baseline for text in row.texts]))
        assert row.confirmed == confirmed(row.before, row.after, row.surgical, PLAN)
    again = _run(llama)
    assert again.rows == found.rows
    assert again.calibrated == found.calibrated


def test_blank_texts_are_left_out_of_the_means_and_a_scenario_of_blanks_is_not_confirmed():
    scores = np.array([[0.2, np.nan], [0.4, 0.9]])
    assert verifying._means(scores) == pytest.approx((0.3, 0.9))
    before, after = verifying._means(np.array([[0.2, np.nan]]))
    assert not confirmed(before, after, 1, replace(PLAN, samples=1))


def test_a_control_whose_texts_break_is_told_from_one_that_changes_nothing(llama):
    found = _run(llama)
    rows = [replace(row, before=0.1, after=0.4, surgical=3) for row in found.rows]
    controls = [
        replace(row, before=0.1, after=0.4 if k < 7 else 0.1, surgical=0) for k, row in enumerate(found.controls)
    ]
    words = rise_words(replace(found, rows=tuple(rows), controls=tuple(controls)))
    assert "40 of 40, random 7" in words
    assert "100 % of the steered texts and 0 % of those by random" in words


def _recorded(monkeypatch, module):
    calls = []
    real = module.judged_texts

    def recording(loaded, vectors, prompt, pairs, recipe, decoding, work):
        calls.append((prompt, tuple(pairs), recipe, decoding))
        return real(loaded, vectors, prompt, pairs, recipe, decoding, work)

    monkeypatch.setattr(module, "judged_texts", recording)
    return calls


def test_calibration_never_sees_the_verification_openings_nor_their_noise(llama, monkeypatch):
    first, then = _recorded(monkeypatch, calibrating), _recorded(monkeypatch, verifying)
    _run(llama)
    assert {call[0] for call in first} == set(TINY.calibration)
    assert {call[0] for call in then} == set(TINY.verification)
    seeds = [call[3].seed for call in first + then]
    assert len(set(seeds)) == len(seeds)


def test_an_opening_in_both_lists_is_refused(llama):
    with pytest.raises(InputError, match="was used for calibration"):
        _run(llama, prompts=Openings(TINY.calibration, TINY.calibration[:1]))


def test_the_control_takes_the_same_path_as_the_emotions(llama, monkeypatch):
    first, then = _recorded(monkeypatch, calibrating), _recorded(monkeypatch, verifying)
    found = _run(llama)
    asked = [direction for _, direction in targets(EMOTIONS)]
    assert len(set(asked)) == 40
    for _, pairs, recipe, _ in first:
        assert pairs == tuple((direction, dose) for direction in asked for dose in PLAN.doses)
        assert recipe == PLAN.recipe
    for _, pairs, recipe, _ in then:
        assert [direction for direction, _ in pairs] == asked
        assert recipe == PLAN.recipe
    # Every control is judged by the emotion that it stands beside.
    assert [(c.emotion, c.prompt) for c in found.controls] == [(r.emotion, r.prompt) for r in found.rows]
    assert all(control.before == own.before for control, own in zip(found.controls, found.rows, strict=True))


def test_calibration_takes_the_dose_with_the_highest_score_and_the_lower_of_equals(llama, monkeypatch):
    found = calibrate(llama, _set_of(llama), _witness(), PLAN, EMOTIONS, TINY.calibration, _quiet)
    for one in found:
        assert one.dose == PLAN.doses[int(np.argmax(one.scores))]
    monkeypatch.setattr(calibrating, "SURGICAL", "never")
    flat = calibrate(llama, _set_of(llama), _witness(), PLAN, EMOTIONS, TINY.calibration, _quiet)
    assert {one.dose for one in flat} == {PLAN.doses[0]}
    assert {score for one in flat for score in one.scores} == {0.0}


def test_a_calibration_is_used_again_only_for_the_same_set_plan_and_openings(llama):
    found, vectors = _run(llama), _set_of(llama)
    assert usable_calibration([found], vectors, PLAN, TINY) is found
    assert usable_calibration([found], replace(vectors, name="another"), PLAN, TINY) is None
    assert usable_calibration([found], vectors, replace(PLAN, margin=0.2), TINY) is None
    assert usable_calibration([found], vectors, PLAN, Openings(("a cat",), TINY.verification)) is None


def test_the_second_witness_shares_least_with_the_first():
    def names(*found):
        return [_witness(name) for name in found]

    states, sentences, both = names("G states", "MiniLM", "G states + MiniLM")
    assert second_witness(states, [states, sentences, both]) is sentences
    assert second_witness(both, [states, sentences, both]) is sentences
    assert second_witness(sentences, [states, sentences, both]) is states
    assert second_witness(sentences, [sentences]) is sentences


def test_a_set_without_all_emotions_is_refused():
    with pytest.raises(InputError, match="lacks"):
        verified_emotions(make_set(classes=("angry", "calm", "neutral")))


def test_a_verification_comes_back_from_its_file_as_it_was(llama, tmp_path):
    found = _run(llama)
    path = save_verification(found, tmp_path)
    back = load_verification(path)
    assert back.plan == found.plan
    assert (back.k, back.control_k, back.prompts, back.baselines) == (
        found.k,
        found.control_k,
        found.prompts,
        found.baselines,
    )
    assert [row.texts[0].text for row in back.rows] == [row.texts[0].text for row in found.rows]
    assert back.rows[3].after == pytest.approx(found.rows[3].after, rel=1e-4)
    assert [one.dose for one in back.calibrated] == [one.dose for one in found.calibrated]
    assert all(isinstance(one, Calibrated) for one in back.calibrated)
    assert save_verification(back, tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_verification_of_cleaned_directions_has_a_file_of_its_own_and_decides_no_claim(llama):
    own = _set_of(llama)
    made = _run(llama, replace(PLAN, samples=1), vectors=cleaned(llama, own, "against neutral"))
    assert made.set == f"{own.name}, against neutral" and made.n == 40
    path = save_verification(made)
    assert path.name == f"{own.name}-against-neutral_fp32_by-counts-words.verification.json.gz"
    assert [found.set for found in list_verifications() if not found.shipped] == [made.set]
    at_hand = evidence([own])
    assert made.model in at_hand.models and not at_hand.verifications


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b'{"schema_version": 99}', mtime=0)])
def test_a_damaged_file_is_refused_and_left_out_of_the_list(content, tmp_path, monkeypatch):
    monkeypatch.setenv("EMOVIZ_HOME", str(tmp_path))
    path = tmp_path / "verifications" / "broken.verification.json.gz"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a verification"):
        load_verification(path)
    assert all(one.shipped for one in list_verifications())


def test_the_figure_has_a_mark_for_every_scenario_and_control(llama):
    found = _run(llama)
    figure = verification_figure(found, emotion="calm", prompt=1)
    marks = [trace for trace in figure.data if trace.customdata is not None]
    assert sum(len(trace.x) for trace in marks) == 80
    drawn = {
        (*ids, round(x, 6), symbol != "x-thin")
        for trace in marks
        for ids, x, symbol in zip(trace.customdata, trace.x, trace.marker.symbol, strict=True)
    }
    assert drawn == {
        (row.emotion, row.prompt, round(row.after, 6), row.confirmed) for row in (*found.rows, *found.controls)
    }
    assert f"{found.k} of 40" in figure.layout.title.text
    assert figure.layout.meta["kind"] == "verification"


def test_the_command_counts_states_its_criterion_and_reuses_its_calibration(llama, llama_folder, monkeypatch, capsys):
    vectors = _set_of(llama)
    save_set(vectors, sets_folder())
    monkeypatch.setattr("emoviz.experiments.verification.candidates", lambda *_, **__: ((_witness(),), {}))
    monkeypatch.setattr("emoviz.experiments.verification.chosen", lambda found, *_: found[0])
    monkeypatch.setattr("emoviz.experiments.verification.openings", lambda: TINY)
    for module in ("plans", "verification"):
        monkeypatch.setattr(f"emoviz.experiments.{module}.plan_for", lambda _: PLAN)
    # It reads by other models, which takes a minute, and has tests of its own.
    monkeypatch.setattr("emoviz.experiments.verification.outside_for", lambda *_, **__: None)
    calls = _recorded(monkeypatch, calibrating)
    assert main(["verify", str(llama_folder), "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert {
        "k", "n", "wilson_low", "wilson_high", "control_k", "rows", "criterion", "witness", "calibration", "seconds"
    } <= set(result)  # fmt: skip
    assert result["k"] == sum(row["confirmed"] for row in result["rows"])
    assert err.index(criterion(PLAN)) < err.index("calibrating")
    assert {call[0] for call in calls} == set(TINY.calibration)
    before = len(calls)
    assert main(["verify", str(llama_folder)]) == 0
    assert len(calls) == before
    assert f"confirmed: {result['k']} of 40" in capsys.readouterr().out
    assert main(["verify", str(llama_folder), "--recalibrate", "--json"]) == 0
    assert len(calls) == 2 * before
    assert json.loads(capsys.readouterr().out)["k"] == result["k"]


def test_a_model_without_a_set_is_refused(llama_folder, capsys):
    assert main(["verify", str(llama_folder)]) == 2
    assert "there is no vector set" in capsys.readouterr().err


def test_nothing_is_written_when_a_run_is_stopped(llama, llama_folder, tmp_path, monkeypatch, capsys):
    save_set(_set_of(llama), sets_folder())
    monkeypatch.setattr("emoviz.experiments.verification.candidates", lambda *_, **__: ((_witness(),), {}))
    monkeypatch.setattr("emoviz.experiments.verification.chosen", lambda found, *_: found[0])
    monkeypatch.setattr("emoviz.experiments.verification.openings", lambda: TINY)
    monkeypatch.setattr("emoviz.experiments.verification.plan_for", lambda _: PLAN)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(verifying, "judged_texts", stop)
    assert main(["verify", str(llama_folder)]) == 130
    assert not list((tmp_path / "home" / "verifications").glob("*"))


def test_a_killed_verification_goes_on_after_the_texts_that_it_had_written(llama, tmp_path, monkeypatch):
    written, real = [], judging.generate

    def counted(*given):
        written.append(given)
        if len(written) == stop:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(judging, "generate", counted)
    stop = 0
    whole = _run(llama)
    n, stop = len(written), len(written) + 6
    with pytest.raises(KeyboardInterrupt):
        _run(llama, work=tmp_path)
    before, stop = len(written), 0
    resumed = _run(llama, work=tmp_path)
    assert before > n and 0 < len(written) - before < n, "what was written is not written again"
    assert replace(resumed, seconds=0, created="") == replace(whole, seconds=0, created="")


SHIPPED = [one for one in list_verifications() if one.shipped]


def test_verifications_of_three_families_are_shipped():
    assert {one.model for one in SHIPPED} == {"Qwen2.5-Coder-0.5B-Instruct", "SmolLM2-135M-Instruct", "gemma-3-270m"}


@pytest.mark.parametrize("found", SHIPPED, ids=lambda one: one.model)
def test_a_shipped_verification_is_recounted_from_its_own_texts(found):
    assert found.prompts == openings().verification
    assert found.calibration_prompts == openings().calibration
    assert found.criterion == criterion(found.plan)
    for rows, k, check_k in (
        (found.rows, found.k, found.check_k),
        (found.controls, found.control_k, found.check_control_k),
    ):
        assert len(rows) == found.n == 40
        counted = checked = 0
        for row in rows:
            texts = [text for text in row.texts if text.text.strip()]
            gain = np.mean([text.target for text in texts]) - np.mean([text.baseline for text in row.texts])
            surgical = sum(text.regime == "surgical" for text in row.texts)
            counted += gain > found.plan.margin and surgical > found.plan.samples / 2
            checked += row.check_confirmed
            assert surgical == row.surgical
        assert (counted, checked) == (k, check_k)
    assert (found.wilson_low, found.wilson_high) == pytest.approx(wilson_interval(found.k, 40), rel=1e-4)


@pytest.mark.parametrize("found", SHIPPED, ids=lambda one: one.model)
def test_shipped_doses_are_those_with_the_highest_calibration_scores(found):
    assert [(one.emotion, one.direction) for one in found.calibrated] == targets(EMOTIONS)
    assert all(one.dose == found.plan.doses[int(np.argmax(one.scores))] for one in found.calibrated)


def test_shipped_calibrations_fit_the_plan_and_the_sets_of_today():
    from emoviz.store import find_set

    for one in SHIPPED:
        vectors = find_set(one.set)
        assert usable_calibration([one], vectors, plan_for(vectors), openings()) is one


def test_the_page_shows_the_stored_verification_and_its_texts():
    name = next(iter(library().verifications))
    found = library().verifications[name]
    drawn = page.draw(replace(first_selection(), emotion="guilty"), name, "second opening")
    figure, heading, texts = drawn["figure"], drawn["heading"], drawn["texts"]
    assert found.criterion in drawn["criterion"]
    assert f"{found.k} of 40" in figure.layout.title.text
    assert found.prompts[1] in heading
    assert [len(row["lines"][0]["cells"]) for row in texts["rows"]] == [2] * found.plan.samples
    row = next(row for row in found.rows if (row.emotion, row.prompt) == ("guilty", 1))
    assert [one["lines"][0]["cells"][0]["text"] for one in texts["rows"]] == [text.text.strip() for text in row.texts]
    assert [one["baseline"]["text"] for one in texts["rows"]] == [text.strip() for text in found.baselines[1]]
    assert page.cards()["cards"][0]["facts"][0]["value"] == f"{found.k} of 40"


@pytest.mark.parametrize("given", [("nobody", "first opening"), (None, "first opening")])
def test_the_page_says_how_to_make_a_verification_where_there_is_none(given, monkeypatch):
    monkeypatch.setattr("emoviz.app.library.list_verifications", lambda: ())
    empty = Library([])
    monkeypatch.setattr(page, "library", lambda: empty)
    drawn = page.draw(first_selection(), *given)
    assert "emoviz verify" in drawn["criterion"]
    assert (drawn["figure"], drawn["heading"], drawn["texts"]) == (None, "", None)


def test_the_selected_emotion_is_the_scenario_that_is_shown():
    drawn = page.draw(replace(first_selection(), emotion="calm"), None, "first opening")
    assert drawn["heading"].startswith("**calm** after") and drawn["texts"]["rows"]
    drawn = page.draw(replace(first_selection(), emotion="neutral"), None, "no opening")
    assert drawn["heading"].startswith("**No scenario for neutral.**") and drawn["texts"] is None
    assert drawn["figure"].layout.meta["kind"] == "verification"


@pytest.mark.parametrize("ids", [["calm"], ["calm", 2], ["calm", True], ["none", 1], [7, []], [[], 1]])
def test_a_made_up_click_changes_nothing(ids):
    assert page.pick(ids, None) == {}
    assert page.pick(["calm", 1], None) == {"emotion": "calm", "opening": "second opening"}


def test_a_file_with_changed_bytes_is_no_verification(tmp_path):
    shipped = next(shipped_folder().glob("*.verification.json.gz"))
    content = bytearray(shipped.read_bytes())
    content[200:240] = bytes(40)
    (tmp_path / shipped.name).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a verification .* Run emoviz verify again"):
        load_verification(tmp_path / shipped.name)


def test_a_verification_is_begun_from_the_page_and_says_how_it_ended(monkeypatch):
    begun = []

    def command(words):
        begun.append(words)
        yield "calibrating: 1 of 80 openings"
        return {"k": 31, "n": 40, "control_k": 2}

    monkeypatch.setattr(page, "run_command", command)
    monkeypatch.setattr(page, "JOBS", Jobs())
    for model, precision in (("nonsense", "auto"), (None, "auto"), ("gemma-3-270m", "<b>")):
        assert page.begin(model, precision, "f" * 32)[0].startswith("**Cannot verify.**")
    assert begun == []
    said, last = finished(page.make(["verify", "--json", "--", "gemma-3-270m"], "gemma-3-270m"))
    assert said == ["calibrating: 1 of 80 openings"]
    assert last.startswith("31 of 40 confirmed for gemma-3-270m, random control 2.")
    assert page.begin("gemma-3-270m", "auto", "f" * 32)[0].startswith("Begun")
    while not page.JOBS.ended:
        threading.Event().wait(0.005)
    assert begun[-1] == ["verify", "--json", "--precision=auto", "--", "gemma-3-270m"]
