"""Files of vectors that cannot be used: refused in one line, in little memory, with nothing written and nothing run."""

import os
import pickle
import re
import struct
import tracemalloc
import zipfile

import gguf
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.extract.imported import load_vectors
from emoviz.store import sets_folder

from .test_import import AWAY, LAYOUTS, NAMES, STACK, WIDTH, hinted, numbers, steerkit_keys, write_gguf


class Refused:
    """Would be made by code that a file names."""


def write_model(path):
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_tensor("token_embd.weight", numbers(4, 4))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def vector(**how):
    return lambda path: write_gguf(path, (1, 2), keys=hinted(2), **how)


def of_site(site):
    return lambda path: write_gguf(path, (1,), keys=lambda writer, arch: writer.add_string("hook_site", site))


def raw(content):
    return lambda path: path.write_bytes(content)


def header(n_tensors, n_keys, *parts):
    """The beginning of a GGUF file; texts of the parts have their length before them."""
    text = (struct.pack("<Q", len(part)) + part if part[:1].isalpha() else part for part in parts)
    return raw(b"GGUF" + struct.pack("<IQQ", 3, n_tensors, n_keys) + b"".join(text))


def cut(write):
    def short(path):
        write(path)
        path.write_bytes(path.read_bytes()[:-50])

    return short


