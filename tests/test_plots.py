"""Figures as data: what is drawn, on which range, and with its provenance."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from emoviz.emotions import CLASSES
from emoviz.geometry import best_layers, depth_curves, linkage_of, mds_map, onto_first, pca_map, rdm
from emoviz.geometry.clusters import leaf_order
from emoviz.plots.depth import CURVE_TEXT, depth_figure
from emoviz.plots.emotion_map import map_figure
from emoviz.plots.gauge import gauge_figure
from emoviz.plots.rdm import rdm_figure
from emoviz.plots.rsa import comparison_figure, p_text, published_figure
from emoviz.plots.theme import DARK, LIGHT, QUADRANT_COLOUR, SERIES, panel_rows, panels, styles
from emoviz.plots.valence import valence_figure
from emoviz.reference import published_models, published_rho
from emoviz.stats import compare
from emoviz.stats.valence import valence_arousal

from .conftest import make_set

SETS = [make_set("one", model="model-one"), make_set("two", seed=1, model="model-two", layers=9)]
STYLE = styles(SETS)


def _depth(name="decoding_accuracy", centring="class", **options):
    curves = [depth_curves(s, centring)[name] for s in SETS]
    return depth_figure(SETS, curves, [best_layers(s) for s in SETS], STYLE, centring=centring, **options)


def _all_figures() -> list[go.Figure]:
    return [
        _depth(published=published_models()),
        rdm_figure(SETS, [rdm(s, 1) for s in SETS], emotion="sad"),
        map_figure(SETS, [pca_map(s, 1) for s in SETS], emotion="sad"),
        gauge_figure(SETS, [1, 2], STYLE, published=published_models()),
        comparison_figure(SETS, compare(SETS, (1, 2), n_permutations=100), centring="class"),
        rdm_figure(SETS, [rdm(s, 1) for s in SETS], order="clustering"),
        valence_figure(SETS, [valence_arousal(s, n_permutations=50) for s in SETS], STYLE),
    ]


FIGURE_NAMES = ["depth", "rdm", "map", "gauge", "rsa", "clusters", "valence"]


def _text(fig: go.Figure) -> str:
    return " ".join(a.text for a in fig.layout.annotations)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_panels_fit_into_their_figure_two_a_row_and_never_overlap(n):
    found, heads = panels(["title"] * n, gap=0.07, row_gap=0.13)
    assert len(heads) == n and panel_rows(n) == (1 if n <= 2 else 2)
    for k, panel in enumerate(found):
        assert 0 <= panel.x[0] < panel.x[1] <= 1 and 0 <= panel.y[0] < panel.y[1] <= 1
        for other in found[:k]:
            assert other.x[1] < panel.x[0] or other.y[0] > panel.y[1] or panel.x[1] < other.x[0]
    sets = [make_set(str(k), seed=k, model=f"model-{k}") for k in range(n)]
    for fig in (
        rdm_figure(sets, [rdm(s, 1) for s in sets]),
        map_figure(sets, [pca_map(s, 1) for s in sets]),
        gauge_figure(sets, [1] * n, styles(sets)),
    ):
        assert fig.layout.height > 300


@pytest.mark.parametrize("fig", _all_figures(), ids=FIGURE_NAMES)
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


@pytest.mark.parametrize("fig", _all_figures(), ids=FIGURE_NAMES)
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
    for colour in (*SERIES, *QUADRANT_COLOUR.values()):
        assert _contrast(colour, paper) >= 3, colour


def test_depth_axis_is_relative_and_the_layer_is_in_the_hover():
    fig = _depth()
    lines = [t for t in fig.data if t.mode == "lines" and t.name != "published"]
    for vectors, line in zip(SETS, lines, strict=True):
        np.testing.assert_allclose(line.x, (np.arange(vectors.n_layers) + 1) / vectors.n_layers)
        assert line.customdata[3][0] == vectors.name and int(line.customdata[3][1]) == 3


def test_all_curves_can_be_drawn_and_a_missing_layer_is_a_gap():
    holes = [make_set("one", model="model-one", nonfinite=(2,)), SETS[1]]
    for name in CURVE_TEXT:
        curves = [depth_curves(s)[name] for s in holes]
        fig = depth_figure(holes, curves, [best_layers(s) for s in holes], styles(holes), centring="class")
        assert np.isnan(np.asarray(fig.data[0].y, float)[2]) and fig.data[0].connectgaps is False


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
    fig = gauge_figure(SETS[:1], [2], STYLE, published=published_models())
    texts = [t.text if isinstance(t.text, str) else (t.text or ("",))[0] for t in fig.data]
    assert f"<b>{SETS[0].anisotropy[2]:.3f}</b>" in texts
    assert sum("published" in t for t in texts) == 12
    assert any("random vectors of width 32: 0 ± 0.177" in t for t in texts)


def test_gauge_of_a_missing_layer_says_so():
    vectors = make_set("one", nonfinite=(2,))
    fig = gauge_figure([vectors], [2], styles([vectors]))
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
