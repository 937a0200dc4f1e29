"""What of the two papers stands on some models: every headline, by its own rule, on what is stored."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

from ..errors import InputError
from ..geometry.cleaning import parted
from ..models.registry import REGISTRY
from ..reference.claims import claim_rules
from ..stats import claims_contrasts as pairs
from ..stats import claims_geometry as geometry
from ..stats.claims import Check, Evidence, untested
from ..store import list_sets, list_verifications
from ..store.leaks import list_leak_runs
from ..store.responses import list_dose_responses
from ..types import Claims, VectorSet
from ..types.given import several_sets
from . import steering_claims as steering
from .contrasts import TWINS, contrasts

# By the ids of the rules, in `reference/data/claims.json`.
CHECKS: dict[str, Check] = {
    "generation-separates": pairs.generation_separates,
    "middle-layers": geometry.middle_layers,
    "anisotropy-baseline": steering.anisotropy_baseline,
    "three-regimes": steering.three_regimes,
    "regimes-architecture": steering.regimes_architecture,
    "classifier": steering.classifier,
    "qwen-leak": steering.qwen_leak,
    "every-scale": steering.every_scale,
    "shared-geometry": geometry.shared_geometry,
    "behaviour-differs": geometry.behaviour_differs,
    "gemma-anisotropy": geometry.gemma_anisotropy,
    "tuning-immature": pairs.tuning_immature,
    "base-instruct": pairs.base_instruct,
    "decomposition-method": pairs.decomposition("method"),
    "decomposition-subparameters": pairs.decomposition("sub-parameters"),
    "decomposition-precision": pairs.decomposition("precision"),
    "decomposition-conflated": pairs.decomposition_conflated,
}
_ENTRIES = {entry.id.split("/")[-1]: entry for entry in REGISTRY}
_TUNED = re.compile(r"(^|[-_.])(it|instruct|chat|sft|dpo|rlhf)([-_.]|$)", re.IGNORECASE)


def claims(sets: Sequence[VectorSet] | None = None) -> Claims:
    """The headlines of both papers, each decided by its rule on the models of some sets.

    Nothing is run: vector sets, and the stored dose responses, verifications, leak runs and contrasts of the same
    models, are what there is to test on; runs with cleaned directions are not. What cannot be tested says what is
    missing and which command makes it.

    sets : None for all that `list_sets` finds.
    Returns : Claims, one `ClaimCheck` per headline, in the order of the papers; `to_frame()` has a row per claim.
    Raises  : InputError for anything but vector sets, and where there are none.
    Source  : Jeong 2026 (arXiv 2604.04064 and 2604.11050); rules in docs/claims.md.

    >>> import emoviz as ez
    >>> found = ez.claims([ez.find_set("SmolLM2-135M-Instruct_emoviz"), ez.find_set("gemma-3-270m_emoviz")])
    >>> found["gemma-anisotropy"].verdict, found["gemma-anisotropy"].measured
    ('holds', '0.991 [0.989, 0.993]')
    """
    return judged(evidence(several_sets(list_sets() if sets is None else sets)))


def judged(at_hand: Evidence) -> Claims:
    """Every rule applied to what is at hand."""
    found = []
    for rule in claim_rules():
        try:
            found.append(CHECKS[rule.id](rule, at_hand))
        except InputError as error:
            # A set that is broken somewhere costs the claim, not the board.
            found.append(untested(rule, str(error).rstrip(".")))
    return Claims(tuple(found), tuple(s.name for s in at_hand.sets), at_hand.models)


def evidence(sets: Sequence[VectorSet]) -> Evidence:
    """All that is stored on the models of some sets."""
    sets = list({s.name: s for s in sets}.values())
    models = {s.provenance.model for s in sets}
    others = [s for s in list_sets() if s.provenance.model in models]
    known = {s.name: s for s in [*others, *sets]}
    measured = contrasts(list(known.values()))
    return Evidence(
        sets=tuple(sets),
        known=known,
        family={s.provenance.model: family(s.provenance.model) for s in sets},
        parameters={s.provenance.model: parameters(s) for s in sets},
        base={s.provenance.model: is_base(s.provenance.model) for s in sets},
        twins=TWINS,
        calls=_calls(sets),
        measured=replace(
            measured,
            contrasts=tuple(c for c in measured.contrasts if set(c.models) <= models),
            separations=tuple(s for s in measured.separations if s.model in models),
        ),
        runs=tuple(run for run in list_dose_responses() if run.model in models and not parted(run.set)[1]),
        verifications=tuple(v for v in list_verifications() if v.model in models and not parted(v.set)[1]),
        leaks=tuple(run for run in list_leak_runs() if run.model in models and not parted(run.set)[1]),
    )


def _calls(sets: Sequence[VectorSet]) -> dict[str, str]:
    """Model -> what a command calls it: what its set was made from, else the id in the list of models."""
    made = {s.provenance.model: s.provenance.origin for s in sets if s.provenance.origin}
    return {name: shlex.quote(call) for name, call in ({n: e.id for n, e in _ENTRIES.items()} | made).items()}


def family(model: str) -> str:
    """The letters with which the name of a model begins, in lower case: qwen, gemma, smollm, llama."""
    found = re.match(r"[A-Za-z]+", model)
    return found.group().lower() if found else model.lower()


def is_base(model: str) -> bool:
    """As the list of models says; by its name for a model that is not in it."""
    entry = _ENTRIES.get(model)
    return entry.variant == "base" if entry is not None else _TUNED.search(model) is None


def parameters(vectors: VectorSet) -> int:
    """Weights of the model as the list of models says; of others an estimate, 12 x layers x width^2."""
    entry = _ENTRIES.get(vectors.provenance.model)
    return 12 * vectors.n_layers * vectors.d_model**2 if entry is None else entry.parameters
