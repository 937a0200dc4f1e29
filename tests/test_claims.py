"""The papers' claims: every rule on made-up results whose answer is known, both ways; and what cannot be tested."""

import json
import math
import re
import string
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import emoviz as ez
from emoviz.app.tabs import TABS
from emoviz.cli import main
from emoviz.emotions import CLASSES, EMOTIONS, NEUTRAL
from emoviz.errors import InputError
from emoviz.experiments import claims as board
from emoviz.experiments import steering_claims as steering
from emoviz.geometry import rdm
from emoviz.reference import (
    published_compliance,
    published_decomposition,
    published_models,
    published_pairs,
    published_rho,
    published_step_means,
)
from emoviz.reference.claims import claim_rules
from emoviz.reference.published import read_data
from emoviz.share.tables import claims_table, rules_table
from emoviz.stats.bootstrap import mean_interval
from emoviz.stats.claims import Evidence
from emoviz.stats.methods import gap_interval, without_noise
from emoviz.stats.recomputed import pair_groups
from emoviz.types import Contrast, Decoding, LeakRun, LeakText, Measured, Recipe, Resampled, Separation
from emoviz.types.claims import FAILS, HOLDS, OUTCOMES, PART, UNTESTED

from .conftest import ROOT, make_set, with_intervals
from .test_dose_response_plots import make_run

NAN = float("nan")
RULES = {rule.id: rule for rule in claim_rules()}
KEYS = {"id", "paper", "claim", "published", "value", "ci_low", "ci_high", "verdict", "rule", "missing"}


def _set(model, protocol="emoviz", **options):
    vectors = make_set(f"{model}_{protocol}", model=model, **options)
    p = vectors.provenance
    return replace(vectors, provenance=replace(p, protocol=replace(p.protocol, name=protocol)))


def _hand(*sets, twins=None, contrasts=(), separations=(), **runs):
    """Evidence of made-up sets; a name stands for a set of that model."""
    sets = tuple(_set(s) if isinstance(s, str) else s for s in sets)
    models = {s.provenance.model: s for s in sets}
    return Evidence(
        sets=sets,
        known={s.name: s for s in sets},
        family={m: board.family(m) for m in models},
        parameters={m: board.parameters(s) for m, s in models.items()},
        base={m: board.is_base(m) for m in models},
        twins=twins if twins is not None else {},
        calls={},
        measured=Measured(tuple(contrasts), tuple(separations), "", {}),
        **{name: tuple(given) for name, given in runs.items()},
    )


def _check(id, at_hand):
    found = board.CHECKS[id](RULES[id], at_hand)
    assert found.outcome in OUTCOMES and found.verdict.startswith(found.outcome)
    assert (found.outcome == PART) == bool(found.why)
    assert found.outcome != UNTESTED or found.missing[0].startswith("needs ")
    return found


# The rules as data.


def test_every_rule_has_a_check_and_every_check_a_rule():
    assert list(RULES) == list(board.CHECKS)


def test_every_threshold_stands_in_the_words_of_its_rule():
    for record in read_data("claims.json")["claims"]:
        words = f"{record['rule']} {record['needs']}"
        named = {name for _, name, _, _ in string.Formatter().parse(words) if name}
        # Families and scripts are named in plain words.
        assert named | {"family", "script"} >= set(record["thresholds"]), record["id"]
        assert "{" not in RULES[record["id"]].rule and RULES[record["id"]].rule.endswith(".")


def test_every_rule_says_where_its_numbers_stand_and_leads_to_a_tab_that_there_is():
    titles = {tab.title for root in TABS for tab in (root, *root.parts)}
    for rule in RULES.values():
        assert f"arXiv {rule.paper}" in rule.source or "author" in rule.source
        assert rule.tab in titles and rule.command.startswith("emoviz ")


