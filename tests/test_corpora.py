"""The same model on other passages: which pairs there are, what they say, and the yardstick beside them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

import emoviz as ez
from emoviz.app.selection import BEST, Selection
from emoviz.app.tabs import methods
from emoviz.emotions import CLASSES, EMOTIONS, NEUTRAL
from emoviz.errors import InputError
from emoviz.extract.protocols import PROTOCOLS
from emoviz.stats import contrast, find_contrasts, steps
from emoviz.stats.contrasts import CHAINS
from emoviz.stats.corpora import corpus_pair, half_corpora
from emoviz.stimuli import DEFAULT_CORPUS
from emoviz.store import save_set, sets_folder

from .conftest import make_set

ANY = Selection((), BEST, 0.5, "class", "sad")


def _set(corpus=DEFAULT_CORPUS, protocol="emoviz", precision="fp32", model="made-up", **options):
    vectors = make_set(f"{model}_{protocol}_{precision}_{corpus}", model=model, **options)
    p = replace(vectors.provenance, protocol=PROTOCOLS[protocol], precision=precision, corpus=corpus)
    return replace(vectors, provenance=replace(p, corpus_hash=f"hash of {corpus}"))


def _with(vectors, **changes):
    return replace(vectors, provenance=replace(vectors.provenance, **changes))


def _measured(a, b, layer=2):
    return corpus_pair(contrast("corpus", a, b, (layer, layer), n_permutations=2, n_bootstrap=20), (a, b))


def _pairs(sets):
    return [(kind, a.name, b.name) for kind, a, b in find_contrasts(sets) if kind == "corpus"]


# Which pairs


@pytest.mark.parametrize("turned", [False, True])
def test_two_corpora_of_one_model_are_a_pair_with_the_shipped_one_first(turned):
    sets = [_set("diary"), _set(), _set("a letter")]
    found = _pairs(sets[::-1] if turned else sets)
    names = [s.name for s in sets]
    pairs = {(names[1], names[0]), (names[1], names[2]), (names[2], names[0])}
    assert set(found) == {("corpus", *pair) for pair in pairs}


@pytest.mark.parametrize(
    "other",
    [
        _set("diary", model="another"),
        _set("diary", protocol="jeong2026b"),
        _set("diary", precision="bf16"),
        _with(_set("diary"), revision="another"),
        _with(_set("renamed"), corpus_hash=f"hash of {DEFAULT_CORPUS}"),
    ],
    ids=["model", "protocol", "precision", "revision", "same passages by another name"],
)
def test_what_differs_in_more_or_less_than_the_passages_is_no_pair(other):
    assert _pairs([_set(), other]) == []


def test_corpora_are_compared_in_the_most_exact_precision_that_both_have():
    sets = [_set(precision=p) for p in ("fp32", "bf16", "int8")]
    sets += [_set("diary", precision=p) for p in ("int8", "bf16")]
    assert _pairs(sets) == [("corpus", sets[1].name, sets[4].name)]


def test_the_decomposition_stays_that_of_the_shipped_passages():
    written = _with(_set("stories", protocol="emoviz-stories", seed=3), method="generation")
    sets = [_set("a diary", seed=1), _set(seed=2), written]
    found = [contrast(kind, a, b, (2, 2), n_permutations=100) for kind, a, b in find_contrasts(sets)]
    assert steps(found, "made-up", CHAINS["our protocols"])["method"].sets[0] == sets[1].name


# What a pair says


def test_a_corpus_that_is_a_copy_gives_rho_1_and_no_test():
    a = _set()
    b = replace(_with(a, corpus="copy", corpus_hash="rows in another order"), name="copy")
    found = _measured(a, b)
    assert found.contrast.rho == pytest.approx(1) and min(found.contrast.cosines.values()) == pytest.approx(1)
    assert math.isnan(found.contrast.p) and "by construction" in found.contrast.reasons["p"]
    assert found.halves[0].rho == found.halves[1].rho


def test_both_sets_are_read_at_the_layer_of_the_reference():
    found = contrast("corpus", _set(seed=1), _set("diary", seed=2), (3, 0), n_permutations=100)
    assert found.layers == (3, 3) and found.corpora == (DEFAULT_CORPUS, "diary") and found.cosines is not None


def test_halves_are_those_of_a_plain_loop_on_the_emotions_that_both_have():
    a, b = _set(seed=1, noise=1.0), _set("diary", seed=2, noise=1.0, classes=(NEUTRAL, *EMOTIONS[3:], "awe"))
    found = _measured(a, b)
    common = sorted(EMOTIONS[3:])

    def ranks(vectors, half):
        rows = np.asarray(vectors.half_means[half, 2], float)[[vectors.classes.index(name) for name in common]]
        rows -= rows.mean(0)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return -(rows @ rows.T)[np.triu_indices(len(common), 1)]

    def rho(one, other):
        return spearmanr(one, other).statistic

    across = [rho(ranks(a, i), ranks(b, j)) for i in (0, 1) for j in (0, 1)]
    assert found.across == pytest.approx(np.mean(across), abs=1e-5)
    within = [rho(ranks(s, 0), ranks(s, 1)) for s in (a, b)]
    assert [half.rho for half in found.halves] == pytest.approx(within, abs=1e-5)
    assert [half.whole for half in found.halves] == pytest.approx([2 * r / (1 + r) for r in within], abs=1e-5)
    assert {half.n_classes for half in found.halves} == {found.contrast.n_classes} == {17}
    assert found.contrast.ceiling == pytest.approx(math.sqrt(found.halves[0].whole * found.halves[1].whole), abs=1e-5)


def _drawn(share, seed, noise):
    """Two corpora whose passages leave `share` of the geometry as it is."""
    shared, *own = np.random.default_rng(4).normal(size=(3, len(CLASSES), 32))
    truth = [np.sqrt(share) * shared + np.sqrt(1 - share) * mine for mine in own]
    first, second = (
        _set(name, geometry=one, seed=seed + k, noise=noise)
        for k, (name, one) in enumerate(zip("ab", truth, strict=True))
    )
    return first, second


@pytest.mark.parametrize("share", [0.6, 0.85, 0.95])
def test_noise_lowers_rho_but_not_what_is_told_without_noise(share):
    truth = _measured(*_drawn(share, 0, 0.0)).contrast.rho
    found = [_measured(*_drawn(share, seed, 0.4)) for seed in range(0, 60, 2)]
    assert 0.2 < truth < 0.95
    assert np.mean([one.without_noise for one in found]) == pytest.approx(truth, abs=0.03)
    assert np.mean([one.across for one in found]) < truth - 0.05


def test_two_corpora_from_one_source_agree_as_their_halves_do():
    found = [_measured(*_drawn(1.0, seed, 0.5)) for seed in range(0, 60, 2)]
    within = np.mean([half.rho for one in found for half in one.halves])
    assert np.mean([one.across for one in found]) == pytest.approx(within, abs=0.015)
    whole, ceiling = ([getattr(one.contrast, name) for one in found] for name in ("rho", "ceiling"))
    assert np.mean(whole) == pytest.approx(np.mean(ceiling), abs=0.02)


def test_what_cannot_be_had_is_missing_with_its_reason():
    few = half_corpora(_set(classes=("happy", "sad", NEUTRAL)), 2)
    assert math.isnan(few.rho) and "2 emotions in common; at least 3" in few.missing
    gone = half_corpora(_set(nonfinite=(2,)), 2)
    assert math.isnan(gone.whole) and "not finite in fp32" in gone.missing
    nothing = (half_corpora(_set(seed=k, geometry=np.zeros((21, 32))), 2) for k in range(20))
    noise = next(half for half in nothing if half.rho < 0)
    assert math.isnan(noise.whole) and "no reliable geometry" in noise.missing
    a, b = _set(), _set("diary", classes=("awe", "spite", "zeal", NEUTRAL))
    found = _measured(a, b)
    assert math.isnan(found.contrast.rho) and math.isnan(found.across) and math.isnan(found.without_noise)
    with pytest.raises(InputError, match="give its two corpora"):
        corpus_pair(found.contrast, (b, a))


# What is drawn


def _words(figure):
    return " ".join(str(note.text) for note in figure.layout.annotations).replace("<br>", " ")


def test_with_one_corpus_the_figure_shows_the_halves_and_how_to_add_another():
    figure = ez.plot.corpora(_set())
    assert "not measured" in figure.layout.title.text
    assert "emoviz extract MODEL --passages FILE" in _words(figure)
    (halves,) = [t for t in figure.data if t.name == "halves of one corpus"]
    assert list(halves.x) == [pytest.approx(half_corpora(_set(), ez.geometry.preferred_layer(_set())).rho)]


def test_a_set_from_passages_of_ones_own_appears_in_the_figure_the_table_and_the_messages():
    for vectors in (_set(seed=1), _set("diary", seed=2)):
        save_set(vectors, sets_folder())
    drawn = methods.draw(ANY)
    figure = drawn["corpora"]
    (whole,) = [t for t in figure.data if t.name == "two whole corpora"]
    assert len(whole.x) == 1 and any("diary" in str(name) for name in figure.layout.yaxis.ticktext)
    assert "emoviz extract MODEL" not in _words(figure)
    (row,) = [row for row in drawn["table"]["rows"] if row[1] == f"emoviz: {DEFAULT_CORPUS} × diary"]
    assert row[3] == f"{whole.x[0]:.3f}"
    assert any(heading.startswith("corpus: ") for heading in drawn["table"]["groups"].values())
    assert any(one["lead"] == "On other passages" for one in drawn["messages"]["messages"])


def test_rows_that_do_not_fit_are_counted():
    figure = ez.plot.corpora([_set(f"corpus {k}", seed=k) for k in range(6)])
    (whole,) = [t for t in figure.data if t.name == "two whole corpora"]
    assert len(whole.x) == 12 and "3 more rows are not drawn" in _words(figure)


def test_without_passages_that_were_read_there_is_no_figure():
    written = _with(_set("stories", protocol="emoviz-stories"), method="generation")
    with pytest.raises(InputError, match="no set was made by reading passages"):
        ez.plot.corpora(written)


def test_extraction_says_which_classes_look_alike(llama, caplog):
    rows = [(name, f"the {word} cat sat", word) for name in ("Afraid", "afraid") for word in ("red", "blue")]
    ez.extract(llama, rows, save=False, progress=False)
    assert "two classes look alike: 'Afraid' and 'afraid' differ only in capitals" in caplog.text
