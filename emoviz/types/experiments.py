"""Dose responses, leak runs and verifications: many steered texts with all that was measured on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .base import Value
from .judging import Span, Verdict, WitnessCard
from .readout import TokenChange, shares_by_script
from .steering import Decoding, Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class SteeredText(Value):
    """One text of a dose-response run with all that was measured on it.

    prompt : index into the run's prompts. leak_mass : the highest of the steps. probabilities, outside : the witness's
    and the outside witness's, (C,) over their classes, empty where there is none. projections : (C,) over the set's
    classes, of the text as the unsteered model reads it, in fractions of the residual norm; NaN where nothing was
    written.
    """

    direction: str
    dose: float
    prompt: int
    text: str
    verdict: Verdict
    leak_mass: float
    probabilities: tuple[float, ...]
    projections: tuple[float, ...]
    outside: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class DoseResponse(Value):
    """What doses of each direction do to the texts of one model. See `experiments.dose_response`.

    directions : emotions or mixtures; controls : directions that carry no emotion. doses : increasing, 0 among them.
    classes : of the vector set, the order of the projections, which are taken at `layer`.
    texts : one for every direction or control, dose and prompt; the baseline of a prompt stands once, with direction
    `unsteered` and dose 0. outside : a witness that people taught, None where there is none.
    """

    name: str
    model: str
    set: str
    precision: str
    recipe: Recipe
    decoding: Decoding
    witness: WitnessCard
    prompts: tuple[str, ...]
    directions: tuple[str, ...]
    controls: tuple[str, ...]
    doses: tuple[float, ...]
    classes: tuple[str, ...]
    layer: int
    texts: tuple[SteeredText, ...]
    seconds: float
    created: str
    outside: WitnessCard | None = None
    shipped: bool = False

    def to_frame(self) -> pd.DataFrame:
        """One row per text: model, set, direction, control, dose, prompt, text, the verdict's numbers, leak_mass, and a
        column per class for the witness (`witness afraid`, ...), the projection (`projection afraid`, ...) and, where
        there is one, the outside witness (`outside fear`, ...)."""
        import pandas as pd

        taught = () if self.outside is None else self.outside.classes

        return pd.DataFrame(
            [
                {
                    "model": self.model,
                    "set": self.set,
                    "direction": t.direction,
                    "control": t.direction in self.controls,
                    "dose": t.dose,
                    "prompt": self.prompts[t.prompt],
                    "text": t.text,
                    "regime": t.verdict.regime,
                    "ppl_ratio": t.verdict.ppl_ratio,
                    "repetition": t.verdict.repetition,
                    "leak": t.verdict.leak,
                    "n_tokens": t.verdict.n_tokens,
                    "leak_mass": t.leak_mass,
                    **{f"witness {c}": p for c, p in zip(self.witness.classes, t.probabilities, strict=True)},
                    **{f"projection {c}": p for c, p in zip(self.classes, t.projections, strict=True)},
                    **{f"outside {c}": p for c, p in zip(taught, t.outside, strict=True)},
                }
                for t in self.texts
            ]
        )

    def __repr__(self) -> str:
        return (
            f"DoseResponse({self.name!r}: {len(self.directions)} directions and {len(self.controls)} controls x "
            f"{len(self.doses)} doses x {len(self.prompts)} prompts)"
        )


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Measure(Value):
    """One quantity over D doses and P prompts.

    each : (D, P), NaN where there is none; mean : (D,); n : (D,) finite ones.
    """

    each: np.ndarray
    mean: np.ndarray
    n: np.ndarray


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class DoseCurve(Value):
    """One direction of a run over its D doses; at dose 0 stand the baselines.

    weights : the target, emotion -> weight. texts : (D, P), None where a run was stopped before.
    ppl_ratio : its mean is geometric. witness, projection : of the target, weighted sums over its emotions; NaN with
    the reason in `reasons` where the witness or the set does not know them. outside : as witness, by the outside one.
    controls, outside_controls : control -> (D,) mean score of the same target, by either.
    counts : (D, 6) texts per entry of `OUTCOMES`. majority : (D,) see `majority_regime`.
    """

    direction: str
    weights: dict[str, float]
    doses: np.ndarray
    texts: tuple[tuple[SteeredText | None, ...], ...]
    ppl_ratio: Measure
    repetition: Measure
    witness: Measure
    projection: Measure
    leak: Measure
    leak_mass: Measure
    controls: dict[str, np.ndarray]
    counts: np.ndarray
    majority: tuple[str | None, ...]
    reasons: dict[str, str]
    outside: Measure
    outside_controls: dict[str, np.ndarray]

    @property
    def zero(self) -> int | None:
        """Where dose 0 stands; None in a run without it."""
        found = np.flatnonzero(self.doses == 0)
        return int(found[0]) if len(found) else None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RegimeTable(Value):
    """Regimes of R directions, controls last, at D doses.

    counts : (R, D, 6) texts per entry of `OUTCOMES`. majority : (R, D). leaked : (R, D) texts with letters of other
    scripts.
    windows : (R,) of `usable_window`.
    """

    directions: tuple[str, ...]
    doses: np.ndarray
    counts: np.ndarray
    majority: tuple[tuple[str | None, ...], ...]
    leaked: np.ndarray
    windows: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True)
class VerificationPlan:
    """How a verification is made: fixed before anything is written. See `experiments.verification`.

    doses : what calibration may choose from. decoding : its seed is that of the first calibration opening; every
    further text of the same opening, and every other opening, has another. margin : what the target's probability
    must rise by.
    """

    recipe: Recipe
    doses: tuple[float, ...]
    decoding: Decoding
    samples: int
    margin: float


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The dose of one direction that did best on the calibration openings.

    emotion : the target. direction : the emotion itself, or the random direction that is its control.
    scores : per dose of the plan, the mean gain in the target's probability, texts that are not surgical counting 0.
    """

    emotion: str
    direction: str
    dose: float
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ScenarioText:
    """One text of a scenario. target : the witness's probability of the target; baseline : that of the unsteered text
    of the same seed; check, outside : the second and the outside witness's of this text. NaN where a text is blank, or
    the emotion not judged.
    """

    text: str
    regime: str | None
    reason: str
    ppl_ratio: float
    target: float
    baseline: float
    check: float
    outside: float = math.nan


