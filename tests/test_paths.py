"""Paths and ids as they should not be: said in one line, before anything is computed or written."""

import numpy as np
import pytest

from emoviz.cli import main
from emoviz.types.given import file_part

from .test_cli import SMOL

MODEL = "SmolLM2-135M-Instruct"
# Where a command writes; @ is the path.
WRITES = (
    ("extract", MODEL, "--out=@"),
    ("doses", MODEL, "--out=@"),
    ("leak", MODEL, "--out=@"),
    ("effects", MODEL, "--out=@"),
    ("steer", MODEL, "--emotion", "calm", "--prompt", "x", "--out=@"),
    ("chat", MODEL, "--emotion", "calm", "--say", "x", "--out=@"),
    ("read", MODEL, "--texts", "texts.txt", "--out=@"),
    ("export", SMOL, "--format", "npz", "--out=@"),
    ("figures", SMOL, "--out=@"),
    ("figures", SMOL, "--archive=@"),
    ("report", SMOL, "--out=@"),
    ("talk", SMOL, "--out=@"),
)
ENDINGS = {"read": ".csv", "steer": ".md", "chat": ".md", "export": ".npz", "--archive": ".zip"}
ENDINGS |= {"report": ".html", "talk": ".html"}
NO_TARGET = {
    "": "'' was given; the path of a file or a folder is needed",
    "  ": "the path of a file or a folder is needed",
    "a\nb.html": "the path of a file or a folder is needed",
    "~nobody-of-this-name/x.html": "this machine knows no such home",
    "n" * 256: "has 256 bytes; names of up to 255 are allowed",
    "ж" * 128 + "/x.html": "has 256 bytes; names of up to 255 are allowed",
}
# What a command reads: a model, a set, a file.
READS = (
    ("extract", "@"),
    ("extract", MODEL, "--passages=@"),
    ("extract", MODEL, "--passages", "texts.txt", "--labels=@"),
    ("sweep", "@"),
    ("import", "@"),
    ("import", "texts.txt", "--model=@"),
    ("show", "@"),
    ("push", "@", "memory://store"),
    ("push", SMOL, "@"),
    ("export", "@", "--format", "npz"),
    ("lint", "@"),
    ("compare", SMOL, "@"),
    ("steer", "@", "--emotion", "calm", "--prompt", "x"),
    ("steer", MODEL, "--set=@", "--emotion", "calm", "--prompt", "x"),
    ("doses", "@"),
    ("read", "@", "--text", "x"),
    ("regimes", "--texts=@"),
    ("verify", "@"),
    ("verify", MODEL, "--witness=@"),
    ("witness", "--train=@"),
    ("fetch", "@"),
)
NO_SOURCE = (
    *("", " ", "texts.txt/x", "folder", "~nobody-of-this-name/x", "dangling", "loop", "n" * 256, "ж" * 200 + ".jsonl"),
    *("x" * 5000, "a\nb", "Qwen/Qwen2.5-0.5B@", "owner/name ", "owner/name--v2", "owner/name:Q4_K_M"),
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("a text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


def told(words, path, capsys):
    """The one line that a command says of a path."""
    assert main([word.replace("@", path) for word in words]) == 2, words
    out, err = capsys.readouterr()
    *progress, last = err.splitlines()
    assert out == "" and last.startswith("emoviz: ") and len(last) < 1500 and len(progress) < 2, err
    return last


@pytest.mark.parametrize("words", WRITES, ids=lambda words: f"{words[0]} {words[-1]}")
def test_a_place_that_cannot_be_is_named_before_a_model_is_loaded(words, place, capsys, monkeypatch):
    monkeypatch.setattr("emoviz.models.load.load_model", lambda *_, **__: pytest.fail("a model was loaded"))
    for path, why in NO_TARGET.items():
        assert why in told(words, path, capsys)
    ending = ENDINGS.get(words[-1].partition("=")[0] if words[0] == "figures" else words[0], "")
    assert "cannot be written (Not a directory)" in told(words, f"texts.txt/deep/x{ending}", capsys)
    assert sorted(path.name for path in place.iterdir()) == ["dangling", "folder", "loop", "texts.txt"]


@pytest.mark.parametrize("words", READS, ids=lambda words: f"{words[0]} {words[-1]}")
def test_what_is_no_model_set_or_file_is_named_in_one_line(words, place, capsys):
    for path in NO_SOURCE:
        told(words, path, capsys)
    assert sorted(path.name for path in place.iterdir()) == ["dangling", "folder", "loop", "texts.txt"]


def test_a_home_that_is_meant_is_found(place, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(place / "folder"))
    assert main(["export", SMOL, "--format", "bibtex", "--out=~/made/cite.bib"]) == 0
    assert (place / "folder" / "made" / "cite.bib").is_file() and not (place / "~").exists()


@pytest.mark.parametrize("name", ["n" * 255, "ж" * 127, "💡" * 63, "a:b|c?", "x\n"])
def test_files_are_called_by_names_that_every_disk_takes(name):
    part = file_part(name)
    assert 0 < len(part.encode()) <= 60 and not set(part) & set('<>:"/\\|?*\n') and part[:1] == name[:1]


def test_names_that_differ_in_case_alone_are_two_sets_to_nobody(place, capsys):
    np.savez(place / "mine.npz", sad=np.ones((4, 16)), calm=np.zeros((4, 16)) + 2)
    words = ["import", "mine.npz", "--n-layers", "4", "--model", "owner/away", "--as"]
    assert main([*words, "mine"]) == 0 == main([*words, "mine"])
    capsys.readouterr()
    assert "there is another set called mine" in told([*words, "Mine"], "", capsys)
