"""Maps, clusters and neighbours against independent oracles, planted geometry and laws."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform

from emoviz.emotions import CLASSES
from emoviz.errors import InputError
from emoviz.geometry import linkage_of, map_at, maps_over_layers, mds_map, nearest_neighbours, onto_first, pca_map, rdm
from emoviz.geometry import umap_map as stored_umap_map
from emoviz.geometry.clusters import branches, clusters, leaf_order
from emoviz.geometry.components import components_over_layers, principal_coordinates
from emoviz.geometry.maps import half_residual
from emoviz.geometry.procrustes import disparity, disparity_by_chance, fitted, turned
from emoviz.geometry.umap_layout import shared_neighbours, umap_coordinates
from emoviz.geometry.vectors import class_vectors, unit
from emoviz.stats.rand_index import adjusted_rand_index, rand_index_p
from emoviz.types import Projection

from .conftest import make_set

RNG = np.random.default_rng(11)


def _turn(degrees: float, reflect: bool = False) -> np.ndarray:
    a = np.radians(degrees)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.diag([1, -1 if reflect else 1])


def test_classical_scaling_recovers_planted_points():
    points = RNG.normal(size=(12, 2)) * [3, 1]
    found, values = principal_coordinates(squareform(pdist(points)) ** 2)
    np.testing.assert_allclose(pdist(found[:, :2]), pdist(points), atol=1e-10)
    assert (values[2:] == 0).all() and disparity(found[:, :2], points) == pytest.approx(0, abs=1e-12)


def test_classical_scaling_names_what_is_not_euclidean():
    """Three points at distance 2 from each other and 1 from a fourth: no space holds them."""
    distances = np.array([[0, 2, 2, 1], [2, 0, 2, 1], [2, 2, 0, 1], [1, 1, 1, 0]], float)
    _, values = principal_coordinates(distances**2)
    centring = np.eye(4) - 1 / 4
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(-centring @ distances**2 @ centring / 2), atol=1e-10)
    assert values.min() < -0.1


def test_mds_map_says_how_much_its_axes_show_and_misses():
    vectors = make_set()
    found = mds_map(vectors, 2)
    d = squareform(rdm(vectors, 2).condensed)
    centring = np.eye(21) - 1 / 21
    values = np.linalg.eigvalsh(-centring @ d**2 @ centring / 2)[::-1]
    assert found.params["shown"] == pytest.approx(values[:2].sum() / values[values > 0].sum())
    assert found.params["negative"] == pytest.approx(-values[values < 0].sum() / np.abs(values).sum(), abs=1e-9)


def test_pca_map_equals_scikit_learns():
    from sklearn.decomposition import PCA

    vectors = make_set()
    rows = unit(*class_vectors(vectors.class_means[3], vectors.classes, "class"))
    theirs = PCA(3).fit(rows)
    ours = components_over_layers(vectors)[3]
    np.testing.assert_allclose(np.abs(ours.scores), np.abs(theirs.transform(rows)), atol=1e-5)
    np.testing.assert_allclose(ours.explained, theirs.explained_variance_ratio_, atol=1e-5)


def test_disparity_equals_scipys():
    for _ in range(5):
        a, b = RNG.normal(size=(2, 9, 2))
        assert disparity(a, b) == pytest.approx(procrustes(a, b)[2])


@pytest.mark.parametrize("reflect", [False, True])
def test_disparity_passes_over_rotation_reflection_scale_and_shift(reflect):
    a, b = RNG.normal(size=(2, 9, 2))
    moved = 7 * a @ _turn(123, reflect) + [5, -2]
    assert disparity(a, moved) == pytest.approx(0, abs=1e-12)
    assert disparity(b, moved) == pytest.approx(disparity(b, a))
    assert disparity(a, b) == pytest.approx(disparity(b, a))
    np.testing.assert_allclose(fitted(moved, a, list(range(9)), list(range(9))), a, atol=1e-10)
    np.testing.assert_allclose(7 * turned(a, moved), moved - moved.mean(0), atol=1e-10)


def test_disparity_by_chance_equals_a_plain_loop_with_scipy():
    a, b = RNG.normal(size=(2, 8, 2))
    rng = np.random.default_rng(0)
    loop = [procrustes(a, b[rng.permutation(8)])[2] for _ in range(400)]
    assert disparity_by_chance(a, b) == pytest.approx(np.median(loop), abs=0.03)
    assert disparity_by_chance(a, a) > 0.5 > disparity(a, a)


def test_points_that_coincide_have_no_shape():
    assert np.isnan(disparity(np.ones((5, 2)), RNG.normal(size=(5, 2))))
    points = RNG.normal(size=(5, 2))
    same = fitted(np.ones((5, 2)), points, list(range(5)), list(range(5)))
    assert np.isfinite(same).all()


def _smooth_path(layers: int = 12):
    """A set whose three planted axes turn slowly in the model's space; valence first, then arousal."""
    from emoviz.emotions import arousal, valence

    third = np.random.default_rng(3).normal(size=21)
    plane = np.array([[3 * valence(c), 2 * arousal(c), t] for c, t in zip(CLASSES, third, strict=True)])
    plane = plane + 0.3 * np.random.default_rng(4).normal(size=plane.shape)
    basis = np.linalg.qr(np.random.default_rng(5).normal(size=(32, 6)))[0].T
    means = np.stack([plane @ (np.cos(0.2 * k) * basis[:3] + np.sin(0.2 * k) * basis[3:]) for k in range(layers)])
    vectors = make_set(layers=layers)
    return replace(vectors, class_means=means.astype(np.float32))


