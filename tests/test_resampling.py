"""The topic bootstrap of depth curves against a plain loop that builds every resample."""

import json
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from scipy.stats import t as student

from emoviz.geometry import depth_curves, held_out_accuracy, mean_pairwise_cosine
from emoviz.geometry.curves import CURVES, Curve
from emoviz.geometry.dissimilarity import rdm_of
from emoviz.geometry.vectors import CENTRINGS
from emoviz.stats.bootstrap import resample_weights
from emoviz.stats.resampling import Readings, resample_curves

from .conftest import make_set

CLASSES = ("afraid", "calm", "happy", "neutral", "sad")
T, C, D, N, SEED = 8, len(CLASSES), 12, 40, 3


def _readings(per_cell: int = 1, topics: int = T, seed: int = 0) -> Readings:
    rng = np.random.default_rng(seed)
    topic_of = np.repeat(np.arange(topics), C * per_cell)
    label = np.tile(np.repeat(np.arange(C), per_cell), topics)
    signal = rng.normal(size=(C, D))[label] + 0.7 * rng.normal(size=(topics, D))[topic_of]
    states = [(signal + 0.8 * rng.normal(size=signal.shape) + 20).astype(np.float32) for _ in range(2)]
    sentences = rng.normal(size=(9, D)) + 19
    norms = rng.lognormal(size=(2, 6 * len(label)))
    return Readings(
        states=lambda layer: states[layer],
        sentences=lambda layer: sentences,
        norms=lambda layer: norms[layer],
        token_topics=np.repeat(topic_of, 6),
        emotions=tuple(CLASSES[k] for k in label),
        topic_of=topic_of,
        topics=tuple(f"t{k}" for k in range(topics)),
        halves=np.arange(topics) % 2,
        controls={"bag of words": rng.normal(size=(len(label), 30)) + signal[:, :1]},
    )


def _slow(read: Readings, layer: int, centring: str) -> dict[str, np.ndarray]:
    """Every replicate as a data set of its own, put through the functions that a set's curves come from."""
    draws = np.random.default_rng(SEED).integers(len(read.topics), size=(N, len(read.topics)))
    sentence_draws = np.random.default_rng(SEED + 1).integers(9, size=(N, 9))
    states, emotions = read.states(layer).astype(np.float64), np.array(read.emotions)
    out: dict[str, list[float]] = {}

    def means(topics):
        return np.stack(
            [np.mean([states[(read.topic_of == t) & (emotions == c)].mean(0) for t in topics], axis=0) for c in CLASSES]
        )

    features = read.controls["bag of words"]
    for draw, own in zip(draws, sentence_draws, strict=True):
        halves = [means([t for t in draw if read.halves[t] == half]) for half in (0, 1)]
        rows = np.concatenate([np.flatnonzero(read.topic_of == t) for t in draw])
        control = np.stack(
            [np.mean([features[(read.topic_of == t) & (emotions == c)].mean(0) for t in draw], axis=0) for c in CLASSES]
        )
        tokens = np.concatenate([read.norms(layer)[read.token_topics == t] for t in draw])
        vectors = replace(
            make_set(layers=1, classes=CLASSES, width=D),
            class_means=means(draw)[None],
            half_means=np.array(halves)[:, None],
            control_rdms={"bag of words": rdm_of(control, CLASSES, "class")[0]},
            residual_norm=np.array([np.median(read.norms(layer))]),
        )
        values = {name: curve.values[0] for name, curve in depth_curves(vectors, centring).items()}
        values["decoding_accuracy"] = held_out_accuracy(
            states[rows], tuple(emotions[rows]), tuple(f"t{read.topic_of[r]}" for r in rows)
        )
        sentences = read.sentences(layer)
        topic_means = [states[read.topic_of == t].mean(0) for t in draw]
        for name, shift in (("anisotropy", 0), ("anisotropy_centred", np.mean(topic_means, axis=0))):
            unit = (sentences - shift)[own]
            unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
            pairs = own[:, None] != own[None]
            values[name] = (unit @ unit.T)[pairs].mean()
        values["residual_norm"] = np.median(tokens)
        for name in ("split_half_rho", "valence_r", "arousal_r", "control bag of words"):
            values[name] = np.arctanh(np.clip(values[name], -1 + 1e-6, 1 - 1e-6))
        for name, value in values.items():
            out.setdefault(name, []).append(value)
    return {name: np.array(value) for name, value in out.items()}


@pytest.mark.parametrize("per_cell", [1, 2])
def test_errors_equal_a_loop_that_builds_every_resample(per_cell):
    read = _readings(per_cell)
    fast = resample_curves(read, (0, 1), 3, n=N, seed=SEED)
    for k, centring in enumerate(CENTRINGS):
        slow = _slow(read, 1, centring)
        for name, width in fast.half_width.items():
            # A histogram stands for the tokens' norms.
            allowed = 0.1 if name == "residual_norm" else 2e-3
            n = 9 if name.startswith("anisotropy") else T
            expected = slow[name].std(ddof=1) * student.ppf(0.975, n - 1) * np.sqrt(n / (n - 1))
            assert width[k, 1] == pytest.approx(expected, rel=allowed), (name, centring)
        expected = slow["mean_cosine"] - slow["mean_cosine"].mean()
        np.testing.assert_allclose(fast.mean_cosine[k, :, 1], expected, atol=2e-5)
    assert set(fast.half_width) >= {"decoding_accuracy", "split_half_rho", "anisotropy_centred", "valence_r"}
    assert all(np.isnan(width[:, 2]).all() for width in fast.half_width.values()), "layer 2 was not read"


