"""Models of the Hugging Face hub: how they are written, and what is loaded out of its local cache, offline."""

import re
from pathlib import Path

import pytest

import emoviz as ez
from emoviz.app.tabs import library as library_tab
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.models import resolve
from emoviz.models.fetch import fetch
from emoviz.models.hub import parse_hub
from emoviz.models.load import load_model

from .conftest import save_tiny_model, tiny_gpt2, tiny_llama, write_passages
from .test_cli import run

ONE, TWO = "1" * 40, "2" * 40
LONG = "o/" + "n" * 96


def save_gguf(path: Path) -> Path:
    """A random Llama of two blocks as a GGUF file, with a tokenizer of single letters."""
    import gguf
    import numpy as np

    rng = np.random.default_rng(0)
    tokens = ["<unk>", "<s>", "</s>", *"abcdefghijklmnopqrstuvwxyz.", "Ġ", "ab"]
    path.parent.mkdir(parents=True, exist_ok=True)
    file = gguf.GGUFWriter(path, "llama")
    file.add_context_length(64)
    file.add_embedding_length(32)
    file.add_block_count(2)
    file.add_feed_forward_length(64)
    file.add_head_count(2)
    file.add_head_count_kv(2)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(16)
    file.add_vocab_size(len(tokens))
    file.add_tokenizer_model("gpt2")
    file.add_token_list(tokens)
    file.add_token_types([3, 3, 3, *[1] * (len(tokens) - 3)])
    file.add_token_merges(["a b"])
    file.add_bos_token_id(1)
    file.add_eos_token_id(2)
    shapes = {"token_embd": (len(tokens), 32), "output_norm": (32,), "output": (len(tokens), 32)}
    for k in range(2):
        shapes |= {f"blk.{k}.{name}": (32, 32) for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
        shapes |= {f"blk.{k}.{name}": (64, 32) for name in ("ffn_gate", "ffn_up")}
        shapes |= {f"blk.{k}.ffn_down": (32, 64), f"blk.{k}.attn_norm": (32,), f"blk.{k}.ffn_norm": (32,)}
    for name, shape in shapes.items():
        file.add_tensor(f"{name}.weight", rng.normal(0, 0.5, shape).astype(np.float32))
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """What the hub's own client leaves on a disk: two commits of lab/tiny, one of lab/tiny-GGUF."""
    folder = tmp_path_factory.mktemp("hub")
    tiny, gguf = folder / "models--lab--tiny", folder / "models--lab--tiny-GGUF"
    save_tiny_model(tiny / "snapshots" / ONE, tiny_llama())
    save_tiny_model(tiny / "snapshots" / TWO, tiny_gpt2(), bos=True)
    save_gguf(gguf / "snapshots" / TWO / "files" / "tiny.Q8_0.gguf")
    for repository, refs in ((tiny, {"main": TWO, "v1.0": ONE, "refs/pr/3": ONE}), (gguf, {"main": TWO, "v2": TWO})):
        for name, commit in refs.items():
            (repository / "refs" / name).parent.mkdir(parents=True, exist_ok=True)
            (repository / "refs" / name).write_text(commit, "utf-8")
    return folder


@pytest.fixture(autouse=True)
def in_the_cache(cache, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))


@pytest.mark.parametrize(
    ("text", "parts", "name"),
    [
        ("lab/tiny", ("lab/tiny", "", ""), "tiny"),
        ("lab/tiny@v1.0", ("lab/tiny", "v1.0", ""), "tiny@v1.0"),
        (f"lab/tiny@{ONE}", ("lab/tiny", ONE, ""), "tiny@11111111"),
        ("lab/tiny@refs/pr/3", ("lab/tiny", "refs/pr/3", ""), "tiny@refs-pr-3"),
        ("lab/tiny:a/b.Q4_K_M.gguf", ("lab/tiny", "", "a/b.Q4_K_M.gguf"), "b.Q4_K_M"),
        ("lab/tiny@main:b.GGUF", ("lab/tiny", "main", "b.GGUF"), "b@main"),
        (LONG, (LONG, "", ""), "n" * 96),
    ],
)
def test_an_id_has_a_revision_and_a_file_where_one_is_meant(text, parts, name):
    found = parse_hub(text)
    assert (found.repository, found.revision, found.file) == parts and str(found) == text
    source = resolve(text)
    assert (source.kind, source.name, source.location) == ("hub", name, text)