def test_component_signs_do_not_flip_along_a_smooth_path():
    vectors = _smooth_path()
    found = components_over_layers(vectors, anchor=6)
    for k in range(11):
        assert (np.sum(found[k].scores * found[k + 1].scores, axis=0) > 0).all()
    from emoviz.geometry.signs import arousal_signs, sign_correlation, valence_signs

    for c in found.values():
        assert sign_correlation(c.scores[:, 0], valence_signs(CLASSES)) > 0.8
        assert sign_correlation(c.scores[:, 1], arousal_signs(CLASSES)) > 0.8


@pytest.mark.parametrize("method", ["MDS", "UMAP"])
def test_maps_without_axes_are_turned_onto_their_neighbour_and_not_distorted(method):
    vectors = _smooth_path()
    raw = {k: m.points for k, m in maps_over_layers(vectors, "MDS", 6).items()}
    if method == "UMAP":
        spun = np.stack([p @ _turn(70 * k, reflect=k % 2 == 1) + k for k, p in raw.items()])
        vectors = replace(vectors, umap=spun.astype(np.float32), umap_params={"seed": 0})
    found = maps_over_layers(vectors, method, 6)
    for k in range(11):
        a, b = found[k].points, found[k + 1].points
        assert np.linalg.norm(a - b) < 0.1 * np.linalg.norm(a)
        np.testing.assert_allclose(pdist(a), pdist(raw[k]), atol=1e-5)


def test_layers_that_are_missing_or_hold_a_zero_vector_are_passed_over():
    vectors = make_set(nonfinite=(2,))
    means = vectors.class_means.copy()
    means[4] = 1.0
    vectors = replace(vectors, class_means=means)
    for method in ("PCA", "MDS"):
        found = maps_over_layers(vectors, method, anchor=2)
        assert sorted(found) == [0, 1, 3, 5]
        with pytest.raises(InputError, match="is not finite in fp32. It has layers"):
            map_at(vectors, found, 2)
        with pytest.raises(InputError, match="vector of 'afraid' is zero"):
            map_at(vectors, found, 4)


