"""The published statistics follow from the published matrix and table, to the printed digits."""

import json
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

from emoviz.reference import published_models, published_rho
from emoviz.stats.recomputed import base_and_instruct, pair_groups, size_effects

from .conftest import ROOT

MODELS, RHO = published_models(), published_rho()
PRINTED = json.loads((ROOT / "emoviz/reference/data/jeong2026b_rsa.json").read_text("utf-8"))


def test_group_means_and_ranges():
    groups = {g.name: g for g in pair_groups(MODELS, RHO)}
    for ours, theirs in (
        ("original three, instruct", "Original Tier 1"),
        ("with a model of 7B or more, instruct", "New 7B+ pairs"),
        ("with Gemma-3 1B, instruct", "Gemma pairs"),
    ):
        printed, found = PRINTED["group_stats"][theirs], groups[ours]
        assert (round(found.mean, 4), round(found.low, 4), round(found.high, 4), found.n) == (
            printed["mean"], printed["min"], printed["max"], printed["n"]
        )  # fmt: skip
    assert [round(groups[k].mean, 3) for k in groups if "mature" not in k] == [0.825, 0.838, 0.575]
    mature = groups["all mature, instruct"]
    assert (mature.n, round(mature.low, 2), round(mature.high, 2)) == (10, 0.74, 0.92)
    assert mature.n == len(PRINTED["tier1_pairs"])
    assert mature.mean == pytest.approx(np.mean([pair["spearman_rho"] for pair in PRINTED["tier1_pairs"]]), abs=5e-5)


def test_all_printed_pairs_are_entries_of_the_matrix():
    at = {m.label: k for k, m in enumerate(MODELS)}
    for pair in [*PRINTED["all_instruct_pairs"], *PRINTED["tier1_pairs"]]:
        assert round(RHO[at[pair["model_a"]], at[pair["model_b"]]], 4) == pair["spearman_rho"]
    instruct = {m.label for m in MODELS if m.variant == "instruct"}
    assert {frozenset((p["model_a"], p["model_b"])) for p in PRINTED["all_instruct_pairs"]} == {
        frozenset(pair) for pair in combinations(instruct, 2)
    }
    ids = {m.id: k for k, m in enumerate(MODELS)}
    for pair in PRINTED["pair_p_values"]["pairs"]:
        assert round(RHO[ids[pair["model_a"]], ids[pair["model_b"]]], 4) == pair["spearman_rho"]


def test_base_and_instruct():
    found = base_and_instruct(MODELS, RHO)
    assert found == {row["family"]: row["spearman_rho"] for row in PRINTED["base_x_instruct"]}
    assert {family: round(value, 3) for family, value in found.items()} == {
        "Qwen 2.5 1.5B": 0.975,
        "SmolLM2 1.7B": 0.922,
        "Llama 3.2 3B": 0.918,
        "Gemma-3 1B": 0.190,
        "Mistral 7B v0.3": 0.985,
        "Llama 3.1 8B": 0.950,
    }


def test_size_effects():
    found = {e.name: e for e in size_effects(MODELS)}
    printed = PRINTED["size_effects"]["correlations"]
    for ours, theirs in (
        ("anisotropy and parameters", "aniso_vs_size"),
        ("anisotropy and width", "aniso_vs_dmodel"),
        ("best depth and parameters", "best_layer_vs_size"),
        ("RDM spread and parameters", "rdm_std_vs_size"),
    ):
        digits = len(str(printed[theirs]["rho"]).split(".")[1])
        assert round(found[ours].rho, digits) == printed[theirs]["rho"]
        assert round(found[ours].p, 4) == printed[theirs]["p"]
        assert (found[ours].n, found[ours].n_families) == (12, 6)
    p = [found[name].p for name in ("anisotropy and width", "anisotropy and parameters", "best depth and parameters")]
    assert [f"{value:.2g}" for value in p] == ["0.00015", "0.0011", "0.11"]


def test_size_effects_equal_scipy():
    x, y = [m.d_model for m in MODELS], [m.anisotropy_best for m in MODELS]
    found = size_effects(MODELS)[0]
    assert (found.rho, found.p) == pytest.approx(tuple(spearmanr(x, y)))
    families = list(dict.fromkeys(m.family for m in MODELS))
    means = [
        [np.mean([v for v, m in zip(values, MODELS, strict=True) if m.family == f]) for f in families]
        for values in (x, y)
    ]
    assert found.rho_families == pytest.approx(spearmanr(*means).statistic)
