"""A damaged file in the user's folder: one line of its own, and everything else as if it were not there."""

import gzip
import json
import os
import struct
from dataclasses import dataclass, replace

import numpy as np
import pytest

from emoviz.app.library import library
from emoviz.app.tabs.library import draw, left_out_notes
from emoviz.app.tabs.library import stories_table as shown_stories
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.files import parsed, printable, unpacked
from emoviz.stimuli import load_corpus
from emoviz.store import list_sets, load_set, save_set, sets_folder
from emoviz.store.contrasts import load_contrasts
from emoviz.store.fields import check_fields
from emoviz.store.folders import home, responses_folder, sweeps_folder, verifications_folder
from emoviz.store.responses import list_dose_responses
from emoviz.store.sweeps import list_sweeps
from emoviz.store.unreadable import unreadable_files
from emoviz.types import Activations

from .conftest import make_set, with_intervals


def _changed(path, change):
    """The header of a set of ours, changed in place."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8 : 8 + size])
    inner = json.loads(head["__metadata__"]["emoviz"])
    text = change(inner)
    head["__metadata__"]["emoviz"] = json.dumps(inner) if text is None else text
    packed = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(packed)) + packed + raw[8 + size :])


def _put(*keys_and_value):
    *keys, last, value = keys_and_value

    def change(found):
        for key in keys:
            found = found[key]
        found[last] = value

    return change


_SETS = {
    "deep JSON": (lambda found: "[" * 100_000, "nested too deep"),
    "a number of thousands of digits": (lambda found: '{"classes": 1' + "0" * 5000 + "}", "digits"),
    "a list for a name": (_put("provenance", "model", ["a", "b"]), "model"),
    "a list in a list of names": (_put("classes", [["calm"], "sad"]), "classes"),
    "one name fewer": (lambda found: found["classes"].pop() and None, "20 classes are named and 21 are there"),
    "one name twice": (lambda found: found["classes"].__setitem__(0, found["classes"][1]), "there twice"),
    "a blank name": (_put("classes", 3, " "), "blank"),
    "half of a surrogate pair": (_put("classes", 3, "\ud800"), "surrogates"),
    "all layers missing": (_put("provenance", "nonfinite_layers", list(range(6))), "missing layers"),
    "a layer beyond": (_put("provenance", "nonfinite_layers", [-1]), "missing layers"),
    "a curve that is none": (_put("resampled", "curves", 0, ["mean_cosine"]), ""),
    "replicates that are not there": (_put("resampled", "n", 10**9), "errors are not of its layers"),
    "stability of other layers": (_put("umap_params", {"stability": [1.0]}), "map"),
}


@pytest.mark.parametrize(("change", "said"), _SETS.values(), ids=_SETS)
def test_a_set_with_a_damaged_header_is_left_out_in_one_line(change, said):
    before = [one.name for one in list_sets()]
    path = save_set(with_intervals(make_set()), sets_folder())
    assert len(list_sets()) == len(before) + 1
    _changed(path, change)
    assert [one.name for one in list_sets()] == before
    (one,) = unreadable_files()
    assert one.name == path.name and said in one.why and one.why.startswith(path.name) and "\n" not in one.why


_ARRAYS = {
    "no layers": {"residual_norm": np.zeros(0, np.float32)},
    "unequal lengths": {"residual_norm": np.ones(5, np.float32)},
    "another rank": {"anisotropy": np.ones((6, 1), np.float32)},
    "another type": {"anisotropy": np.ones(6, np.int64)},
    "infinite": {"decoding_accuracy": np.full(6, np.inf, np.float32)},
    "halves of another size": {"half_means": np.ones((2, 6, 21, 8), np.float32)},
    "means of another size": {"class_means": np.ones((6, 20, 32), np.float32)},
    "a map of other layers": {"umap": np.ones((5, 21, 2), np.float32)},
}


@pytest.mark.parametrize("arrays", _ARRAYS.values(), ids=_ARRAYS)
def test_a_set_whose_arrays_do_not_fit_is_refused_whole(tmp_path, arrays):
    from safetensors.numpy import load_file, save_file

    path = save_set(make_set(), tmp_path)
    raw = path.read_bytes()
    about = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
    save_file({**load_file(path), **arrays}, path, about)
    with pytest.raises(InputError, match="cannot be read as a vector set"):
        load_set(path)


def test_activations_that_do_not_fit_their_set_are_left_out_and_the_set_stays():
    vectors = make_set()
    for layers, width in (((1, 3), 16), ((1, 9), 32), ((1, 1), 32), ((1,), 32)):
        kept = Activations(np.ones((2, 2, width), np.float32), layers, ("calm", "sad"), ("x", "y"))
        save_set(replace(vectors, activations=kept), sets_folder())
        found = next(one for one in list_sets() if one.name == vectors.name)
        assert found.activations is None and "cannot be read as activations" in found.notes["activations"]


def test_whatever_is_no_file_is_left_out_and_waited_for_by_nobody(capsys, recwarn):
    for folder, end in ((sets_folder(), ".safetensors"), (responses_folder(), "_doses_1.json.gz")):
        folder.mkdir(parents=True)
        os.mkfifo(folder / f"pipe{end}")
        (folder / f"folder{end}").mkdir()
        (folder / f"nothing{end}").symlink_to("/nowhere")
        (folder / f"device{end}").symlink_to("/dev/zero")
        (folder / os.fsdecode(b"\xff\xfe" + end.encode())).write_bytes(b"x")
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["left_out"]) == 5 and len(found["sets"]) >= 10
    assert [one.name for one in library().left_out] == [one.name for one in unreadable_files()]
    assert len(library().left_out) == 10 and len(left_out_notes()) == 10
    assert left_out_notes()[0] == "10 files left out:" and str(home()) not in " ".join(left_out_notes())
    # What the page sends must be text.
    json.dumps(draw(None, "SmolLM2-135M-Instruct", None)["table"], ensure_ascii=False).encode()


def test_the_doctor_names_every_damaged_file(capsys):
    for folder, name in (
        (sets_folder(), "a.safetensors"),
        (responses_folder(), "m_doses_1.json.gz"),
        (responses_folder(), "m_leak_1.json.gz"),
        (responses_folder(), "m_effects_1.json.gz"),
        (verifications_folder(), "v.verification.json.gz"),
        (sweeps_folder(), "s.sweep.json.gz"),
        (home() / "heads", "outside-1.safetensors"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(b"{}"))
    main(["doctor", "--json"])
    (check,) = (c for c in json.loads(capsys.readouterr().out)["checks"] if c["name"] == "stored files")
    lines = check["detail"].split("\n")
    assert lines[0] == "7 files left out" and len(lines) == 8


def test_a_bomb_is_unpacked_no_further_than_a_result_may_be_long(tmp_path):
    path = responses_folder() / "m_doses_1.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b" " * (80 * 2**20), 9))
    assert path.stat().st_size < 300_000
    with pytest.raises(OSError, match="more than 64 MB"):
        unpacked(path)
    assert list_dose_responses() and "more than 64 MB" in unreadable_files()[0].why
    for text in ("[" * 10**6, "[[]" + ",[]" * 3_000_000 + "]", "1" * 4000, '"\\ud800"', "{", "\xff"):
        with pytest.raises(ValueError):
            parsed(text)


def test_names_in_files_open_no_other_file():
    """A sweep is locked by its name, and a verification found by it."""
    sweeps_folder().mkdir(parents=True)
    data = {"format": "emoviz sweep", "schema_version": 1, "name": "../../out", "begun": "2026-01-01T00:00:00+00:00"}
    (sweeps_folder() / "s.sweep.json.gz").write_bytes(
        gzip.compress(json.dumps({**data, "store": "", "jobs": []}).encode())
    )
    assert list_sweeps() == [] and not (home().parent / "out.lock").exists()
    assert "another than its name says" in unreadable_files()[0].why


def test_files_of_users_are_regular_and_of_a_bounded_size(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    for path in ("/dev/zero", tmp_path / "pipe.jsonl", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            load_corpus(path)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="nested too deep"):
        load_contrasts(tmp_path / "deep.json")


def test_damaged_stories_are_said_where_they_would_stand():
    vectors = next(one for one in list_sets() if one.provenance.method == "generation")
    path = save_set(replace(vectors, name="mine", activations=None), sets_folder())
    path.with_name("mine.stories.jsonl.gz").write_bytes(b"\x1f\x8b")
    assert "cannot be read as stories" in shown_stories("mine", "calm")["notes"][0]


@dataclass(frozen=True)
class _Kinds:
    whole: int = 1
    number: float = 1.0
    words: tuple[str, ...] = ("a",)
    pair: tuple[int, float] = (1, 2.0)
    table: dict[str, float] | None = None


def test_a_field_is_of_its_kind():
    check_fields(_Kinds(number=2, table={"a": float("nan")}))
    for wrong in (
        {"whole": True},
        {"whole": 1.0},
        {"number": float("inf")},
        {"words": ["a"]},
        {"words": (1,)},
        {"pair": (1, 2.0, 3.0)},
        {"table": {"a": "b"}},
        {"table": {1: 1.0}},
    ):
        with pytest.raises(ValueError):
            check_fields(_Kinds(**wrong))


def test_what_cannot_be_printed_is_shown_by_its_code():
    assert printable(os.fsdecode(b"a\xffb\n")) == "a\\udcffb\\n"


def test_a_parquet_file_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for letters, rows, said in ((10_000, 30_000, "more than 256 MB, unpacked"), (20_000_000, 500, "20,000,000 bytes")):
        once = pa.array(["calm " * (letters // 5)])
        text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), once)
        table = pa.table({"text": text, "emotion": ["calm", "sad"] * (rows // 2)})
        parquet.write_table(table, tmp_path / "b.parquet", compression="zstd")
        assert (tmp_path / "b.parquet").stat().st_size < 2**20
        with pytest.raises(InputError, match=said):
            load_corpus(tmp_path / "b.parquet")


@pytest.mark.parametrize("topic", ["1" * 400, "-" + "1" * 400])
def test_a_topic_that_is_a_number_beyond_all_others_is_refused_in_one_line(tmp_path, topic):
    (tmp_path / "p.jsonl").write_text(f'{{"emotion": "calm", "text": "a", "topic": {topic}}}\n')
    with pytest.raises(InputError, match="neither text nor a number"):
        load_corpus(tmp_path / "p.jsonl")
