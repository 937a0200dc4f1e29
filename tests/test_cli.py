"""The command line is a contract: keys, exit codes, one line per error."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from scipy.spatial.distance import squareform

from emoviz.cli import COMMANDS, main
from emoviz.store import list_sets, save_set, sets_folder
from emoviz.witness.targets import MAPPED_LABELS

from .conftest import ROOT, make_set, with_intervals, write_passages
from .test_witness import save_classifier

SMOL = "SmolLM2-135M-Instruct_emoviz"
GEMMA = "gemma-3-270m_emoviz"


def run(capsys, *argv):
    """Exit code, JSON object on stdout."""
    code = main([*argv, "--json"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1, "one JSON object on one line, nothing else on stdout"
    return code, json.loads(out)


def test_models(capsys):
    code, found = run(capsys, "models")
    assert code == 0
    keys = {"id", "family", "variant", "source", "available", "parameters", "gated", "pair", "badge"}
    assert all(set(row) == keys for row in found["models"])
    ids = {row["id"] for row in found["models"]}
    assert all(row["pair"] is None or row["pair"] in ids for row in found["models"])
    assert {row["source"] for row in found["models"]} <= {"bundled", "fetched", "hub"}


def test_list(capsys):
    code, found = run(capsys, "list")
    assert code == 0 and len(found["sets"]) >= 4
    keys = {"set", "model", "method", "protocol", "precision", "n_layers", "d_model", "n_classes", "shipped"}
    assert all(set(row) == keys for row in found["sets"])


def test_show(capsys):
    code, found = run(capsys, "show", SMOL)
    assert code == 0
    curves = {
        "mean_cosine",
        "rdm_std",
        "split_half_rho",
        "decoding_accuracy",
        "anisotropy",
        "participation_ratio",
        "residual_norm",
        "effective_rank",
        "vector_norm",
        "anisotropy_centred",
        "valence_r",
        "arousal_r",
    }
    assert curves | {"layers"} <= set(found["depth"])
    assert all(len(found["depth"][name]) == 30 for name in curves)
    assert set(found["best_layer"]) == {"decoding", "reliability", "separation"}
    assert set(found["u_shape"]) >= {"vertex", "vertex_low", "vertex_high", "slopes", "p_values", "u_shaped", "words"}


def test_show_gives_intervals_controls_and_reasons(capsys):
    save_set(with_intervals(make_set("mine", layers=9)), sets_folder())
    _, found = run(capsys, "show", "mine")
    low, high = (np.array(found["intervals"]["decoding_accuracy"][side]) for side in ("low", "high"))
    values = np.array(found["depth"]["decoding_accuracy"])
    assert (low < values).all() and (values < high).all()
    assert found["controls"]["decoding"]["r_squared"]["all"] > 0.2
    assert found["u_shape"]["vertex_low"] is not None and found["reasons"] == {}
    save_set(replace(make_set("few", layers=5), notes={"intervals": "2 topics are too few"}), sets_folder())
    _, found = run(capsys, "show", "few")
    assert found["u_shape"] is None and found["intervals"]["rdm_std"] is None
    assert "too few to test for a U" in found["reasons"]["u_shape"] and "2 topics" in found["reasons"]["intervals"]


def test_show_correlates_components_with_signs_or_norms(capsys, tmp_path):
    _, found = run(capsys, "show", SMOL)
    fit = found["valence_arousal"]
    assert fit["source"] == "quadrant signs" and fit["components"] == ["PC1", "PC2", "PC3"]
    for trait in ("valence", "arousal"):
        assert np.shape(fit[trait]["r"]) == np.shape(fit[trait]["p"]) == np.shape(fit[trait]["null_level"]) == (30, 3)
        assert len(fit[trait]["words"]) == 20 and fit[trait]["reason"] is None
    norms = tmp_path / "norms.tsv"
    norms.write_text("emotion\tvalence\tarousal\nafraid\t1\t7\nCalm\t7\t1\nhappy\t8\t6\nchair\t5\t3\n")
    _, found = run(capsys, "show", SMOL, "--norms", str(norms))
    fit = found["valence_arousal"]
    assert fit["source"] == "norms.tsv" and fit["valence"]["words"] == ["afraid", "calm", "happy"]
    assert fit["valence"]["p"][0] == [None] * 3 and "below 7" in fit["valence"]["reason"]


def test_show_prints_missing_layers_as_null(capsys):
    save_set(make_set("holes", nonfinite=(1,)), sets_folder())
    _, found = run(capsys, "show", "holes")
    assert found["depth"]["mean_cosine"][1] is None and found["depth"]["mean_cosine"][0] is not None


def test_rdm_is_in_squareform_order(capsys):
    code, found = run(capsys, "rdm", SMOL, "--layer", "12", "--centring", "none")
    assert code == 0 and found["layer"] == 12 and len(found["condensed"]) == 210
    vectors = next(s for s in list_sets() if s.name.startswith(SMOL))
    rows = np.asarray(vectors.class_means[12], float)
    a, b = found["classes"].index("sad"), found["classes"].index("calm")
    cosine = rows[a] @ rows[b] / np.linalg.norm(rows[a]) / np.linalg.norm(rows[b])
    assert squareform(found["condensed"])[a, b] == pytest.approx(1 - cosine, abs=1e-5)


def test_rdm_defaults_to_the_best_layer(capsys):
    _, shown = run(capsys, "show", SMOL)
    _, found = run(capsys, "rdm", SMOL)
    assert found["layer"] == shown["best_layer"]["decoding"]


def test_compare_the_shipped_sets(capsys):
    code, found = run(capsys, "compare", SMOL, GEMMA, "--permutations", "2000", "--bootstrap", "200")
    assert code == 0
    matrices = {"rho", "p", "ci_low", "ci_high", "ceiling", "rho_disjoint", "rho_partial_lexical", "rho_disattenuated"}
    assert matrices | {"sets", "layers"} <= set(found)
    assert all(np.shape(found[name]) == (2, 2) for name in matrices)
    assert found["rho"][0][1] > 0.85 and found["p"][0][1] < 0.001
    assert found["ci_low"][0][1] < found["rho"][0][1] < found["ci_high"][0][1]
    assert found["p"][0][0] is None
    _, again = run(capsys, "compare", SMOL, GEMMA, "--permutations", "2000", "--bootstrap", "200")
    assert again == found, "the same seed gives the same numbers"


def test_compare_at_one_depth_says_what_is_missing(capsys):
    _, found = run(capsys, "compare", SMOL, GEMMA, "--layer", "0.31", "--permutations", "100")
    assert found["layers"] == [8, 5]
    assert found["ci_low"][0][1] is None
    assert any("cannot be resampled" in reason for reason in found["reasons"].values())


def test_what_cannot_be_compared_is_null_with_a_reason_and_no_error(capsys, tmp_path):
    few = str(save_set(make_set("few", classes=("awe", "calm", "sad")), tmp_path))
    code, found = run(capsys, "compare", SMOL, SMOL, few, "--permutations", "100")
    assert code == 0
    name = found["sets"][0]
    assert found["rho"][0][1] == pytest.approx(1) and found["p"][0][1] is None
    assert "rho is 1 by construction" in found["reasons"][f"p {name} x {name}"]
    assert found["rho"][0][2] is None and "2 classes in common" in found["reasons"][f"rho {name} x few"]
    assert found["n_classes"][0] == [21, 21, 2]
    assert main(["compare", SMOL, SMOL, few, "--permutations", "100"]) == 0
    text = capsys.readouterr().out
    assert "nan" not in text and "A and C, B and C: on the 2 classes that both have; left out: afraid" in text
    assert "not compared for A and C, B and C: they have 2 classes in common" in text


@pytest.mark.parametrize(
    ("broken", "reason"),
    [("halves", "a half's class means are missing"), ("class", "its mean of 'anxious' is zero")],
)
def test_a_broken_set_leaves_the_other_pairs_their_numbers(capsys, tmp_path, broken, reason):
    good = [make_set(name, seed=k) for k, name in enumerate(("one", "two"))]
    bad = make_set("bad", seed=3)
    means, halves = bad.class_means.copy(), bad.half_means.copy()
    if broken == "halves":
        halves[:] = np.nan
    if broken == "class":
        means[:, 2] = 0
    bad = replace(bad, class_means=means, half_means=halves)
    paths = [str(save_set(s, tmp_path)) for s in (*good, bad)]
    code, found = run(capsys, "compare", *paths, "--permutations", "50")
    assert code == 0 and found["p"][0][1] is not None and found["ceiling"][0][1] is not None
    assert found["ceiling"][0][2] is None
    assert any(reason in why for key, why in found["reasons"].items() if "bad" in key)


def test_extract_list_show_on_a_model_folder(capsys, llama_folder, tmp_path):
    rows = [
        {"emotion": e, "text": f"the {w} {n} sat on a mat .", "topic": n}
        for e, w in (("up", "joyous"), ("down", "grim"), ("even", "red"))
        for n in ("cat", "dog", "tree", "mat")
    ]
    passages = str(write_passages(tmp_path / "mine.jsonl", rows))
    code, found = run(capsys, "extract", str(llama_folder), "--passages", passages)
    assert code == 0
    keys = {
        "set", "path", "model", "method", "protocol", "precision", "n_layers", "d_model", "classes", "tokens",
        "seconds",
        "tokens_per_second", "peak_rss_mb",
    }  # fmt: skip
    assert keys <= set(found) and found["classes"] == ["down", "even", "up"]
    assert found["tokens"] > 0 and found["peak_rss_mb"] > 50
    _, again = run(capsys, "extract", str(llama_folder), "--passages", passages)
    assert again["tokens"] == 0 and again["set"] == found["set"], "the same request is never computed twice"
    _, last = run(capsys, "extract", str(llama_folder), "--passages", passages, "--pooling", "last")
    assert last["set"] != found["set"] and last["protocol"] == "emoviz-last"
    assert {row["set"] for row in run(capsys, "list")[1]["sets"]} >= {found["set"], last["set"]}
    assert len(run(capsys, "show", found["path"])[1]["depth"]["layers"]) == 4


def test_steer_gives_a_text_per_model_emotion_and_dose(capsys, llama_folder, tmp_path):
    from dataclasses import replace

    from emoviz.models.load import load_model

    loaded = load_model(str(llama_folder))
    vectors = make_set("tiny_set", layers=4, width=16, model="tiny-llama")
    save_set(replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision)), sets_folder())
    code, found = run(
        capsys,
        "steer",
        str(llama_folder),
        "--emotion",
        "sad",
        "happy",
        "--dose",
        "0,0.5",
        "--prompt",
        "the cat",
        "--max-new-tokens",
        "3",
        "--witness",
        "none",
    )
    assert code == 0 and found["seconds"] > 0
    assert [(r["emotion"], r["dose"]) for r in found["rows"]] == [
        ("sad", 0),
        ("sad", 0.5),
        ("happy", 0),
        ("happy", 0.5),
    ]
    keys = {"model", "emotion", "dose", "text", "ppl_ratio", "repetition", "leak", "regime", "classifier"}
    assert all(keys <= set(row) for row in found["rows"])
    assert found["reasons"] == dict.fromkeys(("classifier", "outside"), "no witness was asked for")
    twin, steered = found["rows"][:2]
    assert (twin["regime"], twin["ppl_ratio"]) == ("unchanged", 1) and steered["ppl_ratio"] > 0
    assert all(row["reason"] and row["n_tokens"] <= 3 for row in found["rows"])
    alone = ["steer", str(llama_folder), "--emotion", "sad", "--dose", "0.5", "--prompt", "the cat"]
    _, without_twin = run(capsys, *alone, "--max-new-tokens", "3", "--witness", "none")
    assert without_twin["rows"] == [steered], "the twin is written for the ratio, and not shown"
    out = tmp_path / "texts.md"
    code, found = run(capsys, *alone, "--max-new-tokens", "3", "--witness", "none", "--out", str(out))
    assert code == 0 and found["files"] == [str(out)] and found["rows"] == [steered]
    assert "| sad | 0.5 |" in out.read_text("utf-8") and "| unsteered | 0 |" in out.read_text("utf-8")
    mixed = [
        "--emotion",
        "0.7 sad + 0.3 happy",
        "--controls",
        "random",
        "mean",
        "--dose",
        "-0.5,0.5",
        "--prompt",
        "a cat",
    ]
    parts = ["--recipe", "jeong2026a", "--scope", "response", "--max-new-tokens", "2"]
    parts += ["--witness", str(save_classifier(tmp_path / "seven", MAPPED_LABELS))]
    code, found = run(capsys, "steer", str(llama_folder), *mixed, *parts)
    assert code == 0 and found["recipes"]["tiny-llama"]["norm"] == "live"
    assert found["witness"]["tiny-llama"]["accuracy"] is None
    mixed, _, control = found["rows"][0], found["rows"][1], found["rows"][2]
    assert 0 < mixed["classifier"] < 1 and 0 < mixed["classifier_unsteered"] < 1
    assert control["classifier"] is None and control["classifier_top"] in MAPPED_LABELS
    assert "'random' is a control" in found["reasons"]["classifier of random"]
    names = ("0.7 sad + 0.3 happy", "random", "mean")
    assert [(r["emotion"], r["dose"]) for r in found["rows"]] == [(n, d) for n in names for d in (-0.5, 0.5)]


def test_regimes_judges_texts_of_any_origin(capsys, tmp_path):
    rows = [
        {"text": "安宁" * 9, "prompt": "I felt"},
        {"text": ""},
        {"text": "It was late and she went home to her bed."},
    ]
    code, found = run(capsys, "regimes", "--texts", str(write_passages(tmp_path / "t.jsonl", rows)))
    assert code == 0
    assert all(set(row) == {"repetition", "leak", "n_words", "regime", "reason"} for row in found["rows"])
    loop, empty, prose = found["rows"]
    assert (loop["regime"], loop["leak"], loop["n_words"]) == ("repetitive_collapse", 1, 9)
    assert (empty["regime"], empty["leak"], empty["repetition"], empty["n_words"]) == ("empty", None, None, 0)
    assert (prose["regime"], prose["leak"], prose["n_words"]) == ("surgical", 0, 10)
    assert loop["reason"].startswith("loop: '安宁安宁安宁' fills 100 %")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no texts"),
        (b"[1]\n", "line 1 has no 'text'"),
        (b'{"text": 3}\n', "line 1 has no 'text'"),
        (b'{"text": "x"}\n\n{"text": "x", "prompt": 3}\n', "line 3 has a prompt that is not text"),
        (b'{"text": "\\ud800"}', "line 1 is not JSON"),
        (b"\xfe\xfd", "is not UTF-8"),
    ],
)
def test_files_of_texts_that_cannot_be_read_say_where(capsys, tmp_path, content, message):
    path = tmp_path / "texts.jsonl"
    path.write_bytes(content)
    assert main(["regimes", "--texts", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_lens_lists_tokens_with_change_and_script(capsys, llama_folder):
    from emoviz.models.load import load_model

    loaded = load_model(str(llama_folder))
    vectors = make_set("tiny_set", layers=4, width=16, model="tiny-llama")
    provenance = replace(vectors.provenance, revision=loaded.revision, origin=str(llama_folder))
    save_set(replace(vectors, provenance=provenance), sets_folder())
    code, found = run(capsys, "lens", "tiny_set", "--emotion", "sad", "--layer", "2", "--top", "4")
    assert code == 0 and (found["set"], found["emotion"], found["layer"]) == ("tiny_set", "sad", 2)
    assert len(found["raised"]) == len(found["lowered"]) == 4
    assert all({"token", "change", "script"} <= set(row) for row in found["raised"] + found["lowered"])
    assert found["raised"][0]["change"] > found["raised"][3]["change"] > found["lowered"][0]["change"]
    assert main(["lens", "tiny_set", "--emotion", "sad", "--top", "2"]) == 0
    assert "direct path" in capsys.readouterr().out


def test_lint_exits_with_1_on_findings_and_0_without(capsys, tmp_path):
    assert run(capsys, "lint")[0] == 0
    rows = [{"emotion": e, "text": "Too short.", "topic": t} for e in ("sad", "calm") for t in "ab"]
    code, found = run(capsys, "lint", str(write_passages(tmp_path / "p.jsonl", rows)))
    assert code == 1 and {f["check"] for f in found["findings"]} >= {"length", "duplicate"}
    assert found["counts"] == Counter(f["check"] for f in found["findings"])


def test_lint_says_how_many_findings_of_each_kind_there_are_and_prints_some(capsys, tmp_path):
    rows = [{"emotion": e, "text": f"Too short {e} {t}.", "topic": t} for e in ("sad", "calm") for t in "abcdef"]
    path = str(write_passages(tmp_path / "p.jsonl", rows))
    assert main(["lint", path]) == 1
    head, summary, *lines = capsys.readouterr().out.splitlines()
    assert head == "p: 12 passages, 2 classes, 6 topics"
    assert "length 12" in summary
    assert sum(line.startswith("length: ") for line in lines) == 6 and "length: 7 more (--all prints them)" in lines
    assert main(["lint", path, "--all"]) == 1
    assert sum(line.startswith("length: ") for line in capsys.readouterr().out.splitlines()) == 12


def test_doctor(capsys):
    code, found = run(capsys, "doctor")
    assert code == 0, [c for c in found["checks"] if not c["ok"]]
    assert {"python", "torch", "bundled models", "vector sets", "cache folder"} <= {c["name"] for c in found["checks"]}


def test_tables_are_printed_without_json(capsys):
    for argv in (
        ["models"],
        ["list"],
        ["show", SMOL],
        ["rdm", SMOL],
        ["compare", SMOL, GEMMA, "--permutations", "50"],
        ["lint"],
        ["doctor"],
    ):
        assert main(argv) == 0
        assert len(capsys.readouterr().out.splitlines()) > 1


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["bogus"], "invalid choice: 'bogus'"),
        (["show"], "the following arguments are required: SET"),
        (["show", "nope"], "set 'nope' is unknown; known sets: "),
        (["show", "nope.safetensors"], "nope.safetensors does not exist"),
        (["show", SMOL, "--norms", "nope.csv"], "nope.csv cannot be read"),
        (["show", SMOL, "--centring", "wrong"], "centring 'wrong' is unknown; class, neutral, none are allowed"),
        (["rdm", SMOL, "--layer", "99"], "layer 99 does not exist: .* has layers 0-29"),
        (["rdm", SMOL, "--layer", "x"], "layer 'x' was asked for; best or a number from 0 to 29"),
        (["compare", SMOL], "a comparison needs at least 2"),
        (["compare", SMOL, GEMMA, "--layer", "7"], "best' or a relative depth above 0 and up to 1"),
        (["compare", SMOL, GEMMA, "--layer", "mid"], "layer 'mid' was asked for"),
        (["compare", SMOL, GEMMA, "--permutations", "0"], "--permutations: '0' was given; a whole number from 1 to"),
        (["compare", SMOL, GEMMA, "--permutations", "many"], "--permutations: 'many' was given"),
        (["extract", "nonsense"], "model 'nonsense' is unknown"),
        (["extract", "nonsense", "--protocol", "p9"], "protocol 'p9' is unknown"),
        (["extract", "nonsense", "--method", "magic"], "method 'magic' is unknown"),
        (["extract", "nonsense", "--pooling", "max"], "pooling 'max' is unknown; mean, last, mid are allowed"),
        (["extract", "nonsense", "--batch-tokens", "0"], "--batch-tokens: '0' was given; a whole number from 1"),
        (["extract", "nonsense", "--passages", "none.jsonl"], "none.jsonl cannot be read"),
        (["steer", "nonsense", "--emotion", "sad", "--prompt", "x", "--dose", "lots"], "doses 'lots' were given"),
        (["steer", "nonsense", "--emotion", "sad", "--prompt", "x"], "model 'nonsense' is unknown"),
        (["steer", "nonsense", "--emotion", "sad", "--prompt", "x", "--out", "t.exe"], "ends in .md or .csv"),
        (["steer", "nonsense", "--emotion", "sad +", "--prompt", "x"], "Write for example calm, or 0.7 calm"),
        (
            ["steer", "x", "--emotion", "sad", "--prompt", "x", "--controls", "blue"],
            "control 'blue' is unknown; random, mean",
        ),
        (["steer", "nonsense", "--prompt", "x"], "the following arguments are required: --emotion"),
        (
            ["cache", "--clear", "everything"],
            "--clear everything was given; models, sets, work, responses, readings, heads, verifications",
        ),
        (["extract", "nonsense", "--activations", "some"], "--activations some was given; best, all, none"),
        (
            ["extract", "nonsense", "--protocol", "jeong2026a", "--passages", "p.jsonl"],
            "passages are for comprehension",
        ),
        (["extract", "nonsense", "--method", "generation", "--protocol", "emoviz"], "is one of comprehension"),
        (["lint", "none.jsonl"], "none.jsonl cannot be read"),
        (["serve", "--port", "many"], "--port: 'many' was given; a whole number from 1 to 65535"),
        (["serve", "--port", "99999999"], "--port: '99999999' was given"),
        (["serve", "--root-path", "lab"], "root path 'lab' was given; a path such as /lab/emoviz"),
        (["compare", SMOL, GEMMA, "--seed", "-1"], "--seed: '-1' was given"),
        (["compare", SMOL, GEMMA, "--bootstrap", "10000000000"], "--bootstrap: '10000000000' was given"),
        (["steer", "nonsense", "--emotion", "sad", "--prompt", "x", "--seed", "9" * 30], "--seed: '9999"),
        (["steer", "nonsense", "--emotion", "sad", "--prompt", "caf\udce9"], "is not UTF-8 text"),
        (["regimes"], "the following arguments are required: --texts"),
        (["regimes", "--texts", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["regimes", "--texts", "pyproject.toml"], "line 1 is not JSON"),
        (["lens", SMOL, "--emotion", "bored"], "emotion 'bored' is not in"),
        (["lens", SMOL, "--emotion", "sad", "--layer", "99"], "layer 99"),
        (["lens", "nowhere", "--emotion", "sad"], "nowhere"),
        (["lens", SMOL, "--emotion", "sad", "--top", "0"], "--top: '0'"),
        (["rdm", SMOL, "--layer=--5"], "layer '--5' was asked for"),
        (["rdm", SMOL, "--layer", "9" * 5000], "layer '99999"),
        (["extract", "~nosuchuser/model"], "model '~nosuchuser/model' is unknown"),
        (["extract", "x" * 300], "is unknown"),
        (["extract", "x" * 300 + ".gguf"], "does not exist"),
        (["extract", "SmolLM2-135M-Instruct", "--out", "/dev/null"], "/dev/null cannot be written"),
    ],
)
def test_wrong_calls_end_with_2_and_one_line(capsys, argv, message):
    import re

    assert main(argv) == 2
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert captured.out == ""
    assert len(lines) == 1 and lines[0].startswith("emoviz: ")
    assert re.search(message, lines[0]), lines[0]


def test_the_cache_is_shown_and_cleared_part_by_part(capsys):
    save_set(make_set("mine"), sets_folder())
    code, found = run(capsys, "cache")
    parts = {row["part"]: row for row in found["parts"]}
    assert code == 0 and parts["sets"]["files"] == 1 and parts["sets"]["bytes"] > 1000 and found["cleared"] == []
    assert run(capsys, "cache", "--clear", "models")[1]["cleared"] == ["models"] and list(sets_folder().iterdir())
    _, found = run(capsys, "cache", "--clear", "sets")
    assert [row["files"] for row in found["parts"] if row["part"] == "sets"] == [0]


def test_nothing_is_left_behind_by_a_refused_extraction(capsys, llama_folder, tmp_path):
    rows = [{"emotion": e, "text": "the cat", "topic": t} for e, ts in (("up", "ab"), ("down", "ac")) for t in ts]
    assert (
        main(
            [
                "extract",
                str(llama_folder),
                "--passages",
                str(write_passages(tmp_path / "p.jsonl", rows)),
                "--out",
                str(tmp_path / "out"),
            ]
        )
        == 2
    )
    assert not (tmp_path / "out").exists()


def test_every_command_is_one_file_and_a_line_in_its_group():
    helpers = {"__init__", "arguments", "endpoints", "printing", "witnesses"}
    files = {path.stem for path in (ROOT / "emoviz/commands").glob("*.py")} - helpers
    named = [name for group in COMMANDS.values() for name in group]
    assert sorted(named) == sorted(files)
    for name in named:
        module = import_module(f"emoviz.commands.{name}")
        assert callable(module.arguments) and callable(module.run) and f"`emoviz {name}" in module.__doc__


def test_help_shows_the_groups_and_a_command_imports_no_other(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    places = [out.index(f"\n{group}:\n") for group in COMMANDS]
    assert places == sorted(places)
    code = (
        "import sys\nfrom emoviz.cli import main\nmain(['list'])\nprint(*(m for m in sys.modules if '.commands.' in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.rpartition(".")[2] for name in done.stdout.splitlines()[-1].split()}
    assert loaded == {"list", "arguments", "printing"}