def test_topics_that_say_the_same_leave_no_error():
    read = _readings()
    same = np.tile(read.states(0)[:C], (T, 1))
    found = resample_curves(replace(read, states=lambda layer: same), (0,), 1, n=20)
    for name in ("mean_cosine", "rdm_std", "participation_ratio", "decoding_accuracy", "vector_norm"):
        assert found.half_width[name][0, 0] == pytest.approx(0, abs=1e-5), name


def test_scale_of_the_states_changes_no_error_but_of_the_norm():
    read = _readings()
    plain = resample_curves(read, (0,), 1, n=20).half_width
    scaled = replace(
        read,
        states=lambda layer: 1000 * read.states(layer),
        sentences=lambda layer: 1000 * read.sentences(layer),
        norms=lambda layer: 1000 * read.norms(layer),
    )
    for name, width in resample_curves(scaled, (0,), 1, n=20).half_width.items():
        factor = 1000 if name == "residual_norm" else 1
        np.testing.assert_allclose(width, factor * plain[name], rtol=1e-3, err_msg=name)


def test_too_few_topics_and_missing_passages_are_named():
    assert "2 topics are too few to resample; 5 are needed" in resample_curves(_readings(topics=2), (0,), 1, n=5).why
    read = _readings()
    kept = np.arange(1, T * C)
    some = replace(
        read,
        states=lambda layer: read.states(layer)[kept],
        emotions=read.emotions[1:],
        topic_of=read.topic_of[1:],
        controls={},
    )
    assert "class 'afraid' has no passage on topic 't0'" in resample_curves(some, (0,), 1, n=5).why


def test_resampled_weights_count_draws_with_replacement():
    weights = resample_weights(6, 500, 0)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(weights.mean(0), 1 / 6, atol=0.02)


def test_intervals_cover_what_other_topics_and_sentences_give_about_as_often_as_they_say():
    """200 corpora of the same classes: the interval of each should hold the mean of all in about 95 of 100."""
    classes, n_topics, width = CLASSES, 12, 10
    truth = np.random.default_rng(0).normal(size=(C, width))
    topic_of = np.repeat(np.arange(n_topics), C)
    values, half_widths = [], []
    for run in range(200):
        rng = np.random.default_rng(run)
        cells = truth + rng.normal(size=(n_topics, C, width)) + rng.normal(size=(n_topics, 1, width)) + 8
        states, sentences = cells.reshape(-1, width), rng.normal(size=(12, width)) + 7
        read = Readings(
            states=lambda layer, states=states: states,
            sentences=lambda layer, sentences=sentences: sentences,
            norms=lambda layer, states=states: np.linalg.norm(states, axis=1),
            token_topics=topic_of,
            emotions=classes * n_topics,
            topic_of=topic_of,
            topics=tuple(f"t{k}" for k in range(n_topics)),
            halves=np.arange(n_topics) % 2,
            controls={},
        )
        found = resample_curves(read, (0,), 1, n=60, seed=run).half_width
        condensed = rdm_of(cells.mean(0), classes, "class")[0]
        values.append((condensed.std(), mean_pairwise_cosine(sentences - states.mean(0))))
        half_widths.append((found["rdm_std"][0, 0], found["anisotropy_centred"][0, 0]))
    values, half_widths = np.array(values), np.array(half_widths)
    covered = (np.abs(values - values.mean(0)) <= half_widths).mean(0)
    assert (covered >= 0.91).all() and (covered <= 0.985).all(), covered


def test_a_set_without_neutral_has_no_interval_under_neutral_centring_and_no_warning(recwarn):
    read = _readings()
    kept = np.array([name != "neutral" for name in read.emotions])
    some = replace(
        read,
        states=lambda layer: read.states(layer)[kept],
        emotions=tuple(np.array(read.emotions)[kept].tolist()),
        topic_of=read.topic_of[kept],
        controls={},
    )
    found = resample_curves(some, (0,), 1, n=20)
    assert np.isnan(found.half_width["rdm_std"][1, 0]) and np.isnan(found.mean_cosine[1]).all()
    assert np.isfinite(found.half_width["rdm_std"][[0, 2], 0]).all() and not recwarn.list


def test_a_curve_more_is_one_entry_with_estimate_interval_figure_table_json_and_glossary(monkeypatch, capsys):
    from emoviz import plot
    from emoviz.app.tabs.about import curves_table
    from emoviz.app.tabs.depth import lay
    from emoviz.cli import main
    from emoviz.store import save_set, sets_folder

    entry = Curve(
        name="farthest",
        label="Farthest pair",
        axis="cosine of the farthest pair",
        aid="lower = some pair is further apart",
        value=lambda m: m.cosines.min(1),
        lowest=True,
    )
    monkeypatch.setitem(CURVES, entry.name, entry)
    vectors = make_set("mine")
    found = depth_curves(vectors)["farthest"]
    means = vectors.class_means[2].astype(float)
    rows = means - means.mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert found.values[2] == pytest.approx((rows @ rows.T).min(), abs=1e-6)
    read = _readings()
    width = resample_curves(read, (0,), 1, n=N, seed=SEED).half_width["farthest"]
    assert np.isfinite(width).all() and (width > 0).all()
    figure = plot.depth(vectors, "farthest")
    assert figure.layout.title.text.startswith("Farthest pair is lowest at depth")
    assert figure.layout.yaxis.title.text == entry.axis
    assert "farthest" in set(depth_curves(vectors).to_frame()["curve"])
    assert "| Farthest pair | cosine of the farthest pair: lower = some pair is further apart |" in curves_table()
    with gr.Blocks():
        assert ("Farthest pair", "farthest") in lay(None).controls["curve"].choices
    save_set(vectors, sets_folder())
    assert main(["show", "mine", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["depth"]["farthest"]) == vectors.n_layers
