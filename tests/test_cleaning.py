"""Cleaner directions: how they are asked for, what each takes out, and that nothing else changes."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import emoviz as ez
from emoviz.app import memory
from emoviz.app.selection import first_selection
from emoviz.app.steer import conversing, writing
from emoviz.app.tabs.read import numbers
from emoviz.app.tabs.read import text as read
from emoviz.app.tabs.steer import converse, texts
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.experiments.plans import plan_for
from emoviz.experiments.verification import verified_emotions
from emoviz.extract import cleaning as making
from emoviz.extract.cleaning import cleaned
from emoviz.geometry import preferred_layer
from emoviz.geometry.cleaning import (
    parse_cleaning,
    parted,
    principal_components,
    whitened_rows,
    with_means,
    within_covariance,
    without_components,
)
from emoviz.plots.theme import short_label
from emoviz.readout.projection import axes_of, passage_scale
from emoviz.readout.reading import read_text
from emoviz.steer.directions import directions
from emoviz.steer.generate import steer_texts
from emoviz.steer.injection import offsets
from emoviz.steer.recipes import recipe
from emoviz.store import find_set, list_sets, save_set, sets_folder
from emoviz.types import Activations, Decoding

from .conftest import make_set

TEXT = "the cat sat on a red mat and the dog ran under a blue tree ."
KINDS = ["neutral", "neutral 3", "whitened", "against down"]


def _rows(n, width, seed=0):
    return np.random.default_rng(seed).normal(size=(n, width))


@pytest.fixture
def own(llama, monkeypatch):
    """A set of the tiny model that keeps the states of its passages at every layer; neutral sentences in its words."""
    said = ("the cat sat .", "a dog ran on the mat", "blue tree or red mat", "a cat and a dog", "the mat under a tree")
    monkeypatch.setattr(making, "neutral_sentences", lambda: said)
    classes = ("calm", "down", "neutral", "up")
    vectors = make_set("tiny", layers=llama.n_layers, width=llama.d_model, model=llama.name, classes=classes)
    labels = classes * 10
    spread = _rows(40, llama.d_model, 3) @ _rows(llama.d_model, llama.d_model, 4)
    means = np.stack([vectors.class_means[:, classes.index(name)] for name in labels])
    states = (means + spread[:, None]).astype(np.float32)
    kept = Activations(states, tuple(range(llama.n_layers)), labels, tuple(f"t{k // 4}" for k in range(40)))
    provenance = replace(vectors.provenance, revision=llama.revision, origin=llama.origin)
    return replace(vectors, provenance=provenance, activations=kept)


def _notes(figure):
    return " ".join(figure.layout.annotations[-1].text.replace("<br>", " ").split())


# How it is asked for.


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("none", "none"),
        ("neutral", "neutral 50 %"),
        ("neutral 50%", "neutral 50 %"),
        (" neutral  7 % ", "neutral 7 %"),
        ("neutral 12.5 %", "neutral 12.5 %"),
        ("neutral 5", "neutral 5"),
        ("whitened", "whitened"),
        ("against very sad", "against very sad"),
    ],
)
def test_a_cleaning_is_read_as_it_is_meant_and_its_name_is_read_again(text, name):
    assert parse_cleaning(text).name == name
    assert parse_cleaning(name) == parse_cleaning(text)
    assert parted(f"m, 2_emoviz, {name}") == (("m, 2_emoviz", name) if name != "none" else ("m, 2_emoviz, none", ""))


@pytest.mark.parametrize(
    "text", ["", "clean", "neutral 0", "neutral 0 %", "neutral 100 %", "neutral -1", "neutral 2.5", "against", None, 3]
)
def test_what_is_no_cleaning_is_refused(text):
    with pytest.raises(InputError, match=r"is unknown; none, neutral, .* whitened and against EMOTION are allowed"):
        parse_cleaning(text)


# What each takes out.


def test_the_fewest_components_that_carry_the_share_are_taken():
    states = _rows(30, 6) * np.array([9, 5, 3, 1, 1, 0.5]) + 100
    values, basis = np.linalg.eigh(np.cov(states.T))
    share = np.cumsum(values[::-1]) / values.sum()
    for wanted in (0.3, 0.5, 0.9, 0.99):
        found = principal_components(states, wanted)
        assert len(found) == 1 + np.sum(share < wanted)
        assert np.abs(np.sum(found * basis.T[::-1][: len(found)], axis=1)) == pytest.approx(1)
    assert len(principal_components(states, 4)) == 4
    with pytest.raises(InputError, match="6 neutral components were asked for; 30 neutral sentences have 5"):
        principal_components(states, 6)


def test_directions_without_components_are_at_right_angles_to_every_one(llama, own):
    for how in ("neutral", "neutral 3"):
        vectors = cleaned(llama, own, how)
        at, _ = making.sentence_states(llama, own, lambda *_: None)
        for layer in range(llama.n_layers):
            components = principal_components(at(layer), parse_cleaning(how).components)
            units = axes_of(vectors, layer).units
            assert np.abs(units @ components.T).max() < 1e-5
            means = own.class_means[layer].astype(float)
            slow = means - means.mean(0)
            for one in components:
                slow = slow - np.outer(slow @ one, one)
            np.testing.assert_allclose(units, slow / np.linalg.norm(slow, axis=1)[:, None], atol=1e-5)


def test_taking_out_components_twice_is_taking_them_out_once():
    components = principal_components(_rows(9, 7), 3)
    once = without_components(_rows(4, 7, 1), components)
    np.testing.assert_allclose(without_components(once, components), once, atol=1e-12)


def _slow_ledoit_wolf(residuals):
    """Ledoit and Wolf 2004, equations 9 to 14, passage by passage."""
    n, width = residuals.shape
    sample = sum(np.outer(row, row) for row in residuals) / n
    level = np.trace(sample) / width
    distance = ((sample - level * np.eye(width)) ** 2).sum() / width
    error = sum(((np.outer(row, row) - sample) ** 2).sum() / width for row in residuals) / n**2
    shrinkage = min(error, distance) / distance
    return shrinkage * level * np.eye(width) + (1 - shrinkage) * sample


def test_the_covariance_is_that_of_a_slow_loop_and_the_directions_those_of_a_discriminant_analysis():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    labels = np.array(["a", "b", "c"] * 15)
    states = _rows(45, 8) @ _rows(8, 8, 1) + 3 * _rows(3, 8, 2)[np.arange(45) % 3]
    means = np.stack([states[labels == name].mean(0) for name in "abc"])
    covariance = within_covariance(states, labels)
    residuals = states - means[np.searchsorted(list("abc"), labels)]
    np.testing.assert_allclose(covariance, _slow_ledoit_wolf(residuals), rtol=1e-9)

    class Given:
        def fit(self, _states):
            self.covariance_ = covariance
            return self

    oracle = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=Given()).fit(states, labels)
    np.testing.assert_allclose(whitened_rows(means, covariance), oracle.coef_, rtol=1e-8)


def test_whitening_by_a_multiple_of_the_identity_changes_no_direction():
    # Around the mean of each class the same steps along every axis: no direction is noisier than another.
    steps = np.concatenate([2 * np.eye(5), -2 * np.eye(5)])
    means = _rows(3, 5)
    states, labels = np.concatenate([mean + steps for mean in means]), np.repeat(["a", "b", "c"], 10)
    covariance = within_covariance(states, labels)
    np.testing.assert_allclose(covariance, covariance[0, 0] * np.eye(5), atol=1e-12)
    np.testing.assert_allclose(whitened_rows(means, covariance) * covariance[0, 0], means, atol=1e-12)


def test_whitening_recovers_a_planted_direction_that_a_common_noise_hides():
    rng = np.random.default_rng(0)
    planted, noise = np.linalg.qr(rng.normal(size=(30, 2)))[0].T
    # The classes differ along the noise more than along what was planted.
    labels = np.repeat(["a", "b"], 40)
    sign = np.where(labels == "a", 1.0, -1.0)[:, None]
    states = sign * (planted + 2 * noise) + 20 * rng.normal(size=(80, 1)) * noise + 0.3 * rng.normal(size=(80, 30))
    difference = states[labels == "a"].mean(0) - states[labels == "b"].mean(0)
    found = whitened_rows(difference[None], within_covariance(states, labels))[0]

    def cosine(vector):
        return abs(vector @ planted) / np.linalg.norm(vector)

    assert cosine(difference) < 0.6 and cosine(found) > 0.95


def test_the_contrast_with_a_class_is_its_difference_and_that_class_has_no_direction(llama, own):
    vectors = cleaned(llama, own, "against down")
    assert vectors.classes == ("calm", "neutral", "up") and vectors.emotions == ("calm", "up")
    means = own.class_means.astype(float)
    for layer in range(llama.n_layers):
        rows = means[layer, [0, 2, 3]] - means[layer, 1]
        axes = axes_of(vectors, layer)
        np.testing.assert_allclose(axes.units, rows / np.linalg.norm(rows, axis=1)[:, None], atol=1e-6)
        np.testing.assert_allclose(axes.centre, means[layer, 1])
        for k, name in enumerate(vectors.classes):
            np.testing.assert_allclose(directions(vectors, name, (layer,))[0], axes.units[k], atol=1e-6)
    with pytest.raises(InputError, match="'down' is not in tiny, against down; calm, neutral, up are"):
        directions(vectors, "down", (0,))
    with pytest.raises(InputError, match="emotion 'angry' is not in tiny"):
        cleaned(llama, own, "against angry")
    against_neutral = cleaned(llama, own, "against neutral")
    for name in against_neutral.classes:
        np.testing.assert_allclose(
            directions(against_neutral, name, (0, 2)), directions(own, name, (0, 2), "neutral"), atol=1e-6
        )
    two = replace(own, classes=own.classes[:2], class_means=own.class_means[:, :2], half_means=own.half_means[:, :, :2])
    with pytest.raises(InputError, match="has 2 classes, and a contrast with one of them leaves 1"):
        cleaned(llama, two, "against down")


# What stays.


def test_none_gives_the_set_itself(llama, own):
    assert cleaned(llama, own, "none") is own and not making.cleaned_folder().exists()


@pytest.mark.parametrize("centring", ["class", "neutral", "none"])
def test_means_that_a_cleaning_leaves_as_they_are_give_the_same_readings_and_pushes(llama, own, centring):
    same = with_means(own, parse_cleaning("whitened"), own.class_means.astype(float))
    how = replace(recipe(own, layers="all"), centring=centring)
    rows = [("up", 0.1), ("random", 0.1), ("mean", 0.1), ("0.7 up - 0.3 calm", 0.2), ("ablate up", 1.0)]
    before, after = offsets(own, rows, how), offsets(same, rows, how)
    for layer in how.layers:
        np.testing.assert_allclose(after.by_layer[layer], before.by_layer[layer], atol=1e-6)
        np.testing.assert_allclose(after.projected[layer].origins, before.projected[layer].origins, atol=1e-6)
    np.testing.assert_allclose(
        read_text(llama, same, TEXT).scores, read_text(llama, own, TEXT).scores, atol=1e-6, equal_nan=True
    )


@pytest.mark.parametrize("how", KINDS)
def test_scaling_the_states_of_a_model_changes_no_direction(llama, own, how, monkeypatch):
    kept = own.activations
    larger = replace(
        own,
        class_means=own.class_means * 8,
        half_means=own.half_means * 8,
        residual_norm=own.residual_norm * 8,
        activations=replace(kept, states=kept.states * 8),
    )
    found, other = cleaned(llama, own, how), cleaned(llama, larger, how)
    for layer in range(llama.n_layers):
        first, second = axes_of(found, layer), axes_of(other, layer)
        np.testing.assert_allclose(first.units, second.units, atol=1e-5)
        np.testing.assert_allclose(first.offset, second.offset, atol=1e-6)


@pytest.mark.parametrize("how", KINDS)
def test_scores_and_pushes_are_those_of_the_formula(llama, own, how):
    vectors = cleaned(llama, own, how)
    layer = 2
    units, r = axes_of(vectors, layer).units, own.residual_norm[layer]
    base = own.class_means[layer].astype(float)
    c = base[1] if how == "against down" else base.mean(0)
    states = own.activations.at(layer)
    scores = np.array([[(state - c) / r @ u for u in units] for state in states])
    assert passage_scale(vectors, layer)[0] == pytest.approx(scores.mean(0), rel=1e-4)
    added = offsets(vectors, [("up", 0.1), ("ablate up", 1.0)], recipe(vectors, layers=layer))
    np.testing.assert_allclose(added.by_layer[layer][0], 0.1 * r * units[-1], rtol=1e-4, atol=1e-6)
    assert added.projected[layer].origins[0] == pytest.approx(units[-1] @ c / r, rel=1e-4)
    assert preferred_layer(vectors) == preferred_layer(own)


# Where it goes.


@pytest.mark.parametrize("how", KINDS)
def test_a_cleaned_set_says_so_wherever_it_goes(llama, own, how):
    vectors = cleaned(llama, own, how)
    name = parse_cleaning(how).name
    assert vectors.name == f"tiny, {name}" and short_label(vectors).endswith(f", {name}")
    assert read_text(llama, vectors, TEXT).set == vectors.name
    texts = steer_texts(llama, vectors, ["up"], [0.2], "the cat", decoding=Decoding(3))
    assert {one.set for one in texts} == {vectors.name}
    said = ez.plot.reading(read_text(llama, vectors, TEXT), "up", vectors=vectors)
    assert f"directions {name}" in _notes(said)
    of = "unit(class mean − c), c the mean of down" if how == "against down" else f"unit(class mean − c, {name})"
    assert of in _notes(said)


@pytest.mark.parametrize("how", KINDS)
def test_what_is_made_of_class_means_refuses_a_cleaned_set(llama, own, how, tmp_path):
    vectors = cleaned(llama, own, how)
    for wrong in (
        lambda: ez.rdm(vectors),
        lambda: ez.compare([vectors, own]),
        lambda: ez.plot.emotion_map(vectors),
        lambda: save_set(vectors, tmp_path / "out"),
        lambda: cleaned(llama, vectors, "neutral"),
    ):
        with pytest.raises(InputError, match="cleaned directions are for reading and steering"):
            wrong()
    assert not (tmp_path / "out").exists()


def test_it_is_computed_once_for_each_set_and_cleaning_and_never_found_for_another(llama, own, monkeypatch):
    first = cleaned(llama, own, "neutral")
    calls = []
    real = making.capture
    monkeypatch.setattr(making, "capture", lambda *given, **options: calls.append(1) or real(*given, **options))
    assert cleaned(llama, own, "neutral") == first and not calls
    cleaned(llama, own, "neutral 2")
    cleaned(llama, replace(own, class_means=own.class_means + np.float32(0.5)), "neutral")
    assert len(calls) == 2
    for path in making.cleaned_folder().iterdir():
        path.write_bytes(b"broken")
    assert cleaned(llama, own, "neutral") == first and len(calls) == 3


def test_whitening_takes_the_states_of_the_set_or_says_what_is_missing(llama, own):
    few = replace(own.activations, states=own.activations.states[:, :1], layers=(0,))
    for vectors, kept in ((replace(own, activations=few), 1), (replace(own, activations=None), 0)):
        with pytest.raises(InputError, match=rf"at {kept} of 4 layers. Extract it again with --activations all"):
            cleaned(llama, vectors, "whitened")
    found = cleaned(llama, own, "whitened")
    for layer in range(4):
        covariance = within_covariance(own.activations.at(layer), own.activations.emotions)
        slow = np.linalg.inv(covariance) @ (own.class_means[layer] - own.class_means[layer].mean(0)).T.astype(float)
        np.testing.assert_allclose(axes_of(found, layer).units, (slow / np.linalg.norm(slow, axis=0)).T, atol=1e-4)


def test_layers_that_are_not_finite_are_left_out(llama, own):
    broken = own.class_means.copy()
    broken[1] = np.nan
    vectors = replace(own, class_means=broken, provenance=replace(own.provenance, nonfinite_layers=(1,)))
    found = cleaned(llama, vectors, "whitened")
    assert np.isnan(found.cleaned.means[1]).all() and np.isfinite(found.cleaned.means[[0, 2, 3]]).all()
    assert np.isnan(read_text(llama, found, TEXT).scores[1]).all()
    overflown = own.activations.states.copy()
    overflown[3, 2, 1] = np.inf
    vectors = replace(own, activations=replace(own.activations, states=overflown))
    with pytest.raises(InputError, match="at layer 2 are not finite in fp32, and cleaning needs them"):
        cleaned(llama, vectors, "whitened")


def test_a_verification_needs_all_emotions(llama):
    vectors = make_set(layers=llama.n_layers, width=llama.d_model, model=llama.name)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=llama.revision))
    assert verified_emotions(cleaned(llama, vectors, "against neutral")) == vectors.emotions
    with pytest.raises(InputError, match="against calm lacks calm; a verification needs all 20 emotions"):
        verified_emotions(cleaned(llama, vectors, "against calm"))
    assert plan_for(cleaned(llama, vectors, "against neutral")) == plan_for(vectors)


def test_cleaned_sets_are_read_and_steered_with_on_the_command_line(llama_folder, llama, own, capsys):
    save_set(own, sets_folder())
    words = str(llama_folder)
    calls = {
        "read": ["read", words, "--text", TEXT],
        "steer": ["steer", words, "--emotion", "up", "--prompt", "the cat", "--dose", "0.1", "--witness", "none"],
        "vary": ["vary", words, "--template", "the cat {n}", "--values", "1, 2"],
        "chat": ["chat", words, "--emotion", "up", "--say", "the cat", "--max-new-tokens", "3", "--witness", "none"],
    }
    for command, argv in calls.items():
        assert main([*argv, "--json", "--cleaning", "neutral 2"]) == 0, command
        found = json.loads(capsys.readouterr().out)
        rows = {"steer": "rows", "chat": "turns"}.get(command)
        text = json.dumps(found if rows is None else found[rows])
        assert "tiny, neutral 2" in text, command
        assert main([*argv, "--cleaning", "clean"]) == 2
        assert "cleaning 'clean' is unknown" in capsys.readouterr().err
    assert main([*calls["steer"][:2], "--emotion", "down", *calls["steer"][4:], "--cleaning", "against down"]) == 2
    assert "'down' is not in tiny, against down" in capsys.readouterr().err
    assert [one.name for one in list_sets() if not one.shipped] == ["tiny"]


# On the page.


@pytest.fixture
def page(llama, own, monkeypatch):
    """A selection with that set, stored; witnesses have tests of their own."""
    save_set(own, sets_folder())
    monkeypatch.setitem(memory.LOADED, llama.name, llama)
    for module in (writing, conversing):
        for name in ("witnessed", "outside_witnessed"):
            monkeypatch.setattr(module, name, lambda _loaded, rows, *_: ("nobody", [""] * len(rows)))
    llama.tokenizer.chat_template = "{% for m in messages %}{{ '<s> ' + m.content + ' </s> ' }}{% endfor %}"
    return replace(first_selection(), sets=("tiny",), emotion="up", emotions=())


def test_the_page_reads_with_cleaned_directions_says_so_and_what_they_replace(llama, own, page):
    *_, (plain, _, _) = read.run(TEXT, page)
    *_, (found, token, status) = read.run(TEXT, page, "neutral 2")
    assert found.set == "tiny, neutral 2" and status.startswith("tiny-llama read 16 tokens along directions neutral 2")
    assert not np.allclose(found.scores, plain.scores, equal_nan=True)
    expected = read_text(llama, cleaned(llama, find_set("tiny"), "neutral 2"), TEXT).scores
    np.testing.assert_allclose(found.scores, expected, atol=1e-6, equal_nan=True)
    asked = {"text": TEXT, "chosen": token}
    shown = read.draw(page, **asked, reading=found, cleaning="neutral 2")
    assert shown["made"] == "" and "unit(class mean − c, neutral 2)" in shown["tokens"]["aid"]
    assert "directions neutral 2" in _notes(shown["heat_map"])
    other = read.draw(page, **asked, reading=found)["made"]
    assert "press Read again" in other and "tiny-llama · emoviz, made-up, neutral 2" in other
    assert "press Read again" in read.draw(page, **asked, reading=plain, cleaning="whitened")["made"]
    code = read.python(page, TEXT, "whitened")
    assert "vectors = ez.cleaned(model, vectors, 'whitened')" in code and "vectors=vectors" in code
    assert "ez.cleaned" not in read.python(page, TEXT)
    for wrong, message in (("clean", "cleaning 'clean' is unknown"), ("against sad", "emotion 'sad' is not in tiny")):
        *_, (_, _, said) = read.run(TEXT, page, wrong)
        assert said.startswith("**Cannot read.**") and message in said
    *_, (against, token, _) = read.run(TEXT, page, "against up")
    assert "emotion 'up' is not in tiny, against up" in read.views(against, page, token)[0]
    *_, (varied, _, made) = numbers.vary("the cat {n}", "1, 2", numbers.MEAN, page, "against down")
    drawn = numbers.draw(page, "the cat {n}", "1, 2", numbers.MEAN, varied, made, "against down")
    assert drawn["made"] == "" and made["set"].endswith(", against down")
    assert "emotion 'up' is not" not in _notes(drawn["curve"]) and "c the mean of down" in _notes(drawn["curve"])


def test_the_page_steers_with_cleaned_directions_and_opens_its_texts_in_read(llama, own, page):
    asked = {
        "prompt": "the cat", "chosen": ["up"], "controls": [], "doses": "0.4", "preset": "emoviz", "layers": "all",
        "scope": "all", "norm": "fixed", "tokens": 6, "temperature": 0, "seed": 0, "chat": False,
        "cleaning": "whitened",
    }  # fmt: skip
    job = writing.Job()
    *_, (shown, said) = writing.run(job=job, models=["tiny-llama"], **asked)
    (row,) = shown["rows"]
    assert said.startswith("done") and row["set"] == "tiny, whitened" and "vectors tiny, whitened" in row["note"]
    vectors = cleaned(llama, find_set("tiny"), "whitened")
    made = steer_texts(llama, vectors, "up", 0.4, "the cat", recipe(own, layers="all"), Decoding(6))
    assert row["lines"][0]["cells"][0]["text"] == made[1].text.strip() and job.sheet.columns[0].set == row["set"]
    assert "fixed norm, whitened" in texts.made_with(page, **asked)["recipe"]
    assert "ez.cleaned(model, vectors, 'whitened')" in texts.python(page, **asked)
    *_, (_, said) = writing.run(job=job, models=["tiny-llama"], **{**asked, "cleaning": "against up"})
    assert said.startswith("**Cannot steer.**") and "'up' is not in tiny, against up" in said
    *_, (_, said) = writing.run(job=job, models=["tiny-llama"], **{**asked, "cleaning": "clean"})
    assert said.startswith("**Cannot steer.** cleaning 'clean' is unknown")
    event = SimpleNamespace(_data={"text": "the cat", "set": row["set"]})
    assert texts.text_to_read(event, page)[:2] == ("the cat", ["tiny"])
    *_, (_, said) = writing.run(job=writing.Job(stopped=True), models=["tiny-llama"], **asked)
    assert said == "stopped before anything was written"


def test_a_conversation_on_the_page_keeps_its_cleaning(llama, own, page):
    asked = {
        "chosen": ["up"], "controls": [], "doses": "0.3", "system": "", "preset": "emoviz", "layers": "all",
        "scope": "all", "norm": "fixed", "tokens": 3, "temperature": 0, "seed": 0,
    }  # fmt: skip
    talk = conversing.Talk()
    list(converse.send(page, talk, None, user="the cat", **asked, cleaning="neutral 2"))
    assert (
        talk.conversations[0].vectors.name == "tiny, neutral 2" and "vectors tiny, neutral 2" in talk.shown["notes"][0]
    )
    *_, (_, said, _) = converse.send(page, talk, None, user="the dog", **asked, cleaning="none")
    assert "cleaning and system prompt belong to a conversation" in said
