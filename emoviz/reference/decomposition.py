"""What method, sub-parameters and precision do to emotion geometry, as published, and the behaviour set beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .published import read_data

# Step of the layered decomposition -> its two conditions. A comprehension, B generation with loose settings,
# C generation by the protocol of arXiv 2604.04064, D the same in int8; A to C in fp16 (in ours: fp32).
STEPS: dict[str, str] = {
    "method": "AC",
    "method, loose": "AB",
    "sub-parameters": "BC",
    "precision": "CD",
    "conflated": "AD",
}
_FILED = {
    "method": ("layer_1_method_clean", "L1_clean"),
    "method, loose": ("layer_1_method_loose", "L1_loose"),
    "sub-parameters": ("layer_2_subparam_sensitivity", "L2_subparam"),
    "precision": ("layer_3_precision_clean", "L3_precision"),
    "conflated": ("reference_conflated", "conflated"),
}


@dataclass(frozen=True, slots=True)
class PublishedStep:
    """One step of one model: Spearman's rho between RDMs of 20 emotions, each set class-centred.

    p : of a plain Spearman test, too small since pairs of an RDM are not independent. cosine_mean : mean over emotions
    of the cosine between the two sets' vectors. None where nothing was published.
    """

    model: str
    step: str
    rho: float
    p: float | None
    cosine_mean: float | None


@dataclass(frozen=True, slots=True)
class PublishedPair:
    """Spearman's rho between the RDMs of a base model and its instruct twin, each at its own best layer."""

    family: str
    base: str
    instruct: str
    rho: float


@dataclass(frozen=True, slots=True)
class PublishedCompliance:
    """Two scores of one model on the compliance test of arXiv 2604.02145.

    yields : B, share of scenarios in which it gave up its stance under pressure. follows : D, mean score at following
    constraints, over the scenarios that it was capable of.
    """

    id: str
    yields: float
    n_yields: int
    follows: float
    n_follows: int


@cache
def published_decomposition() -> tuple[PublishedStep, ...]:
    """Every step of both models (Mistral 7B Instruct, Llama 3.1 8B Instruct), in the order of `STEPS`."""
    data = read_data("jeong2026b_decomposition.json")
    earlier = data["method_precision_2x2"]["results"]
    found = []
    for model, steps in data["finding8_layers"]["results"].items():
        if model.startswith("_"):
            continue
        for step, (key, _) in _FILED.items():
            record = steps[key]
            p = record.get("rdm_spearman_p")
            if step == "conflated":
                # Only the earlier analysis of the same two sets has it.
                p = earlier[model]["analysis_C_conflated_reference"]["rdm_spearman"]["p"]
            found.append(
                PublishedStep(model, step, record["rdm_spearman_rho"], p, record.get("per_emotion_cosine_mean"))
            )
    return tuple(found)


@cache
def published_step_means() -> dict[str, float]:
    """Mean rho of the two models per step, as the author rounded it."""
    means = read_data("jeong2026b_decomposition.json")["finding8_layers"]["results"]["_summary"]["layer_means"]
    return {step: means[key] for step, (_, key) in _FILED.items()}


@cache
def published_pairs() -> tuple[PublishedPair, ...]:
    """The six pairs of base and instruct models."""
    return tuple(
        PublishedPair(r["family"], r["base"], r["instruct"], r["spearman_rho"])
        for r in read_data("jeong2026b_rsa.json")["base_x_instruct"]
    )


@cache
def published_compliance() -> tuple[PublishedCompliance, ...]:
    """The two models that arXiv 2604.11050 sets against each other."""
    return tuple(
        PublishedCompliance(
            r["model_id"],
            r["condition_B_user_pressure"]["flip_rate"],
            r["condition_B_user_pressure"]["n_valid"],
            r["condition_D_constraint"]["mean_compliance_score"],
            r["condition_D_constraint"]["n_capability_passed"],
        )
        for r in read_data("mti_compliance.json")["models"]
    )