@dataclass(frozen=True, slots=True, repr=False)
class Scenario(Value):
    """One emotion on one opening, by its own direction or by a random one, several samples each.

    prompt : index into the verification's prompts. before, after : mean probability of the target over the baselines
        and the steered samples. surgical : how many samples are. confirmed : by the criterion.
    check_before, check_after, check_confirmed : the same by the second witness.
    outside_before, outside_after, outside_confirmed : by the outside witness, NaN and None where it does not judge the
        emotion.
    """

    emotion: str
    prompt: int
    direction: str
    dose: float
    before: float
    after: float
    surgical: int
    confirmed: bool
    check_before: float
    check_after: float
    check_confirmed: bool
    texts: tuple[ScenarioText, ...]
    outside_before: float = math.nan
    outside_after: float = math.nan
    outside_confirmed: bool | None = None

    @property
    def gain(self) -> float:
        """What the target's probability rises by; NaN where it cannot be read."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Verification(Value):
    """How many scenarios a witness confirms, and how many of them with random directions instead. See
    `experiments.verification`.

    criterion : in words. baselines : per prompt, the unsteered samples. rows : 2 per emotion; controls : the same with
    a random direction each. k, control_k : how many are confirmed of n; low, high : Wilson 95 % intervals, as shares.
    check : the second witness, with its own counts check_k and check_control_k. outside : one that people taught, None
    where there is none; of the n it judges outside_n scenarios, and confirms outside_k and outside_control_k of them.
    calibrated : what each direction chose, by the witness `calibrated_by`.
    """

    name: str
    model: str
    set: str
    precision: str
    plan: VerificationPlan
    criterion: str
    witness: WitnessCard
    check: WitnessCard
    prompts: tuple[str, ...]
    calibration_prompts: tuple[str, ...]
    calibrated: tuple[Calibrated, ...]
    calibrated_by: str
    baselines: tuple[tuple[str, ...], ...]
    rows: tuple[Scenario, ...]
    controls: tuple[Scenario, ...]
    k: int
    n: int
    wilson_low: float
    wilson_high: float
    control_k: int
    control_low: float
    control_high: float
    check_k: int
    check_control_k: int
    seconds: float
    calibration_seconds: float
    created: str
    outside: WitnessCard | None = None
    outside_k: int = 0
    outside_n: int = 0
    outside_control_k: int = 0
    shipped: bool = False

    def to_frame(self) -> pd.DataFrame:
        """One row per scenario and direction, random controls too: model, emotion, opening, direction, control, dose,
        before, after, gain, surgical, confirmed, and the same by the second witness (check_before, check_after,
        check_confirmed) and the outside one (outside_before, outside_after, outside_confirmed)."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "model": self.model,
                    "emotion": row.emotion,
                    "opening": self.prompts[row.prompt],
                    "direction": row.direction,
                    "control": control,
                    **{name: getattr(row, name) for name in _SCENARIO_NUMBERS},
                }
                for control, rows in ((False, self.rows), (True, self.controls))
                for row in rows
            ]
        )

    def __repr__(self) -> str:
        return f"Verification({self.model}: {self.k} of {self.n} confirmed, {self.control_k} with random directions)"


