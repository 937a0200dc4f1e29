"""Statistics of one curve, against data with a known answer."""

import numpy as np
import pytest

from emoviz.stats import u_shape
from emoviz.types import DepthCurve


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