def npy(shape, descr="<f4"):
    """The beginning of a .npy file."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def member(name, content):
    def write(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)

    return write


def npz(**arrays):
    return lambda path: np.savez(path, **arrays)


def tensors(arrays, said=None):
    return lambda path: save_file(arrays, path, said)


def saved(content):
    return lambda path: torch.save(content, path)


def _inner(kind, *numbers):
    return [b"a", struct.pack("<II" + "Q" * len(numbers), 9, kind, *numbers)]


BIG = "1 to 268,435,456 in all"
# What is wrong -> name of the file, what writes it, what is said of it.
BAD = {
    "a model": ("a.gguf", write_model, "is a model (llama), not a control vector"),
    "an array of 2^63 texts": ("a.gguf", header(0, 1, *_inner(8, 2**63 - 1)), "ends before"),
    "a text of 2^64 bytes": ("a.gguf", header(0, 1, *_inner(8, 2**40, 2**64 - 8)), "ends before"),
    "2^31 dimensions": ("a.gguf", header(1, 0, b"t", struct.pack("<I", 2**31)), "has 2147483648 dimensions"),
    "a key twice": ("a.gguf", header(0, 2, *(2 * [b"a", struct.pack("<II", 4, 1)])), "has 'a' twice"),
    "2^40 tensors": ("a.gguf", header(2**40, 0), "ends before"),
    "2^60 numbers": ("a.gguf", header(1, 0, b"direction.1", struct.pack("<IQIQ", 1, 2**60, 0, 0)), BIG),
    "a direction twice": ("a.gguf", header(2, 0, *(2 * [b"direction.1", struct.pack("<IQIQ", 1, 4, 0, 0)])), "twice"),
    "whole numbers in GGUF": ("a.gguf", vector(dtype=np.int32), "F32, F16, BF16 or F64 is needed"),
    "a GGUF that is cut off": ("a.gguf", cut(vector()), "ends before"),
    "NaN in GGUF": ("a.gguf", vector(scale=np.nan), "NaN or infinite"),
    "no GGUF": ("a.gguf", raw(b"hello" * 9), "is no GGUF file"),
    "an empty file": ("a.gguf", raw(b""), "is empty"),
    "a site inside a block": ("a.gguf", of_site("mlp_out"), "were read at 'mlp_out'"),
    "no .npz": ("a.npz", raw(b"PK\x03\x04 nothing"), "is no .npz file"),
    "a bomb": ("a.npz", member("a.npy", npy((2**26,)) + bytes(2**28)), "would grow to"),
    "a shape beyond memory": ("a.npz", member("a.npy", npy((2**40, 8))), BIG),
    "a shape beyond the file": ("a.npz", member("a.npy", npy((64, 64))), "which is not its size"),
    "a negative shape": ("a.npz", member("a.npy", npy((-4, -4))), BIG),
    "objects": ("a.npz", npz(a=np.array([{}, {}])), "never objects"),
    "whole numbers": ("a.npz", npz(a=np.ones((4, 8), int)), "holds no arrays"),
    "other things than arrays": ("a.npz", member("run.py", b"print()"), "other things than arrays"),
    "infinite numbers": ("a.npz", npz(a=np.full((4, 8), np.inf)), "NaN or infinite"),
    "numbers too large for float32": ("a.npz", npz(a=np.full((4, 8), 1e300)), "NaN or infinite"),
    "unequal widths": ("a.npz", npz(a=np.ones((4, 8)), b=np.ones((4, 9))), "different widths (8, 9)"),
    "unequal numbers of layers": ("a.npz", npz(a=np.ones((4, 8)), b=np.ones((5, 8))), "of several kinds"),
    "no vectors": ("a.npz", npz(), "holds no arrays"),
    "zeros": ("a.npz", npz(a=np.zeros((4, 8))), "no layer has vectors"),
    "a path for a name": ("a.npz", npz(**{"..\\up": np.ones((4, 8))}), "without commas, slashes"),
    "complex numbers": ("a.npy", lambda path: np.save(path, np.ones((4, 8), complex)), "numbers or names"),
    "four dimensions": ("a.npy", lambda path: np.save(path, numbers(2, 2, 2, 2)), "has 4 dimensions"),
    "a .npy that is cut off": ("a.npy", cut(lambda path: np.save(path, numbers(4, 8))), "which is not its size"),
    "an empty name": ("a.safetensors", tensors({" ": numbers(4, 8)}), "a name of 1 to 80"),
    "one name twice": ("a.safetensors", tensors({"sad": numbers(4, 8), "sad ": numbers(4, 8)}), "'sad' is there twice"),
    "bytes in safetensors": ("a.safetensors", tensors({"a": np.ones((4, 8), np.int8)}), "has type I8"),
    "a safetensors that is cut off": ("a.safetensors", cut(tensors({"a": numbers(4, 8)})), "or is cut off"),
    "a broken list of names": ("a.safetensors", tensors({"means": STACK}, {"classes": "[" * 10_000}), "--classes"),
    "no probe": ("a.probe.safetensors", tensors({"a": numbers(8)}), "is no probe of steerkit"),
    "a pickle": ("a.pt", raw(pickle.dumps({"a": 1})), "could run code"),
    "objects of a tool": ("a.pt", saved({"a": Refused()}), "Refused), which could run code"),
    "a list": ("a.pt", saved([torch.ones(4)]), "not a dictionary"),
    "whole numbers in .pt": ("a.pt", saved({"a": torch.ones(4, 8, dtype=torch.int64)}), "is torch.int64"),
    "one number repeated": ("a.pt", saved({"a": torch.ones(1).expand(2**20, 2**12)}), BIG),
    "deep nests": ("a.pt", saved({"a": {"b": {"c": {"d": torch.ones(4)}}}}), "nested more than twice"),
    "another ending": ("a.txt", raw(b"x"), "a name that ends in"),
    "a name that no system has": (f"{'a' * 300}.gguf", lambda path: None, "cannot be read (File name too long"),
    "a pipe": ("a.npz", lambda path: os.mkfifo(path), "is no file"),
    "nothing": ("a.gguf", lambda path: None, "cannot be read (No such file"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_cannot_be_used_is_refused_in_a_line_and_in_little_memory(tmp_path, capsys, what):
    name, write, said = BAD[what]
    write(tmp_path / name)
    tracemalloc.start()
    try:
        code = main(["import", str(tmp_path / name), "--model", "owner/away", "--n-layers", "4"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    out = capsys.readouterr()
    assert code == 2 and out.out == "" and out.err.count("\n") == 1 and said in out.err
    assert not list(sets_folder().glob("*")) and peak < 64e6


def test_code_in_a_file_never_runs(tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"a": torch.ones(4, 8), "b": Payload()}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Payload()))
    np.save(tmp_path / "c.npy", np.array([Payload()], object), allow_pickle=True)
    np.savez(tmp_path / "d.npz", a=np.array([Payload()], object))
    for name in ("a.pt", "b.pt", "c.npy", "d.npz"):
        with pytest.raises(InputError):
            load_vectors(tmp_path / name, **AWAY)
    assert not (tmp_path / "ran").exists()
    pickle.loads((tmp_path / "b.pt").read_bytes())
    assert (tmp_path / "ran").exists(), "the payload would have run"


def test_vectors_of_another_model_are_refused(tmp_path, llama_folder):
    model = str(llama_folder)
    write_gguf(tmp_path / "wide.gguf", (1,), keys=hinted(1), width=WIDTH + 1)
    write_gguf(tmp_path / "deep.gguf", (1, 9), keys=hinted(2))
    write_gguf(tmp_path / "other.gguf", (2,), keys=steerkit_keys(2))
    np.savez(tmp_path / "v.npz", **dict(zip(NAMES, STACK, strict=True)))
    for name, given, said in (
        ("wide.gguf", {"model": model}, "width 17, tiny-llama has 16"),
        ("deep.gguf", {"model": model}, "have layer 9, the model layers 0 to 3"),
        ("other.gguf", {"model": "owner/others"}, "they are of owner/away, and --model says owner/others"),
        ("v.npz", {"model": model, "n_layers": 5}, "two numbers of layers (5 by --n-layers, 4 by tiny-llama)"),
        ("v.npz", {"model": model, "layers": [0, 1]}, "2 layers were named for 4 rows"),
        ("v.npz", {"model": model, "layers": [0, 1, 1, 2]}, "none twice"),
        ("v.npz", {"model": model, "layer_offset": 3}, "have layer 5"),
        ("v.npz", {"model": model, "classes": ["a", "b"]}, "2 classes were named, v.npz has 3"),
        ("v.npz", {"model": model, "classes": ["a", "b", "a"]}, "'a' is there twice"),
        ("v.npz", {"model": "./nowhere"}, "unknown"),
        ("v.npz", {"model": model, "name": "../up"}, "letters, digits"),
        ("deep.gguf", {"model": model, "layers": [1, 2]}, "numbers its layers itself"),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            load_vectors(tmp_path / name, **given)


def test_a_class_in_two_files_is_refused(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_gguf(tmp_path / folder / "sad.gguf", (1, 2), keys=hinted(2))
    with pytest.raises(InputError, match="'sad' is in sad.gguf and in another file"):
        load_vectors([tmp_path / "one/sad.gguf", tmp_path / "two/sad.gguf"], n_layers=4, **AWAY)


@pytest.mark.parametrize("name", ["v.gguf", "v.npz", "v.npy", "v.safetensors", "v.probe.safetensors", "v.pt"])
def test_no_damage_to_a_file_ends_in_anything_but_a_line(tmp_path, name):
    path = tmp_path / name
    if name == "v.gguf":
        write_gguf(path, (1, 2), keys=hinted(2))
    elif name == "v.probe.safetensors":
        said = {"layer": "2", "n_total_layers": "4", "model_id": "owner/away", "default_method": "a"}
        save_file({"direction.a": numbers(WIDTH)}, path, said)
    elif name == "v.npy":
        np.save(path, STACK)
    else:
        {"v.npz": LAYOUTS["npz, by both"], "v.pt": LAYOUTS["pt, nested by layer"]}.get(
            name, LAYOUTS["safetensors, by both"]
        )[1](path)
    whole = path.read_bytes()
    load_vectors(path, classes="abc" if name == "v.npy" else None, n_layers=4, **AWAY)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        # Mostly where sizes and names are.
        reach = len(whole) if rng.random() < 0.3 else min(len(whole), 400)
        for at in rng.integers(0, reach, rng.integers(1, 4)):
            damaged[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)])
        if rng.random() < 0.2:
            damaged = damaged[: rng.integers(len(whole))]
        path.write_bytes(damaged)
        try:
            load_vectors(path, classes="abc" if name == "v.npy" else None, n_layers=4, **AWAY)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 30
