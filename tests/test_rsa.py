"""What a comparison is made of, against rsatoolbox, scipy, slow loops, and geometries with a known answer."""

import numpy as np
import pytest
from scipy.stats import kstest, rankdata, spearmanr

from emoviz.geometry import rdm_of
from emoviz.geometry.dissimilarity import rdm_or_missing
from emoviz.geometry.ranks import average_ranks, spearman_matrix, standard_ranks
from emoviz.stats import mantel
from emoviz.stats.bootstrap import (
    resample_weights,
    rho_interval,
    rho_spread,
    rho_spread_apart,
    topic_means,
    weighted_rdms,
)
from emoviz.stats.mantel import mantel_p
from emoviz.stats.reliability import disattenuated_rho, disjoint_rho, noise_ceiling
from emoviz.stats.rsa import partial_rho
from emoviz.types import Activations

RNG = np.random.default_rng(3)


def test_spearman_equals_scipy_and_rsatoolbox():
    rsatoolbox = pytest.importorskip("rsatoolbox")
    condensed = RNG.normal(size=(4, 210)).round(1)  # rounding makes ties
    np.testing.assert_array_equal(average_ranks(condensed), rankdata(condensed, axis=-1))
    ours = spearman_matrix(condensed)
    rdms = rsatoolbox.rdm.RDMs(condensed)
    np.testing.assert_allclose(ours, rsatoolbox.rdm.compare(rdms, rdms, method="spearman"), atol=1e-10)
    assert ours[0, 1] == pytest.approx(spearmanr(condensed[0], condensed[1]).statistic)


@pytest.mark.parametrize("centring", ["class", "neutral", "none"])
def test_fast_rdms_are_the_exact_ones_to_six_digits(centring):
    classes = ("angry", "calm", "happy", "neutral", "sad")
    means = (RNG.normal(size=(5, 300)) + 40).astype(np.float16)
    exact, _ = rdm_of(means, classes, centring)
    np.testing.assert_allclose(rdm_or_missing(means, classes, centring), exact, atol=1e-6)


@pytest.mark.parametrize("chunk", [1, 10_000_000])
def test_mantel_p_equals_a_slow_loop_with_the_same_permutations(monkeypatch, chunk):
    monkeypatch.setattr(mantel, "_CHUNK_VALUES", chunk)
    n, p_pairs, seed, n_permutations = 8, 28, 5, 200
    rng = np.random.default_rng(1)
    condensed = rng.normal(size=(3, p_pairs))
    condensed[1] = condensed[0] + rng.normal(size=p_pairs)
    fast = mantel_p(standard_ranks(condensed), n, n_permutations, seed)
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
    ranks = standard_ranks(np.stack([np.ones(28), RNG.normal(size=28)]))
    assert np.isnan(mantel_p(ranks, 8, 99, 0)).all()


def _distances(points: np.ndarray) -> np.ndarray:
    rows, columns = np.triu_indices(points.shape[-2], 1)
    return np.linalg.norm(points[..., rows, :] - points[..., columns, :], axis=-1)


def test_mantel_p_is_uniform_under_the_null():
    """500 pairs of unrelated geometries. p takes 100 values; spread evenly below each, it is uniform if it is valid."""
    p = []
    for seed in range(500):
        rng = np.random.default_rng(seed)
        found = mantel_p(standard_ranks(_distances(rng.normal(size=(2, 10, 6)))), 10, 99, seed)[0, 1]
        p.append(found - rng.uniform() / 100)
    assert kstest(p, "uniform").pvalue > 0.05
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.02)


def test_mantel_p_is_at_its_floor_for_a_planted_geometry():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 6))
    related = _distances(np.stack([points, points + 0.3 * rng.normal(size=points.shape)]))
    assert mantel_p(standard_ranks(related), 12, 999, 0)[0, 1] == pytest.approx(1 / 1000)


def test_partial_rho_equals_the_correlation_of_rank_residuals():
    x, y, *z = RNG.normal(size=(4, 100))
    x, y = x + z[0] + z[1], y + z[0] - z[1]
    design = np.column_stack([np.ones(100), *(rankdata(v) for v in z)])
    ranks = [rankdata(v) for v in (x, y)]
    left = [r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in ranks]
    found = partial_rho(standard_ranks(np.stack([x, y])), standard_ranks(np.stack(z)))
    assert found == pytest.approx(np.corrcoef(*left)[0, 1])
    assert np.isnan(partial_rho(standard_ranks(np.stack([x, y])), standard_ranks(np.stack([x, z[0]]))))


