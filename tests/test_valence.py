"""Valence and arousal of the components: nulls against plain loops, planted traits, and norms files good and bad."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import pearsonr

from emoviz.emotions import CLASSES, EMOTIONS, arousal, valence
from emoviz.errors import InputError
from emoviz.geometry.components import components_over_layers
from emoviz.stats.valence import valence_arousal
from emoviz.stimuli.norms import load_norms
from emoviz.types import Norms

from .conftest import make_set


def _planted():
    plane = np.array([[3 * valence(c), 2 * arousal(c)] for c in CLASSES], float)
    plane += 0.3 * np.random.default_rng(0).normal(size=plane.shape)
    return make_set(geometry=plane @ np.random.default_rng(1).normal(size=(2, 32)), noise=0.05)


def test_planted_traits_are_found_on_their_components():
    found = valence_arousal(_planted())
    assert found.source == "quadrant signs" and found.valence.words == EMOTIONS
    assert (found.valence.r[:, 0] > 0.8).all() and (found.valence.best == 0).all()
    assert (found.arousal.r[:, 1] > 0.8).all() and (found.arousal.best == 1).all()
    np.testing.assert_allclose(found.valence.p[:, 0], 1 / 10_001)
    np.testing.assert_allclose(found.arousal.best_p, 1 / 10_001)


def test_r_and_p_equal_a_plain_loop():
    vectors = make_set(layers=2, seed=4)
    found = valence_arousal(vectors, n_permutations=200, seed=5).arousal
    scores = components_over_layers(vectors)
    known = np.array([c in EMOTIONS for c in CLASSES])
    signs = np.array([arousal(c) for c in CLASSES if c in EMOTIONS], float)
    unit = (signs - signs.mean()) / np.linalg.norm(signs - signs.mean())
    relabelled = np.random.default_rng(5).permuted(np.tile(unit, (200, 1)), axis=1)
    for layer in (0, 1):
        null = []
        for k in range(3):
            axis = scores[layer].scores[known, k]
            r = pearsonr(axis, signs)[0]
            assert found.r[layer, k] == pytest.approx(r)
            null.append([abs(pearsonr(axis, row)[0]) for row in relabelled])
            assert found.p[layer, k] == pytest.approx((1 + sum(v >= abs(r) for v in null[-1])) / 201)
            assert found.null_level[layer, k] == pytest.approx(np.quantile(null[-1], 0.95))
        largest = np.max(null, axis=0)
        assert found.best_null_level[layer] == pytest.approx(np.quantile(largest, 0.95))
        assert found.best_p[layer] == pytest.approx((1 + sum(largest >= np.abs(found.r[layer]).max())) / 201)
        assert found.best_r[layer] == found.r[layer, np.abs(found.r[layer]).argmax()]


def test_p_is_uniform_where_there_is_nothing_to_find():
    """500 sets of noise: the share below 5 % is 5 % within sampling error, also for the best of three."""
    p = []
    for seed in range(500):
        noise = np.random.default_rng(seed).normal(size=(21, 24))
        found = valence_arousal(make_set(layers=1, geometry=noise, noise=0.0), anchor=0, n_permutations=199).valence
        p.append([found.p[0, 0], found.best_p[0]])
    share = (np.array(p) <= 0.05).mean(0)
    assert (np.abs(share - 0.05) < 0.03).all() and (np.abs(np.median(p, axis=0) - 0.5) < 0.08).all()


def test_missing_layers_and_missing_components_are_nan():
    found = valence_arousal(make_set(nonfinite=(2,)), anchor=0)
    assert np.isnan(found.valence.r[2]).all() and np.isnan(found.valence.best_p[2]) and found.valence.best[2] == -1
    assert np.isnan(found.valence.best_r[2]) and np.isfinite(found.valence.r[[0, 1, 3]]).all()
    flat = valence_arousal(make_set(classes=("afraid", "calm", "sad"))).valence
    assert np.isnan(flat.r[:, 2]).all() and np.isfinite(flat.r[:, :2]).all()


def test_too_few_words_give_no_p_and_say_why():
    few = valence_arousal(make_set(classes=("afraid", "calm", "happy", "sad"))).valence
    assert np.isfinite(few.r[:, 0]).all() and np.isnan(few.p).all()
    assert few.reason == "4 words with a value for valence; below 7 there are too few relabellings for a p value"
    none = valence_arousal(make_set(classes=("up", "down", "even"))).arousal
    assert (
        np.isnan(none.r).all()
        and none.reason == "0 words with a value for arousal; at least 3 are needed for a correlation"
    )
    alike = valence_arousal(make_set(classes=("calm", "happy", "proud"))).valence
    assert np.isnan(alike.r).all() and alike.reason == "all 3 words have the same valence"


def test_norms_replace_the_signs_and_any_scale_will_do():
    vectors = _planted()
    ratings = {c: (5 + 2.5 * valence(c), 400 - 10.0 * arousal(c)) for c in EMOTIONS}
    found = valence_arousal(vectors, Norms("mine.csv", {**ratings, "table": (5.0, 4.0)}))
    signs = valence_arousal(vectors)
    assert found.source == "mine.csv" and len(found.valence.words) == 20
    np.testing.assert_allclose(found.valence.r, signs.valence.r)
    np.testing.assert_allclose(found.arousal.r, -signs.arousal.r)
    np.testing.assert_allclose(found.arousal.p, signs.arousal.p)
    some = valence_arousal(vectors, Norms("some.csv", dict(list(ratings.items())[:8])))
    assert len(some.valence.words) == 8 and some.valence.reason == ""


def test_norms_without_a_word_of_the_set_are_refused():
    with pytest.raises(InputError, match="mine.csv has no word of m_emoviz.* Add lines for them"):
        valence_arousal(make_set(), Norms("mine.csv", {"table": (1.0, 2.0)}))


def test_scale_of_the_model_changes_nothing():
    a, b = valence_arousal(make_set()), valence_arousal(make_set(scale=300.0))
    np.testing.assert_allclose(a.valence.r, b.valence.r, atol=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "word,valence,arousal\nHappy,8.2,6\nsad,2.1,3.5\n",
        "Arousal\tother\tVALENCE\tTerm\n6\tx\t8.2\thappy\n3.5\ty\t2.1\tSAD\n\n",
        '\ufeff emotion , valence , arousal\r\n"happy",8.2,6\r\nsad, 2.1 ,3.5\r\n',
        "word;valence;arousal\nhappy;8,2;6,0\nsad;2,1;3,5\n",
        ",Word,V.Mean.Sum,V.SD.Sum,A.Mean.Sum\n1,happy,8.2,1.1,6.0\n2,sad,2.1,0.9,3.5\n",
        "Description;Valence Mean;Arousal Mean\nhappy;8.2;6\nsad;2.1;3.5\n",
    ],
)
def test_norms_are_read_from_commas_semicolons_and_tabs_under_the_names_that_people_use(tmp_path, text):
    path = tmp_path / "n.csv"
    path.write_text(text, "utf-8")
    assert load_norms(path) == Norms("n.csv", {"happy": (8.2, 6.0), "sad": (2.1, 3.5)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "n.csv has no column 'word'"),
        ("emotions,valence,arousal\nsad,1,2\n", "n.csv has no column 'word'"),
        ("word,valence\nsad,1\n", "n.csv has no column 'arousal'"),
        ("word,valence,arousal\n", "n.csv holds no words"),
        ("word,valence,arousal\nsad,low,2\n", "n.csv, line 2: valence is 'low', not a number"),
        ("word,valence,arousal\nsad,1,nan\n", "n.csv, line 2: arousal is 'nan', not a number"),
        ("word,valence,arousal\nsad,1\n", "n.csv, line 2 has 2 cell"),
        ("word,valence,arousal\nsad,1,2\nSad,1,2\n", "n.csv, line 3: 'sad' stands in the file twice"),
    ],
)
def test_bad_norms_are_named_with_their_line(tmp_path, text, message):
    path = tmp_path / "n.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        load_norms(path)


def test_norms_that_are_no_text_too_large_or_missing_are_refused(tmp_path):
    path = tmp_path / "n.csv"
    with pytest.raises(InputError, match="n.csv cannot be read"):
        load_norms(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8 text"):
        load_norms(path)
    path.write_bytes(b"x" * 5_000_001)
    with pytest.raises(InputError, match="up to 5 MB are allowed"):
        load_norms(path)


def test_a_zero_vector_is_a_missing_layer():
    vectors = make_set()
    means = vectors.class_means.copy()
    means[1] = 2.0
    found = valence_arousal(replace(vectors, class_means=means), anchor=0)
    assert np.isnan(found.valence.r[1]).all() and np.isfinite(found.valence.r[0]).all()