@pytest.mark.parametrize("n", [2, 3])
def test_few_classes_have_maps_and_no_shape_where_there_is_none(n):
    vectors = make_set(classes=("up", "down", "even")[:n])
    for made in (pca_map(vectors, 0), mds_map(vectors, 0)):
        assert made.points.shape == (n, 2) and np.isfinite(made.points).all()
    _, other = onto_first([mds_map(vectors, 0), mds_map(vectors, 1)])
    assert np.isnan(other.params["residual"]) == (n == 2) and np.isnan(other.params["residual_by_chance"])
    assert np.isnan(half_residual(vectors, 0, "PCA")) == (n == 2)
    with pytest.raises(InputError, match="has no UMAP map of layer 0"):
        stored_umap_map(vectors, 0)


def _projection(points, classes, method="MDS"):
    return Projection(np.asarray(points, float), tuple(classes), 0, method, {})


def test_further_panels_are_fitted_on_the_common_classes_and_pca_keeps_its_axes():
    points = RNG.normal(size=(9, 2))
    first = _projection(points, "abcdefghi")
    moved = 3 * points[1:] @ _turn(40, True) + 2
    order = [7, 2, 0, 1, 3, 4, 5, 6]
    names = [*("bcdefghi"[k] for k in order), "x"]
    other = _projection([*moved[order], [0, 0]], names)
    _, found = onto_first([first, other])
    assert found.params["residual"] == pytest.approx(0, abs=1e-12) and found.params["residual_by_chance"] > 0.4
    for name in "bcdefghi":
        np.testing.assert_allclose(found.points[names.index(name)], points["abcdefghi".index(name)], atol=1e-10)
    pca = [replace(m, method="PCA") for m in (first, other)]
    _, kept = onto_first(pca)
    np.testing.assert_array_equal(kept.points, other.points)
    assert kept.params["residual"] == pytest.approx(0, abs=1e-12)


def test_half_residual_is_small_for_a_shared_geometry_and_large_for_noise():
    plane = np.array([[np.cos(k), 2 * np.sin(k)] for k in range(21)]) @ RNG.normal(size=(2, 32))
    for method in ("PCA", "MDS"):
        assert half_residual(make_set(geometry=5 * plane, noise=0.01), 1, method) < 0.01
        assert half_residual(make_set(geometry=0.001 * plane, noise=1.0), 1, method) > 0.4


def test_umap_is_the_same_twice_and_says_how_stable_it_is(monkeypatch):
    vectors = make_set(classes=CLASSES[:8], layers=4, nonfinite=(1,))
    # Two seeds that are the same: their maps must share every neighbour.
    monkeypatch.setattr("emoviz.geometry.umap_layout.UMAP_SEEDS", (0, 0))
    (points, params), (again, _) = umap_coordinates(vectors), umap_coordinates(vectors)
    np.testing.assert_array_equal(points, again)
    assert points.shape == (4, 8, 2) and np.isnan(points[1]).all() and np.isfinite(points[[0, 2, 3]]).all()
    assert params["stability"] == [1.0, None, 1.0, 1.0] and params["seeds"] == 2
    found = stored_umap_map(replace(vectors, umap=points, umap_params=params), 3)
    assert found.params["stability"] == 1.0 and found.params["seed"] == 0
    monkeypatch.setattr("emoviz.geometry.umap_layout.UMAP_SEEDS", (1, 2))
    other, params = umap_coordinates(vectors)
    assert not np.allclose(other[0], points[0]) and params["stability"][0] < 1


def test_umap_of_a_smooth_path_moves_smoothly():
    """From layer to layer the map moves less than when every layer is embedded on its own."""
    from umap import UMAP

    vectors = _smooth_path(5)
    points, params = umap_coordinates(vectors)
    found = [m.points for m in maps_over_layers(replace(vectors, umap=points, umap_params=params), "UMAP").values()]
    own = [
        UMAP(n_neighbors=7, min_dist=0.3, metric="cosine", random_state=0, n_jobs=1).fit_transform(
            unit(*class_vectors(means, CLASSES, "class"))
        )
        for means in vectors.class_means
    ]
    moved, moved_alone = (np.mean([disparity(a, b) for a, b in zip(m, m[1:], strict=False)]) for m in (found, own))
    assert moved < 0.5 * moved_alone


