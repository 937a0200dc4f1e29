"""Files: what is written comes back, nothing is half-written, and foreign files are refused in one line."""

import json
import os
import tempfile
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from emoviz.errors import InputError
from emoviz.geometry import depth_curves
from emoviz.store import (
    check_writable,
    find_set,
    list_sets,
    load_set,
    load_stories,
    save_set,
    sets_folder,
)
from emoviz.store.folders import use_writable_folders
from emoviz.store.sets import compact
from emoviz.types import Activations

from .conftest import make_set, with_intervals


def test_round_trip_keeps_every_number_and_word(tmp_path):
    vectors = make_set(nonfinite=(2,))
    vectors = replace(vectors, umap=np.random.default_rng(0).normal(size=(6, 21, 2)), umap_params={"seed": 0})
    activations = Activations(np.ones((4, 2, 32), np.float32), (1, 3), ("a", "b", "a", "b"), ("x", "x", "y", "y"))
    path = save_set(replace(vectors, activations=activations), tmp_path)
    back = load_set(path)
    assert (back.name, back.classes, back.provenance) == (vectors.name, vectors.classes, vectors.provenance)
    np.testing.assert_allclose(back.class_means, vectors.class_means, rtol=1e-3)
    np.testing.assert_allclose(back.half_means, vectors.half_means, rtol=1e-3)
    for name in ("residual_norm", "anisotropy", "decoding_accuracy", "umap"):
        np.testing.assert_allclose(getattr(back, name), getattr(vectors, name), rtol=1e-6)
    stored = back.activations
    assert (stored.layers, stored.emotions, stored.topics) == (
        activations.layers,
        activations.emotions,
        activations.topics,
    )
    np.testing.assert_array_equal(stored.at(3), activations.states[:, 1])


def test_intervals_and_controls_survive_the_file(tmp_path):
    vectors = with_intervals(make_set(nonfinite=(2,)), error=1e-5)
    vectors = replace(vectors, notes={"sentence encoder": "not installed"})
    back = load_set(save_set(vectors, tmp_path))
    assert back.notes == vectors.notes and list(back.control_rdms) == list(vectors.control_rdms)
    assert (back.resampled.n, back.resampled.seed) == (30, 0)
    for centring in ("class", "neutral", "none"):
        ours, theirs = depth_curves(vectors, centring), depth_curves(back, centring)
        for name, curve in ours.items():
            np.testing.assert_allclose(theirs[name].low, curve.low, rtol=2e-3, atol=2e-3, err_msg=name)
    # Deviations of 1e-5 would be lost in float16 as they are.
    np.testing.assert_allclose(back.resampled.mean_cosine, vectors.resampled.mean_cosine, rtol=2e-3, atol=1e-8)


def test_a_set_of_an_earlier_version_is_read_and_says_what_it_lacks(tmp_path):
    path = save_set(replace(make_set(), anisotropy_centred=None), tmp_path)
    back = load_set(path)
    assert back.resampled is None and back.anisotropy_centred is None and back.control_rdms == {}
    assert "earlier version" in depth_curves(back)["anisotropy_centred"].reason


def test_a_set_of_another_tool_is_kept_to_the_last_digit_without_what_it_lacks(tmp_path):
    one = make_set(classes=("sad",), scale=1e-9, nonfinite=(0, 1, 2, 4, 5))
    unknown = np.full(6, np.nan)
    told = {"halves": "vectors alone have none", "layers": "the file holds layer 3 alone"}
    bare = replace(
        one, half_means=None, residual_norm=unknown, anisotropy=unknown, decoding_accuracy=unknown, notes=told
    )
    path = save_set(bare, tmp_path)
    assert "half_means" not in load_file(path)
    back = load_set(path)
    assert back.half_means is None and back.notes == told and back.finite_layers == (3,)
    assert np.array_equal(back.class_means, bare.class_means, equal_nan=True)
    assert back.halves(3).shape == (2, 1, 32) and np.isnan(back.halves(3)).all()


def test_tensors_are_mapped_and_not_read(tmp_path):
    back = load_set(save_set(make_set(), tmp_path))
    assert isinstance(back.class_means, np.memmap)
    assert not back.class_means.flags.writeable