def test_the_published_numbers_are_those_of_the_data_files():
    rho, models = published_rho(), published_models()
    mature = next(g for g in pair_groups(models, rho) if g.name == "all mature, instruct")
    rule = RULES["shared-geometry"]
    assert (round(mature.low, 2), round(mature.high, 2), mature.n) == (rule["low"], rule["high"], 10)
    assert "0.74 to 0.92 over 10 pairs" in rule.published
    pairs = {pair.family: pair.rho for pair in published_pairs()}
    gemma = next(family for family in pairs if "Gemma" in family)
    assert f"rho {pairs.pop(gemma):.3f}" in RULES["tuning-immature"].published
    assert (
        len(pairs) == 5
        and round(min(pairs.values()), 2) == 0.92
        and min(pairs.values()) >= RULES["base-instruct"]["rho"]
    )
    compliance = published_compliance()
    at = [[m.id for m in models].index(one.id) for one in compliance]
    assert f"rho {rho[tuple(at)]:.3f}" in RULES["behaviour-differs"].published
    assert sorted(f"{one.yields:.2f}" for one in compliance) == ["0.20", "0.80"]
    assert re.findall(r"0\.\d\d ", RULES["behaviour-differs"].published + " ") == ["0.80 ", "0.20 "]
    steps = {}
    for step in published_decomposition():
        steps.setdefault(step.step, []).append(step.rho)
    for id, step in (
        ("decomposition-method", "method"),
        ("decomposition-subparameters", "sub-parameters"),
        ("decomposition-precision", "precision"),
    ):
        low, high = sorted(steps[step])
        text = f"rho {low:.2f} and {high:.2f} (mean {published_step_means()[step]:.2f})"
        assert RULES[id].published == text and (step != "method" or high < RULES[id]["rho"])
    both = zip(steps["conflated"], steps["precision"], strict=True)
    printed = re.findall(r"\([\d., ]+\)", RULES["decomposition-conflated"].published)
    assert [f"({a:.2f}, {b:.2f})" for a, b in both] == printed
    base = {m.id: m.anisotropy_best for m in models}
    others = [value for id, value in base.items() if "gemma" not in id]
    assert f"{base['google/gemma-3-1b-pt']:.3f} in Gemma-3 1B base" in RULES["gemma-anisotropy"].published
    assert f"others {min(others):.2f} to {max(others):.2f}" in RULES["gemma-anisotropy"].published
    assert max(others) < RULES["gemma-anisotropy"]["extreme"] < base["google/gemma-3-1b-it"]
    depths = [m.best_depth for m in models]
    assert min(depths) >= 0.35 and max(depths) <= 0.65


def test_the_page_of_the_rules_has_them_as_they_are():
    page = (ROOT / "docs" / "claims.md").read_text("utf-8")
    assert all(rule.rule in page and rule.claim in page for rule in RULES.values())


# Each rule, both ways.


def _separation(model, protocol, method, mean, *, share=0.1, noise=0.5, seed=0):
    cosines = mean + 0.05 * np.random.default_rng(seed).normal(size=190)
    return Separation(model, f"{model}_{protocol}", method, protocol, "fp32", 3, 0.8, share, noise, cosines)


@pytest.mark.parametrize(
    ("written", "share", "outcome"), [(0.3, 0.1, HOLDS), (0.8, 0.1, FAILS), (0.3, 0.95, FAILS), (0.3, 1.2, UNTESTED)]
)
def test_generation_separates_where_its_cosines_are_lower_and_noise_does_not_make_them_so(written, share, outcome):
    pair = [
        _separation("m-it", "emoviz", "comprehension", 0.6),
        # Noise without geometry at a cosine of 0.27 takes a mean of 0.3 from geometry at 0.9.
        _separation("m-it", "emoviz-stories", "generation", written, share=share, noise=0.27, seed=1),
    ]
    found = _check("generation-separates", _hand("m-it", separations=pair))
    assert found.outcome == outcome
    assert found.value == pytest.approx(pair[1].cosines.mean() - pair[0].cosines.mean())
    assert found.ci_low < found.value < found.ci_high


def _curve_set(cosines, *, error=0.002, name="m"):
    """A set whose neutral-centred mean cosine over depth is the one given."""
    n = len(cosines)
    own = np.linalg.qr(np.random.default_rng(1).normal(size=(64, 64)))[0]
    share = np.sqrt(np.asarray(cosines) / (1 - np.asarray(cosines)))
    means = np.zeros((n, len(CLASSES), 64), np.float32)
    for k, emotion in enumerate(CLASSES):
        if emotion != NEUTRAL:
            means[:, k] = own[k] + share[:, None] * own[-1]
    # All states, neutral ones too, lie off the origin.
    means += own[-2]
    base = _set(name, layers=n, width=64)
    drawn = (error * np.random.default_rng(2).normal(size=(3, 200, n))).astype(np.float32)
    half = {"mean_cosine": np.full((3, n), 2 * error, np.float32)}
    return replace(
        base,
        class_means=means,
        half_means=np.stack([means, means]),
        resampled=Resampled(200, 0, half, drawn),
    )


