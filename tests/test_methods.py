"""Contrasts between methods, protocols and precisions: found, measured, published, shipped and drawn."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from emoviz.app.library import library
from emoviz.app.selection import BEST, Selection
from emoviz.app.tabs import methods
from emoviz.emotions import CLASSES, EMOTIONS, NEUTRAL
from emoviz.errors import InputError
from emoviz.experiments.contrasts import TWINS
from emoviz.extract.protocols import PROTOCOLS
from emoviz.geometry.layers import layers_of
from emoviz.reference import (
    STEPS,
    published_compliance,
    published_decomposition,
    published_models,
    published_pairs,
    published_rho,
    published_step_means,
)
from emoviz.stats import compare, contrast, difference, find_contrasts, method_pairs, pooled, separation, steps
from emoviz.stats.contrasts import CHAINS, KINDS
from emoviz.store import load_contrasts, save_contrasts, save_set, sets_folder
from emoviz.types import Measured

from .conftest import make_set, with_intervals

ANY = Selection((), BEST, 0.5, "class", "sad")


def _set(protocol="emoviz", precision="fp32", model="made-up", **options):
    vectors = make_set(f"{model}_{protocol}_{precision}", model=model, **options)
    recipe = PROTOCOLS[protocol]
    written = {"corpus": f"stories {protocol}", "corpus_hash": f"{protocol} {precision}"} if recipe.writing else {}
    p = replace(vectors.provenance, protocol=recipe, method=recipe.method, precision=precision, **written)
    return replace(vectors, provenance=p)


def _chain():
    """Conditions A to D of both chains, with noise of their own."""
    recipes = [
        ("emoviz", "fp32"), ("jeong2026b", "fp32"), ("emoviz-stories", "fp32"), ("jeong2026a", "fp32"),
        ("jeong2026a-loose", "fp32"), ("jeong2026a", "int8"), ("emoviz-stories", "int8"), ("emoviz", "bf16"),
    ]  # fmt: skip
    return [_set(*recipe, seed=k) for k, recipe in enumerate(recipes)]


def _measure(sets, twins=None):
    layers = dict(zip((s.name for s in sets), layers_of(sets, "best"), strict=True))
    return [
        contrast(kind, a, b, (layers[a.name], layers[b.name]), n_permutations=200)
        for kind, a, b in find_contrasts(sets, twins)
    ]


# Two samples


SAMPLES = [
    (np.random.default_rng(0).normal(size=190), np.random.default_rng(1).normal(0.3, 2, size=190)),
    (np.random.default_rng(2).normal(size=190), np.random.default_rng(3).normal(-5, 1, size=45)),
    (
        np.random.default_rng(4).integers(0, 4, 60).astype(float),
        np.random.default_rng(5).integers(1, 6, 80).astype(float),
    ),
]


@pytest.mark.parametrize("pair", SAMPLES, ids=["alike", "apart", "tied"])
def test_mann_whitney_is_that_of_scipy(pair):
    found = difference(*pair)
    theirs = scipy_stats.mannwhitneyu(*pair, method="asymptotic")
    assert found.u == pytest.approx(theirs.statistic, rel=1e-12)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)


@pytest.mark.parametrize("pair", SAMPLES, ids=["alike", "apart", "tied"])
def test_effect_sizes_are_those_of_a_plain_loop(pair):
    a, b = ([float(v) for v in sample] for sample in pair)
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    squares = sum((v - mean_a) ** 2 for v in a) + sum((v - mean_b) ** 2 for v in b)
    sd = math.sqrt(squares / (len(a) + len(b) - 2))
    above = sum((x > y) - (x < y) for x in a for y in b)
    found = difference(*pair)
    assert found.n == (len(a), len(b))
    assert found.pooled_sd == pytest.approx(sd)
    assert found.cohen_d == pytest.approx((mean_a - mean_b) / sd)
    assert found.rank_biserial == pytest.approx(above / (len(a) * len(b)))


def test_swapping_the_samples_turns_the_signs_and_keeps_p():
    there, back = difference(*SAMPLES[1]), difference(*SAMPLES[1][::-1])
    assert (back.cohen_d, back.rank_biserial) == pytest.approx((-there.cohen_d, -there.rank_biserial))
    assert back.p == pytest.approx(there.p)


def test_samples_without_spread_have_no_d_and_no_p():
    same = difference(np.ones(5), np.ones(4))
    assert math.isnan(same.cohen_d) and math.isnan(same.p) and same.rank_biserial == 0
    with pytest.raises(InputError, match="samples of 1 and 4 value"):
        difference(np.ones(1), np.ones(4))


def test_pooling_is_the_test_of_all_cosines_together():
    pairs = [
        tuple(
            separation(_set(protocol, model=model, seed=k, noise=1.0), 2) for protocol in ("jeong2026a", "jeong2026b")
        )
        for k, model in enumerate(("one", "two"))
    ]
    found = pooled(pairs)
    assert found.n == (380, 380)
    written, read = (np.concatenate([pair[k].cosines for pair in pairs]) for k in (0, 1))
    assert found.means == pytest.approx((written.mean(), read.mean()))
    assert found.p == pytest.approx(scipy_stats.mannwhitneyu(written, read, method="asymptotic").pvalue)


def test_vectors_of_noise_alone_lie_at_the_cosine_that_is_printed_for_them():
    """Neutral with twice as many texts as each emotion: n / (n + e) is a third, and all of the length is noise."""
    rng = np.random.default_rng(0)
    width = 4000
    halves = rng.normal(size=(2, 1, 21, width))
    halves[:, :, CLASSES.index(NEUTRAL)] /= math.sqrt(2)
    vectors = replace(make_set(layers=1, width=width), half_means=halves, class_means=halves.mean(0))
    found = separation(vectors, 0)
    assert found.noise_cosine == pytest.approx(1 / 3, abs=0.02)
    assert found.cosines.mean() == pytest.approx(1 / 3, abs=0.02)
    assert found.noise_share == pytest.approx(1, abs=0.03)
    assert abs(found.reliability) < 0.25
    sure = separation(make_set(noise=0.01), 2)
    assert sure.noise_share < 0.001 and sure.reliability > 0.99


def test_separation_is_the_cosine_of_neutral_centred_pairs():
    vectors = make_set()
    means = np.asarray(vectors.class_means[3], float)
    rows = [means[CLASSES.index(name)] - means[CLASSES.index(NEUTRAL)] for name in sorted(EMOTIONS)]
    expected = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for i, a in enumerate(rows) for b in rows[i + 1 :]
    ]  # fmt: skip
    np.testing.assert_allclose(separation(vectors, 3).cosines, expected, atol=1e-5)


def test_each_set_by_generation_is_tested_against_comprehension_of_its_own_chain():
    found = method_pairs([separation(s, 2) for s in _chain() if s.provenance.precision == "fp32"])
    assert {w.protocol: r.protocol for w, r in found} == {
        "emoviz-stories": "emoviz", "jeong2026a": "jeong2026b", "jeong2026a-loose": "jeong2026b",
    }  # fmt: skip


# Which pairs differ in what


def _kinds(sets, twins=None):
    return {
        (kind, *(f"{s.provenance.protocol.name} {s.provenance.precision}" for s in (a, b)))
        for kind, a, b in find_contrasts(sets, twins)
    }  # fmt: skip


def test_pairs_are_named_by_what_they_differ_in():
    found = _kinds(_chain())
    assert ("method", "jeong2026b fp32", "jeong2026a fp32") in found
    assert ("sub-parameters", "jeong2026a-loose fp32", "jeong2026a fp32") in found
    assert ("precision", "jeong2026a fp32", "jeong2026a int8") in found
    assert ("precision", "emoviz fp32", "emoviz bf16") in found
    assert ("conflated", "jeong2026b fp32", "jeong2026a int8") in found
    # Another precision of comprehension is set against its own fp32 set only.
    assert not [f for f in found if "emoviz bf16" in f and f[0] != "precision"]


def test_the_most_exact_set_is_the_reference_whatever_the_order():
    sets = [_set(precision=name) for name in ("int8", "bf16", "fp16")]
    for order in (sets, sets[::-1]):
        assert _kinds(order) == {
            ("precision", "emoviz bf16", "emoviz fp16"),
            ("precision", "emoviz bf16", "emoviz int8"),
        }


def test_other_models_are_no_contrast():
    assert find_contrasts([_set(), _set(model="another")]) == []
    assert find_contrasts([]) == []


@pytest.mark.parametrize("turned", [False, True])
def test_base_and_instruct_are_paired_by_the_names_given_base_first(turned):
    sets = [_set(model="small-it"), _set(model="small"), _set(model="third")]
    found = find_contrasts(sets[::-1] if turned else sets, {"small": "small-it"})
    assert [(k, a.provenance.model, b.provenance.model) for k, a, b in found] == [("variant", "small", "small-it")]


def test_the_pairs_of_the_registry_are_known_by_the_names_that_sets_carry():
    assert TWINS["Qwen2.5-1.5B"] == "Qwen2.5-1.5B-Instruct" and TWINS["gemma-3-1b-pt"] == "gemma-3-1b-it"


def test_what_else_differs_is_told():
    by_pair = {(c.protocols, c.precisions): c for c in _measure(_chain())}
    assert by_pair[("emoviz", "emoviz-stories"), ("fp32", "fp32")].differs[0] == "comprehension / generation"
    assert "pooling mean / mid" in by_pair[("emoviz", "jeong2026a"), ("fp32", "fp32")].differs
    assert by_pair[("jeong2026a", "jeong2026a"), ("fp32", "int8")].differs == ("precision fp32 / int8",)


# What a contrast says


def test_contrast_is_rsa_on_the_emotions_that_both_have_each_minus_its_own_mean():
    a, b = _set(seed=1), _set(precision="int8", seed=2)
    found = contrast("precision", a, b, (3, 0), n_permutations=100)
    assert found.layers == (3, 3), "a difference of layers must not pass for one of precision"
    at = [CLASSES.index(name) for name in sorted(EMOTIONS)]
    rows = [np.asarray(s.class_means[3], float)[at] for s in (a, b)]
    rows = [r - r.mean(0) for r in rows]
    rows = [r / np.linalg.norm(r, axis=1, keepdims=True) for r in rows]
    upper = np.triu_indices(20, 1)
    assert found.rho == pytest.approx(scipy_stats.spearmanr(*(-(r @ r.T)[upper] for r in rows)).statistic, abs=1e-6)
    assert found.n_classes == 20 and NEUTRAL not in found.cosines
    np.testing.assert_allclose([found.cosines[n] for n in sorted(EMOTIONS)], (rows[0] * rows[1]).sum(1), atol=1e-5)


def test_base_against_instruct_keeps_neutral_as_published():
    a, b = _set(model="small", seed=1), _set(model="small-it", seed=2)
    found = contrast("variant", a, b, (2, 2), n_permutations=100)
    assert found.n_classes == 21
    assert found.rho == pytest.approx(compare([a, b], (2, 2), n_permutations=100).rho[0, 1])


def test_a_model_scaled_by_a_constant_changes_nothing():
    a, b = _set(seed=1), _set(precision="int8", seed=2)
    bigger = replace(b, class_means=7 * b.class_means, half_means=7 * b.half_means)
    one, two = (contrast("precision", a, other, (3, 3), n_permutations=100) for other in (b, bigger))
    assert one.rho == pytest.approx(two.rho) and one.cosines == pytest.approx(two.cosines, abs=1e-6)


def test_sets_with_controls_of_all_classes_are_contrasted_without_neutral():
    a, b = with_intervals(_set(seed=1)), with_intervals(_set(precision="int8", seed=2))
    found, bare = (contrast("precision", *pair, (3, 3), n_permutations=100) for pair in ((a, b), (_set(seed=1), b)))
    assert found.n_classes == 20 and found.rho == pytest.approx(bare.rho)


def test_equal_sets_agree_wholly():
    found = contrast("precision", _set(), _set(precision="int8"), (2, 2), n_permutations=100)
    assert found.rho == pytest.approx(1) and min(found.cosines.values()) == pytest.approx(1)


def _missing_without_reason(c):
    named = {"rho": c.rho, "p": c.p, "ceiling": c.ceiling, "ci": c.ci_low, "cosines": 0.0 if c.cosines else math.nan}
    return [name for name, value in named.items() if math.isnan(value) == (name not in c.reasons)]


@pytest.mark.parametrize(
    ("other", "layers", "reason"),
    [
        (_set(precision="fp16", nonfinite=(2, 3)), (2, 2), "layer 2 of made-up is not finite in fp16"),
        (_set(precision="fp16", nonfinite=tuple(range(6))), (None, None), "made-up has no finite layer in fp32"),
        (_set(precision="fp16", classes=("awe", "spite", "zeal")), (2, 2), "0 classes in common"),
    ],
    ids=["missing layer", "no layer", "other classes"],
)
def test_what_cannot_be_computed_is_missing_with_its_reason(other, layers, reason):
    found = contrast("precision", _set(), other, layers, n_permutations=100)
    assert math.isnan(found.rho) and math.isnan(found.p) and found.cosines is None
    assert reason in found.reasons["rho"] and reason in found.reasons["cosines"]
    assert _missing_without_reason(found) == []


def test_everything_that_is_missing_has_a_reason_and_nothing_else_has():
    for c in _measure([*_chain(), _set("emoviz", "fp16", nonfinite=(0, 1, 2, 3, 4))]):
        assert _missing_without_reason(c) == [], c


def test_vectors_of_other_layers_or_widths_are_not_compared_by_direction():
    a = _set()
    assert "layers differ" in contrast("method", a, _set("jeong2026a"), (2, 3), n_permutations=100).reasons["cosines"]
    wide = _set("jeong2026a", width=48)
    assert "different width" in contrast("method", a, wide, (2, 2), n_permutations=100).reasons["cosines"]


def test_the_steps_are_the_pairs_of_the_published_conditions():
    contrasts = _measure(_chain())
    for chain in CHAINS.values():
        found = steps(contrasts, "made-up", chain)
        assert list(found) == list(STEPS)
        a, b, c = chain
        expected = {
            "method": {(a, "fp32"), (c, "fp32")}, "method, loose": {(a, "fp32"), (b, "fp32")},
            "sub-parameters": {(b, "fp32"), (c, "fp32")}, "precision": {(c, "fp32"), (c, "int8")},
            "conflated": {(a, "fp32"), (c, "int8")},
        }  # fmt: skip
        for step, recipes in expected.items():
            assert set(zip(found[step].protocols, found[step].precisions, strict=True)) == recipes, step
    without = [c for c in contrasts if "int8" not in c.precisions]
    gone = steps(without, "made-up", CHAINS["our protocols"])
    assert gone["precision"] is None and gone["conflated"] is None and gone["method"] is not None


# What was published


def test_published_steps_give_the_published_means_to_the_printed_digits():
    published = published_decomposition()
    assert len(published) == 2 * len(STEPS)
    for step, printed in published_step_means().items():
        mean = np.mean([s.rho for s in published if s.step == step])
        assert abs(mean - printed) <= 0.5e-4 + 1e-12, step
    by = {(s.model, s.step): s for s in published}
    assert by["Mistral 7B Instruct", "precision"].rho == 0.2145 and by["Mistral 7B Instruct", "precision"].p == 0.00295
    assert by["Llama 3.1 8B Instruct", "conflated"].p == 4.77e-06
    assert by["Llama 3.1 8B Instruct", "method"].cosine_mean == 0.0543
    assert by["Llama 3.1 8B Instruct", "method, loose"].cosine_mean is None


def test_published_pairs_are_those_of_the_published_matrix():
    place = [m.id for m in published_models()]
    pairs = published_pairs()
    assert len(pairs) == 6
    for pair in pairs:
        assert published_rho()[place.index(pair.base), place.index(pair.instruct)] == pair.rho


def test_published_compliance_is_what_the_paper_quotes():
    quoted = {m.id.split("/")[1]: (round(m.yields, 2), round(m.follows, 2)) for m in published_compliance()}
    assert quoted == {"Qwen2.5-1.5B-Instruct": (0.8, 0.61), "Llama-3.2-3B-Instruct": (0.2, 0.85)}
    table = methods.compliance()
    assert "rho 0.813 (published)" in table["notes"][0] and "not measured by us" in table["groups"][0]


# What is shipped


def test_measured_contrasts_come_back_from_their_file(tmp_path):
    sets = [*_chain(), _set("emoviz", "fp16", nonfinite=(0, 1, 2, 3, 4))]
    measured = Measured(tuple(_measure(sets)), (separation(sets[0], 2),), "2026-01-01", {"emoviz": "1"})
    save_contrasts(measured, tmp_path / "c.json")
    back = load_contrasts(tmp_path / "c.json")
    assert (back.created, back.versions) == (measured.created, measured.versions)
    for ours, theirs in zip(measured.contrasts, back.contrasts, strict=True):
        for name in ("rho", "p", "ceiling", "ci_low", "ci_high"):
            assert getattr(theirs, name) == pytest.approx(getattr(ours, name), abs=1e-6, nan_ok=True)
        assert replace(theirs, rho=0, p=0, ceiling=0, ci_low=0, ci_high=0, cosines=None) == replace(
            ours, rho=0, p=0, ceiling=0, ci_low=0, ci_high=0, cosines=None
        )
        assert theirs.cosines == (None if ours.cosines is None else pytest.approx(ours.cosines, abs=1e-6))
    np.testing.assert_allclose(back.separations[0].cosines, measured.separations[0].cosines, atol=1e-4)
    # Strict JSON: what is missing is null.
    json.loads((tmp_path / "c.json").read_text(), parse_constant=lambda word: pytest.fail(word))
    assert [f.name for f in tmp_path.iterdir()] == ["c.json"]


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": 9}', '{"schema_version": 1, "contrasts": [{}]}'])
def test_a_damaged_file_is_refused_with_its_name(tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(InputError, match=r"c\.json cannot be read as measured contrasts"):
        load_contrasts(tmp_path / "c.json")


def test_the_shipped_file_says_what_the_shipped_sets_say_and_is_small():
    from emoviz.store import shipped_folder

    path = shipped_folder() / "contrasts.json"
    assert path.stat().st_size < 64_000
    shipped = load_contrasts()
    assert shipped.created and {"emoviz", "torch", "transformers"} <= set(shipped.versions)
    known = {s.name: s for s in library().sets.values()}
    pairs = [c for c in shipped.contrasts if set(c.sets) <= set(known)]
    assert len(pairs) >= 4
    for c in pairs:
        a, b = (known[name] for name in c.sets)
        again = contrast(c.kind, a, b, c.layers)
        assert again.rho == pytest.approx(c.rho, abs=1e-5) and again.p == pytest.approx(c.p, abs=1e-3)
        assert again.differs == c.differs and set(again.reasons) == set(c.reasons)
    assert all(c.p >= 1 / 10_001 * (1 - 1e-6) for c in shipped.contrasts if not math.isnan(c.p))
    assert {c.kind for c in shipped.contrasts} == set(KINDS) - {"variant", "corpus"}
    assert steps(shipped.contrasts, "SmolLM2-135M-Instruct", CHAINS["the papers' protocols"])["precision"] is not None


# What is drawn


def _drawn():
    """Figures and tables; the messages are tested with those of the Overview."""
    return [value for name, value in methods.draw(ANY).items() if name != "messages"]


def test_the_tab_draws_with_shipped_sets_only_whatever_is_ticked():
    decomposition, tests, precision, _, variants, compliance, table = _drawn()
    published = [t for t in decomposition.data if t.type == "bar" and t.name.startswith("published: ")]
    ours = [t for t in decomposition.data if t.type == "bar" and t not in published]
    assert len(published) == 2 and len(ours) == 3, "SmolLM2 by both kinds of protocols, Qwen by ours"
    assert {t.marker.color for t in published}.isdisjoint({t.marker.color for t in ours})
    assert "published, not ours" in decomposition.layout.annotations[-1].text
    text = " ".join(note.text for note in tests.layout.annotations)
    assert "pooled SD" in text and "rank-biserial" in text and "not independent" in text and "-107.5" in text
    assert any("8 to 17 are not finite" in note.text for note in precision.layout.annotations)
    assert len(variants.data[0].x) == 6 and len(variants.data[1].x) == 0
    assert len(compliance["rows"]) == 2
    assert all(len(row) == len(table["columns"]) for row in table["rows"])
    assert "≤ 0.0001" in {row[5] for row in table["rows"]} and "0.0001" not in {row[5] for row in table["rows"]}
    kinds = [heading.partition(":")[0] for _, heading in sorted(table["groups"].items())]
    assert kinds == ["method", "sub-parameters", "precision", "conflated"]
    assert any(note.startswith("no numbers in ") and "not finite in fp16" in note for note in table["notes"])


def test_the_figures_name_no_text_or_paper_colour_so_that_a_theme_is_one_template():
    for figure in _drawn()[:5]:
        layout = figure.to_plotly_json()["layout"]
        assert "paper_bgcolor" not in layout and layout["meta"]["kind"]
        assert not [note for note in layout["annotations"] if "color" in note.get("font", {})]


def test_sets_of_the_users_are_measured_and_drawn_beside_the_shipped_ones():
    before = len(methods.draw(ANY)["table"]["rows"])
    for vectors in (
        _set(model="Qwen2.5-1.5B"), _set(model="Qwen2.5-1.5B-Instruct", seed=1), _set(model="mine"),
        _set(model="mine", precision="int8", seed=2), _set("jeong2026a", model="mine", seed=3),
        _set("emoviz-stories", model="mine", seed=4),
    ):  # fmt: skip
        save_set(vectors, sets_folder())
    decomposition, tests, precision, _, variants, _, table = _drawn()
    assert len(variants.data[1].x) == 1
    assert len(table["rows"]) == before + 1 + 1 + 2 + 1, "variant, precision, method, sub-parameters"
    assert "mine, our protocols" in {t.name for t in decomposition.data}
    assert any("mine" in str(name) for name in precision.layout.yaxis.ticktext)
    text = " ".join(note.text for note in tests.layout.annotations).replace("<br>", " ")
    assert "pooled over 3 models, emoviz-stories against emoviz" in text


def test_without_any_set_the_published_numbers_still_stand(monkeypatch, tmp_path):
    for place in ("emoviz.store.catalog", "emoviz.app.library", "emoviz.store.contrasts"):
        monkeypatch.setattr(f"{place}.shipped_folder", lambda: tmp_path)
    decomposition, tests, precision, _, variants, compliance, table = _drawn()
    assert tests is None and precision is None and table["rows"] == []
    assert [t.name for t in decomposition.data if t.type == "bar"] == [
        "published: Mistral 7B Instruct", "published: Llama 3.1 8B Instruct",
    ]  # fmt: skip
    assert variants.data and compliance["rows"]
