"""Sets in stores that are reached by URL: whole or not there, whatever the file system does."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

import emoviz as ez
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.store import files_of, find_set, list_sets, load_set, push_set, remote_sets, save_set, sets_folder
from emoviz.store import folders as folders_module
from emoviz.types import Activations

from .conftest import make_set
from .test_cli import SMOL, run

MINE = "mine_emoviz_fp32_12345678"


class Breaking(MemoryFileSystem):
    """A store that vanishes at the n-th file that is written to it, in the middle of that."""

    protocol = "breaking"
    store, pseudo_dirs = {}, [""]
    left = 0

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("breaking://", "memory://"))

    def _open(self, path, mode="rb", **kwargs):
        file = super()._open(path, mode, **kwargs)
        if mode == "wb":
            Breaking.left -= 1
            if Breaking.left == 0:
                file.write = lambda content: MemoryFile.write(file, content[: len(content) // 2]) and _reset()
        return file


def _reset():
    raise OSError("connection reset by peer")


class Closed(MemoryFileSystem):
    """A store that nobody may use."""

    protocol = "closed"

    def _open(self, path, mode="rb", **kwargs):
        raise PermissionError("Access Denied")

    def ls(self, path, detail=True, **kwargs):
        raise PermissionError("Access Denied")


class Hub(MemoryFileSystem):
    """Stands where the Hugging Face hub is."""

    protocol = "hf"
    store, pseudo_dirs = {}, [""]

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.replace("hf://", "memory://"))


@pytest.fixture(autouse=True)
def empty_stores():
    for system in (MemoryFileSystem, Breaking, Hub):
        system.store.clear()
        system.pseudo_dirs[:] = [""]
    for system in (Breaking, Closed):
        fsspec.register_implementation(system.protocol, system, clobber=True)


@pytest.fixture
def hub():
    before = fsspec.get_filesystem_class("hf")
    fsspec.register_implementation("hf", Hub, clobber=True)
    yield "hf://datasets/lab/emotions"
    fsspec.register_implementation("hf", before, clobber=True)


def _mine(name=MINE, **options):
    """A set in the user's folder, with states beside it."""
    kept = Activations(np.ones((4, 2, 32), np.float32), (1, 3), ("a", "b", "a", "b"), ("x", "x", "y", "y"))
    return load_set(save_set(replace(make_set(name, **options), activations=kept), sets_folder()))


def _there(url):
    """Every file of a store, by its path in it."""
    files, root = fsspec.core.url_to_fs(url)
    return {path.removeprefix(root).lstrip("/"): files.cat_file(path) for path in files.find(root)}


@pytest.mark.parametrize("place", ["memory://lab/emotions", "file://{folder}/deep/store"])
def test_what_is_pushed_comes_back_by_name_beginning_and_url(tmp_path, place, capsys):
    url, vectors = place.format(folder=tmp_path), _mine()
    code, found = run(capsys, "push", "mine", url)
    assert code == 0 and found["url"] == f"{url}/{MINE}"
    assert [file.rpartition("/")[2] for file in found["files"]] == [f"{MINE}.safetensors"]
    for name in (f"{url}/{MINE}", f"{url}/{MINE}/", f"{url}/mine"):
        back = find_set(name)
        assert back == replace(vectors, activations=None) and back.activations is None
    assert isinstance(back.class_means, np.memmap) and load_set(f"{url}/{MINE}") == back
    assert [s.name for s in list_sets(url)] == [MINE]
    (mine,) = [row for row in run(capsys, "list")[1]["sets"] if row["set"] == MINE]
    assert run(capsys, "list", url)[1] == {"sets": [mine], "left_out": []}
    code, shown = run(capsys, "show", f"{url}/mine")
    assert code == 0 and shown["set"] == MINE
    assert run(capsys, "compare", f"{url}/mine", SMOL, "--permutations", "20")[0] == 0


