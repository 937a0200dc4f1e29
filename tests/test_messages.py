"""What the Overview says first: each rule speaks from its threshold on, with its numbers, and leads to their place."""

from dataclasses import replace

import numpy as np
import pytest

import emoviz as ez
from emoviz.app.link import from_query
from emoviz.app.selection import first_selection
from emoviz.app.tabs import TABS, methods, overview
from emoviz.geometry import depth_curves
from emoviz.plots.messages import MOST, Estimate, Facts, facts, messages
from emoviz.stats import compare
from emoviz.stats.pairs import paired_rdms

from .conftest import make_set, with_intervals

_PLAIN = Facts(
    name="m · emoviz",
    model="m",
    texts=420,
    classes=21,
    chance=1 / 21,
    decoding=Estimate(0.5, 0.4, 0.6),
    reliability=Estimate(0.8, 0.7, 0.9),
    anisotropy=Estimate(0.5, 0.4, 0.6),
    peak=Estimate(0.5, 0.4, 0.6),
    peak_layer=9,
    peak_depth=0.9,
    last=0.45,
)


def _said(*sets, **given):
    return {m.lead: m.text for m in messages(sets, **given)}


def test_a_plain_set_gets_three_lines_with_its_numbers():
    assert _said(_PLAIN) == {
        "1 model": "m; 420 texts in 21 classes",
        "Emotions can be read": "held-out decoding 0.50 [0.40, 0.60]; chance 0.05",
        "The geometry is reliable": "split-half rho 0.80 [0.70, 0.90]",
    }


@pytest.mark.parametrize(
    ("change", "lead", "text"),
    [
        ({"decoding": Estimate(0.1, 0.04, 0.16)}, "Emotions cannot be read for certain", "0.10 [0.04, 0.16]"),
        ({"decoding": Estimate(1.0)}, "Emotions cannot be read for certain", "decoding 1.00; chance"),
        ({"decoding": Estimate(0.1, 0.05, 0.15)}, "Emotions can be read", "chance 0.05"),
        ({"reliability": Estimate(0.59)}, "The geometry is noisy", "rho 0.59"),
        ({"reliability": Estimate(0.6)}, "The geometry is reliable", "rho 0.60"),
        ({"reliability": Estimate(float("nan"))}, "Reliability not known", "rho missing"),
        ({"texts": 12, "why_no_interval": "3 topics are too few"}, "No interval", "m: 12 texts; 3 topics are too few"),
        ({"anisotropy": Estimate(0.9)}, "Raw cosines say nothing", "m: anisotropy 0.90 of 1; look at centred ones"),
        (
            {"peak_layer": 7, "peak_depth": 0.8, "last": 0.39},
            "Best before the end",
            "decoding is highest in m at layer 7 (depth 0.80); at the last layer it is 0.39",
        ),
    ],
)
def test_a_rule_speaks_from_its_threshold_on(change, lead, text):
    assert text in _said(replace(_PLAIN, **change))[lead]


@pytest.mark.parametrize(
    ("change", "lead"),
    [
        ({"anisotropy": Estimate(0.89)}, "Raw cosines say nothing"),
        ({"peak_depth": 0.81, "last": 0.1}, "Best before the end"),
        ({"peak_depth": 0.5, "last": 0.41}, "Best before the end"),
        ({"peak_depth": 0.5, "last": 0.1, "peak": Estimate(0.5)}, "Best before the end"),
        ({}, "No interval"),
    ],
)
def test_a_rule_is_silent_below_it(change, lead):
    assert lead not in _said(replace(_PLAIN, **change))


def _compared(sets):
    layers = (2,) * len(sets)
    paired = paired_rdms((sets[0], sets[1]), (2, 2), "class") if len(sets) == 2 else None
    return compare(sets, layers, intervals=False, n_permutations=500), paired


def test_two_sets_agree_or_not_with_rho_ceiling_and_the_pair_they_differ_most_on():
    alike = [make_set("a", seed=1, model="a"), make_set("b", seed=2, model="b", noise=0.6)]
    other = make_set("c", seed=3, model="c", geometry=np.random.default_rng(5).normal(size=(21, 32)))
    two = [replace(_PLAIN, model=name, name=f"{name} · emoviz") for name in "ab"]
    found, paired = _compared(alike)
    said = _said(*two, comparison=found, paired=paired)["The two agree"]
    top = " and ".join(paired.pairs[np.abs(paired.ranks[0] - paired.ranks[1]).argmax()])
    assert f"rho {found.rho[0, 1]:.2f}, noise ceiling {found.ceiling[0, 1]:.2f}, p ≤ 0.002" in said
    assert said.endswith(f"they differ most on {top}")
    found, paired = _compared([alike[0], other])
    assert "No agreement shown" in _said(*two, comparison=found, paired=paired)


