"""Vector sets for other programs: each file is read back by a reader that is not ours."""

import base64
import csv
import ctypes as c
import io
import json
import logging
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors import safe_open
from safetensors.numpy import load_file

import emoviz as ez
from emoviz.app import exporting
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.plots import chromium
from emoviz.share.card import set_bibtex
from emoviz.share.export import FORMATS, exported_file
from emoviz.steer.injection import offsets
from emoviz.store.atomic import all_atomically
from emoviz.store.formats.gguf import model_hint

from .conftest import make_set

HOSTILE = (
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-x",
    "@sum",
    "a|b",
    "**bold** <img src=x>",
    "```\n# out",
    "../../up",
    "A",
    "a",
)


@pytest.fixture
def vectors():
    return make_set(layers=6)


@pytest.fixture
def hostile():
    return make_set("h`s_[x](y)", classes=HOSTILE, model="m*d*l\n---\nlicense: mit")


def directions(path):
    return {tensor.name: np.array(tensor.data) for tensor in gguf.GGUFReader(path).tensors}


def fields(path):
    return {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()}


@pytest.mark.parametrize("dose", [0.04, -0.1, None])
@pytest.mark.parametrize("centring", ["class", "neutral"])
def test_a_control_vector_is_to_the_bit_what_steering_adds(vectors, tmp_path, dose, centring):
    towards = ["calm", "0.7 happy - 0.3 sad", "random"]
    files = ez.export_set(vectors, "gguf", tmp_path, emotions=towards, dose=dose, centring=centring)
    recipe = replace(ez.recipe(vectors), centring=centring)
    added = offsets(vectors, [(one, 1.0 if dose is None else dose) for one in towards], recipe)
    assert [file.name for file in files] == ["calm.gguf", "0.7-happy-0.3-sad.gguf", "random.gguf"]
    for row, file in enumerate(files):
        found = directions(file)
        assert list(found) == [f"direction.{layer}" for layer in recipe.layers]
        assert all(one.dtype == np.float32 and one.shape == (vectors.d_model,) for one in found.values())
        for layer in recipe.layers:
            np.testing.assert_array_equal(found[f"direction.{layer}"], added.by_layer[layer][row], strict=True)


def test_a_control_vector_says_where_it_comes_from(vectors, tmp_path):
    vectors = replace(vectors, provenance=replace(vectors.provenance, architecture="Gemma3ForCausalLM"))
    (file,) = ez.export_set(vectors, "gguf", tmp_path / "calm.gguf", emotions="calm", dose=0.04)
    said = fields(file)
    assert (said["general.architecture"], said["controlvector.model_hint"]) == ("controlvector", "gemma3")
    assert said["controlvector.layer_count"] == 3 and said["emoviz.layers"] == [2, 3, 4]
    assert said["emoviz.emotion"] == "calm" and said["emoviz.dose"] == 0.04
    assert said["emoviz.revision"] == vectors.provenance.revision and said["emoviz.version"] == ez.__version__
    np.testing.assert_allclose(said["emoviz.residual_norm"], vectors.residual_norm[2:5], rtol=1e-6)
    kinds = {f.name: f.types[0].name for f in gguf.GGUFReader(file).fields.values()}
    assert kinds["controlvector.layer_count"] == "UINT32"


@pytest.mark.parametrize(
    ("architecture", "hint"),
    [
        ("LlamaForCausalLM", "llama"),
        ("MistralForCausalLM", "llama"),
        ("Gemma3ForConditionalGeneration", "gemma3"),
        ("Qwen2ForCausalLM", "qwen2"),
        ("GPT2LMHeadModel", "gpt2"),
        ("GPTNeoXForCausalLM", "gptneox"),
        ("Phi3ForCausalLM", "phi3"),
        ("SmolLM3ForCausalLM", "smollm3"),
    ],
)
def test_the_hint_is_the_name_that_llama_cpp_has_for_the_model(architecture, hint):
    assert model_hint(architecture) == hint and hint in gguf.MODEL_ARCH_NAMES.values()