_X = (np.arange(30) + 1) / 30


@pytest.mark.parametrize(
    ("cosines", "outcome"),
    [
        (0.3 + 1.2 * (_X - 0.5) ** 2, HOLDS),
        (0.8 - 0.5 * _X, FAILS),
        (0.3 + 1.2 * (_X - 0.3) ** 2, PART),
    ],
)
def test_middle_layers_separate_best_only_with_a_lowest_point_in_the_middle_and_a_u(cosines, outcome):
    found = _check("middle-layers", _hand(_curve_set(cosines)))
    assert found.outcome == outcome and found.value == pytest.approx((np.argmin(cosines) + 1) / 30)
    assert found.ci_low <= found.value <= found.ci_high


def test_a_lowest_point_that_the_topics_do_not_fix_is_not_in_the_middle():
    shallow = 0.3 + 0.02 * (_X - 0.5) ** 2
    assert _check("middle-layers", _hand(_curve_set(shallow, error=0.05))).outcome != HOLDS


def _run(model, regimes=None, **options):
    quiet = dict.fromkeys(("angry", "calm", "random"), "ss ss ss")
    return make_run(quiet if regimes is None else regimes, model=model, **options)


def _effect_run(model, set_name, rise):
    """A run whose steered projections rise by a known share of the residual norm."""
    run = _run(model)
    texts = [
        replace(
            t,
            projections=tuple(np.full(len(CLASSES), rise if t.direction in ("angry", "calm") and t.dose > 0 else 0.0)),
        )
        for t in run.texts
    ]
    return replace(run, set=set_name, texts=tuple(texts))


@pytest.mark.parametrize(
    ("norms", "rises", "outcome"),
    [
        # The raw effect follows the residual norm, which follows anisotropy; per norm it does not.
        ((1, 10, 100, 1000), (0.2, 0.1, 0.15, 0.05), HOLDS),
        ((1000, 100, 10, 1), (0.1, 0.1, 0.1, 0.1), FAILS),
        ((1, 1, 1, 1), (0.1, 0.2, 0.3, 0.4), PART),
    ],
)
def test_anisotropy_explains_effects_where_their_order_is_its_own_and_vanishes_per_norm(norms, rises, outcome):
    sets, runs = [], []
    for k, (norm, rise) in enumerate(zip(norms, rises, strict=True)):
        model = f"{'abcd'[k]}-model"
        s = _set(model)
        sets.append(replace(s, residual_norm=np.full(6, norm, float), anisotropy=np.full(6, 0.2 + 0.2 * k)))
        runs.append(_effect_run(model, s.name, rise))
    found = _check("anisotropy-baseline", _hand(*sets, runs=runs))
    assert found.outcome == outcome
    three = _check("anisotropy-baseline", _hand(*sets[:3], runs=runs))
    assert three.outcome == UNTESTED and len(three.values) == 3


@pytest.mark.parametrize(
    ("words", "outcome", "why"),
    [
        ("ss rr xx", HOLDS, ""),
        ("ss rr rr", PART, "explosive is never most texts'"),
        ("ss ss ss", FAILS, ""),
    ],
)
def test_three_regimes_need_each_of_them_to_be_most_texts_at_some_dose(words, outcome, why):
    run = _run("m", {"angry": words, "calm": words, "random": "ss rr ss"})
    found = _check("three-regimes", _hand("m", runs=[run]))
    assert (found.outcome, found.why) == (outcome, why)
    assert found.control == "a random direction: surgical and collapse too"


def _window_run(model, high):
    doses = (0.0, 0.01, 0.02, 0.04, 0.08)
    words = " ".join("s" if dose <= high else "r" for dose in doses[1:])
    return _run(model, {"angry": words, "calm": words, "random": words}, doses=doses, prompts=1)


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ({"qwen-small": 0.08, "qwen-large": 0.08, "llama-one": 0.01}, HOLDS),
        ({"qwen-small": 0.01, "qwen-large": 0.08, "llama-one": 0.02}, FAILS),
        ({"qwen-small": 0.04, "qwen-large": 0.08, "llama-one": 0.04, "gemma-one": 0.01}, PART),
    ],
)
def test_architecture_sets_regimes_where_families_differ_more_than_sizes(ends, outcome):
    sets = [_set(model, width=64 if "large" in model else 32) for model in ends]
    runs = [_window_run(model, high) for model, high in ends.items()]
    assert _check("regimes-architecture", _hand(*sets, runs=runs)).outcome == outcome