def test_of_many_sets_the_ranges_are_given_and_no_more_than_six_lines():
    sets = [make_set(f"s{k}", seed=k, model=f"m{k}", noise=0.2 + 0.1 * k) for k in range(5)]
    many = [
        replace(
            _PLAIN,
            name=f"m{k} · emoviz",
            model=f"m{k}",
            texts=12 + k,
            decoding=Estimate(0.2 + 0.1 * k, 0.1, 0.9),
            anisotropy=Estimate(0.95),
            peak_depth=0.5,
            last=0.1,
            why_no_interval="too few topics" if k == 0 else "",
        )
        for k in range(5)
    ]
    found, _ = _compared(sets)
    lines = messages(many, found)
    assert len(lines) == MOST and max(len(f"{m.lead} {m.text}") for m in lines) < 130
    said = {m.lead: m for m in lines}
    assert said["5 models"].text == "12 to 16 texts each in 21 classes"
    assert said["Emotions can be read"].text == "held-out decoding 0.20 to 0.60; chance 0.05"
    assert said["Raw cosines say nothing"].text.startswith("5 of 5 sets")
    rho = found.rho[np.triu_indices(5, 1)]
    least = next(m for m in lines if m.lead.startswith(f"rho {rho.min():.2f} to {rho.max():.2f}"))
    i, j = np.argwhere(found.rho == rho.min())[0]
    assert least.controls == {"models.pair": f"{'ABCDE'[i]} and {'ABCDE'[j]}"}


def test_thirty_sets_say_no_more_than_two():
    many = [replace(_PLAIN, name=f"m{k} · emoviz", model=f"model-with-a-name-{k}") for k in range(30)]
    assert all(len(f"{m.lead} {m.text}") < 130 for m in messages(many))


def test_sets_of_one_model_are_told_apart_by_their_protocol():
    said = _said(_PLAIN, replace(_PLAIN, name="m · jeong2026b"))["Emotions can be read"]
    assert "emoviz 0.50" in said and "jeong2026b 0.50" in said and "m ·" not in said


def test_the_facts_are_those_of_the_curves():
    vectors = with_intervals(make_set("a"))
    curves, found = depth_curves(vectors), facts(vectors, 2)
    assert found.decoding.value == pytest.approx(curves["decoding_accuracy"].values[2])
    assert (found.decoding.low, found.decoding.high) == pytest.approx(curves["decoding_accuracy"].interval(2))
    assert found.peak.value == pytest.approx(curves["decoding_accuracy"].values.max())
    assert found.last == pytest.approx(curves["decoding_accuracy"].values[-1])
    bare = make_set("b", nonfinite=(5,))
    assert facts(bare, 5).why_no_interval == "not resampled" and np.isnan(facts(bare, 5).decoding.value)
    assert np.isfinite(facts(bare, 5).last), "the last layer that has one"


def test_every_line_leads_to_a_tab_that_is_there_and_its_link_is_understood():
    titles = {tab.title for tab in TABS}
    lines = overview.at_a_glance(first_selection())["messages"]
    assert 3 <= len(lines) <= MOST
    for line in lines:
        tab, *rest = line["go"].items()
        assert tab[0] == "tab" and tab[1] in titles
        for name, value in rest:
            assert from_query(f"?{name}={value}").controls == {name: [value]}
            owner, _, control = name.partition(".")
            assert any(t.title.lower() == owner for t in TABS) and control in ("curve", "pair")


def test_the_methods_tab_leads_with_what_its_four_figures_say():
    drawn = methods.draw(first_selection())
    lines = drawn["messages"]["messages"]
    titles = [drawn[name].layout.title.text for name in ("decomposition", "separation", "precision", "corpora")]
    assert [": ".join(part for part in (line["lead"], line["text"]) if part) for line in lines] == titles
    assert all(any(sign.isdigit() for sign in title) for title in titles), "a message has numbers"


def test_shipped_models_decode_above_chance_and_gemma_is_anisotropic():
    sets = [ez.find_set(name) for name in ("SmolLM2-135M-Instruct_emoviz", "gemma-3-270m_emoviz")]
    said = _said(*(facts(s, layer) for s, layer in zip(sets, (18, 10), strict=True)))
    assert "Emotions can be read" in said
    assert said["Raw cosines say nothing"].startswith("gemma-3-270m: anisotropy 0.99")