def test_layer_0_is_never_written_and_that_is_said(vectors, tmp_path, caplog):
    (file,) = ez.export_set(vectors, "gguf", tmp_path / "v.gguf", emotions="calm", layers="all")
    assert list(directions(file)) == [f"direction.{k}" for k in range(1, 6)]
    assert "layer 0 is left out: llama.cpp cannot steer the first block" in caplog.text
    with pytest.raises(InputError, match="layer 0 alone was asked for, which llama.cpp cannot steer"):
        ez.export_set(vectors, "gguf", tmp_path / "w.gguf", emotions="calm", layers="0")
    assert not (tmp_path / "w.gguf").exists()


def test_layers_without_vectors_are_left_out_and_that_is_said(tmp_path, caplog):
    vectors = make_set(layers=6, nonfinite=(3, 4))
    (file,) = ez.export_set(vectors, "npz", tmp_path / "v.npz")
    assert np.load(file)["layers"].tolist() == [0, 1, 2, 5]
    assert "layers 3, 4 are left out: the set has no finite vectors there" in caplog.text


def test_a_set_that_does_not_know_the_length_of_states_gives_unit_vectors_and_refuses_a_dose(vectors, tmp_path, caplog):
    vectors = replace(vectors, residual_norm=np.full(6, np.nan))
    (file,) = ez.export_set(vectors, "gguf", tmp_path / "v.gguf", emotions="calm")
    np.testing.assert_allclose([np.linalg.norm(one) for one in directions(file).values()], 1, rtol=1e-6)
    said = fields(file)
    assert said["emoviz.strength"] == "unit vector"
    assert not {"emoviz.dose", "emoviz.residual_norm"} & set(said)
    assert "unit vectors are written: m_emoviz_fp32_00000000 does not say how long states are" in caplog.text
    with pytest.raises(InputError, match="dose 0.04 was given, but .* does not say how long states are"):
        ez.export_set(vectors, "gguf", tmp_path / "w.gguf", emotions="calm", dose=0.04)


class Floats(c.Structure):
    """A `std::vector`."""

    _fields_ = [("begin", c.c_void_p), ("end", c.c_void_p), ("room", c.c_void_p)]


class Named(c.Structure):
    """`common_control_vector_load_info` of llama.cpp, whose string is a pointer to its letters."""

    _fields_ = [("strength", c.c_float), ("file", c.c_char_p)]


class Loaded(c.Structure):
    """`common_control_vector_data`. width : -1 where a file is refused."""

    _fields_ = [("width", c.c_int), ("data", Floats)]


