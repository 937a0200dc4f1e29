"""Geometry against independent oracles and laws."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from emoviz.emotions import CLASSES
from emoviz.errors import InputError
from emoviz.geometry import (
    best_layers,
    class_vectors,
    depth_curves,
    held_out_accuracy,
    mean_pairwise_cosine,
    pca_map,
    preferred_layer,
    rdm,
    rdm_of,
)
from emoviz.geometry.curves import effective_rank, participation_ratio
from emoviz.stats.controls import explained_by_controls

from .conftest import make_set

RNG = np.random.default_rng(7)


def test_rdm_equals_scipys_cosine_distance_in_squareform_order():
    means = RNG.normal(size=(9, 20)) + 2
    names = tuple("abcdefghi")
    for centring, rows in (("none", means), ("class", means - means.mean(0))):
        condensed, classes = rdm_of(means, names, centring)
        np.testing.assert_allclose(condensed, pdist(rows, "cosine"), atol=1e-5)
        assert classes == names


def test_rdm_equals_rsatoolbox_on_unit_vectors():
    rsatoolbox = pytest.importorskip("rsatoolbox")
    means = RNG.normal(size=(9, 20))
    rows = means - means.mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    data = rsatoolbox.data.Dataset(rows)
    # Squared Euclidean distance of unit vectors is 2 (1 - cosine); rsatoolbox divides it by the number of channels.
    theirs = rsatoolbox.rdm.calc_rdm(data, method="euclidean").dissimilarities[0] * rows.shape[1] / 2
    ours, _ = rdm_of(means, tuple("abcdefghi"), "class")
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_neutral_centring_subtracts_and_drops_neutral():
    vectors = make_set()
    rows, classes = class_vectors(vectors.class_means[0], CLASSES, "neutral")
    assert "neutral" not in classes
    assert len(classes) == len(CLASSES) - 1
    k = CLASSES.index("sad")
    expected = vectors.class_means[0][k] - vectors.class_means[0][CLASSES.index("neutral")]
    np.testing.assert_allclose(rows[classes.index("sad")], expected, rtol=1e-6)


def test_rotation_and_scale_of_the_space_change_no_rdm():
    means = RNG.normal(size=(8, 12))
    turn, _ = np.linalg.qr(RNG.normal(size=(12, 12)))
    before, _ = rdm_of(means, tuple("abcdefgh"), "class")
    after, _ = rdm_of(1000 * means @ turn, tuple("abcdefgh"), "class")
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_equally_long_centred_vectors_have_the_mean_cosine_that_centring_forces():
    """The corners of a simplex: centring alone fixes the mean at -1/(n-1)."""
    means = np.eye(21) * 5 + 3
    vectors = make_set(geometry=np.eye(21), width=21, noise=0.0, layers=1)
    vectors = replace(vectors, class_means=means[None].astype(np.float32))
    curve = depth_curves(vectors)["mean_cosine"]
    assert curve.values[0] == pytest.approx(-1 / 20, abs=1e-6)
    assert curve.reference == pytest.approx(-1 / 20)


def test_anisotropy_equals_a_plain_loop_over_pairs():
    states = RNG.normal(size=(7, 11)) + 1
    pairs = [
        states[i] @ states[j] / np.linalg.norm(states[i]) / np.linalg.norm(states[j])
        for i in range(7)
        for j in range(i + 1, 7)
    ]
    assert mean_pairwise_cosine(states) == pytest.approx(np.mean(pairs))


def test_anisotropy_is_one_for_equal_directions_and_zero_for_an_orthogonal_set():
    assert mean_pairwise_cosine(np.outer([1, 2, 3], [1.0, -1, 2])) == pytest.approx(1)
    assert mean_pairwise_cosine(np.eye(5)) == pytest.approx(0)


def test_dimensions_are_counted_as_they_are_spread():
    equal, single = np.array([1.0, 1, 1, 1, 0]), np.array([3.0, 0, 0])
    assert participation_ratio(equal) == pytest.approx(4) and effective_rank(equal) == pytest.approx(4)
    assert participation_ratio(single) == pytest.approx(1) and effective_rank(single) == pytest.approx(1)
    uneven = np.array([2.0, 1.0])
    assert participation_ratio(uneven) == pytest.approx(25 / 17)
    assert effective_rank(uneven) == pytest.approx((3 / 2) ** (2 / 3) * 3 ** (1 / 3))


def test_controls_explain_what_they_are_made_of():
    """A set whose RDM is one control: that one explains all of it, and nothing is left for the others alone."""
    vectors = make_set(noise=0.0, layers=1)
    own = rdm(vectors, 0).condensed
    other = np.random.default_rng(1).permutation(own)
    vectors = replace(vectors, control_rdms={"bag of words": own, "token embeddings": other})
    found = explained_by_controls(vectors, 0)
    assert found["bag of words"] == pytest.approx(1) and found["all"] == pytest.approx(1)
    assert found["only bag of words"] == pytest.approx(1 - found["token embeddings"])
    assert found["only token embeddings"] == pytest.approx(0, abs=1e-9)
    curves = depth_curves(vectors)
    assert curves["control bag of words"].values[0] == pytest.approx(1)
    assert curves["control token embeddings"].values[0] ** 2 == pytest.approx(found["token embeddings"])


def test_decoding_finds_a_planted_class_signal_and_nothing_where_there_is_none():
    topics = tuple(f"t{k}" for k in range(10) for _ in range(5))
    emotions = tuple("abcde" * 10)
    noise = RNG.normal(size=(50, 40))
    signal = np.repeat(np.eye(5), 8, axis=1)[["abcde".index(e) for e in emotions]]
    assert held_out_accuracy(noise + 4 * signal, emotions, topics) == 1.0
    assert held_out_accuracy(noise, emotions, topics) < 0.5


def test_a_curve_that_cannot_be_computed_is_missing_with_its_reason():
    two = make_set(classes=("neutral", "sad"))
    curve = depth_curves(two, "neutral")["mean_cosine"]
    assert np.isnan(curve.values).all() and "1 class is left under neutral centring" in curve.reason
    assert "too few to correlate" in depth_curves(two)["split_half_rho"].reason
    curve = depth_curves(replace(make_set(), class_means=np.ones((6, 21, 32), np.float32)))["rdm_std"]
    assert np.isnan(curve.values).all() and "layer 0: the vector of 'afraid' is zero" in curve.reason
    bare = replace(make_set(), half_means=np.full((2, 6, 21, 32), np.nan, np.float32))
    curve = depth_curves(bare)["split_half_rho"]
    assert np.isnan(curve.values).all() and "has no halves" in curve.reason
    assert np.isfinite(depth_curves(bare)["mean_cosine"].values).all()


def test_decoding_leaves_whole_topics_out():
    """Each passage has a direction of its own: a decoder that has seen it knows its class, another does not."""
    topics = tuple(f"t{k}" for k in range(10) for _ in range(5))
    emotions = tuple("abcde" * 10)
    own = np.eye(50) * 50 + 0.01 * RNG.normal(size=(50, 50))
    centred = own - own.mean(0)
    means = np.stack([centred[np.array(emotions) == e].mean(0) for e in "abcde"])
    seen = np.array(list("abcde"))[(centred @ means.T).argmax(1)] == emotions
    assert seen.mean() == 1, "the data would not show a leak"
    assert held_out_accuracy(own, emotions, topics) < 0.5


def test_decoding_equals_a_plain_loop():
    topics = np.array([f"t{k}" for k in range(6) for _ in range(4)])
    emotions = np.array(list("abcd" * 6))
    states = RNG.normal(size=(24, 9)) + np.eye(4)[["abcd".index(e) for e in emotions]] @ RNG.normal(size=(4, 9))
    hits = 0
    for t in set(topics):
        train, test = topics != t, topics == t
        centre = states[train].mean(0)
        centroids = {c: states[train & (emotions == c)].mean(0) - centre for c in "abcd"}
        for row, truth in zip(states[test] - centre, emotions[test], strict=True):
            cosine = {c: row @ v / np.linalg.norm(row) / np.linalg.norm(v) for c, v in centroids.items()}
            hits += max(cosine, key=cosine.get) == truth
    assert held_out_accuracy(states, tuple(emotions), tuple(topics)) == pytest.approx(hits / 24)


def test_scaling_a_models_vectors_changes_no_curve_but_the_norm():
    plain, scaled = make_set(), make_set(scale=250.0)
    scaled = replace(scaled, residual_norm=250 * scaled.residual_norm)
    for name, curve in depth_curves(plain).items():
        factor = 250 if name == "residual_norm" else 1
        np.testing.assert_allclose(factor * curve.values, depth_curves(scaled)[name].values, rtol=1e-4, atol=1e-5)


def test_best_layers_follow_their_curves():
    vectors = make_set()
    curves, best = depth_curves(vectors), best_layers(vectors)
    assert best["decoding"] == curves["decoding_accuracy"].values.argmax()
    assert best["reliability"] == curves["split_half_rho"].values.argmax()
    assert best["separation"] == curves["mean_cosine"].values.argmin()
    assert preferred_layer(vectors) == best["decoding"]


def test_non_finite_layers_are_missing_and_never_chosen():
    vectors = make_set(nonfinite=(2, 3))
    for curve in depth_curves(vectors).values():
        assert np.isnan(curve.values[[2, 3]]).all()
        assert np.isfinite(curve.values[[0, 1, 4, 5]]).all()
        assert "layers 2, 3 hold values that are not finite" in curve.reason
    assert not {2, 3} & set(best_layers(vectors).values())
    with pytest.raises(InputError, match="is not finite in fp32. It has layers"):
        rdm(vectors, 2)


def test_layer_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(InputError, match="layer 6 does not exist: .* has layers 0-5"):
        rdm(make_set(), 6)


def test_zero_vector_is_named():
    means = np.ones((3, 4))
    with pytest.raises(InputError, match="vector of 'a' is zero"):
        rdm_of(means, ("a", "b", "c"), "class")


def test_neutral_centring_without_a_neutral_class_is_refused():
    with pytest.raises(InputError, match="has no neutral class"):
        rdm_of(np.eye(3), ("a", "b", "c"), "neutral")


def test_pca_map_turns_pleasant_to_the_right_and_aroused_up():
    from emoviz.emotions import arousal, valence

    plane = np.array([[valence(c), arousal(c) * 0.7] for c in CLASSES], float)
    for flip in (1, -1):
        found = pca_map(make_set(geometry=plane * flip @ RNG.normal(size=(2, 32)), noise=0.01), 1)
        assert np.corrcoef(found.points[:, 0], plane[:, 0])[0, 1] > 0.8
        assert np.corrcoef(found.points[:, 1], plane[:, 1])[0, 1] > 0.8


def test_two_classes_give_a_map_and_curves_without_reliability():
    vectors = make_set(classes=("up", "down"))
    assert pca_map(vectors, 0).points.shape == (2, 2)
    assert best_layers(vectors)["reliability"] is None
    assert np.isnan(depth_curves(vectors)["split_half_rho"].values).all()