MALFORMED = [
    ("Qwen/Qwen2.5-0.5B@main ", "'main ' is no branch, tag or commit. Give owner/name, owner/name@revision"),
    ("Qwen/Qwen2.5-0.5B ", "'Qwen/Qwen2.5-0.5B ' is not one of letters"),
    (" Qwen/Qwen2.5-0.5B", "' Qwen/Qwen2.5-0.5B' is not one of letters"),
    ("owner/name:Q4_K_M", "'Q4_K_M' is no GGUF file of a repository"),
    ("owner/name@main:Q4_K_M", "'Q4_K_M' is no GGUF file of a repository"),
    ("owner/a--b", "'owner/a--b' is not one of letters, digits, single '-'"),
    ("owner/name--v2", "is no hub id"),
    ("owner/-name", "is no hub id"),
    ("owner/name.git", "is no hub id"),
    ("ow ner/name@main", "is no hub id"),
    (LONG + "n", "up to 96"),
    ("o/" + "n" * 5000, "up to 96"),
    ("owner//x", "model 'owner//x' is unknown"),
    ("a/b/c", "model 'a/b/c' is unknown"),
    ("a/b/c@main", "model 'a/b/c@main' is unknown"),
    ("@", "model '@' is unknown"),
    (":", "model ':' is unknown"),
    ("@main", "is unknown"),
    ("owner/", "is unknown"),
    ("name@main", "is unknown"),
    ("name:x.gguf", "is unknown"),
    ("owner/name@", "'' is no branch, tag or commit"),
    ("owner/name@:x.gguf", "'' is no branch, tag or commit"),
    ("owner/name:", "'' is no GGUF file of a repository"),
    ("owner/name@a@b", "'a@b' is no branch"),
    ("owner/name@../../../x", "'../../../x' is no branch"),
    ("owner/name@a..b", "is no branch"),
    ("owner/name@/x", "is no branch"),
    ("owner/name@x/", "is no branch"),
    ("owner/name@a\nb", "is no branch"),
    ("owner/name@main\n", "is no branch"),
    ("owner/name:../x.gguf", "is no GGUF file"),
    ("owner/name:/x.gguf", "is no GGUF file"),
    ("owner/name:a//x.gguf", "is no GGUF file"),
    ("owner/name:.gguf", "is no GGUF file"),
    ("owner/name:x.gguf:y.gguf", "is no GGUF file"),
    ("owner/name:x.gguf ", "is no GGUF file"),
    ("owner/näme", "is no hub id"),
]


@pytest.mark.parametrize(("model", "message"), MALFORMED)
def test_a_malformed_id_is_one_line_everywhere(model, message):
    for call in (resolve, load_model, fetch):
        if call is fetch and "is unknown" in message:
            message = "is not known"
        with pytest.raises(InputError, match=re.escape(message)) as caught:
            call(model)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 700
    assert (
        library_tab.press(model, "emoviz", "fp32", None, "me")[0].startswith("**Cannot extract.**")
        or model != model.strip()
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["extract", "{}"],
        ["steer", "{}", "--emotion", "sad", "--prompt", "x"],
        ["chat", "{}", "--emotion", "sad", "--say", "x"],
        ["read", "{}", "--text", "x"],
        ["vary", "{}", "--template", "{{n}} cats", "--values", "1, 2"],
        ["verify", "{}"],
        ["doses", "{}"],
        ["leak", "{}"],
        ["effects", "{}"],
        ["witness", "--for", "{}"],
        ["fetch", "{}"],
    ],
    ids=lambda argv: argv[0],
)
@pytest.mark.parametrize("model", ["owner/name@main ", "owner/name:Q4_K_M", "owner/name--v2", "a/b/c", "owner/name@"])
def test_every_command_says_so_and_ends_with_2(capsys, argv, model):
    assert main([word.replace("{}", model) for word in argv]) == 2
    out, err = capsys.readouterr()
    (line,) = err.strip().splitlines()
    assert out == "" and line.startswith("emoviz: model ") and repr(model)[:12] in line