def test_the_layout_is_the_documented_one(tmp_path):
    vectors = _mine()
    url = (tmp_path / "store").as_uri()
    done = push_set(vectors, url, activations=True)
    record = json.loads((tmp_path / "store" / f"{MINE}.json").read_text("utf-8"))
    names = [f"{MINE}{end}" for end in (".safetensors", ".activations.safetensors")]
    folder = tmp_path / "store" / MINE / record["key"]
    assert [row["file"] for row in record["files"]] == names and (record["set"], record["n_layers"]) == (MINE, 6)
    files = [f"{MINE}/{record['key']}/{name}" for name in names]
    assert set(_there(url)) == {"README.md", f"{MINE}.json", *files}
    assert done.files == tuple(f"{url}/{file}" for file in files)
    # Without a record, by the plain file.
    assert load_set(folder / names[0]).activations is not None
    assert (folder / names[0]).read_bytes() == vectors.path.read_bytes()
    assert find_set(f"{url}/{MINE}") == vectors


def test_a_set_that_was_only_just_made_is_pushed_too():
    vectors = make_set("fresh_emoviz_fp32_1")
    assert push_set(vectors, "memory://lab").url == "memory://lab/fresh_emoviz_fp32_1"
    assert find_set("memory://lab/fresh").provenance == vectors.provenance and not sets_folder().exists()


def test_a_set_is_copied_once_and_copied_anew_when_it_was_pushed_anew():
    push_set(_mine(seed=1), "memory://lab")
    first = find_set("memory://lab/mine")
    for path in [path for path in MemoryFileSystem.store if path.endswith(".safetensors")]:
        del MemoryFileSystem.store[path]
    assert find_set("memory://lab/mine") == first, "the copy is used, not the store"
    other = _mine(seed=2)
    push_set(other, "memory://lab")
    second = find_set("memory://lab/mine")
    assert second == replace(other, activations=None) and second != first and second.path != first.path


def test_what_is_there_already_is_not_written_again():
    vectors = _mine()
    first = push_set(vectors, "memory://lab")
    before = {path: id(file) for path, file in MemoryFileSystem.store.items()}
    assert push_set(vectors, "memory://lab") == first
    assert {path: id(file) for path, file in MemoryFileSystem.store.items()} == before
    more = push_set(vectors, "memory://lab", activations=True)
    assert len(more.files) == 2 and push_set(vectors, "memory://lab") == more, "what lies beside it stays"
    before = dict(MemoryFileSystem.store)
    del MemoryFileSystem.store[next(path for path in before if path.endswith(".activations.safetensors"))]
    push_set(vectors, "memory://lab", activations=True)
    assert set(MemoryFileSystem.store) == set(before), "a file that is gone is written again"


def test_sets_that_are_pushed_at_once_into_one_store_all_arrive(tmp_path):
    url = (tmp_path / "store").as_uri()
    sets = [_mine(f"m{k}_emoviz_fp32_{k}", seed=k) for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: push_set(one, url), sets))
    assert [s.name for s in remote_sets(url)] == [s.name for s in sets]