def test_ceiling_disjoint_and_disattenuated_rho_follow_from_the_halves():
    halves = RNG.normal(size=(2, 3, 45))
    halves[1] += 2 * halves[0]
    disjoint = disjoint_rho(halves)
    half = np.array([spearmanr(halves[0, k], halves[1, k]).statistic for k in range(3)])
    np.testing.assert_allclose(np.diag(disjoint), half)
    expected = (spearmanr(halves[0, 0], halves[1, 2]).statistic + spearmanr(halves[1, 0], halves[0, 2]).statistic) / 2
    assert disjoint[0, 2] == disjoint[2, 0] == pytest.approx(expected)
    whole = 2 * half / (1 + half)
    assert noise_ceiling(disjoint)[0, 2] == pytest.approx(np.sqrt(whole[0] * whole[2]))
    assert disattenuated_rho(disjoint)[0, 2] == pytest.approx(expected / np.sqrt(half[0] * half[2]))


def test_ceiling_and_disattenuated_rho_are_missing_where_the_halves_disagree():
    halves = RNG.normal(size=(2, 2, 45))
    halves[1, 0] = -halves[0, 0]
    assert np.isnan(noise_ceiling(disjoint_rho(halves))[0]).all()
    assert np.isnan(disattenuated_rho(disjoint_rho(halves))[0]).all()


# Planted geometries: 21 classes in 40 dimensions of falling weight, seen through the noise of 20 topics.
_CLASSES, _WIDTH, _TOPICS = 21, 40, 20
_WEIGHT = np.arange(1, _WIDTH + 1) ** -0.7


def _two_models(rng: np.random.Generator, alike: float) -> list[np.ndarray]:
    """Two geometries with a share `alike` in common."""
    shared, *own = rng.normal(size=(3, _CLASSES, _WIDTH)) * _WEIGHT
    return [np.sqrt(alike) * shared + np.sqrt(1 - alike) * mine for mine in own]


def _topics(rng: np.random.Generator, truth: list[np.ndarray], noise: float, shared: float) -> list[np.ndarray]:
    """(T, C, D) per model; a share `shared` of the noise is that of the topics, the same in both."""
    both, *own = rng.normal(size=(3, _TOPICS, _CLASSES, _WIDTH))
    return [t + noise * (np.sqrt(shared) * both + np.sqrt(1 - shared) * e) for t, e in zip(truth, own, strict=True)]


def _rdms(means: np.ndarray) -> np.ndarray:
    return weighted_rdms(means, np.full((1, len(means)), 1 / len(means)), "class", None)[0]


def test_the_interval_covers_the_rho_that_is_expected_of_as_many_topics():
    """200 runs, split-half rho near 0.75, 60 % of the noise shared: 95 % within sampling error (2 SE = 3 %)."""
    truth, noise, shared = _two_models(np.random.default_rng(11), 0.95), 0.7, 0.6
    drawn = [
        [_rdms(m) for m in _topics(np.random.default_rng(10_000 + run), truth, noise, shared)] for run in range(1000)
    ]
    pairs = standard_ranks(np.array(drawn))
    expected = (pairs[:, 0] * pairs[:, 1]).sum(-1).mean()
    covered = 0
    for run in range(200):
        means = [m.astype(np.float32) for m in _topics(np.random.default_rng(run), truth, noise, shared)]
        rho = spearman_matrix(np.stack([_rdms(m) for m in means]))
        low, high = rho_interval(rho, rho_spread(means, 200, run, "class", None))
        covered += low[0, 1] <= expected <= high[0, 1]
    assert covered / 200 == pytest.approx(0.95, abs=0.031)