def read_by_llama_cpp(file, strength):
    """What --control-vector-scaled FILE:STRENGTH gives, by the function behind it; (layers from 1 on, width)."""
    package = pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (make install)")
    library = c.CDLL(str(next(Path(package.__file__).parent.glob("xllamacpp.*so"))))
    read = library._Z26common_control_vector_loadRKSt6vectorI31common_control_vector_load_infoSaIS0_EE
    read.restype = Loaded
    named = Named(strength, str(file).encode())
    found = read(c.byref(Floats(c.addressof(named), *[c.addressof(named) + c.sizeof(named)] * 2)))
    if found.width < 0:
        return None
    floats = c.cast(found.data.begin, c.POINTER(c.c_float))
    return np.ctypeslib.as_array(floats, ((found.data.end - found.data.begin) // 4,)).reshape(-1, found.width)


def test_llama_cpp_itself_reads_a_control_vector_and_refuses_a_direction_0(vectors, tmp_path):
    (file,) = ez.export_set(vectors, "gguf", tmp_path / "v.gguf", emotions="calm", layers="0-4")
    found = read_by_llama_cpp(file, 0.5)
    np.testing.assert_array_equal(found, [np.float32(0.5) * one for one in directions(file).values()])
    writer = gguf.GGUFWriter(tmp_path / "zero.gguf", "controlvector")
    writer.add_tensor("direction.0", np.ones(vectors.d_model, np.float32))
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    assert read_by_llama_cpp(tmp_path / "zero.gguf", 1.0) is None


def test_repeng_reads_a_control_vector_and_calculates_with_it(vectors, tmp_path, monkeypatch):
    # repeng 0.4.0 names a type that numpy 2 no longer has, and is otherwise used as it is.
    monkeypatch.setattr(np, "float_", np.float64, raising=False)
    repeng = pytest.importorskip("repeng")
    files = ez.export_set(vectors, "gguf", tmp_path, emotions=["calm", "sad"])
    calm, sad = (repeng.ControlVector.import_gguf(file) for file in files)
    assert calm.model_type == "madeup" and list(calm.directions) == [2, 3, 4]
    for layer in calm.directions:
        found = (calm - sad).directions[layer]
        expected = directions(files[0])[f"direction.{layer}"] - directions(files[1])[f"direction.{layer}"]
        np.testing.assert_array_equal(found, expected)


def test_easysteer_reads_the_layers_of_a_control_vector_by_their_names(vectors, tmp_path):
    """By the rule of its reader: every tensor `direction.LAYER`, the rest is ignored; added after the block."""
    (file,) = ez.export_set(vectors, "gguf", tmp_path / "v.gguf", emotions="calm", layers=[2, 4], dose=0.05)
    found = {
        int(t.name.split(".")[1]): t.data for t in gguf.GGUFReader(file).tensors if t.name.startswith("direction.")
    }
    assert list(found) == [2, 4]
    np.testing.assert_allclose(np.linalg.norm(found[4]), 0.05 * vectors.residual_norm[4], rtol=1e-6)


def test_hotwire_loads_a_tensor_of_the_safetensors_file_as_the_guide_saves_it(vectors, tmp_path):
    torch = pytest.importorskip("torch")
    state = pytest.importorskip("hotwire._state")
    from safetensors.torch import load_file as load_tensors

    (file,) = ez.export_set(vectors, "safetensors", tmp_path / "v.safetensors")
    for name, tensor in load_tensors(file).items():
        torch.save(tensor, tmp_path / f"{name}.pt")
    loaded = state.SteerState(6, vectors.d_model, 8, torch.device("cpu"), torch.float32, 4)
    loaded.load_store(str(tmp_path))
    slot = loaded.slot_for("calm", 4, 0.04)
    added = offsets(vectors, [("calm", 0.04)], ez.recipe(vectors, layers=[4])).by_layer[4][0]
    np.testing.assert_allclose(loaded.bank.scales[slot] * loaded.bank.bank[slot], added, rtol=1e-6)


def test_the_other_formats_hold_the_same_numbers_to_the_bit(vectors, tmp_path):
    def files(format):
        return ez.export_set(
            vectors,
            format,
            tmp_path / ("v" if format == "gguf" else f"v.{format}"),
            emotions=["calm", "sad"],
            layers="1-3",
            dose=0.03,
        )

    control = {name: directions(file) for name, file in zip(("calm", "sad"), files("gguf"), strict=True)}
    expected = np.stack([np.stack(list(control[name].values())) for name in ("calm", "sad")])
    (tensors,) = files("safetensors")
    np.testing.assert_array_equal(np.stack([load_file(tensors)[name] for name in ("calm", "sad")]), expected)
    with safe_open(tensors, "numpy") as file:
        about = json.loads(file.metadata()["emoviz"])
    assert about["layers"] == [1, 2, 3] and about["dose"] == 0.03 and about["model"] == "made-up"
    (arrays,) = files("npz")
    found = np.load(arrays, allow_pickle=False)
    np.testing.assert_array_equal(found["vectors"], expected)
    assert found["emotions"].tolist() == ["calm", "sad"] and json.loads(str(found["metadata"])) == about
    np.testing.assert_array_equal(found["means"], vectors.class_means.swapaxes(0, 1), strict=True)
    assert found["classes"].tolist() == list(vectors.classes)
    (table,), (data,) = files("csv"), files("parquet")
    for frame in (pd.read_csv(table, dtype={f"v{k}": np.float32 for k in range(32)}), pd.read_parquet(data)):
        assert frame[["emotion", "layer"]].values.tolist() == [[e, k] for e in ("calm", "sad") for k in (1, 2, 3)]
        np.testing.assert_array_equal(frame.filter(regex=r"^v\d").to_numpy(), expected.reshape(6, -1), strict=True)
        np.testing.assert_allclose(frame["residual_norm"][:3], vectors.residual_norm[1:4])
    pyarrow = pytest.importorskip("pyarrow.parquet")
    assert json.loads(pyarrow.read_schema(data).metadata[b"emoviz"]) == about


def test_a_parquet_table_without_pyarrow_says_what_to_install(vectors, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="format 'parquet' needs pyarrow: pip install"):
        ez.export_set(vectors, "parquet", tmp_path / "v.parquet")
    assert list(tmp_path.iterdir()) == []


def test_no_class_name_of_a_table_is_a_formula(hostile, tmp_path):
    (file,) = ez.export_set(hostile, "csv", tmp_path / "v.csv", layers="1")
    names = [row["emotion"] for row in csv.DictReader(io.StringIO(file.read_text("utf-8-sig")))]
    assert [name.removeprefix("'") for name in names] == list(HOSTILE)
    assert not [name for name in names if name.startswith(("=", "+", "-", "@"))]


def test_files_are_called_by_safe_names_each_once_whatever_a_class_is_called(hostile, tmp_path):
    files = ez.export_set(hostile, "gguf", tmp_path / "v")
    assert {file.parent for file in files} == {tmp_path / "v"} and len(list((tmp_path / "v").iterdir())) == len(HOSTILE)
    assert len({file.name.casefold() for file in files}) == len(HOSTILE)
    assert [fields(file)["emoviz.emotion"] for file in files] == list(HOSTILE)


def card_of(vectors, tmp_path):
    files = ez.export_set(vectors, "card", tmp_path / "card")
    return files, files[0].read_text("utf-8")


def test_a_card_says_what_a_set_is_how_good_it_is_and_how_to_use_it(tmp_path, monkeypatch):
    monkeypatch.setattr("emoviz.share.card.export", lambda draw, *_: b"picture" if draw() else b"")
    vectors = ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32")
    files, text = card_of(vectors, tmp_path)
    assert [file.name for file in files] == ["README.md", "depth_decoding_accuracy.png", "rdm.png"]
    assert all(f"({file.name})" in text for file in files[1:])
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["license"] == "apache-2.0" and "emotion" in front["tags"]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert any("decoding | 0.76" in row for row in rows) and any(vectors.provenance.corpus_hash in row for row in rows)
    for heading in ("What it is", "How good it is", "Use", "Intended use and limits", "Licence", "Citation"):
        assert f"\n## {heading}\n" in text
    assert "emoviz export" in text and "--control-vector-scaled vector.gguf:0.03" in text and "layers 10-20" in text
    assert set_bibtex(vectors) in text


def test_no_name_of_a_card_is_markdown_html_yaml_or_latex(hostile, tmp_path, monkeypatch):
    monkeypatch.setattr("emoviz.share.card.export", lambda draw, *_: b"picture" if draw() else b"")
    from markdown_it import MarkdownIt

    weights = tmp_path / "my weights"
    weights.mkdir()
    hostile = replace(hostile, provenance=replace(hostile.provenance, origin=str(weights)))
    _, text = card_of(hostile, tmp_path)
    assert "my weights" not in text, "a path of this machine"
    assert set(yaml.safe_load(text.split("---\n")[1])) == {"tags"}, "the licence of a made-up model is not known"
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text.split("---\n", 2)[2])
    inline = [child for token in tokens for child in token.children or []]
    assert not [token for token in (*tokens, *inline) if token.type in ("html_block", "html_inline", "link_open")]
    assert [child.attrs["src"] for child in inline if child.type == "image"] == [
        "depth_decoding_accuracy.png",
        "rdm.png",
    ]
    assert [token.type for token in tokens].count("heading_open") == 7
    assert [token.info for token in tokens if token.type == "fence"] == ["python", "sh", "bibtex"]
    shown = "".join(child.content for child in inline if child.type == "text")
    assert "**bold** <img src=x>" in shown and "../../up" in shown
    for entry in set_bibtex(hostile).split("\n\n"):
        assert entry.count("{") == entry.count("}") and "\n" not in entry.partition("title")[2].partition("},")[0]


def test_a_card_without_chromium_says_that_its_figures_are_missing(vectors, tmp_path, monkeypatch, caplog):
    def nothing():
        raise chromium.NoChromium("there is no Chromium. Install chromium.")

    monkeypatch.setattr("emoviz.share.card.export", lambda *_: nothing())
    files, text = card_of(vectors, tmp_path)
    assert [file.name for file in files] == ["README.md"] and "![" not in text
    assert "no figure rdm: there is no Chromium" in text.replace("\\", "")
    assert "no figure rdm: there is no Chromium" in caplog.text


@pytest.mark.parametrize("format", ["gguf", "npz", "safetensors"])
def test_what_was_exported_is_imported_again_to_the_bit(vectors, tmp_path, format):
    out = tmp_path / ("v" if format == "gguf" else f"v.{format}")
    files = ez.export_set(vectors, format, out, emotions=["calm", "sad"], layers="2-4")
    found = ez.load_vectors(files, n_layers=6)
    expected = np.stack([list(directions(file).values()) for file in files]) if format == "gguf" else None
    if format == "npz":
        expected = np.load(files[0])["vectors"]
    if format == "safetensors":
        expected = np.stack(list(load_file(files[0]).values()))
    assert found.classes == ("calm", "sad") and found.finite_layers == (2, 3, 4)
    np.testing.assert_array_equal(found.class_means[2:5].swapaxes(0, 1), expected, strict=True)


def test_a_card_of_an_imported_set_says_what_is_not_known(vectors, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("emoviz.share.card.export", lambda draw, *_: b"picture" if draw() else b"")
    files = ez.export_set(vectors, "gguf", tmp_path / "v", emotions=["calm", "sad", "happy"])
    imported = ez.load_vectors(files, n_layers=6, model="made-up", name="theirs")
    files, text = card_of(imported, tmp_path)
    assert [file.name for file in files] == [
        "README.md",
        "rdm.png",
    ] and "no figure depth_decoding_accuracy" in caplog.text
    assert "as another tool made them" in text and "| decoding | missing |" in text
    assert "which strength is which dose is not known" in text


def test_the_page_saves_a_set_and_says_why_it_cannot():
    name = "gemma-3-270m_emoviz_fp32_ca4cb220"
    file, _ = exporting.export(name, "bibtex")
    assert file["name"] == f"{name}.bib" and b"gemma" in base64.b64decode(file["data"])
    assert "no vector set is chosen" in exporting.export(None, "npz")[0]["problem"]
    assert "format 'exe' is unknown" in exporting.export(name, "exe")[0]["problem"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing", "--format", "npz"], "nothing"),
        (["SET", "--format", "onnx"], "format 'onnx' is unknown; gguf, safetensors, npz, csv"),
        (["SET", "--format", "npz", "--emotion", "hunger", "--out", "{}/v.npz"], "emotion 'hunger' is not in"),
        (["SET", "--format", "npz", "--layers", "40", "--out", "{}/v.npz"], "layers '40' were asked for"),
        (["SET", "--format", "npz", "--centring", "odd", "--out", "{}/v.npz"], "centring 'odd' is unknown"),
        (["SET", "--format", "npz", "--dose", "7", "--out", "{}/v.npz"], "dose 7 was given; fractions"),
        (["SET", "--format", "npz", "--dose", "0", "--out", "{}/v.npz"], "one number other than 0 is allowed"),
        (["SET", "--format", "npz", "--dose", "nan", "--out", "{}/v.npz"], "'nan' was given; a number is allowed"),
        (["SET", "--format", "npz", "--out", "{}"], "is a folder; a file is needed"),
        (["SET", "--format", "npz", "--out", "/proc/none/v.npz"], "/proc/none cannot be written"),
        (["SET", "--format", "gguf", "--out", "{}/v.gguf"], "was given for 20 files; a folder is needed"),
        (["SET", "--format", "gguf", "--out", "/proc/none"], "cannot be written"),
        (["SET", "--format", "gguf", "--emotion", "calm", "calm", "--out", "{}/v"], "'calm' was given twice"),
        (
            ["SET", "--format", "card", "--dose", "0.1", "--out", "{}/v"],
            "dose was given, and format card has no vectors",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_line_and_nothing_is_left(tmp_path, capsys, words, message):
    named = {"SET": "SmolLM2-135M-Instruct_emoviz_fp32"}
    assert main(["export", *(named.get(word, word.format(tmp_path)) for word in words)]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_of_several_files_none_is_there_or_replaced_before_all_are_written(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("as it was")

    def full(_path):
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="bad cannot be written .No space left on device"):
        all_atomically({old: lambda path: path.write_text("x"), new: lambda path: path.touch(), tmp_path / "bad": full})
    assert list(tmp_path.iterdir()) == [old] and old.read_text() == "as it was"


def test_a_folder_that_vanishes_is_said_in_one_line(vectors, tmp_path, monkeypatch):
    folder = tmp_path / "gone"

    def write(path, given, name):
        path.touch()
        shutil.rmtree(folder)

    monkeypatch.setattr("emoviz.share.export.write_gguf", write)
    with pytest.raises(InputError, match="cannot be written"):
        ez.export_set(vectors, "gguf", folder / "v.gguf", emotions="calm")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_where_the_files_are(tmp_path, capsys, caplog):
    caplog.set_level(logging.WARNING)
    words = ["export", "SmolLM2-135M-Instruct_emoviz_fp32", "--format", "gguf", "--json", "--out"]
    assert main([*words, str(tmp_path / "v"), "--emotion", "calm", "sad"]) == 0
    said = json.loads(capsys.readouterr().out)
    paths = [str(tmp_path / "v" / f"{name}.gguf") for name in ("calm", "sad")]
    assert said["path"] == str(tmp_path / "v") and said["paths"] == paths and said["format"] == "gguf"
    assert main([*words, paths[0], "--emotion", "calm"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["path"] == paths[0] and "paths" not in said and said["set"].endswith("_b1164d71")


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "card"])
def test_without_a_path_a_file_is_called_by_its_set(vectors, tmp_path, monkeypatch, format):
    monkeypatch.chdir(tmp_path)
    files = ez.export_set(vectors, format)
    assert all(file.is_file() for file in files)
    assert [path.name for path in tmp_path.iterdir()] == [
        f"{vectors.name}-gguf" if format == "gguf" else f"{vectors.name}.{'bib' if format == 'bibtex' else format}"
    ]


def test_the_page_gets_one_file_and_what_was_left_out(vectors):
    name, content, notes = exported_file(replace(vectors, residual_norm=np.full(6, np.nan)), "gguf")
    assert name == f"{vectors.name}.gguf.zip" and len(notes) == 1
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == [f"{one}.gguf" for one in vectors.emotions]
    name, content, notes = exported_file(vectors, "npz")
    assert name == f"{vectors.name}.npz" and np.load(io.BytesIO(content))["layers"].tolist() == list(range(6))


def test_a_cleaned_set_steers_elsewhere_too_but_has_no_card(vectors, tmp_path):
    from emoviz.types import Cleaned

    cleaned = replace(vectors, cleaned=Cleaned("halved", vectors.class_means / 2 + 1))
    (file,) = ez.export_set(cleaned, "gguf", tmp_path / "v.gguf", emotions="calm")
    assert fields(file)["emoviz.cleaning"] == "halved"
    with pytest.raises(InputError, match="cleaned directions are for reading and steering"):
        ez.export_set(cleaned, "card", tmp_path / "c")