def test_one_set_that_two_made_is_whole_in_any_order_of_their_writes():
    """The last record names the files that belong to it, though the other's were written in between."""
    one, two = make_set(MINE, seed=1), make_set(MINE, seed=2)
    push_set(two, "memory://lab")
    record = MemoryFileSystem.store[f"/lab/{MINE}.json"]
    push_set(one, "memory://lab")
    MemoryFileSystem.store[f"/lab/{MINE}.json"] = record
    np.testing.assert_allclose(find_set("memory://lab/mine").class_means, two.class_means, rtol=2e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_store_that_vanishes_in_mid_write_has_the_set_whole_or_not_at_all(n):
    push_set(_mine("old_emoviz_fp32_1"), "breaking://lab")
    before = _there("breaking://lab")
    vectors = _mine()
    Breaking.left = n
    with pytest.raises(InputError, match=r"breaking://lab cannot be used \(connection reset by peer\)") as caught:
        push_set(vectors, "breaking://lab", activations=True)
    assert "\n" not in str(caught.value)
    Breaking.left = 0
    names = [s.name for s in remote_sets("breaking://lab")]
    # The states, the set, its record, the card.
    assert names == (["old_emoviz_fp32_1"] if n < 4 else [MINE, "old_emoviz_fp32_1"])
    if n < 3:
        with pytest.raises(InputError, match=f"set {MINE!r} is unknown; sets in breaking://lab: old_emoviz_fp32_1"):
            find_set(f"breaking://lab/{MINE}")
    assert {path: _there("breaking://lab")[path] for path in before if path != "README.md"} == {
        path: content for path, content in before.items() if path != "README.md"
    }
    push_set(vectors, "breaking://lab", activations=True)
    assert find_set("breaking://lab/mine") == vectors and MINE in _there("breaking://lab")["README.md"].decode()


def test_a_failed_write_into_a_folder_leaves_no_part_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("emoviz.store.remote.BLOCK", 1000)
    seen = []

    def stop(stage, done, total):
        seen.append((stage, done, total))
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push_set(_mine(), tmp_path.as_uri(), progress=stop)
    assert seen[-1][:2] == ("pushing", 3000) and seen[-1][2] > 3000
    assert [path for path in tmp_path.rglob("*.part")] == [] and remote_sets(tmp_path.as_uri()) == []


def _truncated(content):
    return content[:-100]


def _longer(content):
    return content + b"x"


def _flipped(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("spoil", [_truncated, _longer, _flipped])
def test_a_file_that_is_not_what_was_pushed_is_refused_and_not_kept(tmp_path, spoil, caplog):
    done = push_set(_mine(), tmp_path.as_uri())
    path = Path(done.files[0].removeprefix("file://"))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match=rf"{MINE} is not what its record says: {MINE}.safetensors has not the"):
        find_set(done.url)
    assert list(folders_module.remote_folder().glob("[!.]*.safetensors")) == []
    assert not [p for p in folders_module.remote_folder().iterdir() if p.is_dir()]
    assert remote_sets(tmp_path.as_uri()) == [] and "is not what its record says" in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"files": [{"file": "../../evil.safetensors", "bytes": 1, "sha256": "0"}]},
        {"files": []},
        {"files": None},
        {"set": "other"},
        {"key": "../../../x"},
        {"format": "other"},
        {"schema_version": 99},
    ],
)
def test_a_strangers_record_is_refused_and_nothing_is_written_where_it_says(tmp_path, change, caplog):
    push_set(_mine(), tmp_path.as_uri())
    path = tmp_path / f"{MINE}.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), "utf-8")
    with pytest.raises(InputError, match=f"{MINE}.json cannot be read as the record of a vector set"):
        find_set(f"{tmp_path.as_uri()}/{MINE}")
    assert remote_sets(tmp_path.as_uri()) == [] and f"{MINE}.json cannot be read" in caplog.text
    assert not folders_module.remote_folder().exists()
    push_set(find_set(MINE), tmp_path.as_uri())
    assert find_set(f"{tmp_path.as_uri()}/{MINE}").name == MINE, "pushing again mends it"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere://lab", "scheme 'nowhere' of nowhere://lab.* is unknown; hf, s3, gs, file, memory"),
        ("s3://bucket/store", "needs a missing package .Install s3fs to access S3.. Install it with pip"),
        ("closed://lab", "is closed to you .Access Denied.. Check your rights"),
        ("ftp://127.0.0.1:9/store", "cannot be used .*refused"),
        ("hf://datasets/lab/emotions", "cannot be used .*offline"),
        ("hf://datasets/lab", "cannot be used"),
        ("sftp://me:secret@host/store", "the URL of the store holds a password"),
        ("filecache::memory://lab", "a URL such as hf://datasets/owner/name"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_line_whatever_is_asked_of_it(capsys, url, message):
    _mine()
    for argv in (["push", "mine", url], ["list", url], ["show", f"{url}/mine"]):
        assert main(argv) == 2, argv
        captured = capsys.readouterr()
        (line,) = captured.err.strip().splitlines()
        assert captured.out == "" and re.search(message, line, re.IGNORECASE), line
        assert "secret" not in line


def test_what_is_no_store_or_no_set_of_one_is_said(capsys):
    vectors = _mine()
    push_set(vectors, "memory://lab")
    for given, message in (
        ("memory://lab/theirs", "set 'theirs' is unknown; sets in memory://lab: mine_emoviz_fp32_12345678"),
        (
            "memory://empty/mine",
            "set 'mine' is unknown; sets in memory://empty: none yet. `emoviz list memory://empty`",
        ),
        ("memory://", "the URL of its store with its name is needed"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            find_set(given)
    with pytest.raises(InputError, match="a URL such as hf://"):
        push_set(vectors, "some/folder")
    assert run(capsys, "list", "memory://empty")[1] == {"sets": [], "left_out": []}
    push_set(replace(make_set("mine_other"), path=None), "memory://lab")
    with pytest.raises(InputError, match="matches several sets: mine_emoviz_fp32_12345678, mine_other"):
        find_set("memory://lab/min")


def test_a_cleaned_set_is_not_pushed():
    from emoviz.types import Cleaned

    vectors = make_set(MINE)
    with pytest.raises(InputError, match="cleaned directions are for reading and steering"):
        push_set(replace(vectors, cleaned=Cleaned("whitened", vectors.class_means)), "memory://lab")


def test_a_dataset_card_tells_the_sets_and_is_a_front_matter_that_the_hub_reads(hub):
    import yaml

    push_set(_mine(model="one|model"), hub)
    push_set(_mine("other_emoviz_fp32_2"), hub)
    assert [s.name for s in ez.list_sets(hub)] == [MINE, "other_emoviz_fp32_2"]
    card = _there(hub)["README.md"].decode()
    _, front, body = card.split("---\n", 2)
    front = yaml.safe_load(front)
    assert front["license"] == "other" and "emoviz" in front["tags"]
    assert front["configs"] == [{"config_name": "sets", "data_files": "*.json"}]
    rows = [line for line in body.splitlines() if line.startswith("| ")]
    assert len(rows) == 3 and rows[1].startswith(f"| {MINE} | one/model | 0123456789abcdef | safetensors | fp32 |")
    (call,) = re.findall(r"ez.find_set\((.*)\)", body)
    assert find_set(call.strip('"')).name == MINE


def test_the_records_of_a_store_are_one_table(tmp_path):
    from pyarrow import json as tables

    push_set(_mine(), tmp_path.as_uri())
    push_set(make_set("other_emoviz_fp32_2", layers=3), tmp_path.as_uri(), activations=True)
    found = [tables.read_json(path) for path in sorted(tmp_path.glob("*.json"))]
    assert found[0].schema == found[1].schema and found[1]["n_layers"].to_pylist() == [3]


def test_a_card_of_ones_own_stays(tmp_path):
    (tmp_path / "README.md").write_text("# My own words", "utf-8")
    push_set(_mine(), tmp_path.as_uri())
    assert (tmp_path / "README.md").read_text("utf-8") == "# My own words"


def test_a_set_of_a_store_steers_its_model(capsys, llama, llama_folder):
    made = make_set("tiny_set", layers=4, width=16, model="tiny-llama")
    push_set(replace(made, provenance=replace(made.provenance, revision=llama.revision)), "memory://lab")
    given = ["--emotion", "sad", "--dose", "0.5", "--prompt", "the cat", "--max-new-tokens", "2", "--witness", "none"]
    code, found = run(capsys, "steer", str(llama_folder), *given, "--set", "memory://lab/tiny")
    assert code == 0 and len(found["rows"]) == 1
    code, found = run(capsys, "read", str(llama_folder), "--text", "the cat", "--set", "memory://lab/tiny_set")
    assert code == 0 and found["set"] == "tiny_set"


def test_the_copies_are_a_part_of_the_users_folder(capsys):
    push_set(_mine(), "memory://lab")
    own = find_set("memory://lab/mine")
    assert files_of(own)[0].is_relative_to(folders_module.remote_folder())
    parts = {row["part"]: row for row in run(capsys, "cache")[1]["parts"]}
    assert parts["remote"]["bytes"] > 1000
    run(capsys, "cache", "--clear", "remote")
    assert find_set("memory://lab/mine") is not None and own.path.is_file()
