"""The frozen values that travel from computation to figures, files and tables.

Shapes: L layers, C classes, D model width, T topics. Layers are 0-based blocks; `depth` is (layer + 1) / L.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True)
class Passage:
    """A short text written to evoke one class, on one topic."""

    emotion: str
    text: str
    topic: str


@dataclass(frozen=True, slots=True)
class Story:
    """A text that a model wrote for a class, with what it was asked.

    n_tokens : how many it wrote, the end token left out. ids : which; not kept in files, where the text stands for them.
    """

    emotion: str
    topic: str
    prompt: str
    seed: int
    text: str
    n_tokens: int
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages and the neutral sentences that anisotropy is measured on; `hash` covers every text and label."""

    name: str
    hash: str
    passages: tuple[Passage, ...]
    neutral_sentences: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in alphabetical order, the order of every array of the set."""
        return tuple(sorted({p.emotion for p in self.passages}))

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics in order of first appearance; that order deals them to the two halves."""
        return tuple(dict.fromkeys(p.topic for p in self.passages))


@dataclass(frozen=True, slots=True)
class Writing:
    """How a model is made to write stories, for extraction by generation.

    templates : name of the set of prompts (stimuli/data/stories.json). stories : per class.
    chat : through the model's chat template. temperature : 0 is greedy. seed : every story has its own, made from this.
    """

    templates: str
    stories: int
    chat: bool
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True, slots=True)
class Protocol:
    """A complete extraction recipe.

    pooling : `mean` over content tokens, `last` content token, or `mid`, the middle one.
    special_tokens : whether the tokenizer adds its special tokens (they are never content).
    skip_first : leave the first token out of the content (attention sink), special or not.
    equal_norm : bring every content token's state to the layer's median norm before pooling, so that a token with a
        massive activation (attention sinks also sit elsewhere than on the first token) counts no more than another.
    centring : the default at view time, `class`, `neutral` or `none`.
    layer_rule : the default best-layer rule, `decoding`, `reliability`, `separation`, or `middle` (block L // 2).
    writing : how the texts are written by the model itself; None where it reads given passages.
    """

    name: str
    pooling: str
    special_tokens: bool
    skip_first: bool
    equal_norm: bool
    centring: str
    layer_rule: str
    writing: Writing | None = None

    @property
    def method(self) -> str:
        """`generation` where the model reads what it wrote itself, else `comprehension`."""
        return "comprehension" if self.writing is None else "generation"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a vector set comes from; printed on every figure.

    origin : what loads the model again, a short name, hub id or path; empty in sets of early versions.
    """

    model: str
    revision: str
    architecture: str
    weights: str
    precision: str
    method: str
    protocol: Protocol
    corpus: str
    corpus_hash: str
    n_passages: int
    n_neutral_sentences: int
    topics: tuple[str, ...]
    nonfinite_layers: tuple[int, ...]
    created: str
    versions: dict[str, str]
    origin: str = ""

    def as_dict(self) -> dict:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict) -> Provenance:
        values = dict(values)
        protocol = dict(values["protocol"])
        if protocol.get("writing") is not None:
            protocol["writing"] = Writing(**protocol["writing"])
        values["protocol"] = Protocol(**protocol)
        values["topics"] = tuple(values["topics"])
        values["nonfinite_layers"] = tuple(values["nonfinite_layers"])
        return Provenance(**values)


@dataclass(frozen=True, slots=True)
class Activations:
    """Pooled states of every passage, the input of everything that resamples passages.

    states : (n_passages, n_kept_layers, D) float16 or float32.
    layers : the block index of each kept layer.
    emotions, topics : one entry per row of `states`.
    """

    states: np.ndarray
    layers: tuple[int, ...]
    emotions: tuple[str, ...]
    topics: tuple[str, ...]

    def at(self, layer: int) -> np.ndarray:
        """States at one block, (n_passages, D) float32; KeyError if that layer was not kept."""
        if layer not in self.layers:
            raise KeyError(layer)
        return np.asarray(self.states[:, self.layers.index(layer)], np.float32)


@dataclass(frozen=True, slots=True)
class Resampled:
    """What a topic bootstrap says about the depth curves of a set, made when the set is made.

    n, seed : replicates, and the seed of their draws.
    half_width : curve -> (3, L), half of a 95 % interval, a row per centring (class, neutral, none); of correlations on
        Fisher's z scale.
    mean_cosine : (3, n, L) replicates of the mean cosine less their mean, from which the U shape gets its interval.
    """

    n: int
    seed: int
    half_width: dict[str, np.ndarray]
    mean_cosine: np.ndarray


@dataclass(frozen=True, slots=True)
class VectorSet:
    """Class means of one (model, revision, precision, method, protocol, corpus).

    class_means : (L, C, D); half_means : (2, L, C, D), the halves split by topic; memory-mapped when read from a file.
    residual_norm, anisotropy, decoding_accuracy : (L,), NaN at non-finite layers.
    umap : (L, C, 2) stored coordinates, or None when they were not computed.
    anisotropy_centred : (L,) anisotropy after the mean over the passages has been taken off.
    controls : name -> (C * (C - 1) / 2,) condensed RDM of the same passages as words, token embeddings, sentences.
    resampled : None, with the reason in `notes`, where topics could not be resampled.
    notes : what -> why it is missing.
    """

    name: str
    classes: tuple[str, ...]
    provenance: Provenance
    class_means: np.ndarray
    half_means: np.ndarray
    residual_norm: np.ndarray
    anisotropy: np.ndarray
    decoding_accuracy: np.ndarray
    umap: np.ndarray | None
    umap_params: dict = field(default_factory=dict)
    anisotropy_centred: np.ndarray | None = None
    controls: dict[str, np.ndarray] = field(default_factory=dict)
    resampled: Resampled | None = None
    notes: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    shipped: bool = False

    @property
    def n_layers(self) -> int:
        return self.class_means.shape[0]

    @property
    def d_model(self) -> int:
        return self.class_means.shape[2]

    @property
    def finite_layers(self) -> tuple[int, ...]:
        missing = self.provenance.nonfinite_layers
        return tuple(layer for layer in range(self.n_layers) if layer not in missing)

    def depth(self, layer: int) -> float:
        return (layer + 1) / self.n_layers


@dataclass(frozen=True, slots=True)
class RDM:
    """Representational dissimilarity matrix, 1 - cosine, condensed in scipy's squareform order.

    condensed : (C * (C - 1) / 2,), values in [0, 2].
    """

    condensed: np.ndarray
    classes: tuple[str, ...]
    layer: int
    centring: str


@dataclass(frozen=True, slots=True)
class UShape:
    """Is a curve U-shaped over depth? Quadratic vertex and the two-lines test (Simonsohn 2018).

    vertex : depth of the quadratic's turning point, with its 95 % interval over topics; the interval is None where topics
        were not resampled. curvature : second derivative, positive for a U.
    break_depth, slopes, p_values : of the two lines; autocorrelation : of the noise in neighbouring layers.
    holds : share of the resampled curves that fall, then rise, on average; None without resampling.
    u_shaped : a falling and then a rising line, both significant.
    """

    vertex: float
    vertex_low: float | None
    vertex_high: float | None
    curvature: float
    break_depth: float
    slopes: tuple[float, float]
    p_values: tuple[float, float]
    autocorrelation: float
    holds: float | None
    u_shaped: bool


@dataclass(frozen=True, slots=True)
class DepthCurve:
    """One quantity of one vector set over its layers.

    depth, values : (L,), NaN where there is no value, with the reason; reference : the floor or chance line, or None.
    low, high : (L,) 95 % interval over topics (sentences for anisotropy), None where topics were not resampled.
    """

    name: str
    set: str
    depth: np.ndarray
    values: np.ndarray
    reference: float | None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Projection:
    """Two-dimensional map of the classes at one layer. points : (C, 2)."""

    points: np.ndarray
    classes: tuple[str, ...]
    layer: int
    method: str
    params: dict


@dataclass(frozen=True, slots=True)
class Comparison:
    """RSA between K sets. Matrices are (K, K); NaN where not computable, with the reason in `reasons`.

    classes : those that all sets have; every pair is compared on the n_classes that its two sets have in common (neutral
    left out where it is the centring). reasons : by number, or by number and pair, as `stats.compare` says.
    """

    sets: tuple[str, ...]
    layers: tuple[int, ...]
    classes: tuple[str, ...]
    rho: np.ndarray
    p: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    ceiling: np.ndarray
    rho_disjoint: np.ndarray
    rho_partial_lexical: np.ndarray
    rho_disattenuated: np.ndarray
    rho_partial_controls: np.ndarray
    n_classes: np.ndarray
    n_permutations: int
    n_bootstrap: int
    seed: int
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class Contrast:
    """How alike two vector sets are that differ in a known way. Pairs of values go with the two sets, reference first.

    kind : `method`, `sub-parameters`, `precision`, `conflated` (method and precision at once), or `variant` (base, instruct).
    differs : what else than the texts is not the same, in words.
    rho, p, ceiling, ci_low, ci_high : as in `Comparison`; cosines : per emotion, between the class-centred vectors of the
    two sets, None if there are none. What is NaN or None has its reason under `rho`, `p`, `ceiling`, `ci` or `cosines`.
    """

    kind: str
    models: tuple[str, str]
    sets: tuple[str, str]
    methods: tuple[str, str]
    protocols: tuple[str, str]
    precisions: tuple[str, str]
    layers: tuple[int | None, int | None]
    nonfinite_layers: tuple[tuple[int, ...], tuple[int, ...]]
    differs: tuple[str, ...]
    n_classes: int
    n_permutations: int
    rho: float
    p: float
    ceiling: float
    ci_low: float
    ci_high: float
    cosines: dict[str, float] | None
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class Separation:
    """How far apart the emotion vectors of one set point: the cosine of every pair, neutral-centred, at one layer.

    cosines : (C * (C - 1) / 2,), in scipy's squareform order; lower = further apart.
    reliability : Spearman's rho between the cosines of the two topic halves. noise_share : how much of the vectors' mean
    squared length is noise, by the difference of the halves; above 1 where it is overestimated. noise_cosine : the mean
    cosine that this noise would have without any geometry.
    """

    model: str
    set: str
    method: str
    protocol: str
    precision: str
    layer: int
    reliability: float
    noise_share: float
    noise_cosine: float
    cosines: np.ndarray


@dataclass(frozen=True, slots=True)
class Difference:
    """How two samples differ: signs are those of the first minus the second. See `stats.methods.difference`."""

    n: tuple[int, int]
    means: tuple[float, float]
    u: float
    p: float
    cohen_d: float
    pooled_sd: float
    rank_biserial: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a direction is added while a model writes. See `steer.recipes`.

    layers : the blocks after which it is added. vector_layer : the one layer whose vectors are added at all of them; None
    for each layer's own. centring : of the class means.
    scope : `all` positions, those of the `prompt` alone, or the `response`, which begins at the prompt's last position.
    norm : what a dose is a fraction of: `fixed`, the set's residual norm at the layer, or `live`, the mean length of the
    states in each pass.
    """

    layers: tuple[int, ...]
    vector_layer: int | None = None
    centring: str = "class"
    scope: str = "all"
    norm: str = "fixed"