def test_file_is_plain_safetensors_with_the_documented_tensors(tmp_path):
    tensors = load_file(save_set(make_set(), tmp_path))
    assert {name: array.ndim for name, array in tensors.items()} == {
        "class_means": 3,
        "half_means": 4,
        "residual_norm": 1,
        "anisotropy": 1,
        "decoding_accuracy": 1,
        "anisotropy_centred": 1,
    }
    tensors = load_file(save_set(with_intervals(make_set()), tmp_path))
    assert tensors["controls"].shape == (3, 210) and tensors["curve_half_width"].shape == (15, 3, 6)
    assert all(array.dtype in (np.float16, np.float32) for array in tensors.values())


def test_float16_is_used_only_where_it_moves_no_cosine(tmp_path):
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(2, 5, 50)).astype(np.float32)
    assert compact(plain).dtype == np.float16
    massive = plain.copy()
    massive[..., 0] += 30_000  # float16 steps by 16 there, more than the classes differ by
    assert compact(massive).dtype == np.float32
    assert compact(plain * 1e6).dtype == np.float32
    lost = 3000 + 0.2 * rng.normal(size=(2, 5, 50)).astype(np.float32)
    assert len(np.unique(np.float16(lost[0, :, 0]))) == 1, "rounding should make the classes equal"
    assert compact(lost).dtype == np.float32


def test_classes_that_float16_cannot_tell_apart_survive_the_file(tmp_path):
    vectors = make_set("m", seed=1, noise=0.1)
    far = replace(vectors, class_means=3000 + 0.1 * vectors.class_means, half_means=3000 + 0.1 * vectors.half_means)
    before = depth_curves(far)["split_half_rho"].values
    again = load_set(save_set(far, tmp_path))
    np.testing.assert_allclose(depth_curves(again)["split_half_rho"].values, before, atol=0.02)