def test_two_revisions_of_one_repository_are_two_models_with_two_sets(capsys, tmp_path):
    rows = [
        {"emotion": e, "text": f"the {w} {n} sat on a mat .", "topic": n}
        for e, w in (("up", "joyous"), ("down", "grim"))
        for n in ("cat", "dog", "tree", "mat")
    ]
    passages = str(write_passages(tmp_path / "mine.jsonl", rows))
    made = {}
    for model in ("lab/tiny", "lab/tiny@v1.0", f"lab/tiny@{ONE}", "lab/tiny@main"):
        code, found = run(capsys, "extract", model, "--passages", passages)
        assert code == 0 and found["tokens"] > 0
        made[model] = ez.find_set(found["set"])
    assert len({s.name for s in made.values()}) == 4 == len({s.provenance.model for s in made.values()})
    assert len({s.name.rpartition("_")[2] for s in made.values()}) == 4, "what was asked for is in the content key"
    told = {m: (s.provenance.asked, s.provenance.commit, s.provenance.revision) for m, s in made.items()}
    assert told == {
        "lab/tiny": ("", TWO, TWO),
        "lab/tiny@v1.0": ("v1.0", ONE, ONE),
        f"lab/tiny@{ONE}": (ONE, ONE, ONE),
        "lab/tiny@main": ("main", TWO, TWO),
    }
    assert [made[m].provenance.architecture for m in ("lab/tiny", "lab/tiny@v1.0")] == [
        "GPT2LMHeadModel",
        "LlamaForCausalLM",
    ]
    assert made["lab/tiny"].n_layers == 3 and made["lab/tiny@v1.0"].n_layers == 4
    for model, vectors in made.items():
        assert vectors.provenance.origin == model and ez.load_set(vectors.path) == vectors
    code, found = run(capsys, "lens", made["lab/tiny@v1.0"].name, "--emotion", "up", "--top", "2")
    assert code == 0, "the set's origin loads its own revision again"
    code, found = run(capsys, "read", "lab/tiny@v1.0", "--text", "the cat")
    assert code == 0 and found["set"] in {made[m].name for m in ("lab/tiny@v1.0", f"lab/tiny@{ONE}")}


def test_one_gguf_file_of_a_repository_is_a_model(capsys):
    plain, pinned = (
        load_model("lab/tiny-GGUF:files/tiny.Q8_0.gguf"),
        load_model("lab/tiny-GGUF@v2:files/tiny.Q8_0.gguf"),
    )
    assert (plain.name, plain.weights, plain.n_layers, plain.asked, plain.commit) == (
        "tiny.Q8_0",
        "GGUF F32",
        2,
        "",
        TWO,
    )
    assert (pinned.name, pinned.asked, pinned.commit) == ("tiny.Q8_0@v2", "v2", TWO)
    assert plain.revision == pinned.revision and len(plain.revision) == 64, "the sum of the file"
    assert plain.origin == "lab/tiny-GGUF:files/tiny.Q8_0.gguf" and load_model(plain.origin).revision == plain.revision
    rows = [(e, f"{w} {n}", n) for e, w in (("up", "abc"), ("down", "xyz")) for n in "klmn"]
    sets = [ez.extract(one, rows, save=False, progress=False) for one in (plain, pinned)]
    assert sets[0].name.rpartition("_")[2] != sets[1].name.rpartition("_")[2]
    assert [(s.provenance.asked, s.provenance.commit) for s in sets] == [("", TWO), ("v2", TWO)]
    assert fetch("lab/tiny-GGUF@v2:files/tiny.Q8_0.gguf").name == "tiny.Q8_0.gguf"


@pytest.mark.parametrize(
    "model",
    ["lab/nowhere", "lab/tiny@v9", f"lab/tiny@{'3' * 40}", "lab/tiny-GGUF:files/other.gguf", "lab/tiny-GGUF@v9:x.gguf"],
)
def test_what_is_not_in_the_cache_says_how_to_get_it(capsys, model):
    for command in ("extract", "fetch"):
        assert main([command, model]) == 2
        line = capsys.readouterr().err.strip().splitlines()[-1]
        assert f"emoviz: model {model!r} could not be loaded from the Hugging Face hub or its local copy" in line
        assert f"where there is a network, `emoviz fetch {model}` gets it" in line


def test_a_hub_that_does_not_answer_is_not_waited_for(monkeypatch, caplog, capfd):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("emoviz.models.hub.getproxies", dict)
    assert load_model("lab/tiny@v1.0").commit == ONE
    with pytest.raises(InputError, match="could not be loaded from the Hugging Face hub or its local copy"):
        load_model("lab/nowhere")
    assert "Retrying" not in caplog.text + capfd.readouterr().err


def test_what_is_fetched_is_a_snapshot_at_its_revision():
    assert fetch("lab/tiny@v1.0").name == ONE and fetch("lab/tiny").name == TWO


def test_a_branch_that_moves_while_it_is_read_gives_one_commit(cache, monkeypatch):
    from emoviz.models import identity as identity_module

    head, look = cache / "models--lab--tiny" / "refs" / "main", identity_module.hub_file

    def moved(model):
        found = look(model)
        head.write_text(ONE, "utf-8")
        return found

    monkeypatch.setattr(identity_module, "hub_file", moved)
    try:
        loaded = load_model("lab/tiny")
    finally:
        head.write_text(TWO, "utf-8")
    assert (loaded.commit, loaded.architecture, loaded.tokenizer.bos_token_id) == (TWO, "GPT2LMHeadModel", 1)
