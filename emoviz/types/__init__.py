"""The frozen values that travel from computation to figures, files and tables, by subject.

Shapes: L layers, C classes, D model width, T topics. Layers are 0-based blocks; `depth` is (layer + 1) / L.
"""

from .base import Value
from .claims import ClaimCheck, Claims, ClaimValue
from .comparison import (
    Comparison,
    Contrast,
    CurveDifference,
    Difference,
    Measured,
    PairedRDMs,
    PairGroup,
    Separation,
    SizeEffect,
)
from .corpus import Corpus, Finding, Norms, Openings, Passage, Story, StoryPrompt
from .experiments import (
    Calibrated,
    DoseCurve,
    DoseResponse,
    LeakRun,
    LeakText,
    Measure,
    RegimeTable,
    Scenario,
    ScenarioText,
    SteeredText,
    Verification,
    VerificationPlan,
)
from .geometry import RDM, Components, DepthCurve, DepthCurves, Projection, TraitFit, UShape, ValenceArousal
from .judging import Cycle, HeadCheck, Span, Verdict, WitnessCard
from .missing import Missing
from .readout import Reading, Sentence, TokenChange, VocabularyLens
from .steering import Decoding, Direction, Generation, Generations, Recipe, Towards
from .vectors import Activations, Protocol, Provenance, Resampled, VectorSet, Writing

__all__ = [
    "Activations",
    "Calibrated",
    "ClaimCheck",
    "ClaimValue",
    "Claims",
    "Comparison",
    "Components",
    "Contrast",
    "CurveDifference",
    "Corpus",
    "Cycle",
    "Decoding",
    "DepthCurve",
    "DepthCurves",
    "Difference",
    "Direction",
    "DoseCurve",
    "DoseResponse",
    "LeakRun",
    "LeakText",
    "Finding",
    "Generation",
    "Generations",
    "HeadCheck",
    "Measure",
    "Measured",
    "Missing",
    "Norms",
    "Openings",
    "PairGroup",
    "PairedRDMs",
    "Passage",
    "Projection",
    "Protocol",
    "Provenance",
    "RDM",
    "Reading",
    "Recipe",
    "RegimeTable",
    "Resampled",
    "Scenario",
    "ScenarioText",
    "Sentence",
    "Separation",
    "SizeEffect",
    "Span",
    "SteeredText",
    "Story",
    "StoryPrompt",
    "TokenChange",
    "Towards",
    "TraitFit",
    "UShape",
    "ValenceArousal",
    "Value",
    "VectorSet",
    "Verdict",
    "Verification",
    "VerificationPlan",
    "VocabularyLens",
    "WitnessCard",
    "Writing",
]
