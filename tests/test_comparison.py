"""`compare`: all numbers of a pair, and a named reason where one cannot be had."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata

from emoviz.errors import InputError
from emoviz.geometry import rdm
from emoviz.geometry.layers import layers_of
from emoviz.stats import class_lines, compare, letters, reason_lines
from emoviz.stats.bootstrap import rho_interval, rho_spread_apart, topic_means
from emoviz.stats.wording import reasons_by_name
from emoviz.types import Activations, Missing

from .conftest import make_set, with_intervals

CLASSES = ("angry", "calm", "guilty", "happy", "hopeful", "neutral", "proud", "sad")
TOPICS = tuple("abcdefgh")
NUMBERS = (
    "rho",
    "p",
    "ci_low",
    "ci_high",
    "ceiling",
    "rho_disjoint",
    "rho_partial_lexical",
    "rho_disattenuated",
    "rho_partial_controls",
)
FAST = {"n_permutations": 99, "n_bootstrap": 20}


def _set(name="a", seed=0, topics=TOPICS, **changes):
    vectors = make_set(name, seed=seed, **{"classes": CLASSES, **changes})
    return replace(vectors, provenance=replace(vectors.provenance, topics=topics))


def _stored(vectors, noise=1.0, layers=(3,)):
    rng = np.random.default_rng(len(vectors.name))
    emotions = tuple(c for c in vectors.classes for _ in vectors.provenance.topics)
    topics = vectors.provenance.topics * len(vectors.classes)
    at = [vectors.classes.index(e) for e in emotions]
    states = vectors.class_means[layers[0]][at] + noise * rng.normal(size=(len(at), vectors.d_model))
    return Activations(states[:, None].astype(np.float32), layers, emotions, topics)


def _kept(vectors, activations=None):
    """The set with activations at layer 3."""
    return replace(vectors, activations=_stored(vectors) if activations is None else activations)


def _with(vectors, where, value, half=None):
    """The set with another class mean, or half mean, at a layer and class."""
    name = "class_means" if half is None else "half_means"
    array = getattr(vectors, name).copy()
    array[where if half is None else (half, *where)] = value
    return replace(vectors, **{name: array})


def _why(found, number, a="a", b="b"):
    """The reason that stands for a number of a pair."""
    reasons = reasons_by_name(found)
    for key in (f"{number} {a} x {b}", number, f"rho {a} x {b}", "rho"):
        if key in reasons:
            return reasons[key]
    return ""


def _no_silent_nan(found):
    """Every number of a pair is there or has a reason, never both; and nothing is zero for want of a value."""
    k = len(found.sets)
    for i in range(k):
        for j in range(i + 1, k):
            for name in NUMBERS:
                reason = _why(found, "ci" if name.startswith("ci") else name, found.sets[i], found.sets[j])
                value = getattr(found, name)[i, j]
                assert np.isnan(value) == bool(reason), (name, value, reason)
                np.testing.assert_equal(value, getattr(found, name)[j, i])


def test_two_sets_of_one_geometry_agree_and_all_numbers_are_there():
    sets = [_set("a", 1), _set("b", 2)]
    found = compare([_kept(s) for s in sets], (3, 3), n_permutations=500, n_bootstrap=100)
    assert found.rho[0, 1] > 0.7
    assert found.p[0, 1] == pytest.approx(1 / 501)
    assert found.ci_low[0, 1] < found.rho[0, 1] < found.ci_high[0, 1]
    assert 0 < found.rho_disjoint[0, 1] < found.rho[0, 1]
    assert 0 < found.ceiling[0, 1] <= 1
    assert found.rho_disjoint[0, 1] < found.rho_disattenuated[0, 1]
    assert set(reasons_by_name(found)) == {"rho_partial_lexical", "rho_partial_controls"}
    assert "a set has no controls" in reasons_by_name(found)["rho_partial_lexical"]
    _no_silent_nan(found)


def test_scaling_one_models_vectors_changes_no_number_of_a_comparison():
    a, b = _set("a", 1), _set("b", 2)
    big = replace(b, class_means=b.class_means * 300, half_means=b.half_means * 300)
    of_a, of_b = _stored(a), _stored(b)
    of_big = replace(of_b, states=of_b.states * 300)
    one = compare([_kept(a, of_a), _kept(b, of_b)], (3, 3), **FAST)
    other = compare([_kept(a, of_a), _kept(big, of_big)], (3, 3), **FAST)
    for name in NUMBERS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5)


def test_the_order_of_sets_and_of_classes_changes_no_rho():
    a, b = _set("a", 1), _set("b", 2)
    turned = replace(
        b, classes=b.classes[::-1], class_means=b.class_means[:, ::-1], half_means=b.half_means[:, :, ::-1]
    )
    one, other = compare([a, b], (1, 2), **FAST), compare([turned, a], (2, 1), **FAST)
    for name in ("rho", "ceiling", "rho_disjoint", "rho_disattenuated"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name)[::-1, ::-1], atol=1e-6)


def test_sets_of_other_passages_have_no_disjoint_rho_and_say_why():
    a, b = _set("a"), _set("b", 1)
    b = replace(b, provenance=replace(b.provenance, corpus_hash="other", topics=TOPICS[::-1]))
    found = compare([a, b], (1, 1), **FAST)
    assert np.isnan(found.rho_disjoint[0, 1]) and np.isfinite(found.rho_disjoint[0, 0])
    for number in ("rho_disjoint", "rho_disattenuated"):
        assert "need not be disjoint" in _why(found, number)


def test_sets_of_other_passages_are_resampled_each_on_its_own():
    a, b = _set("a"), _set("b", 1)
    a, b = (_kept(s, _stored(s, layers=(1,))) for s in (a, b))
    other = replace(b, provenance=replace(b.provenance, corpus_hash="other", topics=TOPICS[::-1]))
    found = compare([a, other], (1, 1), **FAST)
    apart = rho_spread_apart(*(topic_means(s.activations, 1, CLASSES)[0] for s in (a, b)), 20, 0, "class", None)
    expected = rho_interval(found.rho[0, 1], apart)
    np.testing.assert_allclose([found.ci_low[0, 1], found.ci_high[0, 1]], expected, atol=1e-6)
    assert "ci" not in {one.number for one in found.missing}
    bare = replace(other, activations=None)
    assert "no stored activations of b" in _why(compare([a, bare], (1, 1), **FAST), "ci")


BROKEN = {
    "a zero class mean": (lambda s: _with(s, (3, 1), 0), "b at layer 3: its mean of 'calm' is zero"),
    "a vector that centring makes zero": (
        lambda s: _with(s, (3, 1), np.delete(s.class_means[3], 1, 0).mean(0)),
        "b at layer 3: its vector of 'calm' is zero under class centring",
    ),
    "a class mean that is not a number": (lambda s: _with(s, (3, 7), np.nan), "its mean of 'sad' is not finite"),
    "an infinite value": (lambda s: _with(s, (3, 7, 5), np.inf), "its mean of 'sad' is not finite"),
    "a layer that is not there": (lambda s: _with(s, 3, np.nan), "b at layer 3: its class means are missing"),
    "a layer that is known not to be finite": (
        lambda s: replace(s, provenance=replace(s.provenance, nonfinite_layers=(3,))),
        "layer 3 of b is not finite in fp32",
    ),
    "no class in common": (lambda s: replace(s, classes=tuple("stuvwxyz")), "they have 0 classes in common"),
    "one class in common": (lambda s: replace(s, classes=(*"stuvwxy", "sad")), "they have 1 class in common"),
    "two classes in common": (
        lambda s: replace(s, classes=("angry", *"tuvwxy", "sad")),
        "they have 2 classes in common; at least 3 are needed to correlate RDMs",
    ),
    "an RDM without spread": (
        lambda s: _with(s, (3, slice(None), slice(None)), np.eye(8, s.d_model)),
        "its RDM has no spread: every pair of classes is equally far apart",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_set_has_a_reason_in_place_of_every_number_and_stops_no_other_pair(case):
    change, reason = BROKEN[case]
    sets = [_set("a"), change(_set("b", 1)), _set("c", 2)]
    found = compare([_kept(s) for s in sets], (3, 3, 3), **FAST)
    _no_silent_nan(found)
    assert reason in reasons_by_name(found)["rho a x b"] and reason in reasons_by_name(found)["rho b x c"]
    assert all(np.isnan(getattr(found, name)[0, 1]) for name in NUMBERS)
    for name in ("rho", "p", "ceiling", "rho_disjoint", "rho_disattenuated"):
        assert np.isfinite(getattr(found, name)[0, 2]), name
    if "class" in reason and "common" in reason:
        return
    assert np.isfinite(found.ci_low[0, 2]), "the pair without the broken set keeps its interval"


def test_a_broken_half_costs_what_needs_halves_only():
    broken = {
        "class means are missing": _with(_set("b", 1), (), np.nan, half=slice(None)),
        "mean of 'calm' is zero": _with(_set("b", 1), (3, 1), 0, half=1),
    }
    for reason, b in broken.items():
        found = compare([_set("a"), b], (3, 3), **FAST)
        _no_silent_nan(found)
        assert np.isfinite(found.rho[0, 1]) and np.isfinite(found.p[0, 1])
        for number in ("ceiling", "rho_disjoint", "rho_disattenuated"):
            assert f"b at layer 3: a half's {reason}" in _why(found, number)


def test_halves_that_do_not_agree_leave_no_ceiling_but_a_disjoint_rho():
    b = _set("b", 1)
    halves = b.half_means.copy()
    halves[1, 3] = -halves[0, 3] + 0.01 * np.random.default_rng(0).normal(size=halves[0, 3].shape)
    halves[1, 3] = halves[1, 3][np.random.default_rng(8).permutation(8)]
    found = compare([_set("a"), replace(b, half_means=halves)], (3, 3), **FAST)
    _no_silent_nan(found)
    assert found.rho_disjoint[1, 1] <= 0 and np.isfinite(found.rho_disjoint[0, 1])
    for number in ("ceiling", "rho_disattenuated"):
        assert "the halves of b do not agree at layer 3" in _why(found, number)


@pytest.mark.parametrize("same", ["the set twice", "equal means", "the same geometry, longer and moved"])
def test_identical_sets_are_not_tested_against_each_other(same):
    a = _set("a")
    b = {
        "the set twice": a,
        "equal means": replace(_set("b", 5), class_means=a.class_means),
        "the same geometry, longer and moved": replace(_set("b", 5), class_means=4 * a.class_means + 1),
    }[same]
    found = compare([_kept(a), _kept(b)], (3, 3), **FAST)
    _no_silent_nan(found)
    assert found.rho[0, 1] == pytest.approx(1)
    for number in ("p", "ci", "ceiling", "rho_disjoint", "rho_partial_lexical", "rho_disattenuated"):
        assert (
            reasons_by_name(found)[number] == "the two RDMs are the same, so rho is 1 by construction and tests nothing"
        )


@pytest.mark.parametrize("topics", ["ab", "abcd"])
def test_few_topics_are_not_resampled(topics):
    sets = [_set("a", topics=tuple(topics)), _set("b", 1, topics=tuple(topics))]
    found = compare([_kept(s) for s in sets], (3, 3), **FAST)
    _no_silent_nan(found)
    assert f"has {len(topics)} topics; at least 5 are needed" in reasons_by_name(found)["ci"]
    assert np.isfinite(found.p[0, 1])


def test_what_cannot_be_resampled_says_why():
    a, b = _set("a"), _set("b", 1)
    kept = _stored(a)
    cases = {
        "no stored activations of a at layer 3": [None, _stored(b)],
        "no stored activations of b at layer 3": [kept, replace(kept, layers=(2,))],
        "b lacks some classes on some topics": [kept, replace(kept, topics=("z", *kept.topics[1:]))],
    }
    for reason, (of_a, of_b) in cases.items():
        found = compare([replace(a, activations=of_a), replace(b, activations=of_b)], (3, 3), **FAST)
        _no_silent_nan(found)
        assert reason in reasons_by_name(found)["ci"]


def test_fewer_than_seven_common_classes_have_no_p_and_say_why():
    few = CLASSES[:6]
    found = compare([_set("a", classes=few), _set("b", 1, classes=few)], (0, 0), **FAST)
    _no_silent_nan(found)
    assert reasons_by_name(found)["p"] == "6 common classes; below 7 there are too few relabellings for a p value"
    seven = CLASSES[:7]
    assert np.isfinite(compare([_set("a", classes=seven), _set("b", 1, classes=seven)], (0, 0), **FAST).p[0, 1])


def test_every_pair_is_compared_on_the_classes_that_it_has_in_common():
    rng = np.random.default_rng(4)
    geometry = dict(zip(CLASSES, rng.normal(size=(8, 32)), strict=True))

    def of(name, seed, classes):
        return _set(name, seed, classes=classes, geometry=np.array([geometry[c] for c in classes]))

    a, b, c = of("a", 0, CLASSES), of("b", 1, CLASSES), of("c", 2, CLASSES[:4])
    found = compare([a, b, c], (1, 1, 1), **FAST)
    _no_silent_nan(found)
    np.testing.assert_array_equal(found.n_classes, [[8, 8, 4], [8, 8, 4], [4, 4, 4]])
    assert found.classes == CLASSES[:4]
    alone = compare([a, b], (1, 1), **FAST)
    few = replace(a, classes=c.classes, class_means=a.class_means[:, :4], half_means=a.half_means[:, :, :4])
    on_four = compare([few, c], (1, 1), **FAST)
    for name in NUMBERS:
        np.testing.assert_equal(getattr(found, name)[0, 1], getattr(alone, name)[0, 1])
        np.testing.assert_equal(getattr(found, name)[0, 2], getattr(on_four, name)[0, 1])
    assert class_lines([a, b, c], letters(3)) == [
        "A and C, B and C: on the 4 classes that both have; left out: hopeful, neutral, proud, sad"
    ]


def test_neutral_centring_without_neutral_is_a_reason_and_an_unknown_centring_an_error():
    a, b = _set("a"), _set("b", 1, classes=tuple(c for c in CLASSES if c != "neutral"))
    found = compare([a, b, _set("c", 2)], (0, 0, 0), centring="neutral", **FAST)
    _no_silent_nan(found)
    assert reasons_by_name(found)["rho a x b"] == "neutral centring needs a neutral class in both"
    assert found.n_classes[0, 2] == 7 and np.isfinite(found.p[0, 2])
    with pytest.raises(InputError, match="centring 'mean' is unknown"):
        compare([a, b], (0, 0), centring="mean")


def test_one_set_and_unknown_layers_are_errors():
    with pytest.raises(InputError, match="a comparison needs at least 2"):
        compare([_set()], (0,))
    for layer in (-1, 6):
        with pytest.raises(InputError, match=f"layer {layer} does not exist: a has layers 0-5"):
            compare([_set(), _set("b", 1)], (layer, 0))


def test_reasons_that_pairs_share_are_told_in_one_line():
    missing = [
        *(Missing("p", pair, "too few") for pair in ((0, 1), (0, 2), (1, 2))),
        Missing("ci", (0, 1), "no states"),
        Missing("ci", (0, 2), "no states"),
        Missing("rho_disjoint", (0, 2), "other passages"),
        Missing("rho_disattenuated", (0, 2), "other passages"),
    ]
    assert reason_lines(missing, letters(3)) == [
        "no p: too few",
        "no interval for A and B, A and C: no states",
        "no rho on disjoint topics, no rho without noise for A and C: other passages",
    ]


def test_relative_depth_picks_the_nearest_layer_in_each_set():
    sets = [make_set(layers=30), make_set(layers=18)]
    assert layers_of(sets, 0.5) == (14, 8)
    assert layers_of(sets, 1.0) == (29, 17)
    with pytest.raises(InputError, match="above 0 and up to 1"):
        layers_of(sets, 1.5)


def test_rho_given_all_controls_equals_a_regression_by_hand_and_names_what_is_missing():
    a, b = with_intervals(make_set("a")), with_intervals(make_set("b", seed=1))
    own = {name: rdm_ + 0.2 for name, rdm_ in b.control_rdms.items()}
    own["token embeddings"] = np.random.default_rng(8).normal(size=210)
    b = replace(b, control_rdms=own)
    found = compare([a, b], (1, 2), n_permutations=9)
    ranks = [rankdata(rdm(s, k).condensed) for s, k in ((a, 1), (b, 2))]
    controls = np.column_stack([np.ones(210), *(rankdata(c) for s in (a, b) for c in s.control_rdms.values())])
    left = [r - controls @ np.linalg.lstsq(controls, r, rcond=None)[0] for r in ranks]
    assert found.rho_partial_controls[0, 1] == pytest.approx(np.corrcoef(left)[0, 1], abs=1e-4)
    words = np.column_stack([np.ones(210), rankdata(a.control_rdms["bag of words"])])
    left = [r - words @ np.linalg.lstsq(words, r, rcond=None)[0] for r in ranks]
    assert found.rho_partial_lexical[0, 1] == pytest.approx(np.corrcoef(left)[0, 1], abs=1e-4)
    bare = compare([a, replace(b, control_rdms={})], (1, 2), n_permutations=9)
    assert "has no controls" in reasons_by_name(bare)["rho_partial_controls"] and np.isnan(
        bare.rho_partial_lexical[0, 1]
    )
