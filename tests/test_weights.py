"""What stands in the files of a model is believed no further than the files go, and nothing in them runs."""

import json
import pickle
import struct
from pathlib import Path

import pytest
import torch

from emoviz.errors import InputError
from emoviz.models.convert import converted_folder
from emoviz.models.load import load_model
from emoviz.models.memory import count_parameters
from emoviz.models.registry import resolve
from emoviz.models.weights import BIN
from emoviz.store.formats.gguf_model import numbers_in_model

from .conftest import save_tiny_model, tiny_llama


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def _gguf(path: Path, keys: dict[str, int], tensors=(), data: int = 0) -> Path:
    """A GGUF file by hand: whole numbers in its metadata, and (name, shape, type, offset) of tensors."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys) + 1)
    head += _text("general.architecture") + struct.pack("<I", 8) + _text("llama")
    for key, value in keys.items():
        head += _text(f"llama.{key}") + struct.pack("<IQ", 10, value)
    for name, shape, kind, offset in tensors:
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    path.write_bytes(head + b"\0" * (-len(head) % 32 + data))
    return path


_SIZES = {"block_count": 1, "embedding_length": 32, "attention.head_count": 2}
_ONE = [("blk.0.w", [32, 32], 0, 0)]
_LIES = {
    "no tensors": ({**_SIZES, "embedding_length": 20_000}, (), 0, "says that it has 0 tensors"),
    "a million blocks": ({**_SIZES, "block_count": 10**6}, _ONE, 4096, "1,000,000 blocks, and holds 1"),
    "a million experts": ({**_SIZES, "expert_count": 10**6}, _ONE, 4096, "blocks"),
    "a tensor beyond the end": (_SIZES, _ONE, 100, "ends before 'blk.0.w'"),
    "a shape of 2^64": (_SIZES, [("blk.0.w", [2**63, 4], 0, 0)], 4096, "ends before 'blk.0.w'"),
    "a shape of nothing": (_SIZES, [("blk.0.w", [0, 4], 0, 0)], 4096, "the shape"),
    "two of a name": (_SIZES, _ONE * 2, 4096, "have one name"),
    "an unknown type": (_SIZES, [("blk.0.w", [32], 999, 0)], 4096, "of type 999"),
}


@pytest.mark.parametrize(("keys", "tensors", "data", "said"), _LIES.values(), ids=_LIES)
def test_a_gguf_model_is_as_large_as_its_file_before_anything_is_loaded(tmp_path, keys, tensors, data, said):
    path = _gguf(tmp_path / "lie.gguf", keys, tensors, data)
    with pytest.raises(InputError, match=said):
        numbers_in_model(path)
    with pytest.raises(InputError, match="cannot be read as a GGUF language model"):
        converted_folder(resolve(path), lambda *_: None)


def test_the_weights_of_a_whole_file_are_counted(tmp_path):
    assert numbers_in_model(_gguf(tmp_path / "whole.gguf", _SIZES, _ONE, 4096)) == 1024


def test_arrays_of_no_vocabulary_are_not_read(tmp_path):
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + _text("a") + struct.pack("<IIQ", 9, 0, 5_000_000)
    (tmp_path / "a.gguf").write_bytes(head + b"\0" * 5_000_000)
    with pytest.raises(InputError, match="more than 4,194,304 values"):
        numbers_in_model(tmp_path / "a.gguf")


@pytest.fixture
def tiny(tmp_path):
    return save_tiny_model(tmp_path / "tiny", tiny_llama())


def _change(folder: Path, **values) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def test_a_configuration_that_asks_for_more_than_the_files_hold_is_refused(tiny):
    for values, said in (
        ({"num_hidden_layers": 10**6}, "1000000 layers"),
        ({"hidden_size": 2**20}, "it asks for .* weights"),
    ):
        _change(tiny, **{"num_hidden_layers": 4, "hidden_size": 16, **values})
        with pytest.raises(InputError, match=said):
            load_model(str(tiny))


def test_a_header_that_lies_is_no_number_of_parameters(tiny):
    for length in (2**63 - 1, 2**40, 10):
        (tiny / "model.safetensors").write_bytes(struct.pack("<Q", length) + b"{" * 100)
        assert count_parameters(tiny) is None


def _as_bin(folder: Path, extra=None) -> None:
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    torch.save({**weights, **({} if extra is None else {"x": extra})}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


class _Payload:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


def test_bin_weights_are_read_where_that_was_asked_for_and_then_tensors_alone(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _as_bin(tiny)
    with pytest.raises(InputError, match=f"no safetensors weights.*{BIN}=1"):
        load_model(str(tiny))
    monkeypatch.setenv(BIN, "1")
    assert load_model(str(tiny)).n_layers == 4
    # What is no tensor is refused, without a word of how it could run.
    save_tiny_model(tiny, tiny_llama())
    _as_bin(tiny, _Payload())
    with pytest.raises(InputError) as caught:
        load_model(str(tiny))
    said = str(caught.value)
    assert "more than tensors" in said and "weights_only" not in said and "\n" not in said
    (tiny / "pytorch_model.bin").write_bytes(pickle.dumps(_Payload()))
    with pytest.raises(InputError) as caught:
        load_model(str(tiny))
    assert "weights_only" not in str(caught.value) and not (tmp_path / "ran").exists()


def test_code_that_comes_with_a_model_is_neither_run_nor_advised(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tiny / "mine.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    _change(tiny, auto_map={"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M"}, model_type="mine")
    with pytest.raises(InputError) as caught:
        load_model(str(tiny))
    said = str(caught.value)
    assert "code of its own, which is never run" in said and "trust_remote_code" not in said
    assert not (tmp_path / "ran").exists()


def test_a_model_with_an_encoder_and_a_decoder_is_refused_in_plain_words(tiny):
    _change(tiny, model_type="t5", architectures=["T5ForConditionalGeneration"])
    with pytest.raises(InputError, match="transformers has no causal language model with T5Config"):
        load_model(str(tiny))