def test_architecture_against_scale_needs_two_sizes_of_a_family():
    runs = [_window_run(model, 0.08) for model in ("qwen-small", "llama-one")]
    found = _check("regimes-architecture", _hand("qwen-small", "llama-one", runs=runs))
    assert found.outcome == UNTESTED and "no family at two sizes has runs" in found.missing


def _verified(model, k, control_k, outside):
    known = ez.list_verifications()[0]
    card = replace(known.witness, accuracy=None if outside else 0.7)
    name = f"v-{model}-{outside}"
    return replace(known, name=name, model=model, k=k, control_k=control_k, witness=card, outside=None)


@pytest.mark.parametrize(
    ("k", "control_k", "outside", "outcome"),
    [(39, 2, True, HOLDS), (20, 2, True, FAILS), (37, 36, True, FAILS), (39, 2, False, PART), (3, 2, False, FAILS)],
)
def test_a_classifier_confirms_only_from_outside_and_above_random_directions(k, control_k, outside, outcome):
    found = _check("classifier", _hand("m", verifications=[_verified("m", k, control_k, outside)]))
    assert found.outcome == outcome and found.value == k / 40
    assert found.control == f"random directions {control_k} of 40"


@pytest.mark.parametrize(("k", "outcome"), [(30, HOLDS), (12, PART)])
def test_what_an_outside_witness_confirms_of_what_it_judges_decides_beside_an_inside_one(k, outcome):
    found = replace(_verified("m", 39, 1, False), outside=ez.list_verifications()[0].outside)
    found = replace(found, outside_k=k, outside_n=32, outside_control_k=1)
    said = _check("classifier", _hand("m", verifications=[found]))
    assert said.outcome == outcome and {v.of for v in said.values} == {
        "m, inside witness: 39 of 40",
        f"m, outside witness: {k} of 32",
    }


def test_verifications_of_which_some_confirm_hold_in_part_and_others_are_missing():
    two = [_verified("a", 39, 1, True), _verified("b", 9, 1, True)]
    found = _check("classifier", _hand("a", "b", "c", verifications=two))
    assert found.outcome == PART and found.missing == ("no verification of c",)
    assert found.command == "emoviz verify c"


def _leak_run(model, steered, random, *, spread=0.0, controls=("random",), recipe="jeong2026a"):
    def text(direction, dose, mass):
        return LeakText(recipe, direction, dose, 0, "", {}, {"Han": mass}, (mass,), None, ())

    rng = np.random.default_rng(3)
    texts = [text("unsteered", 0.0, 0.001), *(text(name, 0.05, random) for name in controls)]
    texts += [text(name, 0.05, steered + spread * rng.normal()) for name in EMOTIONS]
    return LeakRun(
        f"{model}_leak", model, f"{model}_emoviz", "fp32", {recipe: Recipe((1,))}, Decoding(), ("prompt",), EMOTIONS,
        controls, (0.05,), tuple(texts), 1.0, "2026-01-01T00:00:00",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("qwen", "random", "other", "outcome"),
    [(0.3, 0.05, 0.0, HOLDS), (0.02, 0.0, 0.0, FAILS), (0.3, 0.28, 0.0, FAILS), (0.3, 0.05, 0.3, PART)],
)
def test_qwen_leaks_where_it_passes_its_random_direction_and_no_other_family_does(qwen, random, other, outcome):
    runs = [_leak_run("Qwen-a", qwen, random), _leak_run("gemma-b", other, 0.0)]
    found = _check("qwen-leak", _hand("Qwen-a", "gemma-b", leaks=runs))
    assert found.outcome == outcome and found.value == pytest.approx(qwen - max(random, 0.001))


@pytest.mark.parametrize("lacking", ["random", "recipe"])
def test_a_leak_run_without_its_control_or_recipe_tells_nothing(lacking):
    options = {"controls": ()} if lacking == "random" else {"recipe": "emoviz"}
    runs = [_leak_run("Qwen-a", 0.3, 0.0, **options), _leak_run("gemma-b", 0.0, 0.0)]
    found = _check("qwen-leak", _hand("Qwen-a", "gemma-b", leaks=runs))
    assert found.outcome == UNTESTED and any(lacking in line for line in found.missing)