def test_neighbours_that_maps_share_are_counted_over_all_pairs():
    line = np.column_stack([np.arange(6.0), np.zeros(6)])
    assert shared_neighbours(np.stack([line, 3 * line @ _turn(50), -line])) == pytest.approx(1)
    assert shared_neighbours(np.stack([line, line[[0, 3, 1, 4, 2, 5]]])) < 0.9


def test_umap_of_a_single_finite_layer():
    points, params = umap_coordinates(make_set(classes=CLASSES[:6], layers=2, nonfinite=(0,)))
    assert np.isfinite(points[1]).all() and params["n_neighbors"] == 5


def test_a_file_without_stability_still_gives_its_map():
    vectors = replace(make_set(), umap=RNG.normal(size=(6, 21, 2)).astype(np.float32), umap_params={"seed": 0})
    assert stored_umap_map(vectors, 0).params["stability"] is None


def test_clustering_order_equals_scipys_and_its_branches_do_not_cross():
    found = rdm(make_set(), 1)
    tree = linkage_of(found)
    np.testing.assert_array_equal(tree, linkage(found.condensed, "average", optimal_ordering=True))
    order = leaf_order(tree)
    assert order == list(leaves_list(tree))
    from scipy.cluster.hierarchy import dendrogram

    theirs = dendrogram(tree, no_plot=True)
    # scipy places leaf k at 10 k + 5.
    expected = sorted(
        (tuple((x - 5) / 10 for x in xs), tuple(ys)) for xs, ys in zip(theirs["icoord"], theirs["dcoord"], strict=True)
    )
    ours = sorted((tuple(p), tuple(h)) for p, h in branches(tree))
    np.testing.assert_allclose(np.array(ours), np.array(expected))


def test_planted_clusters_are_cut_out():
    centres = np.repeat(np.eye(4), 5, axis=0) * 5
    vectors = make_set(classes=CLASSES[:20], geometry=centres, width=4, noise=0.1)
    found = clusters(linkage_of(rdm(vectors, 0)), 4)
    assert adjusted_rand_index(found, np.repeat(range(4), 5)) == 1
    assert rand_index_p(found, np.repeat(range(4), 5), 999) == 1 / 1000


def test_adjusted_rand_index_equals_scikit_learns_and_its_p_a_plain_loop():
    from sklearn.metrics import adjusted_rand_score

    a, b = RNG.integers(3, size=(2, 15))
    b[:6] = a[:6]
    assert adjusted_rand_index(a, b) == pytest.approx(adjusted_rand_score(a, b))
    rng = np.random.default_rng(1)
    null = [adjusted_rand_score(a, rng.permutation(b)) for _ in range(2000)]
    loop = (1 + sum(v >= adjusted_rand_score(a, b) - 1e-12 for v in null)) / 2001
    assert rand_index_p(a, b, 5000) == pytest.approx(loop, abs=0.03)
    assert np.isnan(rand_index_p(a[:6], b[:6])) and np.isnan(adjusted_rand_index(np.ones(4), np.ones(4)))


def test_nearest_neighbours_equal_a_plain_loop():
    vectors = make_set()
    found = nearest_neighbours(rdm(vectors, 1))
    rows = class_vectors(vectors.class_means[1], CLASSES, "class")[0]
    for i, name in enumerate(CLASSES):
        cosines = {
            other: rows[i] @ rows[j] / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j])
            for j, other in enumerate(CLASSES)
            if j != i
        }
        expected = sorted(cosines, key=cosines.get, reverse=True)[:3]
        assert [n for n, _ in found[name]] == expected
        assert found[name][0][1] == pytest.approx(cosines[expected[0]], abs=1e-5)
    assert nearest_neighbours(rdm(make_set(classes=("up", "down")), 0))["up"][0][0] == "down"
