"""Statistics against rsatoolbox, scipy, slow loops, and data with a known answer."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from emoviz.errors import InputError
from emoviz.geometry.ranks import average_ranks, spearman_matrix
from emoviz.stats import compare, layers_of, u_shape
from emoviz.stats.bootstrap import resampled_rdms, rho_interval
from emoviz.stats.lexical import partial_rho
from emoviz.stats.mantel import mantel_p
from emoviz.stats.reliability import disjoint_rho, noise_ceiling, split_half
from emoviz.types import Activations, DepthCurve

from .conftest import make_set

RNG = np.random.default_rng(3)


def test_spearman_equals_scipy_and_rsatoolbox():
    rsatoolbox = pytest.importorskip("rsatoolbox")
    condensed = RNG.normal(size=(4, 210)).round(1)  # rounding makes ties
    np.testing.assert_array_equal(average_ranks(condensed), rankdata(condensed, axis=-1))
    ours = spearman_matrix(condensed)
    rdms = rsatoolbox.rdm.RDMs(condensed)
    np.testing.assert_allclose(ours, rsatoolbox.rdm.compare(rdms, rdms, method="spearman"), atol=1e-10)
    assert ours[0, 1] == pytest.approx(spearmanr(condensed[0], condensed[1]).statistic)


def test_mantel_p_equals_a_slow_loop_with_the_same_permutations():
    n, p_pairs, seed, n_permutations = 8, 28, 5, 200
    condensed = RNG.normal(size=(3, p_pairs))
    condensed[1] = condensed[0] + RNG.normal(size=p_pairs)
    fast = mantel_p(condensed, n, n_permutations, seed)
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(n), (n_permutations, 1)), axis=1)
    rows, columns = np.triu_indices(n, 1)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        square = np.zeros((n, n))
        square[rows, columns] = square[columns, rows] = condensed[i]
        observed = spearmanr(condensed[i], condensed[j]).statistic
        hits = 0
        for order in orders:
            relabelled = square[np.ix_(order, order)][rows, columns]
            hits += spearmanr(relabelled, condensed[j]).statistic >= observed - 1e-12
        assert fast[i, j] == fast[j, i] == pytest.approx((1 + hits) / (1 + n_permutations))
    assert np.isnan(np.diag(fast)).all()


def test_an_rdm_without_spread_has_no_p():
    condensed = np.stack([np.ones(28), RNG.normal(size=28)])
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.isnan(mantel_p(condensed, 8, 99, 0)).all()


def test_sets_of_other_passages_have_no_disjoint_rho_and_say_why():
    a, b = make_set("a"), make_set("b", seed=1)
    b = replace(b, provenance=replace(b.provenance, corpus_hash="other", topics=("b", "a", "d", "c")))
    found = compare([a, b], (1, 1), n_permutations=9)
    assert np.isnan(found.rho_disjoint[0, 1]) and np.isfinite(found.rho_disjoint[0, 0])
    assert "need not be disjoint" in found.reasons["rho_disjoint a x b"]


def test_mantel_p_is_uniform_under_the_null():
    """200 pairs of unrelated geometries: about a twentieth below 0.05, and the mean near a half."""
    p = []
    for seed in range(200):
        points = np.random.default_rng(seed).normal(size=(2, 10, 6))
        rows, columns = np.triu_indices(10, 1)
        condensed = np.linalg.norm(points[:, rows] - points[:, columns], axis=2)
        p.append(mantel_p(condensed, 10, 99, seed)[0, 1])
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.10
    assert np.mean(p) == pytest.approx(0.5, abs=0.06)


def test_partial_spearman_equals_the_correlation_of_rank_residuals():
    x, y, z = RNG.normal(size=(3, 100))
    x, y = x + z, y + z
    ranks = [rankdata(v) for v in (x, y, z)]
    design = np.column_stack([np.ones(100), ranks[2]])
    residuals = [r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in ranks[:2]]
    rho = spearman_matrix(np.stack([x, y, z]))
    assert partial_rho(rho[0, 1], rho[0, 2], rho[1, 2]) == pytest.approx(np.corrcoef(*residuals)[0, 1])


def test_ceiling_and_disjoint_rho_follow_from_the_halves():
    halves = RNG.normal(size=(2, 3, 45))
    halves[1] += 2 * halves[0]
    half = split_half(halves)
    for k in range(3):
        assert half[k] == pytest.approx(spearmanr(halves[0, k], halves[1, k]).statistic)
    whole = 2 * half / (1 + half)
    assert noise_ceiling(halves)[0, 2] == pytest.approx(np.sqrt(whole[0] * whole[2]))
    expected = (spearmanr(halves[0, 0], halves[1, 2]).statistic + spearmanr(halves[1, 0], halves[0, 2]).statistic) / 2
    assert disjoint_rho(halves)[0, 2] == pytest.approx(expected)
    np.testing.assert_allclose(np.diag(disjoint_rho(halves)), half)


def test_ceiling_is_missing_where_the_halves_disagree():
    halves = RNG.normal(size=(2, 2, 45))
    halves[1, 0] = -halves[0, 0]
    assert np.isnan(noise_ceiling(halves)[0]).all()


def test_resampled_rdms_equal_a_slow_loop():
    means = RNG.normal(size=(5, 4, 6)).astype(np.float32)
    draws = np.random.default_rng(0).integers(5, size=(7, 5))
    fast = resampled_rdms(means, draws, None)
    for draw, condensed in zip(draws, fast, strict=True):
        rows = np.mean([means[t] for t in draw], axis=0)
        rows = rows - rows.mean(0)
        cosines = [
            rows[a] @ rows[b] / np.linalg.norm(rows[a]) / np.linalg.norm(rows[b])
            for a in range(4)
            for b in range(a + 1, 4)
        ]
        np.testing.assert_allclose(condensed, 1 - np.array(cosines), atol=1e-5)


def test_interval_is_two_bootstrap_errors_either_side_on_fishers_scale():
    base = RNG.normal(size=45)
    first, second = base + 0.5 * RNG.normal(size=(2, 200, 45))
    z = [np.arctanh(spearmanr(a, b).statistic) for a, b in zip(first, second, strict=True)]
    low, high = rho_interval(0.8, first, second)
    assert np.arctanh(high) - np.arctanh(0.8) == pytest.approx(1.959964 * np.std(z, ddof=1))
    assert np.arctanh(0.8) - np.arctanh(low) == pytest.approx(1.959964 * np.std(z, ddof=1))


def _with_activations(seed: int, name: str, noise: float = 1.0):
    vectors = make_set(name, seed=seed)
    rng = np.random.default_rng(seed)
    emotions = tuple(c for c in vectors.classes for _ in vectors.provenance.topics)
    topics = vectors.provenance.topics * len(vectors.classes)
    at = [vectors.classes.index(e) for e in emotions]
    states = vectors.class_means[3][at] + noise * rng.normal(size=(len(at), 32))
    return vectors, Activations(states[:, None].astype(np.float32), (3,), emotions, topics)


def test_two_sets_of_one_geometry_agree_and_all_numbers_are_there():
    (a, acts_a), (b, acts_b) = _with_activations(1, "a"), _with_activations(2, "b")
    found = compare([a, b], (3, 3), activations=[acts_a, acts_b], n_permutations=500, n_bootstrap=100)
    assert found.rho[0, 1] > 0.7
    assert found.p[0, 1] == pytest.approx(1 / 501)
    assert found.ci_low[0, 1] < found.rho[0, 1] < found.ci_high[0, 1]
    assert 0 < found.rho_disjoint[0, 1] < found.rho[0, 1]
    assert 0 < found.ceiling[0, 1] <= 1
    assert found.reasons == {"rho_partial_lexical": "the passages are not at hand, or they differ"}


def test_scaling_one_models_vectors_changes_no_number_of_a_comparison():
    (a, acts_a), (b, acts_b) = _with_activations(1, "a"), _with_activations(2, "b")
    big = replace(b, class_means=b.class_means * 300, half_means=b.half_means * 300)
    acts_big = replace(acts_b, states=acts_b.states * 300)
    options = {"n_permutations": 100, "n_bootstrap": 50}
    one = compare([a, b], (3, 3), activations=[acts_a, acts_b], **options)
    other = compare([a, big], (3, 3), activations=[acts_a, acts_big], **options)
    for name in ("rho", "p", "ci_low", "ci_high", "ceiling", "rho_disjoint"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5)


def test_what_cannot_be_computed_is_missing_with_a_reason():
    classes = ("angry", "calm", "happy", "sad")
    found = compare([make_set("a", classes=classes), make_set("b", seed=1, classes=classes)], (0, 0))
    assert np.isnan(found.p).all() and "below 7" in found.reasons["p"]
    assert np.isnan(found.ci_low).all() and "no stored activations of a at layer 0" in found.reasons["ci a x b"]
    assert np.isnan(found.rho_partial_lexical).all()


def test_sets_with_other_classes_are_compared_on_the_common_ones():
    a = make_set("a", classes=("angry", "calm", "happy", "sad", "proud"))
    b = make_set("b", classes=("calm", "happy", "other", "sad"))
    assert compare([a, b], (0, 0)).classes == ("calm", "happy", "sad")
    with pytest.raises(InputError, match="2 class"):
        compare([a, make_set("c", classes=("calm", "happy", "else"))], (0, 0))


def test_one_set_cannot_be_compared():
    with pytest.raises(InputError, match="a comparison needs at least 2"):
        compare([make_set()], (0,))


def test_relative_depth_picks_the_nearest_layer_in_each_set():
    sets = [make_set(layers=30), make_set(layers=18)]
    assert layers_of(sets, 0.5) == (14, 8)
    assert layers_of(sets, 1.0) == (29, 17)
    with pytest.raises(InputError, match="above 0 and up to 1"):
        layers_of(sets, 1.5)


def _curve(values):
    depth = (np.arange(len(values)) + 1) / len(values)
    return DepthCurve("mean_cosine", "made-up", depth, np.asarray(values, float), None)


def test_u_shape_is_found_where_it_was_planted():
    x = (np.arange(30) + 1) / 30
    noise = 0.005 * np.random.default_rng(0).normal(size=30)
    found = u_shape(_curve((x - 0.6) ** 2 + noise))
    assert found.u_shaped
    assert found.vertex == pytest.approx(0.6, abs=0.05)
    assert found.slopes[0] < 0 < found.slopes[1]


@pytest.mark.parametrize("shape", [lambda x: -x, lambda x: -((x - 0.5) ** 2), lambda x: np.log(x + 0.05)])
def test_monotone_and_inverted_curves_are_not_called_u_shaped(shape):
    x = (np.arange(30) + 1) / 30
    assert not u_shape(_curve(shape(x) + 0.005 * np.random.default_rng(1).normal(size=30))).u_shaped


def test_u_shape_of_too_few_layers_is_not_tested():
    assert u_shape(_curve([1, 0, 1])) is None