def _scale_run(model, reached):
    """The witness finds the emotion in all texts of the directions that are reached, in none of the others."""
    run = _run(model, {**{name: "ss ss ss" for name in EMOTIONS}, "random": "ss ss ss", "mean": "ss ss ss"})
    score = lambda t: float(t.direction in reached and t.dose > 0)  # noqa: E731
    texts = tuple(replace(t, probabilities=(score(t),) * len(CLASSES)) for t in run.texts)
    return replace(run, texts=texts)


@pytest.mark.parametrize(
    ("reached", "width", "outcome"),
    [(EMOTIONS, 320, HOLDS), (EMOTIONS, 40, PART), (EMOTIONS[:4], 320, PART), ((), 320, FAILS)],
)
def test_steering_works_at_every_scale_only_over_a_span_of_sizes(reached, width, outcome):
    # In the smaller model as in the larger, but where few emotions are reached: there the smaller one reaches all.
    small = EMOTIONS if reached else ()
    runs = [_scale_run("small", small), _scale_run("large", reached)]
    found = _check("every-scale", _hand("small", _set("large", width=width), runs=runs))
    assert found.outcome == outcome and "chance 0.25" in found.control


def test_one_size_does_not_make_a_scale():
    found = _check("every-scale", _hand("a", "b", runs=[_scale_run("a", EMOTIONS), _scale_run("b", EMOTIONS)]))
    assert found.outcome == UNTESTED and "models of one size only" in found.missing


def _agreeing(kind):
    a = _set("qwen-a", seed=1, noise=0.1)
    own = np.random.default_rng(7).normal(size=(len(CLASSES), 32))
    b = _set("llama-b", seed=2, noise=0.1, geometry=own if kind == "apart" else None)
    a, b = with_intervals(a), with_intervals(b)
    if kind == "words":
        # Both RDMs are the words' own, and nothing else than noise.
        words = {"words": rdm(a, a.finite_layers[2]).condensed}
        a, b = (replace(s, control_rdms={**s.control_rdms, **words}) for s in (a, b))
    return a, b


def test_geometry_is_shared_where_families_agree_beyond_the_controls():
    a, b = _agreeing("alike")
    controls = {name: np.random.default_rng(k).uniform(size=210) for k, name in enumerate(a.control_rdms)}
    found = _check("shared-geometry", _hand(*(replace(s, control_rdms=controls) for s in (a, b))))
    assert found.outcome == HOLDS and found.value > 0.9


def test_geometry_is_not_shared_by_families_that_arrange_emotions_otherwise():
    assert _check("shared-geometry", _hand(*_agreeing("apart"))).outcome == FAILS


def test_agreement_that_the_words_explain_is_no_shared_geometry():
    found = _check("shared-geometry", _hand(*_agreeing("words")))
    assert found.outcome == FAILS and found.value > 0.74


def test_immature_families_and_sizes_of_one_family_do_not_count_as_shared():
    a, b = _agreeing("alike")
    young = replace(b, anisotropy=np.full(6, 0.99))
    found = _check("shared-geometry", _hand(a, young))
    assert found.outcome == UNTESTED and any("llama-b is not mature" in line for line in found.missing)
    found = _check("shared-geometry", _hand("qwen-a", "qwen-b"))
    assert found.outcome == UNTESTED and "all sets are of one family, qwen" in found.missing


def test_behaviour_differs_over_one_geometry_of_the_two_models_whose_behaviour_is_known():
    models = [one.id.split("/")[1] for one in published_compliance()]
    alike = [_set(m, seed=k, noise=0.1) for k, m in enumerate(models)]
    apart = [alike[0], _set(models[1], geometry=np.random.default_rng(7).normal(size=(len(CLASSES), 32)))]
    assert _check("behaviour-differs", _hand(*alike)).outcome == HOLDS
    assert _check("behaviour-differs", _hand(*apart)).outcome == FAILS
    one = _check("behaviour-differs", _hand(alike[0]))
    assert one.outcome == UNTESTED and one.command == f"emoviz extract {published_compliance()[1].id}"


def _anisotropic(model, value, **options):
    return replace(_set(model, **options), anisotropy=np.full(6, value))


@pytest.mark.parametrize(("gemma", "other", "outcome"), [(0.99, 0.8, HOLDS), (0.8, 0.7, FAILS), (0.99, 0.97, PART)])
def test_base_gemma_is_extreme_where_it_alone_is(gemma, other, outcome):
    found = _check("gemma-anisotropy", _hand(_anisotropic("gemma-9", gemma), _anisotropic("llama-1", other)))
    assert found.outcome == outcome and found.value == gemma


