"""Everything that changes the numbers is in the key of a set and of what is stored about it; nothing else is."""

import importlib
import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from emoviz.extract.protocols import protocol
from emoviz.extract.sets import set_name
from emoviz.models.identity import identity
from emoviz.models.load import load_model
from emoviz.models.wrap import wrap
from emoviz.steer.recipes import recipe
from emoviz.stimuli.corpus import corpus_of
from emoviz.store.effects import effects_name
from emoviz.store.leaks import leak_name
from emoviz.store.responses import response_name
from emoviz.types import Decoding

from .conftest import make_set

CHAT = "{% for message in messages %}{{ message.content }}{% endfor %}"


def _changed(name: str, **fields):
    def change(folder):
        path = folder / name
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(known | fields))

    return change


def _weights(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["model.norm.weight"][3] += 1e-3
    save_file(tensors, path, {"format": "pt"})


def _end_token(folder):
    path = folder / "tokenizer.json"
    read = json.loads(path.read_text())
    end = {"SpecialToken": {"id": "</s>", "type_id": 0}}
    known = {"</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}
    single = [{"Sequence": {"id": "A", "type_id": 0}}, end]
    read["post_processor"] = {
        "type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": known
    }  # fmt: skip
    path.write_text(json.dumps(read))


CHANGES = {
    "weights": _weights,
    "config": _changed("config.json", rms_norm_eps=1e-3),
    "tokenizer": _end_token,
    "tokenizer's settings": _changed("tokenizer_config.json", clean_up_tokenization_spaces=True),
    "special tokens": _changed("special_tokens_map.json", unk_token="cat"),
    "added tokens": _changed("added_tokens.json", **{"<more>": 21}),
    "chat template": lambda folder: (folder / "chat_template.jinja").write_text(CHAT),
    "generation config": _changed("generation_config.json", eos_token_id=[2, 5]),
}


@pytest.fixture
def folder(llama_folder, tmp_path):
    return shutil.copytree(llama_folder, tmp_path / "tiny-llama")


def _revision(folder) -> str:
    found = identity(str(folder))
    assert found is not None
    return found.revision


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_the_numbers_of_a_folder_makes_another_set(folder, llama_folder, what):
    before = load_model(str(folder)).revision
    assert before == load_model(str(llama_folder)).revision == _revision(folder)
    CHANGES[what](folder)
    after = load_model(str(folder))
    assert after.revision != before and _revision(folder) == after.revision
    way, corpus = protocol("emoviz"), corpus_of([(e, f"the {w}", w) for e in "ab" for w in ("cat", "dog")])
    assert set_name(after, way, corpus) != set_name(load_model(str(llama_folder)), way, corpus)


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "training_args.bin", "trainer_state.json", "figure.png"])
def test_what_changes_no_number_leaves_the_set(folder, name):
    before = _revision(folder)
    (folder / name).write_text("more")
    assert _revision(folder) == before


def test_passages_neutral_sentences_precision_protocol_and_method_make_another_set(llama, llama_folder, monkeypatch):
    rows = [(e, f"the {w}", w) for e in ("up", "down") for w in ("cat", "dog")]
    way, corpus = protocol("emoviz"), corpus_of(rows)
    first = set_name(llama, way, corpus)
    assert set_name(load_model(str(llama_folder)), way, corpus_of(list(rows))) == first
    monkeypatch.setattr("emoviz.stimuli.corpus.neutral_sentences", lambda: ("the cat", "the dog"))
    other = {
        set_name(llama, way, corpus_of([*rows[:3], ("down", "the tree", "dog")])),
        set_name(llama, way, corpus_of([*rows[:3], ("down", "the dog", "tree")])),
        set_name(llama, way, corpus_of([("sad", *rows[0][1:]), ("sad", *rows[1][1:]), *rows[2:]])),
        set_name(llama, way, corpus_of(rows)),
        set_name(load_model(str(llama_folder), precision="bf16"), way, corpus),
        set_name(llama, protocol("jeong2026b"), corpus),
    }
    # The package has a function of this name.
    module = importlib.import_module("emoviz.extract.sets")
    monkeypatch.setattr(module, "CONTENTS", module.CONTENTS + 1)
    assert len({first, *other, set_name(llama, way, corpus)}) == 8


@pytest.mark.parametrize("what", ["weights", "tokenizer", "special tokens", "chat template", "generation config"])
def test_whatever_changes_the_numbers_of_a_model_in_memory_makes_another_revision(llama_folder, what):
    model = AutoModelForCausalLM.from_pretrained(llama_folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(llama_folder)
    before = wrap(model, tokenizer).revision
    tokenizer(["the cat", "a"], padding=True, truncation=True, max_length=4)
    assert wrap(model, tokenizer).revision == before
    if what == "weights":
        with torch.no_grad():
            model.model.norm.weight[3] += 1e-3
    elif what == "tokenizer":
        tokenizer.backend_tokenizer.add_tokens(["mat ."])
    elif what == "special tokens":
        tokenizer.eos_token = "."
    elif what == "chat template":
        tokenizer.chat_template = CHAT
    else:
        model.generation_config.eos_token_id = [2, 5]
    assert wrap(model, tokenizer).revision != before


def test_stored_runs_are_of_one_revision_of_one_set():
    one = make_set()
    other = replace(one, provenance=replace(one.provenance, revision="another"))
    done, asked = recipe(one), (Decoding(4), ["I opened the door and"], ["afraid"], ["random"], [0.03], "fp32")
    for named in (
        lambda s: response_name(s, done, *asked),
        lambda s: leak_name(s, {"emoviz": done}, *asked),
        lambda s: effects_name(s, done, asked[0], 1, asked[1], ["the cat"], [], *asked[2:]),
    ):
        assert named(one) == named(replace(one)) != named(other)