@dataclass(frozen=True, slots=True)
class Decoding:
    """How the next tokens are chosen: greedy at temperature 0; `chat` puts the prompt as one user turn of the template."""

    max_new_tokens: int = 40
    temperature: float = 0.0
    seed: int = 0
    chat: bool = False


@dataclass(frozen=True, slots=True)
class Generation:
    """One row of a steered batch; at dose 0 it is the unsteered twin.

    direction : an emotion, a mixture of emotions, or a control, as written. ids : the written tokens, without the end token.
    leak_mass : at each step, the probability on tokens in scripts that the prompt does not use.
    finished : whether the model wrote its end token.
    """

    model: str
    set: str
    direction: str
    dose: float
    prompt: str
    text: str
    ids: tuple[int, ...]
    leak_mass: tuple[float, ...]
    finished: bool


@dataclass(frozen=True, slots=True)
class WitnessCard:
    """The classifier that judges the emotion of a text, and how well it does on texts it was not trained on.

    classes : what it tells apart. accuracy : share right with topics held out; None for a model of the hub, which is not
    tested here. chance : 1 / number of classes. trained_on : corpus and number of passages, or the hub id.
    notes : what else must be known, such as witnesses that could not be used.
    """

    name: str
    classes: tuple[str, ...]
    accuracy: float | None
    chance: float
    trained_on: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SteeredText:
    """One text of a dose-response run with all that was measured on it.

    prompt : index into the run's prompts. leak_mass : the highest of the steps. probabilities : the witness's, (C,) over its
    classes. projections : (C,) over the set's classes, of the text as the unsteered model reads it, in fractions of the
    residual norm; NaN where nothing was written.
    """

    direction: str
    dose: float
    prompt: int
    text: str
    verdict: Verdict
    leak_mass: float
    probabilities: tuple[float, ...]
    projections: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DoseResponse:
    """What doses of each direction do to the texts of one model. See `steer.dose_response`.

    directions : emotions or mixtures; controls : directions that carry no emotion. doses : increasing, 0 among them.
    classes : of the vector set, the order of the projections, which are taken at `layer`.
    texts : one for every direction or control, dose and prompt; the unsteered twin of a prompt stands once, with
    direction `unsteered` and dose 0.
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
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class VerificationPlan:
    """How a verification is made: fixed before anything is written. See `steer.verify`.

    doses : what calibration may choose from. decoding : its seed is that of the first calibration opening; every further
    text of the same opening, and every other opening, has another. margin : what the target's probability
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
    """One text of a scenario. target : the witness's probability of the target; twin : that of the unsteered text of the
    same seed; check : the second witness's of this text. NaN where a text is blank.
    """

    text: str
    regime: str | None
    reason: str
    ppl_ratio: float
    target: float
    twin: float
    check: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One emotion on one opening, by its own direction or by a random one, several samples each.

    prompt : index into the verification's prompts. before, after : mean probability of the target over the unsteered and
    the steered samples. surgical : how many samples are. confirmed : by the criterion. check_before, check_after,
    check_confirmed : the same by the second witness.
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

    @property
    def gain(self) -> float:
        """What the target's probability rises by; NaN where it cannot be read."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """How many scenarios a witness confirms, and how many of them with random directions instead. See `steer.verify`.

    criterion : in words. twins : per prompt, the unsteered samples. rows : 2 per emotion; controls : the same with a
    random direction each. k, control_k : how many are confirmed of n; low, high : Wilson 95 % intervals, as shares.
    check : the second witness, with its own counts check_k and check_control_k. calibrated : what each direction chose, by
    the witness `calibrated_by`.
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
    twins: tuple[tuple[str, ...], ...]
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
    shipped: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one steered text, see `steer.verdict`.

    regime : `surgical`, `repetitive_collapse`, `explosive`, `unchanged` or `empty`; None where it cannot be told.
    reason : why, in one line of words.
    ppl_ratio : perplexity over that of the unsteered twin, both under the unsteered model; NaN where there is none.
    repetition : share of the tokens that repeat what stands before them, 0 to 1; NaN for an empty text.
    leak : share of the letters in scripts that the prompt does not use, 0 to 1; NaN for an empty text.
    n_tokens : length in tokens, or in words where only the text is known.
    """

    regime: str | None
    reason: str
    ppl_ratio: float
    repetition: float
    leak: float
    n_tokens: int


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The tokens of one text, projected on every class vector of a set after every block. See `extract.read`.

    tokens  : T pieces that join to the text; a token that goes on with a split character is an empty piece.
    offsets : where each piece begins and ends in the text.
    scores  : (L, T, C) float32, in fractions of the residual norm like a steering dose; NaN where a token is not read.
    layer   : the set's best layer. reasons : `layer 3` or `token 0` -> why scores are missing there.
    """

    model: str
    set: str
    text: str
    tokens: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]
    classes: tuple[str, ...]
    scores: np.ndarray
    layer: int
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class TokenChange:
    """A token, the change of its logit per unit of dose (see `steer.lens.token_changes`), and its script, None without one."""

    token: str
    id: int
    change: float
    script: str | None


@dataclass(frozen=True, slots=True)
class VocabularyLens:
    """The tokens that an emotion vector raises and lowers most through the output head, at every finite layer.

    raised, lowered : layer -> tokens, from the largest change on. vocabulary : script -> its share of all tokens, `none`
    for tokens of no script; what is no more than that is chance.
    """

    model: str
    set: str
    emotion: str
    raised: dict[int, tuple[TokenChange, ...]]
    lowered: dict[int, tuple[TokenChange, ...]]
    vocabulary: dict[str, float]

    def shares(self, layer: int) -> dict[str, float]:
        """Script -> share of the layer's raised tokens that are in it, the largest first; `none` for no script."""
        scripts = ["none" if row.script is None else row.script for row in self.raised[layer]]
        return {script: n / len(scripts) for script, n in Counter(scripts).most_common()}
