"""Whether a depth curve is called U-shaped, and where its lowest point is said to be."""

from dataclasses import replace

import numpy as np
import pytest

from emoviz.geometry import depth_curves
from emoviz.stats import mean_cosine_shape, pooled_shape, shape_words, u_shape
from emoviz.types import DepthCurve, Resampled

from .conftest import make_set


def _curve(values) -> DepthCurve:
    n = len(values)
    return DepthCurve("mean_cosine", "made-up", (np.arange(n) + 1) / n, np.asarray(values, float), None)


def _correlated(rng, n: int, phi: float) -> np.ndarray:
    noise = [rng.normal()]
    for _ in range(n - 1):
        noise.append(phi * noise[-1] + np.sqrt(1 - phi**2) * rng.normal())
    return np.array(noise)


@pytest.mark.parametrize(("phi", "n"), [(0.0, 30), (0.9, 30), (0.9, 18)])
def test_flat_curves_of_dependent_layers_are_rarely_called_u_shaped(phi, n):
    rng = np.random.default_rng(int(10 * phi) + n)
    called = sum(u_shape(_curve(_correlated(rng, n, phi))).u_shaped for _ in range(300))
    # At most 5 %, within sampling error of 300 runs.
    assert called / 300 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


def test_a_clear_u_is_found_also_where_layers_depend_on_each_other():
    rng = np.random.default_rng(1)
    x = (np.arange(30) + 1) / 30
    found = [u_shape(_curve(24 * (x - 0.5) ** 2 + 0.3 * _correlated(rng, 30, 0.5))) for _ in range(50)]
    assert np.mean([shape.u_shaped for shape in found]) > 0.8
    assert np.mean([shape.autocorrelation for shape in found]) == pytest.approx(0.5, abs=0.1)
    assert u_shape(_curve(24 * (x - 0.5) ** 2)).u_shaped, "a parabola without noise"
    assert np.mean([shape.vertex for shape in found]) == pytest.approx(0.5, abs=0.02)


def test_the_interval_of_the_vertex_covers_the_true_one_as_often_as_it_says():
    rng = np.random.default_rng(2)
    x = (np.arange(24) + 1) / 24
    truth, hits = 4 * (x - 0.6) ** 2, 0
    for _ in range(300):
        shape = u_shape(_curve(truth + 0.15 * rng.normal(size=24)), 0.15 * rng.normal(size=(200, 24)))
        hits += shape.vertex_low <= 0.6 <= shape.vertex_high
    assert abs(hits / 300 - 0.95) <= 2 * np.sqrt(0.95 * 0.05 / 300)


def test_words_say_what_the_test_found():
    rng, x = np.random.default_rng(3), (np.arange(30) + 1) / 30
    noise = 0.01 * rng.normal(size=30)
    shape = u_shape(_curve((x - 0.52) ** 2 + noise), 0.01 * rng.normal(size=(200, 30)))
    words = shape_words(shape)
    assert words.startswith("lowest at depth 0.52 [0.5") and "both slopes significant: U-shaped" in words
    assert "not U-shaped" in shape_words(u_shape(_curve(-x + noise)))
    assert "curved the other way" in shape_words(u_shape(_curve(-((x - 0.5) ** 2) + noise)))
    assert "too few to test" in shape_words(u_shape(_curve([1, 0, 1])))


def test_the_share_of_resampled_curves_that_are_u_shaped_is_counted():
    x = (np.arange(20) + 1) / 20
    curve = 0.2 * (x - 0.5) ** 2
    flipped = np.zeros((10, 20))
    flipped[:3] = -2 * curve
    assert u_shape(_curve(curve), flipped).holds == pytest.approx(0.7)


def test_sets_are_pooled_on_one_scale_and_depth():
    """Two models with the same U, one a thousand times larger and with fewer layers."""
    shapes = []
    for layers, size in ((30, 1.0), (12, 1000.0)):
        x = (np.arange(layers) + 1) / layers
        shapes.append(_curve(size * (x - 0.55) ** 2))
    rng = np.random.default_rng(4)
    sets = [
        replace(
            make_set(f"m{k}", layers=len(curve.values)),
            resampled=Resampled(
                50, 0, {}, np.tile(0.05 * curve.values.std() * rng.normal(size=(50, len(curve.values))), (3, 1, 1))
            ),
        )
        for k, curve in enumerate(shapes)
    ]
    pooled = pooled_shape(sets, shapes, "class")
    assert pooled.vertex == pytest.approx(0.55, abs=0.03) and pooled.u_shaped
    assert pooled.vertex_low < pooled.vertex < pooled.vertex_high
    without = pooled_shape([replace(s, resampled=None) for s in sets], shapes, "class")
    assert without.vertex == pytest.approx(pooled.vertex) and without.vertex_low is None


def test_a_set_without_replicates_is_tested_without_an_interval():
    vectors = make_set(layers=12)
    shape = mean_cosine_shape(vectors, depth_curves(vectors)["mean_cosine"], "class")
    assert shape.vertex_low is None and shape.holds is None and np.isfinite(shape.p_values).all()