def test_an_instruct_gemma_is_no_base_gemma():
    found = _check("gemma-anisotropy", _hand(_anisotropic("gemma-9-it", 0.99), _anisotropic("llama-1", 0.5)))
    assert found.outcome == UNTESTED and "no set of a base Gemma" in found.missing


def _contrast(kind, models, protocols, precisions, rho, *, ceiling=0.95, high=NAN):
    sets = tuple(f"{m}_{p}" for m, p in zip(models, protocols, strict=True))
    reasons = {} if math.isfinite(rho) else {"rho": "layer 3 is not finite"}
    return Contrast(
        kind, models, sets, ("", ""), protocols, precisions, ("", ""), (3, 3), ((), ()), (), 20, 99, rho, 0.01, ceiling,
        rho - 0.02, rho + 0.02 if math.isnan(high) else high, None, reasons,
    )  # fmt: skip


def _twins(name, rho, anisotropy, **options):
    sets = [_anisotropic(name, anisotropy), _anisotropic(f"{name}-it", anisotropy)]
    return sets, _contrast("variant", (name, f"{name}-it"), ("emoviz",) * 2, ("fp32",) * 2, rho, **options)


@pytest.mark.parametrize(
    ("rho", "ceiling", "anisotropy", "outcome"),
    [(0.97, 0.98, 0.5, HOLDS), (0.6, 0.98, 0.5, FAILS), (0.6, 0.7, 0.5, UNTESTED), (0.97, 0.98, 0.99, UNTESTED)],
)
def test_twins_agree_where_rho_reaches_the_published_one_in_a_mature_family(rho, ceiling, anisotropy, outcome):
    sets, contrast = _twins("m", rho, anisotropy, ceiling=ceiling)
    assert _check("base-instruct", _hand(*sets, contrasts=[contrast])).outcome == outcome


@pytest.mark.parametrize(
    ("young", "mature", "outcome"), [(0.2, 0.97, HOLDS), (0.97, 0.97, FAILS), (0.2, None, PART), (0.2, 0.5, PART)]
)
def test_tuning_reorganises_the_immature_alone(young, mature, outcome):
    sets, contrast = _twins("gemma-y", young, 0.99)
    contrasts = [contrast]
    if mature is not None:
        more, contrast = _twins("llama-m", mature, 0.5)
        sets, contrasts = [*sets, *more], [*contrasts, contrast]
    assert _check("tuning-immature", _hand(*sets, contrasts=contrasts)).outcome == outcome


def test_a_missing_twin_is_named_with_the_command_that_makes_it():
    found = _check("base-instruct", _hand("m", twins={"m": "m-it"}))
    assert found.outcome == UNTESTED and "no set of m-it" in found.missing and found.command == "emoviz extract m-it"


STEPS = {
    "decomposition-method": ("method", ("jeong2026b", "jeong2026a"), ("fp32", "fp32")),
    "decomposition-subparameters": ("sub-parameters", ("jeong2026a-loose", "jeong2026a"), ("fp32", "fp32")),
    "decomposition-precision": ("precision", ("jeong2026a", "jeong2026a"), ("fp32", "int8")),
}


@pytest.mark.parametrize("id", STEPS)
@pytest.mark.parametrize(
    ("rho", "ceiling", "outcome"),
    [(0.1, 0.9, HOLDS), (0.9, 0.9, FAILS), (0.1, 0.3, UNTESTED), (0.1, NAN, UNTESTED), (NAN, NAN, UNTESTED)],
)
def test_a_step_changes_the_geometry_only_where_noise_could_not_have(id, rho, ceiling, outcome):
    kind, protocols, precisions = STEPS[id]
    one = _contrast(kind, ("m-it", "m-it"), protocols, precisions, rho, ceiling=ceiling)
    found = _check(id, _hand("m-it", contrasts=[one]))
    assert found.outcome == outcome and (outcome != UNTESTED or "m-it" in found.command)


@pytest.mark.parametrize(
    ("gaps", "outcome"),
    [((0.3, -0.3), HOLDS), ((0.3, 0.3), PART), ((0.02, -0.02), FAILS), ((0.3,), UNTESTED)],
)
def test_conflation_distorts_both_ways_only_in_two_models(gaps, outcome):
    contrasts = []
    for k, gap in enumerate(gaps):
        m = (f"m{k}-it",) * 2
        contrasts.append(_contrast("precision", m, ("jeong2026a",) * 2, ("fp32", "int8"), 0.5))
        contrasts.append(_contrast("conflated", m, ("jeong2026b", "jeong2026a"), ("fp32", "int8"), 0.5 + gap))
    found = _check("decomposition-conflated", _hand(*(f"m{k}-it" for k in range(len(gaps))), contrasts=contrasts))
    assert found.outcome == outcome


