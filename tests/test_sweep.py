"""Sweeps: plans checked whole, every job done once, whatever becomes of the others."""

import json
import shutil
import signal
import threading
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

import pytest

import emoviz as ez
from emoviz.app import sweeps
from emoviz.cli import main
from emoviz.commands import extract as command
from emoviz.errors import InputError
from emoviz.extract.sweeps import board, here
from emoviz.extract.sweeps.plan import MAX_JOBS, parse_plan, plan_of, read_plan
from emoviz.extract.work import work_folder
from emoviz.process import run_command
from emoviz.store import save_set, sets_folder
from emoviz.store.sweeps import at_work, list_sweeps, save_sweep
from emoviz.types import JobResult, Plan, Sweep

from .conftest import finished, make_set, write_passages

MODEL = "SmolLM2-135M-Instruct"


def _plan(tmp_path, text, name="plan.yaml"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def _passages(path, verb="ran"):
    rows = [
        {"emotion": emotion, "text": f"the {word} {animal} sat on {what} mat and {verb} .", "topic": animal + what}
        for emotion, word in (("up", "joyous"), ("down", "grim"))
        for animal in ("cat", "dog")
        for what in ("the", "a")
    ]
    return write_passages(path, rows)


def test_a_plan_is_models_by_protocols_by_precisions_by_corpora(tmp_path):
    _passages(tmp_path / "diary.jsonl")
    text = f"""
name: all
models: [gemma-3-270m, {{model: {MODEL}, layer_path: model.layers, batch_tokens: 512}}]
protocols: [emoviz, {{protocol: jeong2026b, pooling: mean}}, emoviz-stories]
precisions: [fp32, bf16]
corpora: [emoviz-420, diary.jsonl]
exclude:
  - {{model: gemma-3-270m, protocol: emoviz-stories}}
  - {{precision: bf16, corpus: diary}}
defaults: {{batch_tokens: 4096}}
"""
    plan = read_plan(_plan(tmp_path, text))
    assert plan.name == "all" and len({job.name for job in plan.jobs}) == len(plan.jobs) == 2 * 2 * 3 + 2
    stories = [job for job in plan.jobs if job.protocol == "emoviz-stories"]
    assert {job.model for job in stories} == {MODEL} and {job.corpus for job in stories} == {""}
    assert {job.corpus for job in plan.jobs if job.precision == "bf16"} == {"emoviz-420", ""}
    assert {job.protocol for job in plan.jobs} == {"emoviz", "jeong2026b-mean", "emoviz-stories"}
    assert [job.options["batch_tokens"] for job in plan.jobs] == [4096] * 6 + [512] * 8, "a model's option wins"
    diary = next(job for job in plan.jobs if job.corpus == "diary")
    assert diary.options["passages"] == str(tmp_path / "diary.jsonl")
    assert plan.to_frame().shape == (14, 4)


def test_methods_stand_for_their_protocols_and_a_model_folder_is_found_beside_the_plan(tmp_path, llama_folder):
    (tmp_path / "mine").symlink_to(llama_folder, target_is_directory=True)
    plan = read_plan(_plan(tmp_path, "models: [mine]\nmethods: [generation, comprehension]", "tiny.yaml"))
    assert plan.name == "tiny" and [job.protocol for job in plan.jobs] == ["emoviz-stories", "emoviz"]
    assert {job.origin for job in plan.jobs} == {str(llama_folder)}


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
WRONG = {
    "models: [m/n]\nmodells: [a/b]": "key 'modells' is unknown; name, models, .* Did you mean models?",
    "- a\n- b": r"the plan is \['a', 'b'\]; keys with values are needed",
    "": "is empty; a plan is needed",
    "protocols: [emoviz]": "models is None; a list of one or more is needed",
    "models: []": r"models is \[\]; a list of one or more",
    f"models: {MODEL}": "a list of one or more is needed",
    "models: [nonsense]": "model 'nonsense' is unknown",
    "models: [3]": "models: 3 was given; a name, or model: with options, is needed",
    "models: [{layer_path: x}]": "models: an entry lacks model",
    f"models: [{MODEL}, smollm2-135m-instruct]": f"models: {MODEL} is there twice",
    f"models: [{{model: {MODEL}, layer_paht: x}}]": "'layer_paht' is unknown; .* Did you mean layer_path?",
    f"models: [{{model: {MODEL}, gpus: 0}}]": "models: gpus is 0; a whole number from 1 to 64 is allowed",
    f"models: [{{model: {MODEL}, allow_base: 1}}]": "allow_base is 1; true or false is allowed",
    f"models: [{MODEL}]\nprotocols: [emovis]": "protocol 'emovis' is unknown; emoviz, jeong2026b",
    f"models: [{MODEL}]\nprotocols: [emoviz, emoviz]": "protocols: emoviz is there twice",
    f"models: [{MODEL}]\nprotocols: [{{protocol: emoviz, pooling: max}}]": "pooling is 'max'; mean, last, mid",
    f"models: [{MODEL}]\nprotocols: [{{protocol: emoviz, stories: 5}}]": "which reads passages",
    f"models: [{MODEL}]\nmethods: [reading]": "methods: 'reading' is unknown; comprehension, generation",
    f"models: [{MODEL}]\nmethods: [generation]\nprotocols: [emoviz]": "methods and protocols were given",
    f"models: [{MODEL}]\nprecisions: [fp64]": "precisions: 'fp64' is unknown; auto, fp32, bf16, fp16, int8",
    f"models: [{MODEL}]\nprecisions: [[fp32]]": r"precisions: \['fp32'\] is unknown",
    f"models: [{MODEL}]\nprecisions: [auto, fp32]": "auto is one of the others",
    f"models: [{MODEL}]\ncorpora: [gone.jsonl]": "gone.jsonl",
    f"models: [{MODEL}]\ncorpora: [{{file: emoviz-420, labels: x}}]": "is shipped and takes no labels",
    f"models: [{MODEL}]\nexclude: [{{model: SmolLM}}]": "exclude: model 'SmolLM' is not in the plan",
    f"models: [{MODEL}]\nexclude: [{{}}]": "exclude: an entry is empty",
    f"models: [{MODEL}]\nexclude: [{{protocol: emoviz}}]": "exclude leaves no job",
    f"models: [{MODEL}]\nmethods: [comprehension, generation]\n"
    "exclude: [{protocol: emoviz-stories, corpus: emoviz-420}]": "leaves nothing out",
    f"models: [{MODEL}]\nname: a/b": "name 'a/b' was given; up to 80 letters",
    f"models: [{MODEL}]\ndefaults: [x]": r"defaults is \['x'\]; keys with values",
    f"models: [{MODEL}]\nmodels: [m/n]": "line 2: key 'models' is there twice",
    "models: &a [*a]": "line 1: what stands here holds an alias of itself",
    "models: &a [m/n]\ndefaults: &b\n  device: *b": "line 2: what stands here holds an alias of itself",
    f"{LAUGHS}models: *h": "stands for more than 50,000 values",
    "models: [" * 3000: "nested too deep|no YAML",
    "models: [a": "is no YAML",
    "models: !!python/object/apply:os.system [echo]": "is no YAML .*could not determine a constructor",
    "models: [2026-99-99]": "is no YAML",
    "models: [m/n]\n---\nmodels: [m/n]": "is no YAML",
    f"models: [{', '.join(f'm/n{k}' for k in range(MAX_JOBS // 8 + 1))}]\nprecisions: [fp32, bf16, fp16, int8]\n"
    "protocols: [emoviz, jeong2026b]": "more than 10,000 jobs",
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_plan_that_cannot_be_run_is_refused_in_one_line_before_anything_runs(tmp_path, text, capsys, monkeypatch):
    monkeypatch.setattr(here, "run_command", lambda *_args, **_named: pytest.fail("a job was begun"))
    with pytest.raises(InputError, match=WRONG[text]):
        read_plan(_plan(tmp_path, text))
    assert main(["sweep", str(tmp_path / "plan.yaml"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("emoviz: ") and len(err) < 2000
    assert not sets_folder().parent.joinpath("sweeps").exists()


def test_no_file_that_a_plan_of_someone_else_names_is_looked_for():
    plan = parse_plan(b"models: [/etc, a/b]\ncorpora: [/etc/passwd]", "theirs")
    assert [(job.model, job.corpus) for job in plan.jobs] == [("etc", "passwd"), ("b", "passwd")]
    with pytest.raises(InputError, match="protocol 'x' is unknown"):
        parse_plan(b"models: [a/b]\nprotocols: [x]", "theirs")


TWO = {"models": ["tiny"], "protocols": ["emoviz", "jeong2026b"], "corpora": ["small.jsonl"]}


@pytest.fixture
def tiny(tmp_path, monkeypatch, llama_folder):
    """The folder of plans: a small model and passages for it."""
    _passages(tmp_path / "small.jsonl")
    (tmp_path / "tiny").symlink_to(llama_folder, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pretended(monkeypatch):
    """Jobs whose processes do nothing: what they were told, and with which variables. `answers`, by what is in their
    words, are what they return, or raise."""
    told, answers = [], {}

    def run(words, variables):
        told.append((words, variables))
        yield "reading: 1 of 2 tokens"
        answer = next(
            (one for name, one in answers.items() if any(name in word for word in words)), {"set": "x", "tokens": 9}
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(here, "run_command", run)
    return told, answers


def test_a_sweep_makes_the_sets_of_its_plan_and_none_of_them_twice(tiny, capsys):
    plan = {"models": ["tiny", MODEL], "corpora": ["emoviz-420", "small.jsonl"]}
    plan["exclude"] = [{"model": "tiny", "corpus": "emoviz-420"}, {"model": MODEL, "corpus": "small"}]
    plan = _plan(tiny, json.dumps(plan), "two.yaml")
    assert main(["sweep", str(plan), "--json"]) == 0
    out, err = capsys.readouterr()
    made, shipped = json.loads(out)["jobs"]
    assert (made["status"], made["node"], made["error"]) == ("done", "cpu", "") and made["seconds"] > 0
    assert shipped["status"] == "there" and shipped["set"].startswith(f"{MODEL}_emoviz_fp32_")
    assert [vectors.name for vectors in ez.list_sets() if not vectors.shipped] == [made["set"]]
    assert [line[:12] for line in err.splitlines() if " of 2 " in line] == ["1 of 2  ther", "2 of 2  done"]
    files = {path: path.stat().st_mtime_ns for path in sets_folder().iterdir()}
    again = ez.sweep(plan, progress=False)
    assert again.counts == {"there": 2} and [one.set for one in again.results] == [made["set"], shipped["set"]]
    assert files == {path: path.stat().st_mtime_ns for path in sets_folder().iterdir()}
    (kept,) = list_sweeps()
    assert kept == again and not kept.running


def test_one_bad_job_stops_no_other_and_makes_the_exit_code_1(tiny, capsys, pretended):
    told, answers = pretended
    plan = {"models": ["tiny", "gemma-3-270m"], "protocols": ["emoviz", "jeong2026b", "emoviz-stories"]}
    answers["jeong2026b"] = InputError("passage 3 is too long.")
    assert main(["sweep", str(_plan(tiny, json.dumps(plan))), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["jobs"]
    assert [(row["model"], row["status"]) for row in rows] == [
        ("tiny-llama", "done"), ("tiny-llama", "failed"), ("tiny-llama", "done"),
        ("gemma-3-270m", "there"), ("gemma-3-270m", "there"), ("gemma-3-270m", "failed"),
    ]  # fmt: skip
    assert rows[1]["error"] == "passage 3 is too long." and rows[1]["set"] is None
    assert "gemma-3-270m is a base model" in rows[5]["error"] and len(told) == 3, "said before it is begun"
    (kept,) = list_sweeps()
    assert kept.to_frame()["error"].tolist() == [row["error"] for row in rows]


def test_a_dry_run_says_what_would_be_run_and_writes_nothing(tiny, pretended, capsys):
    plan = {"models": ["tiny", MODEL]}
    assert main(["sweep", str(_plan(tiny, json.dumps(plan))), "--dry-run", "--json"]) == 0
    out, err = capsys.readouterr()
    assert [row["status"] for row in json.loads(out)["jobs"]] == ["waiting", "there"] and err == ""
    assert pretended[0] == [] and list_sweeps() == []


def test_a_job_is_told_to_extract_what_its_plan_says(tiny, pretended):
    model = {"model": "tiny", "layer_path": "model.layers", "batch_tokens": 64, "device": "cpu", "allow_base": True}
    corpus = {"file": "small.jsonl", "text_column": "text"}
    protocols = [{"protocol": "emoviz", "pooling": "last"}]
    ez.sweep({"models": [model], "corpora": [corpus], "protocols": protocols, "precisions": ["bf16"]}, progress=False)
    ((words, variables),) = pretended[0]
    assert words[:2] == ["extract", "--json"] and variables == {}
    parser = ArgumentParser()
    command.arguments(parser)
    given = parser.parse_args(words[2:])
    assert given.model == str(Path("tiny").resolve()) and given.passages == str(tiny / "small.jsonl")
    assert (given.layer_path, given.batch_tokens, given.device, given.allow_base) == ("model.layers", 64, "cpu", True)
    assert (given.protocol, given.pooling, given.precision, given.text_column) == ("emoviz", "last", "bf16", "text")


GB = 1_000_000_000


def _with_gpus(monkeypatch, sizes):
    monkeypatch.setattr(here, "pick_device", lambda device: "cuda" if device == "auto" else device)
    monkeypatch.setattr(here, "device_bytes", lambda kind: sizes if kind == "cuda" else (64 * GB,))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,7")


def test_every_gpu_has_one_job_at_a_time_and_a_large_model_has_several(tiny, monkeypatch, pretended):
    _with_gpus(monkeypatch, (12 * GB,) * 3)
    models = [MODEL, "Qwen/Qwen2.5-1.5B", "meta-llama/Llama-3.1-8B", {"model": "tiny", "device": "cpu"}]
    models += [{"model": "openai-community/gpt2", "gpus": 3}, "meta-llama/Llama-3.1-8B-Instruct"]
    plan = {"models": models, "precisions": ["fp32"], "corpora": ["small.jsonl"]}
    found = ez.sweep(plan, progress=False)
    places = {one.job.model: one.node for one in found.results}
    assert places.pop("Llama-3.1-8B").count("cuda") == 3, "32.6 GB over three of 12 GB"
    seen = {words[-1]: variables.get("CUDA_VISIBLE_DEVICES") for words, variables in pretended[0]}
    assert seen["meta-llama/Llama-3.1-8B"].count(",") == 2 and seen[str(Path("tiny").resolve())] is None
    assert sorted((seen[MODEL], seen["Qwen/Qwen2.5-1.5B"])) == ["4", "6"]
    assert places[MODEL] == "cuda:0" and places["tiny-llama"] == "cpu" and found.counts == {"done": 6}


def test_a_job_that_cannot_fit_is_said_before_it_is_begun(tiny, monkeypatch, pretended):
    _with_gpus(monkeypatch, (12 * GB,) * 2)
    plan = {"models": ["meta-llama/Llama-3.1-8B", {"model": MODEL, "gpus": 4}], "precisions": ["fp32"]}
    plan["corpora"] = ["small.jsonl"]
    first, second = ez.sweep(plan, progress=False).results
    assert first.error == (
        "Llama-3.1-8B needs about 32.6 GB in fp32; this machine has 24.0 GB on cuda. Use a lower precision, or "
        "another machine."
    )
    assert "asks for 4 GPUs; this machine has 2" in second.error and pretended[0] == []


def test_the_size_of_a_gguf_file_is_not_that_of_the_weights_beside_it(tiny, llama_folder):
    shutil.copy(llama_folder / "model.safetensors", tiny)
    (tiny / "other.gguf").write_bytes(b"GGUF")
    job = read_plan(_plan(tiny, json.dumps({"models": ["other.gguf"]}))).jobs[0]
    assert here.Here(None).needs(job).bytes is None


def test_a_sweep_is_run_by_one_process_and_seen_while_it_runs(tiny, pretended):
    seen = []
    pretended[1]["emoviz"] = {"set": "x", "tokens": 1}
    ez.sweep({**TWO, "name": "seen"}, progress=lambda result: seen.extend(list_sweeps()))
    assert [sweep.running for sweep in seen] == [True, True] and not list_sweeps()[0].running
    assert seen[0].counts == {"done": 1, "waiting": 1}
    with at_work("seen"), pytest.raises(InputError, match="sweep seen is being run by another process"):
        ez.sweep({**TWO, "name": "seen"}, progress=False)


def test_what_was_running_when_it_was_stopped_waits_again(tiny, monkeypatch):
    closed = []

    def run(words, variables):
        try:
            while True:
                yield "reading"
                time.sleep(0.01)
                signal.raise_signal(signal.SIGINT) if not closed else None
        finally:
            closed.append(words)

    monkeypatch.setattr(here, "run_command", run)
    # What runs in the background of a shell ignores Ctrl+C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            ez.sweep(TWO, progress=False)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(closed) == 1, "its process is ended, and no other is begun"
    assert list_sweeps()[0].counts == {"waiting": 2}


def test_a_job_that_another_process_is_at_is_waited_for(tiny, pretended, monkeypatch):
    monkeypatch.setattr(here.time, "sleep", lambda seconds: None)
    known = here.Here(None).needs(read_plan(_plan(tiny, json.dumps(TWO))).jobs[0]).set
    began = threading.Event()

    def hold():
        with work_folder(known):
            began.set()
            time.sleep(0.3)
            held.append(list(pretended[0]))

    held = []
    other = threading.Thread(target=hold)
    other.start()
    assert began.wait(10)
    found = ez.sweep({**TWO, "protocols": ["emoviz"]}, progress=False)
    other.join()
    assert held == [[]] and found.counts == {"done": 1}


def test_a_job_whose_process_is_killed_says_so(tiny, monkeypatch):
    def killed(words, variables):
        steps = run_command(words, variables=variables)
        yield next(steps)
        from emoviz import process

        next(iter(process._RUNNING)).kill()
        return finished(steps)[1]

    monkeypatch.setattr(here, "run_command", killed)
    (result,) = ez.sweep({**TWO, "protocols": ["emoviz"]}, progress=False).results
    assert result.status == "failed" and "its process was ended by SIGKILL" in result.error


def test_sets_go_to_a_store_and_a_store_that_vanishes_fails_its_jobs_alone(tiny, pretended, monkeypatch):
    store = f"file://{tiny}/store"
    vectors = save_set(make_set("x"), sets_folder())
    pretended[1]["emoviz"] = {"set": "x", "tokens": 5, "path": str(vectors)}
    pretended[1]["jeong2026b"] = {"set": "x", "tokens": 5, "path": str(vectors)}
    push = here.push_set

    def vanishing(vectors, url):
        if pushed:
            raise InputError(f"{url} cannot be used (it is gone).")
        pushed.append(push(vectors, url))

    pushed = []
    monkeypatch.setattr(here, "push_set", vanishing)
    done, failed = ez.sweep(TWO, store=store, progress=False).results
    assert (done.status, failed.status, failed.error) == ("done", "failed", f"{store} cannot be used (it is gone).")
    assert [vectors.name for vectors in ez.list_sets(store)] == ["x"] and list_sweeps()[0].store == store
    with pytest.raises(InputError, match="scheme 'nonsense' of .* is unknown"):
        ez.sweep(TWO, store="nonsense://x", progress=False)


def test_what_the_store_has_is_not_made_again_and_what_is_here_alone_is(tiny, pretended):
    store = f"file://{tiny}/store"
    known = here.Here(None).needs(read_plan(_plan(tiny, json.dumps(TWO))).jobs[0]).set
    ez.push_set(make_set(known), store)
    path = save_set(make_set("x"), sets_folder())
    pretended[1]["jeong2026b"] = {"set": "x", "tokens": 0, "path": str(path)}
    found = ez.sweep(TWO, store=store, progress=False)
    assert found.counts == {"there": 2} and len(pretended[0]) == 1
    assert {vectors.name for vectors in ez.list_sets(store)} == {known, "x"}


def _table(shown):
    """Group headings and rows in the order in which they are shown."""
    groups = {int(k): text for k, text in shown["groups"].items()}
    return [one for k, row in enumerate(shown["rows"]) for one in (*([groups[k]] if k in groups else []), row)]


def test_the_page_shows_what_became_of_every_job_and_looks_again_while_it_runs(tiny, pretended):
    assert sweeps.show(None)[0] == "No sweep was run yet."
    pretended[1]["jeong2026b"] = InputError("passage 3 is <b>too</b> long.")
    seen = []
    ez.sweep({**TWO, "name": "seen"}, progress=lambda result: seen.append(sweeps.draw(None)))
    first, last = seen[0], sweeps.draw("gone")
    assert first["swept"] == "**Running: 1 done, 1 waiting.**" and first["swept_again"]["active"]
    assert first["sweep"]["value"] == "seen" and last["sweep"]["value"] == "seen"
    assert last["swept"] == "**Ended: 1 done, 1 failed.**" and not last["swept_again"]["active"]
    assert _table(last["swept_jobs"]) == [
        "failed (1)",
        ["tiny-llama jeong2026b auto small", "0 s", "cpu", "passage 3 is <b>too</b> long."],
        "done (1)",
        ["tiny-llama emoviz auto small", "0 s", "cpu", "x"],
    ]


def test_the_page_says_of_a_stopped_sweep_how_it_goes_on_and_shows_no_more_than_some_hundred_jobs(tiny):
    plan = read_plan(
        _plan(tiny, f"models: [{', '.join(f'm/n{k}' for k in range(sweeps.SHOWN_JOBS + 1))}]", "many.yaml")
    )
    save_sweep(Sweep("many", tuple(map(JobResult, plan.jobs)), datetime.now(UTC), store="s3://bucket"))
    said, shown, _ = sweeps.show("many")
    assert said == (
        "**Ended: 201 waiting.** Its sets go to s3://bucket. It was stopped; the same command goes on with it."
    )
    assert len(shown["rows"]) == 200 and shown["notes"] == ["200 of 201 jobs are shown; ez.list_sweeps() has all."]


def test_a_plan_is_checked_on_the_page_without_looking_at_a_file():
    said, shown = sweeps.check_plan(f"models: [{MODEL}, /etc]\nprecisions: [fp32, bf16]\ncorpora: [/etc/passwd]")
    assert said == "**4 jobs.** Files and folders are looked for where it is run."
    assert shown["rows"] == [
        [f"{MODEL} emoviz fp32 passwd", "1.0 GB"],
        [f"{MODEL} emoviz bf16 passwd", "0.8 GB"],
        ["etc emoviz fp32 passwd", ""],
        ["etc emoviz bf16 passwd", ""],
    ]
    for wrong, why in (
        ("models: [a", "is no YAML"),
        (None, "the plan is 'None'"),
        ("modls: [a]", "Did you mean models"),
    ):
        said, shown = sweeps.check_plan(wrong)
        assert said.startswith("**This plan cannot be run.** ") and why in said and shown == "null"


def test_thousands_of_jobs_that_are_there_are_not_written_one_by_one(pretended, monkeypatch):
    saved = []
    monkeypatch.setattr(board, "save_sweep", saved.append)
    plan = Plan("many", plan_of({"models": [MODEL]}).jobs * 2000)
    assert ez.sweep(plan, progress=False).counts == {"there": 2000} and len(saved) <= 5
