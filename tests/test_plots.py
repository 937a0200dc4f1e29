"""Figures as data: what is drawn, on which range, and with its provenance."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.stats import rankdata

from emoviz.emotions import CLASSES, QUADRANTS, valence
from emoviz.geometry import best_layers, depth_curves, linkage_of, mds_map, onto_first, pca_map, rdm
from emoviz.geometry.clusters import leaf_order
from emoviz.geometry.curves import CONTROL_RDMS as CONTROLS
from emoviz.geometry.curves import CURVES
from emoviz.plots.callouts import callouts
from emoviz.plots.canvas import Canvas, drawn_on, rows
from emoviz.plots.controls import controls_figure
from emoviz.plots.cosines import cosines_figure
from emoviz.plots.depth import depth_figure
from emoviz.plots.emotion_map import map_figure
from emoviz.plots.gauge import gauge_figure
from emoviz.plots.published_rsa import published_figure
from emoviz.plots.rdm import rdm_figure
from emoviz.plots.rsa import comparison_figure
from emoviz.plots.rsa_pair import pair_figure
from emoviz.plots.theme import DARK, LIGHT, PAIR_COLOUR, QUADRANT_COLOUR, SERIES, figure, panels, styles
from emoviz.plots.valence import valence_figure
from emoviz.plots.wording import p_text
from emoviz.reference import published_models, published_rho
from emoviz.stats import compare, u_shape
from emoviz.stats.pairs import paired_rdms
from emoviz.stats.valence import valence_arousal
from emoviz.types import DepthCurve

from .conftest import make_set, with_intervals

SETS = [
    with_intervals(make_set("one", model="model-one")),
    with_intervals(make_set("two", seed=1, model="model-two", layers=9)),
]
STYLE = styles(SETS)


def _depth(name="decoding_accuracy", centring="class", **options):
    curves = [depth_curves(s, centring)[name] for s in SETS]
    return depth_figure(SETS, curves, [best_layers(s) for s in SETS], STYLE, centring=centring, **options)


def _gauges(sets, layers, **options):
    curves = [[depth_curves(s)[name] for name in ("anisotropy", "anisotropy_centred")] for s in sets]
    return gauge_figure(sets, layers, curves, styles(sets), **options)


def _cosines(sets, layers, **options):
    pairs = []
    for vectors, layer in zip(sets, layers, strict=True):
        raw, centred = (1 - rdm(vectors, layer, c).condensed for c in ("none", "class"))
        names = [(vectors.classes[i], vectors.classes[j]) for i, j in zip(*np.triu_indices(21, 1), strict=True)]
        pairs.append((raw, centred, names))
    return cosines_figure(sets, layers, pairs, styles(sets), **options)


def _controls(sets, layers):
    return controls_figure(sets, layers, [depth_curves(s) for s in sets], styles(sets))


def _all_figures() -> list[go.Figure]:
    return [
        _depth(published=published_models()),
        rdm_figure(SETS, [rdm(s, 1) for s in SETS], emotion="sad"),
        map_figure(SETS, [pca_map(s, 1) for s in SETS], emotion="sad"),
        _gauges(SETS, [1, 2], published=published_models()),
        _cosines(SETS, [1, 2]),
        _controls(SETS, [1, 2]),
        comparison_figure(SETS, compare(SETS, (1, 2), n_permutations=100), centring="class"),
        pair_figure(
            tuple(SETS), (1, 2), paired_rdms(tuple(SETS), (1, 2), "class"), ("A", "B"), rho=0.5, centring="class"
        ),
        rdm_figure(SETS, [rdm(s, 1) for s in SETS], order="clustering"),
        valence_figure(SETS, [valence_arousal(s, n_permutations=50) for s in SETS], STYLE),
    ]


FIGURES = ["depth", "rdm", "map", "gauge", "cosines", "controls", "rsa", "pair", "clusters", "valence"]


def _text(fig: go.Figure) -> str:
    return " ".join(a.text for a in fig.layout.annotations)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_panels_fit_into_their_figure_two_a_row_and_never_overlap(n):
    found, heads = panels(["title"] * n, gap=0.07, row_gap=0.13)
    assert len(heads) == n and rows(n) == (1 if n <= 2 else 2)
    for k, panel in enumerate(found):
        assert 0 <= panel.x[0] < panel.x[1] <= 1 and 0 <= panel.y[0] < panel.y[1] <= 1
        for other in found[:k]:
            assert other.x[1] < panel.x[0] or other.y[0] > panel.y[1] or panel.x[1] < other.x[0]
    sets = [make_set(str(k), seed=k, model=f"model-{k}") for k in range(n)]
    for fig in (
        rdm_figure(sets, [rdm(s, 1) for s in sets]),
        map_figure(sets, [pca_map(s, 1) for s in sets]),
        _gauges(sets, [1] * n),
        _cosines(sets, [1] * n),
        _controls([with_intervals(s) for s in sets], [1] * n),
    ):
        assert fig.layout.height > 300


@pytest.mark.parametrize("fig", _all_figures(), ids=FIGURES)
def test_every_figure_states_what_it_was_made_from(fig):
    text = _text(fig)
    for part in (
        "model-one @01234567",
        "model-two @01234567",
        "safetensors in fp32",
        "protocol emoviz",
        "84 passages",
        "emoviz 0.",
    ):
        assert part in text
    assert fig.layout.title.text and fig.layout.meta["description"]


@pytest.mark.parametrize("fig", _all_figures(), ids=FIGURES)
def test_figures_name_no_text_or_paper_colour_so_that_a_theme_is_one_template(fig):
    layout = {**fig.to_plotly_json()["layout"]}
    layout.pop("template")
    assert "paper_bgcolor" not in layout and "color" not in layout.get("font", {})
    for note in layout["annotations"]:
        assert "color" not in note.get("font", {})


def _contrast(a: str, b: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("template", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_have_enough_contrast_in_both_themes(template):
    paper = template.layout.paper_bgcolor
    assert _contrast(template.layout.font.color, paper) >= 7
    assert _contrast(template.layout.annotationdefaults.font.color, paper) >= 4.5
    assert not set(SERIES) & set(QUADRANT_COLOUR.values()), "a colour would mean a model and a quadrant"
    taken = {*SERIES, *(c for name, c in QUADRANT_COLOUR.items() if name in QUADRANTS)}
    assert not taken & set(PAIR_COLOUR.values()), "a colour would mean a pair and something else"
    for colour in (*SERIES, *QUADRANT_COLOUR.values(), *PAIR_COLOUR.values()):
        assert _contrast(colour, paper) >= 3, colour


# What the eyes of a deuteranope, a protanope and a tritanope make of linear RGB (Machado, Oliveira and Fernandes 2009).
_EYES = (
    np.eye(3),
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
)
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def _lab(colour, eye):
    rgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = _XYZ @ np.clip(np.asarray(eye) @ linear, 0, 1) / (0.9505, 1, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_models_are_told_apart_by_every_kind_of_eye():
    for eye in _EYES:
        labs = [_lab(colour, eye) for colour in SERIES]
        apart = [np.linalg.norm(a - b) for k, a in enumerate(labs) for b in labs[k + 1 :]]
        assert min(apart) > 16, eye


def test_no_two_sets_differ_by_colour_alone():
    sets = [
        replace(s, name=f"{s.name} {precision}", provenance=replace(s.provenance, precision=precision))
        for s in SETS
        for precision in ("fp32", "bf16", "fp16", "int8")
    ]
    found = styles(sets)
    assert len({look.dash for look in found.values()}) == len(sets) == 8
    assert found[sets[0].name].dash == "solid"


def test_depth_axis_is_relative_and_the_layer_is_in_the_hover():
    fig = _depth()
    lines = [t for t in fig.data if t.mode == "lines" and t.customdata is not None]
    for vectors, line in zip(SETS, lines, strict=True):
        np.testing.assert_allclose(line.x, (np.arange(vectors.n_layers) + 1) / vectors.n_layers)
        assert line.customdata[3][0] == vectors.name and int(line.customdata[3][1]) == 3


def test_all_curves_can_be_drawn_and_a_missing_layer_is_a_gap():
    holes = [make_set("one", model="model-one", nonfinite=(2,)), SETS[1]]
    for name in CURVES:
        curves = [depth_curves(s)[name] for s in holes]
        fig = depth_figure(holes, curves, [best_layers(s) for s in holes], styles(holes), centring="class")
        line = next(t for t in fig.data if t.mode == "lines" and t.customdata is not None)
        assert np.isnan(np.asarray(line.y, float)[2]) and line.connectgaps is False
        assert "layers 2 hold values that are not finite" in _text(fig)


def test_the_interval_is_a_band_around_the_curve_and_named():
    fig = _depth()
    bands = [t for t in fig.data if t.fill == "toself"]
    assert len(bands) == 2
    curve = depth_curves(SETS[0])["decoding_accuracy"]
    np.testing.assert_allclose(bands[0].y[:6], curve.high)
    np.testing.assert_allclose(bands[0].y[6:], curve.low[::-1])
    assert "95 % interval over topics (bootstrap, 30 resamples, seed 0)" in _text(fig)
    assert "over sentences" in _text(_depth("anisotropy"))
    bare = replace(SETS[0], resampled=None, notes={"intervals": "2 topics are too few"})
    curves = [depth_curves(bare)["rdm_std"]]
    fig = depth_figure([bare], curves, [best_layers(bare)], styles([bare]), centring="class")
    assert not [t for t in fig.data if t.fill]
    assert "no interval for model-one · emoviz, made-up: 2 topics are too few" in _text(fig)


def test_a_band_stops_where_a_layer_is_missing():
    holes = with_intervals(make_set("one", layers=9, nonfinite=(4,)))
    curves = [depth_curves(holes)["rdm_std"]]
    fig = depth_figure([holes], curves, [best_layers(holes)], styles([holes]), centring="class")
    assert [len(t.x) for t in fig.data if t.fill] == [8, 8]


def test_the_vertex_of_a_u_is_drawn_with_its_interval():
    x = (np.arange(12) + 1) / 12
    curve = DepthCurve("mean_cosine", "one", x, (x - 0.5) ** 2, -0.05)
    shape = u_shape(curve, 0.01 * np.random.default_rng(0).normal(size=(50, 12)))
    vectors = make_set("one", layers=12)
    fig = depth_figure([vectors], [curve], [best_layers(vectors)], styles([vectors]), centring="class", shapes=[shape])
    bar = next(t for t in fig.data if t.error_x.array is not None)
    assert bar.x == (shape.vertex,) and bar.error_x.array[0] == pytest.approx(shape.vertex_high - shape.vertex)


def test_raw_cosines_stand_above_centred_ones_on_one_axis():
    fig = _cosines(SETS, [1, 2], emotion="sad")
    assert fig.layout.xaxis.range == fig.layout.xaxis2.range == (-1.1, 1.1)
    centred, raw = fig.data[0], fig.data[1]
    np.testing.assert_allclose(np.array(raw.y) - np.array(centred.y), 1)
    assert sum(symbol == "diamond" for symbol in raw.marker.symbol) == 20
    assert f"Raw, all emotions look alike (cosine {min(raw.x):.2f}" in fig.layout.title.text or min(raw.x) > min(
        fig.data[3].x
    )


def test_controls_are_told_apart_by_dash_and_have_a_ceiling():
    fig = _controls(SETS, [1, 2])
    lines = [t for t in fig.data if t.name == "sentence encoder" and t.y[0] is not None]
    np.testing.assert_allclose(lines[0].y, depth_curves(SETS[0])["control sentence encoder"].values)
    assert len({t.line.dash for t in fig.data if t.name in CONTROLS}) == 3
    half = depth_curves(SETS[0])["split_half_rho"].values
    ceiling = next(t for t in fig.data if t.name == "noise ceiling")
    np.testing.assert_allclose(ceiling.y, np.sqrt(2 * half / (1 + half)))


def test_chance_and_floor_are_drawn():
    assert "chance 0.0476" in _text(_depth())
    assert "floor" in _text(_depth("mean_cosine"))
    assert "floor" not in _text(_depth("mean_cosine", "none"))


def test_published_curves_are_marked_and_only_drawn_where_they_compare():
    drawn = [t for t in _depth("mean_cosine", published=published_models()).data if t.legendgroup == "published"]
    assert len(drawn) == 11 and all("<b>published</b>" in t.hovertemplate for t in drawn)
    assert not any(t.legendgroup == "published" for t in _depth("rdm_std", published=published_models()).data)
    assert not any(
        t.legendgroup == "published" for t in _depth("mean_cosine", "none", published=published_models()).data
    )
    assert "published models, Jeong 2026" in _text(_depth("anisotropy", published=published_models()))


def test_rdm_panels_share_range_and_order_and_leave_the_diagonal_out():
    rdms = [rdm(s, 1) for s in SETS]
    fig = rdm_figure(SETS, rdms, order="quadrant")
    maps = [t for t in fig.data if t.type == "heatmap"]
    assert fig.layout.coloraxis.cmin == 0
    assert fig.layout.coloraxis.cmax == pytest.approx(max(r.condensed.max() for r in rdms))
    assert all(t.coloraxis == "coloraxis" for t in maps)
    for t in maps:
        assert np.isnan(np.diag(t.z)).all()
        np.testing.assert_allclose(np.nan_to_num(t.z), np.nan_to_num(t.z.T))
    assert fig.layout.xaxis.ticktext == fig.layout.xaxis2.ticktext


def test_rdm_cells_hold_the_dissimilarity_of_their_pair():
    found = rdm(SETS[0], 1)
    fig = rdm_figure(SETS[:1], [found], order="alphabet")
    heat = next(t for t in fig.data if t.type == "heatmap")
    a, b = CLASSES.index("angry"), CLASSES.index("sad")
    rows, columns = np.triu_indices(21, 1)
    pair = np.flatnonzero((rows == a) & (columns == b))[0]
    assert heat.z[a][b] == pytest.approx(found.condensed[pair])
    assert list(heat.customdata[a][b]) == ["angry", "sad"]


def test_map_shows_every_class_once_per_panel_at_its_own_place():
    projection = pca_map(SETS[0], 1)
    fig = map_figure(SETS[:1], [projection], emotion="calm")
    places = {c[0]: (x, y) for t in fig.data for c, x, y in zip(t.customdata, t.x, t.y, strict=True)}
    assert set(places) == set(CLASSES)
    np.testing.assert_allclose(places["calm"], projection.points[CLASSES.index("calm")])
    assert any("<b>calm</b>" in t.text for t in fig.data)


def test_gauge_shows_value_random_vectors_and_every_published_model():
    fig = _gauges(SETS[:1], [2], published=published_models())
    texts = [t.text if isinstance(t.text, str) else (t.text or ("",))[0] for t in fig.data]
    assert f"<b>{SETS[0].anisotropy[2]:.3f}</b>" in texts
    assert sum("published" in t for t in texts) == 12
    assert any("random vectors of width 32: 0 ± 0.177" in t for t in texts)
    assert any("after the common mean is taken off: 0.180 [0.160, 0.200]" in t for t in texts)
    assert "[0.420, 0.460]" in texts


def test_gauge_of_a_missing_layer_says_so():
    vectors = make_set("one", nonfinite=(2,))
    fig = _gauges([vectors], [2])
    assert any(t.text == ("missing",) for t in fig.data if t.mode == "text")


def test_published_matrix_is_marked_and_unchanged():
    fig = published_figure(published_models(), published_rho())
    heat = fig.data[0]
    assert heat.z.shape == (12, 12) and heat.z[0][1] == pytest.approx(0.9752388295)
    assert "published numbers, not ours" in _text(fig)


def test_sets_of_one_model_share_a_colour_and_differ_in_dash():
    other = replace(SETS[0], name="other", provenance=replace(SETS[0].provenance, precision="bf16"))
    found = styles([SETS[0], other, SETS[1]])
    assert found["one"].colour == found["other"].colour != found["two"].colour
    assert found["one"].dash != found["other"].dash


def test_p_at_the_floor_of_the_permutations_is_not_printed_as_exact():
    assert p_text(1 / 10_001, 10_000) == "p ≤ 0.0001"
    assert p_text(0.0123, 10_000) == "p = 0.012"


PAIRED = paired_rdms(tuple(SETS), (1, 2), "class")


def _pair(emotion="sad", paired=PAIRED):
    return pair_figure(tuple(SETS), (1, 2), paired, ("A", "B"), rho=0.5, centring="class", emotion=emotion)


def test_the_pair_view_has_a_dot_per_pair_at_its_two_dissimilarities():
    first, second = rdm(SETS[0], 1), rdm(SETS[1], 2)
    dots = {
        tuple(c[:2]): (x, y)
        for t in _pair().data
        if t.customdata is not None
        for c, x, y in zip(t.customdata, t.x, t.y, strict=True)
    }
    rows, columns = np.triu_indices(21, 1)
    assert set(dots) == {(CLASSES[i], CLASSES[j]) for i, j in zip(rows, columns, strict=True)}
    for k, (i, j) in enumerate(zip(rows, columns, strict=True)):
        assert dots[CLASSES[i], CLASSES[j]] == pytest.approx((first.condensed[k], second.condensed[k]))


def test_the_pair_view_tells_valence_by_colour_and_shape_and_rings_the_emotion():
    data = {t.name: t for t in _pair().data}
    kinds = [name for name in data if not name.startswith("with")]
    assert set(kinds) == set(PAIR_COLOUR)
    assert len({data[k].marker.color for k in kinds}) == len({data[k].marker.symbol for k in kinds}) == 3
    for kind, signs in (("same valence", {1}), ("opposite valence", {-1}), ("neutral or unplaced", {0})):
        assert {valence(a) * valence(b) for a, b, *_ in data[kind].customdata} == signs
    assert len(data["with sad"].x) == 20
    assert not any(t.name == "with nobody" for t in _pair("nobody").data)


def test_the_pair_view_names_the_pairs_whose_ranks_differ_most():
    gap = np.abs(PAIRED.ranks[0] - PAIRED.ranks[1])
    np.testing.assert_array_equal(PAIRED.ranks[0], rankdata(PAIRED.values[0]))
    top = [" – ".join(PAIRED.pairs[k]) for k in np.argsort(-gap, kind="stable")[:8]]
    named = [a.text for a in _pair().layout.annotations if a.showarrow]
    assert named == top
    assert top[0].replace(" – ", " and ") in _pair().layout.title.text
    same = paired_rdms((SETS[0], SETS[0]), (1, 1), "class")
    assert same.most_different(8) == [] and "the same ranks" in _pair(paired=same).layout.title.text


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("area", [(330, 270), (450, 230), (640, 330), (1100, 560)])
def test_labels_of_dots_never_lie_on_each_other(seed, area):
    rng = np.random.default_rng(seed)
    dots = rng.normal(size=(210, 2)) * (0.3, 0.2) + 1
    gap = np.argsort(-np.abs(dots[:, 0] - dots[:, 1]))[:8]
    x_range, y_range = ([v.min() - 0.1, v.max() + 0.1] for v in dots.T)
    names = ["enthusiastic – exasperated"] * 8
    boxes = []
    for note in callouts(dots[gap], names, dots, x_range, y_range):
        x = (note["x"] - x_range[0]) / (x_range[1] - x_range[0]) * area[0] + note["ax"]
        y = (note["y"] - y_range[0]) / (y_range[1] - y_range[0]) * area[1] - note["ay"]
        width = 5.6 * len(note["text"])
        left = x - width * {"left": 0, "center": 0.5, "right": 1}[note["xanchor"]]
        boxes.append((left, left + width, y - 7, y + 7))
    for k, a in enumerate(boxes):
        for b in boxes[:k]:
            assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]


def test_many_classes_are_drawn_without_labels_on_top_of_each_other():
    classes = tuple(f"class {k:03}" for k in range(171))
    vectors = make_set("big", classes=classes, width=64, layers=2)
    fig = rdm_figure([vectors], [rdm(vectors, 0)])
    assert fig.layout.xaxis.tickvals == ()
    assert all(t.mode == "markers" for t in map_figure([vectors], [pca_map(vectors, 0)]).data)


def test_clustering_orders_all_panels_by_the_first_sets_tree_which_stands_beside_it():
    rdms = [rdm(s, 1) for s in SETS]
    fig = rdm_figure(SETS, rdms, order="clustering")
    leaves = [CLASSES[k] for k in leaf_order(linkage_of(rdms[0]))]
    assert list(fig.layout.xaxis.ticktext) == list(fig.layout.xaxis2.ticktext) == leaves
    (tree,) = [t for t in fig.data if t.type == "scatter" and t.mode == "lines"]
    assert tree.xaxis == "x" and np.nanmin(np.array(tree.x, float)) > 20.5
    assert np.nanmax(np.array(tree.x, float)) < fig.layout.xaxis.range[1] == fig.layout.xaxis2.range[1]
    assert "In the order of model-one" in fig.layout.title.text
    few = [rdm(make_set(classes=("down", "up")), 0), rdm(make_set(classes=("down", "even", "up")), 0)]
    fig = rdm_figure(SETS, few, order="clustering")
    assert fig.layout.xaxis2.ticktext[-1] == "even", "a class that the first set lacks comes last"


def test_maps_print_what_their_shape_was_compared_with():
    first, second = onto_first([mds_map(s, 1) for s in SETS])
    fig = map_figure(SETS, [replace(first, params={**first.params, "halves": 0.25}), second])
    assert "two axes show" in fig.layout.xaxis.title.text and "negative eigenvalues" in fig.layout.xaxis.title.text
    assert "residual between topic halves 0.25" in fig.layout.xaxis.title.text
    p = second.params
    expected = f"with first panel {p['residual']:.2f} (relabelled {p['residual_by_chance']:.2f})"
    assert expected in fig.layout.xaxis2.title.text


def test_umap_maps_print_their_stability_or_that_it_was_not_stored():
    params = {"n_neighbors": 7, "min_dist": 0.3, "metric": "cosine", "seed": 0, "init": "PCA", "stability": None}
    stored = {**params, "stability": 0.8123, "stability_neighbors": 3, "seeds": 5}
    for values, text in ((params, "not stored; extract again"), (stored, "3 nearest kept between 5 seeds: 81%")):
        fig = map_figure(SETS[:1], [replace(pca_map(SETS[0], 1), method="UMAP", params=values)])
        assert text in fig.layout.xaxis.title.text


def test_valence_figure_shows_the_best_component_over_the_null_of_the_best():
    fits = [valence_arousal(s, n_permutations=50) for s in SETS]
    fig = valence_figure(SETS, fits, STYLE)
    bands = [t for t in fig.data if t.fill == "tozeroy"]
    assert len(bands) == 4
    np.testing.assert_allclose(bands[0].y, fits[0].valence.best_null_level)
    thick = [t for t in fig.data if t.line.width == 2.8]
    assert len(thick) == 4 and list(thick[0].customdata[3]) == ["one", 3]
    np.testing.assert_allclose(thick[1].y, np.abs(fits[1].valence.best_r))
    np.testing.assert_allclose(thick[2].y, np.abs(fits[0].arousal.best_r))
    assert "quadrant signs, 20 words" in _text(fig).replace("<br>", " ")


def test_valence_figure_of_classes_without_a_sign_is_empty_and_not_broken():
    vectors = make_set("mine", classes=("down", "even", "up"))
    fig = valence_figure([vectors], [valence_arousal(vectors)], styles([vectors]))
    assert not any(t.fill for t in fig.data) and np.isnan(np.asarray(fig.data[0].y, float)).all()


def test_a_name_that_is_longer_than_a_line_of_the_title_is_parted_at_its_hyphens():
    title = "afraid in Qwen2.5-Coder-0.5B-Instruct: 19 %"
    with drawn_on(Canvas(width=300)):
        made = figure([], {"meta": {"kind": "x"}}, title=title, aid="a", notes=[], height=300)
    lines = made.layout.title.text.split("<br>")
    assert len(lines) > 1 and " ".join(lines).replace("- ", "-") == title