# What cannot be tested, and what is broken.


def _broken(kind):
    if kind == "one set":
        return [_set("m")]
    if kind == "other emotions":
        return [_set(m, classes=("joy", "rage", "fear", "disgust")) for m in ("qwen-a", "gemma-b")]
    if kind == "two classes":
        return [_set(m, classes=("good", "bad")) for m in ("qwen-a", "gemma-b")]
    if kind == "no common emotion":
        return [_set("qwen-a", classes=("joy", "rage", "fear")), _set("gemma-b")]
    if kind == "few layers finite":
        return [_set(m, layers=12, nonfinite=(3, 4, 5, 6, 7)) for m in ("qwen-a", "gemma-b")]
    if kind == "no layer finite":
        return [_set(m, nonfinite=tuple(range(6))) for m in ("qwen-a", "gemma-b")]
    zero = [_set(m) for m in ("qwen-a", "gemma-b")]
    return [replace(s, class_means=np.zeros_like(s.class_means), half_means=np.zeros_like(s.half_means)) for s in zero]


_KINDS = "one set, other emotions, two classes, no common emotion, few layers finite, no layer finite, all zero"


@pytest.mark.parametrize("kind", _KINDS.split(", "))
def test_sets_that_cannot_be_tested_say_so_in_clear_lines(kind):
    found = board.judged(_hand(*_broken(kind)))
    assert len(found) == len(RULES) and found.count(UNTESTED) >= len(RULES) - 3
    for check in found:
        if check.outcome == UNTESTED:
            assert check.missing and all(line and "\n" not in line for line in check.missing), check.id
            assert math.isnan(check.value) or check.values
    assert "Traceback" not in repr(found)


def test_layers_that_are_missing_are_named_and_the_others_still_tell():
    broken, whole = _curve_set(0.3 + 1.2 * (_X - 0.5) ** 2, name="a"), _curve_set(0.3 + 1.2 * (_X - 0.5) ** 2, name="b")
    p = replace(broken.provenance, nonfinite_layers=tuple(range(25)))
    found = _check("middle-layers", _hand(replace(broken, provenance=p), whole))
    assert found.outcome == HOLDS and found.missing == ("a emoviz: 5 finite layers, 8 are needed",)


def test_sets_without_neutral_have_no_neutral_centred_depth_curve():
    found = _check("middle-layers", _hand(_set("m", classes=EMOTIONS, layers=12)))
    assert found.outcome == UNTESTED and "m emoviz: it has no neutral passages" in found.missing


def test_fifty_models_are_tested_at_once():
    sets = [with_intervals(_set(f"{'abcdefghij'[k % 10] * 3}-{k}", seed=k)) for k in range(50)]
    found = board.judged(_hand(*sets))
    shared = found["shared-geometry"]
    assert len(shared.values) == 1125 and any("no intervals" in line for line in shared.missing)


def test_anything_but_vector_sets_is_refused():
    for given in ([], ["SmolLM2"], 3):
        with pytest.raises(InputError):
            ez.claims(given)


# Shipped sets, the command, tables, and what is imported.


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Without what lies in the folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOVIZ_HOME", str(tmp_path_factory.mktemp("home")))
        return ez.claims([s for s in ez.list_sets() if s.shipped])


def test_on_the_shipped_sets_every_claim_that_can_be_tested_has_a_value_and_a_control(shipped):
    for check in shipped:
        if check.outcome != UNTESTED:
            assert math.isfinite(check.value) and check.measured and check.control, check.id
        assert check.rule == RULES[check.id].rule


def test_values_of_the_board_are_those_of_the_library(shipped):
    pair = [ez.find_set("SmolLM2-135M-Instruct_emoviz"), ez.find_set("Qwen2.5-Coder-0.5B-Instruct_emoviz")]
    rho = ez.compare(pair, intervals=False, n_permutations=9).rho[0, 1]
    assert any(v.value == pytest.approx(rho) and "emoviz" in v.of for v in shipped["shared-geometry"].values)
    verified = {(f"{v.model}, inside witness: {v.k} of {v.n}", v.k / v.n) for v in ez.list_verifications()}
    assert {(v.of, v.value) for v in shipped["classifier"].values if "inside" in v.of} == verified
    step = next(c for c in ez.contrasts().contrasts if c.protocols == ("emoviz", "emoviz-stories"))
    assert any(v.value == step.rho for v in shipped["decomposition-method"].values)