def test_written_sets_are_readable_by_whoever_the_umask_allows(tmp_path):
    path = save_set(make_set("m"), tmp_path)
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_unusable_folder_is_known_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        check_writable(tmp_path / "file" / "sets")
    check_writable(tmp_path / "new" / "sets")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full_disk(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("emoviz.store.tensors.save_file", full_disk)
    with pytest.raises(InputError, match="cannot be written .No space left on device"):
        save_set(make_set(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def _truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def _text(path):
    path.write_text("hello")


def _foreign(path):
    save_file({"weight": np.zeros(3, np.float32)}, path, {"format": "pt"})


def _without_metadata(path):
    save_file({"weight": np.zeros(3, np.float32)}, path)


def _newer(path):
    tensors = load_file(path)
    save_file(tensors, path, {"format": "emoviz vector set", "schema_version": "99", "emoviz": "{}"})


def _missing_tensor(path):
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    del tensors["residual_norm"]
    save_file(tensors, path, metadata)


def _bad_header(path):
    tensors = load_file(path)
    save_file(
        tensors, path, {"format": "emoviz vector set", "schema_version": "1", "emoviz": json.dumps({"classes": []})}
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_truncated, "cannot be read as a vector set"),
        (_text, "cannot be read as a vector set"),
        (_foreign, "not an emoviz vector set"),
        (_without_metadata, "not an emoviz vector set"),
        (_newer, "schema version 99; this emoviz reads version 1"),
        (_missing_tensor, "'residual_norm' is missing"),
        (_bad_header, "'provenance' is missing"),
    ],
)
def test_damaged_and_foreign_files_are_refused_in_one_line(tmp_path, spoil, message):
    path = save_set(make_set(), tmp_path)
    spoil(path)
    with pytest.raises(InputError, match=message) as caught:
        load_set(path)
    assert "\n" not in str(caught.value)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_set(tmp_path / "none.safetensors")


def test_a_folder_is_not_a_set(tmp_path):
    (tmp_path / "d.safetensors").mkdir()
    with pytest.raises(InputError, match="cannot be read as a vector set"):
        load_set(tmp_path / "d.safetensors")


def test_a_set_is_found_by_name_by_its_beginning_and_by_path():
    path = save_set(make_set("mine_emoviz_fp32_12345678"), sets_folder())
    for name in ("mine_emoviz_fp32_12345678", "mine", str(path)):
        assert find_set(name).name == "mine_emoviz_fp32_12345678"


def test_ambiguous_and_unknown_names_list_the_choices():
    for name in ("mine_a_fp32_1", "mine_b_fp32_2"):
        save_set(make_set(name), sets_folder())
    with pytest.raises(InputError, match="matches several sets: mine_a_fp32_1, mine_b_fp32_2. Type more of the name"):
        find_set("mine")
    with pytest.raises(InputError, match="set 'nope' is unknown; known sets: .*mine_a_fp32_1"):
        find_set("nope")


def test_a_damaged_file_is_left_out_of_the_list_and_named_in_the_log(caplog):
    save_set(make_set("good_set"), sets_folder())
    (sets_folder() / "bad.safetensors").write_text("x")
    assert "good_set" in [s.name for s in list_sets()]
    assert "bad.safetensors" in caplog.text


def test_shipped_sets_cover_three_families_and_protocols_within_the_limit():
    from emoviz.store import shipped_folder

    qwen = ("Qwen2.5-Coder-0.5B-Instruct", "Qwen2.5-Coder-1.5B-Instruct")
    models = ("SmolLM2-135M-Instruct", "gemma-3-270m", *qwen)
    shipped = [s for s in list_sets() if s.shipped]
    read = {(m, p) for m in models for p in ("emoviz", "jeong2026b")}
    written = {(model, "emoviz-stories") for model in ("SmolLM2-135M-Instruct", qwen[0])}
    assert {(s.provenance.model, s.provenance.protocol.name) for s in shipped} == read | written
    assert sum(f.stat().st_size for f in shipped_folder().rglob("*") if f.is_file()) < 40e6
    for vectors in shipped:
        assert vectors.umap is not None and vectors.provenance.origin == vectors.provenance.model
        if vectors.provenance.method == "comprehension":
            assert vectors.activations is not None
        else:
            stories = load_stories(vectors)
            assert len(stories) == vectors.provenance.n_passages == 420
            assert {s.emotion for s in stories} == set(vectors.classes)


def test_shipped_sets_were_made_from_the_shipped_corpus():
    from emoviz.stimuli import load_corpus

    read = [s for s in list_sets() if s.shipped and s.provenance.method == "comprehension"]
    assert {s.provenance.corpus_hash for s in read} == {load_corpus().hash}


@pytest.mark.parametrize("read_only", [(), ("hub",), ("own", "hub", "cache")])
def test_a_temporary_folder_stands_in_for_one_that_cannot_be_written_to_and_that_is_said(
    tmp_path, monkeypatch, read_only
):
    places = {"EMOVIZ_HOME": "own", "HF_HOME": "hub", "XDG_CACHE_HOME": "cache"}
    for name, place in places.items():
        monkeypatch.setenv(name, str(tmp_path / place))
    for name in ("HF_HUB_CACHE", "NUMBA_CACHE_DIR"):
        # Remembered, so that what is set meanwhile goes again.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (tmp_path / "hub/hub").mkdir(parents=True)

    def writable(folder):
        if folder.name in read_only:
            raise InputError("read-only")

    monkeypatch.setattr("emoviz.store.folders.check_writable", writable)
    said = use_writable_folders()
    assert all((f"{tmp_path / place}" in said) == (place in read_only) for place in places.values())
    for name, place in {"EMOVIZ_HOME": "own", "HF_HOME": "hub"}.items():
        kept = os.environ[name] == str(tmp_path / place)
        assert kept == (place not in read_only) and (kept or os.environ[name].startswith(tempfile.gettempdir()))
    assert os.environ.get("HF_HUB_CACHE") == (str(tmp_path / "hub/hub") if "hub" in read_only else None)
    assert ("NUMBA_CACHE_DIR" in os.environ) == ("cache" in read_only)


def test_a_name_without_its_key_is_the_set_of_that_name_whatever_else_begins_so():
    from emoviz.store.names import named

    names = ["m_emoviz_fp32_ca4cb220", "m_emoviz_fp32_mine_12345678"]
    assert named("m_emoviz_fp32", names, "sets", "") == names[0]
    with pytest.raises(InputError, match="matches several sets"):
        named("m_emoviz", names, "sets", "")