def test_the_interval_of_two_corpora_covers_the_rho_that_is_expected_of_as_many_topics():
    """200 runs, 20 topics against 10 others, noise of their own: 95 % within sampling error."""
    truth = _two_models(np.random.default_rng(11), 0.95)

    def draw(run: int) -> list[np.ndarray]:
        a, b = _topics(np.random.default_rng(run), truth, 0.7, 0.0)
        return [a.astype(np.float32), b[:10].astype(np.float32)]

    def rho(means: list[np.ndarray]) -> float:
        return spearman_matrix(np.stack([_rdms(m) for m in means]))[0, 1]

    expected = np.mean([rho(draw(10_000 + run)) for run in range(600)])
    covered = 0
    for run in range(200):
        means = draw(run)
        low, high = rho_interval(rho(means), rho_spread_apart(*means, 200, run, "class", None))
        covered += low <= expected <= high
    assert covered / 200 == pytest.approx(0.95, abs=0.031)


def test_the_noise_ceiling_is_the_rho_of_two_noisy_copies_of_one_geometry():
    truth = _two_models(np.random.default_rng(5), 1.0)
    rho, ceiling, free = [], [], []
    for run in range(150):
        means = _topics(np.random.default_rng(run), truth, 0.7, 0.0)
        halves = np.array([[_rdms(m[half::2]) for m in means] for half in (0, 1)])
        rho.append(spearman_matrix(np.stack([_rdms(m) for m in means]))[0, 1])
        ceiling.append(noise_ceiling(disjoint_rho(halves))[0, 1])
        free.append(disattenuated_rho(disjoint_rho(halves))[0, 1])
    assert np.mean(rho) < 0.95
    assert np.mean(ceiling) == pytest.approx(np.mean(rho), abs=0.02)
    assert np.mean(free) == pytest.approx(1, abs=0.02) and max(free) > 1, "not clipped"


def test_resampled_rdms_equal_a_slow_loop():
    means = RNG.normal(size=(5, 4, 6)).astype(np.float32)
    weights = resample_weights(5, 7, seed=0)
    draws = np.random.default_rng(0).integers(5, size=(7, 5))
    for draw, condensed in zip(draws, weighted_rdms(means, weights, "class", None), strict=True):
        exact, _ = rdm_of(np.mean([means[t] for t in draw], axis=0), ("a", "b", "c", "d"), "class")
        np.testing.assert_allclose(condensed, exact, atol=1e-5)


@pytest.mark.parametrize("centring", ["neutral", "none"])
def test_resampled_rdms_are_centred_as_they_are_elsewhere(centring):
    classes, means = ("calm", "happy", "neutral", "sad"), RNG.normal(size=(5, 4, 6)).astype(np.float32)
    equal = np.full((1, 5), 0.2)
    exact, _ = rdm_of(means.mean(0), classes, centring)
    np.testing.assert_allclose(weighted_rdms(means, equal, centring, 2)[0], exact, atol=1e-5)


def test_the_spread_is_students_t_times_the_bootstrap_error_on_fishers_scale():
    from scipy.stats import t

    means = [m.astype(np.float32) for m in RNG.normal(size=(2, 6, 7, 10))]
    means[1] += means[0]
    weights = resample_weights(6, 50, seed=3)
    z = [
        np.arctanh(spearmanr(a, b).statistic)
        for a, b in zip(*(weighted_rdms(m, weights, "class", None) for m in means), strict=True)
    ]
    spread = rho_spread(means, 50, 3, "class", None)[0, 1]
    assert spread == pytest.approx(t.ppf(0.975, 5) * np.sqrt(6 / 5) * np.std(z, ddof=1), rel=1e-5)
    low, high = rho_interval(np.float64(0.8), spread)
    assert np.arctanh(high) - np.arctanh(0.8) == pytest.approx(spread) == np.arctanh(0.8) - np.arctanh(low)


def test_topic_means_are_means_and_a_missing_cell_is_nan():
    states = np.arange(8.0).reshape(4, 1, 2).astype(np.float32)
    stored = Activations(states, (3,), ("sad", "sad", "calm", "other"), ("x", "x", "y", "y"))
    means, topics = topic_means(stored, 3, ("calm", "sad"))
    assert topics == ("x", "y")
    np.testing.assert_array_equal(means[0], [[np.nan, np.nan], [1, 2]])
    np.testing.assert_array_equal(means[1], [[4, 5], [np.nan, np.nan]])