def test_only_runs_of_the_chosen_models_count():
    found = ez.claims([ez.find_set("gemma-3-270m_emoviz")])
    assert found.models == ("gemma-3-270m",)
    told = " ".join(f"{v.of} {v.note}" for check in found for v in check.values)
    assert "gemma" in told and "Qwen" not in told.replace("learned", "") and "SmolLM2-135M-Instruct:" not in told


def test_the_command_prints_every_claim_with_its_rule_and_one_json_object(capsys):
    assert main(["claims", "gemma-3-270m_emoviz", "--json"]) == 0
    given = json.loads(capsys.readouterr().out)
    assert [set(row) >= KEYS for row in given["claims"]] == [True] * len(RULES)
    assert all(isinstance(row["missing"], list) and isinstance(row["rule"], str) for row in given["claims"])
    assert {row["outcome"] for row in given["claims"]} <= set(OUTCOMES)
    assert main(["claims", "gemma-3-270m_emoviz"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(rule.rule in text and rule.claim in text for rule in RULES.values())


def test_an_unknown_set_is_one_line_and_code_2(capsys):
    assert main(["claims", "nothing-like-it"]) == 2
    assert capsys.readouterr().err.startswith("emoviz: set 'nothing-like-it' is unknown;")


def test_the_table_has_a_row_per_claim_and_the_rules_beside_it(shipped):
    table, rules = claims_table(shipped), rules_table()
    assert [row[0] for row in table["rows"]] == [row[0] for row in rules["rows"]] == [r.claim for r in RULES.values()]
    assert [row[3].split(":")[0] for row in table["rows"]] == [check.outcome for check in shipped]
    assert len(shipped.to_frame()) == len(shipped) and set(table["groups"]) == {0, 8}


def test_claims_open_without_torch():
    code = "import emoviz as ez, sys; ez.claims(); from emoviz.app import board; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# The numbers that are new here.


def test_the_interval_of_a_gap_covers_the_true_one_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    rows, columns = np.triu_indices(20, 1)
    for k in range(200):
        # Emotions that lie near all others in one set, with noise of their own.
        each = rng.normal(size=(2, 20)) * 0.1
        first, second = ((e[rows] + e[columns]) / 2 for e in each)
        low, high = gap_interval(first - 0.2, second, n_bootstrap=400, seed=k)
        hits += low <= -0.2 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_taking_noise_out_gives_the_cosine_of_the_geometry_back():
    # Vectors of a known mean cosine, 0.5, and noise with a part that all share, as neutral's is.
    rng, n, width = np.random.default_rng(1), 20, 4000
    own, common = rng.normal(size=(n, width)), rng.normal(size=width)
    noise = np.sqrt(0.6) * rng.normal(size=(n, width)) + np.sqrt(0.4) * rng.normal(size=width)
    rows = np.sqrt(0.7 * 0.5) * own + np.sqrt(0.7 * 0.5) * common + np.sqrt(0.3) * noise
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    one = _separation("m", "emoviz", "generation", 0.0, share=0.3, noise=0.4)
    one = replace(one, cosines=(unit @ unit.T)[np.triu_indices(n, 1)])
    assert one.cosines.mean() == pytest.approx(0.47, abs=0.02) and without_noise(one) == pytest.approx(0.5, abs=0.03)
    assert math.isnan(without_noise(replace(one, noise_share=1.0)))


def test_the_interval_of_a_mean_is_that_of_a_t_test_up_to_sampling():
    values = np.random.default_rng(2).normal(size=40)
    low, high = mean_interval(values)
    error = 1.96 * values.std(ddof=1) / math.sqrt(40)
    assert low == pytest.approx(values.mean() - error, abs=0.05) and high == pytest.approx(
        values.mean() + error, abs=0.05
    )
    assert all(math.isnan(end) for end in (*mean_interval([1.0]), *mean_interval([1.0, NAN])))


def test_the_run_with_most_emotions_stands_for_a_model():
    small, large = _run("m"), _scale_run("m", ())
    assert steering.runs_by_model(_hand("m", runs=[large, small]))["m"] is large