_SCENARIO_NUMBERS = (
    "dose",
    "before",
    "after",
    "gain",
    "surgical",
    "confirmed",
    "check_before",
    "check_after",
    "check_confirmed",
    "outside_before",
    "outside_after",
    "outside_confirmed",
)


@dataclass(frozen=True, slots=True, repr=False)
class LeakText(Value):
    """One text of a leak run. Scripts are those that its prompt does not use.

    recipe : its name. prompt : index into the run's prompts. visible : script -> share of the text's letters. hidden :
    script -> the highest probability of all steps. mass : at each step, over all scripts. starts : the first token,
    from 1, at which that is a leak; None if it never is. spans : where the text leaks. pieces : the tokens that do, in
    order, without their blanks. broken : as in `Generation`.
    """

    recipe: str
    direction: str
    dose: float
    prompt: int
    text: str
    visible: dict[str, float]
    hidden: dict[str, float]
    mass: tuple[float, ...]
    starts: int | None
    spans: tuple[Span, ...]
    pieces: tuple[str, ...] = ()
    broken: str = ""

    @property
    def peak(self) -> float:
        """The hidden leak: the highest probability on all those scripts together, of all steps."""
        return max(self.mass, default=float("nan"))


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LeakLens(Value):
    """The tokens that each direction of a leak run raises most through the output head, before any text is written.

    layer : whose vectors are looked at, the set's own best. raised : direction or control -> tokens, from the largest
    change on. vocabulary : script -> its share of all tokens, `none` for tokens of no script.
    """

    layer: int
    raised: dict[str, tuple[TokenChange, ...]]
    vocabulary: dict[str, float]

    def shares(self, direction: str) -> dict[str, float]:
        """Script -> share of the raised tokens that are in it, the largest first; `none` for no script."""
        return shares_by_script(self.raised[direction])


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LeakRun(Value):
    """How much of other scripts steering brings out of one model. See `experiments.leak`.

    recipes : by name, for this set. doses : increasing, without 0. texts : one for every recipe, direction or control,
    dose and prompt; the unsteered text of a prompt stands once for each recipe, with direction `unsteered` and dose 0.
    lens : None where the model's output head cannot be read. neighbours : piece -> the words of Latin script next to it
    in the model's own embedding, of pieces that the shipped dictionary lacks.
    """

    name: str
    model: str
    set: str
    precision: str
    recipes: dict[str, Recipe]
    decoding: Decoding
    prompts: tuple[str, ...]
    directions: tuple[str, ...]
    controls: tuple[str, ...]
    doses: tuple[float, ...]
    texts: tuple[LeakText, ...]
    seconds: float
    created: str
    lens: LeakLens | None = None
    neighbours: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shipped: bool = False

    def to_frame(self) -> pd.DataFrame:
        """One row per text: model, set, recipe, direction, control, dose, prompt, text, visible and hidden (of all
        scripts together), script (the likeliest of them), starts."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "model": self.model,
                    "set": self.set,
                    "recipe": t.recipe,
                    "direction": t.direction,
                    "control": t.direction in self.controls,
                    "dose": t.dose,
                    "prompt": self.prompts[t.prompt],
                    "text": t.text,
                    "visible": sum(t.visible.values(), 0.0),
                    "hidden": t.peak,
                    "script": max(t.hidden, key=t.hidden.__getitem__) if t.hidden else None,
                    "starts": t.starts,
                }
                for t in self.texts
            ]
        )

    def __repr__(self) -> str:
        return (
            f"LeakRun({self.name!r}: {len(self.recipes)} recipes x {len(self.directions)} directions and "
            f"{len(self.controls)} controls x {len(self.doses)} doses x {len(self.prompts)} prompts)"
        )
