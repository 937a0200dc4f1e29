"""One set less another: values against slow loops, antisymmetry, and the interval where there is an honest one."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

import emoviz as ez
from emoviz.app.selection import first_selection
from emoviz.app.tabs import depth, models
from emoviz.errors import InputError
from emoviz.geometry import depth_curves, rdm
from emoviz.geometry.curves import CURVES
from emoviz.plots.export import export
from emoviz.stats.bootstrap import t_factor
from emoviz.stats.curve_difference import curve_difference
from emoviz.stats.pairs import paired_rdms

from .conftest import make_set, with_intervals


@pytest.fixture(scope="module")
def two():
    return make_set("a", seed=1, model="a"), make_set("b", seed=2, model="b", layers=9)


def test_the_difference_is_that_of_ranks_by_hand(two):
    figure = ez.plot.difference(two, layers=[2, 4])
    heat, classes = figure.data[0], figure.layout.xaxis.ticktext
    a, b = rdm(two[0], 2), rdm(two[1], 4)
    ranks = [(rankdata(r.condensed) - 1) / (len(r.condensed) - 1) for r in (a, b)]
    expected = {frozenset(pair): ranks[0][k] - ranks[1][k] for k, pair in enumerate(a.pairs)}
    for i, one in enumerate(classes):
        for j, other in enumerate(classes):
            value = heat.z[i][j]
            assert np.isnan(value) if i == j else value == pytest.approx(expected[frozenset((one, other))])
            assert list(heat.customdata[i][j][:2]) == [one, other]


def test_turned_round_it_has_the_other_sign_and_the_same_colours(two):
    ahead, back = ez.plot.difference(two, layers=[2, 4]), ez.plot.difference(two[::-1], layers=[4, 2])
    np.testing.assert_allclose(ahead.data[0].z, -np.array(back.data[0].z))
    for figure in (ahead, back):
        bar = figure.layout.coloraxis
        assert bar.cmin == -bar.cmax and bar.cmax == pytest.approx(np.nanmax(np.abs(ahead.data[0].z)))


def test_a_set_less_itself_is_nothing_and_scale_does_not_matter(two):
    same = ez.plot.difference([two[0], replace(two[0], name="again")], layers=[2, 2])
    assert np.nanmax(np.abs(same.data[0].z)) == 0 and "the same ranks" in same.layout.title.text
    assert len(same.layout.shapes) == 0
    bigger = replace(two[1], class_means=7 * two[1].class_means, half_means=7 * two[1].half_means)
    z = [ez.plot.difference([two[0], other], layers=[2, 4]).data[0].z for other in (two[1], bigger)]
    np.testing.assert_allclose(z[0], z[1])


def test_the_pair_that_differs_most_is_in_the_title_and_outlined(two):
    figure = ez.plot.difference(two, layers=[2, 4])
    z, classes = np.abs(figure.data[0].z), list(figure.layout.xaxis.ticktext)
    i, j = np.unravel_index(np.nanargmax(z), z.shape)
    assert set(figure.layout.title.text.split(":")[0].split(" and ")) == {classes[i], classes[j]}
    outlined = {(round(s.x0 + 0.5), round(s.y0 + 0.5)) for s in figure.layout.shapes}
    assert outlined == {(i, j), (j, i)}


def test_classes_that_one_set_lacks_are_left_out_and_said(two):
    few = make_set("few", classes=("sad", "calm", "angry", "happy", "afraid", "zeal"))
    figure = ez.plot.difference([few, two[0]], layers=[2, 2])
    assert sorted(figure.layout.xaxis.ticktext) == ["afraid", "angry", "calm", "happy", "sad"]
    assert "on the 5 classes that both have" in figure.layout.annotations[-1].text.replace("<br>", " ")
    with pytest.raises(InputError, match="cannot be compared"):
        ez.plot.difference([make_set("x", classes=("awe", "zeal", "spite")), two[0]], layers=[2, 2])
    with pytest.raises(InputError, match="1 sets were given; a pair is two"):
        ez.plot.difference([two[0]])


def test_the_csv_of_the_difference_holds_its_cells(two):
    paired = paired_rdms(two, (2, 4), "class")
    found = pd.read_csv(io.BytesIO(export(lambda: ez.plot.difference(two, layers=[2, 4]), "csv")))
    cells = {tuple(i.split(", ")[:2]): z for i, z in zip(found["id"], found["z"], strict=True)}
    for pair, value in zip(paired.pairs, paired.difference, strict=True):
        assert cells[pair] == pytest.approx(value) and cells[pair[::-1]] == pytest.approx(value)


@pytest.mark.parametrize("name", ["decoding_accuracy", "mean_cosine", "valence_r"])
def test_a_difference_of_curves_is_that_of_straight_lines_between_layers(two, name):
    found = curve_difference(two, name)
    curves = [depth_curves(s)[name] for s in two]
    depths = sorted({float(d) for c in curves for d in c.depth if d >= 1 / 6})
    assert found.depth.tolist() == depths
    for depth_, value, (owner, layer) in zip(found.depth, found.values, found.at, strict=True):
        ends = []
        for c in curves:
            k = next(k for k in range(len(c.depth)) if c.depth[k] >= depth_ - 1e-12)
            share = 0 if k == 0 else (depth_ - c.depth[k - 1]) / (c.depth[k] - c.depth[k - 1])
            ends.append(c.values[k] if k == 0 else (1 - share) * c.values[k - 1] + share * c.values[k])
        assert value == pytest.approx(ends[0] - ends[1])
        own = next(s for s in two if s.name == owner)
        assert own.depth(layer) == pytest.approx(depth_)
    back = curve_difference(two[::-1], name)
    np.testing.assert_allclose(back.values, -found.values)


def test_layers_without_a_value_leave_a_gap(two):
    gap = make_set("gap", nonfinite=(3,))
    found = curve_difference((gap, two[0]), "decoding_accuracy")
    assert np.isnan(found.values[3]) and np.isfinite(np.delete(found.values, 3)).all()


def test_only_the_mean_cosine_has_an_interval_from_resamples_of_the_same_topics():
    a, b = (with_intervals(make_set(name, seed=k, model=name)) for k, name in enumerate("ab"))
    found = curve_difference((a, b), "mean_cosine")
    apart = np.asarray(a.resampled.mean_cosine[0], float) - np.asarray(b.resampled.mean_cosine[0], float)
    half = apart.std(0, ddof=1) * t_factor(4)
    np.testing.assert_allclose(found.high - found.values, half, atol=1e-9)
    np.testing.assert_allclose(found.low + found.high, 2 * found.values)
    other = replace(b, provenance=replace(b.provenance, corpus_hash="else"))
    assert "not resampled on the same topics" in curve_difference((a, other), "mean_cosine").reason
    assert "keeps its resamples" in curve_difference((a, b), "rdm_std").reason
    bare = make_set("c")
    assert curve_difference((a, bare), "mean_cosine").reason == "a set was not resampled"


def test_shipped_sets_have_the_same_half_width_as_their_resamples_give():
    """What makes the interval of a difference one of a kind with those of the curves."""
    vectors = ez.find_set("gemma-3-270m_emoviz_fp32")
    own = np.asarray(vectors.resampled.mean_cosine[0], float).std(0, ddof=1) * t_factor(20)
    np.testing.assert_allclose(vectors.resampled.half_width["mean_cosine"][0], own, rtol=2e-2)


def test_norms_of_two_models_have_no_difference_and_other_curves_do(two):
    with pytest.raises(InputError, match="a unit of its own"):
        ez.plot.depth_difference(two, "residual_norm")
    for name in CURVES:
        if name != "residual_norm":
            low, high = ez.plot.depth_difference(two, name).layout.yaxis.range
            assert low == -high, "zero stands in the middle"


def test_two_sets_get_a_number_and_more_get_a_matrix():
    view = first_selection()
    drawn = models.draw(view, None)
    facts = {fact["name"]: fact for fact in drawn["agreement"]["cards"][0]["facts"]}
    assert drawn["matrix"] is None and drawn["difference"] is not None
    assert facts["Spearman rho"]["value"] == "0.92" and "95 % interval 0.89 to 0.94" in facts["Spearman rho"]["note"]
    assert facts["they differ most on"]["value"] == drawn["differences"]["rows"][0][0]
    third = "SmolLM2-135M-Instruct_jeong2026b_fp32_9f4cfecc"
    drawn = models.draw(replace(view, sets=(*view.sets, third)), "B and C")
    assert drawn["agreement"] is None and drawn["matrix"] is not None
    assert "B − C" in drawn["difference"].layout.coloraxis.colorbar.title.text
    one = models.draw(replace(view, sets=view.sets[:1]), None)
    assert one["agreement"] is None and one["difference"] is None
    assert depth.draw(replace(view, sets=view.sets[:1]), "decoding_accuracy", True)["difference"] is None
