"""What one visitor, one run and one file may take of the machine, and that it is said before it is taken."""

import asyncio
import gc
import os
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from gradio.queueing import Queue
from gradio.state_holder import SessionState, StateHolder

from emoviz.app import memory, own_readings, server, session_parts
from emoviz.app.jobs import Jobs
from emoviz.app.limits import DIRECTIONS, PUBLIC, check_fetch, place_of
from emoviz.app.selection import MAX_ASKED, checked
from emoviz.app.session_parts import MAX_EVENTS, bytes_in
from emoviz.app.steer import conversing
from emoviz.app.steer.conversing import Talk
from emoviz.app.steer.request import request
from emoviz.app.tabs.steer import doses, leak
from emoviz.commands.endpoints import read
from emoviz.errors import InputError
from emoviz.extract.work import MOST_WORK, arrays
from emoviz.models import memory as sizes
from emoviz.models.registry import FETCHED
from emoviz.readout.reading import read_text
from emoviz.steer.conversation import conversation
from emoviz.steer.generate import steer_texts
from emoviz.stimuli.corpus import corpus_of
from emoviz.types import Decoding

from .conftest import make_set
from .test_limits import ASKED


@pytest.fixture
def public(monkeypatch):
    monkeypatch.setenv("EMOVIZ_PUBLIC", "1")


@pytest.fixture
def tiny_set(llama):
    found = make_set(layers=4, width=16, model=llama.name)
    return replace(found, provenance=replace(found.provenance, revision=llama.revision))


def test_a_hundred_thousand_emotions_or_doses_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr("emoviz.app.steer.request.with_controls", lambda *_: pytest.fail("they are read"))
    with pytest.raises(InputError, match=f"100,000 emotions are asked for; .* takes up to {DIRECTIONS}"):
        request(**{**ASKED, "chosen": ["calm"] * 100_000})
    with pytest.raises(InputError, match="3,000 doses are asked for"):
        request(**{**ASKED, "doses": ",".join(["0.01"] * 3000)})


def test_a_run_of_ones_own_has_no_more_texts_than_anybody_waits_for():
    many = ",".join(f"0.{k:04}" for k in range(1, 101))
    asked = (["calm"] * 20, many, "a\nb\nc\nd")
    with pytest.raises(InputError, match="8,004 texts are asked for; a run on this page takes up to 4,000"):
        doses.options(*asked)
    with pytest.raises(InputError, match="101 doses are asked for"):
        doses.options(["calm"], f"{many},0.5", "a")
    assert "100,000 emotions are asked for" in leak.OWN.begin("gemma-3-270m", ["calm"] * 100_000, "f" * 32)[0]


def test_of_very_many_names_in_a_selection_only_the_first_are_looked_at():
    view, notes = checked({"emotions": ["gone"] * 100_000, "sets": ["gone"] * 100_000})
    assert view.sets and len(notes) <= 2 * MAX_ASKED + 2


def test_the_api_reads_no_longer_text_than_the_page():
    with pytest.raises(InputError, match="the text has 6001 letters; up to 6000 are read here"):
        read("SmolLM2-135M-Instruct", "a" * 6001)


def test_a_visitor_has_no_more_jobs_than_the_page_allows_and_others_still_begin(public):
    jobs = Jobs()

    def work():
        while True:
            yield "working"

    numbers = [jobs.start("reading", "one", "me", work) for _ in range(PUBLIC.jobs)]
    with pytest.raises(InputError, match=f"{PUBLIC.jobs} jobs of yours wait or run already; up to {PUBLIC.jobs} may"):
        jobs.start("another kind", "one", "me", work)
    jobs.start("reading", "one", "someone else", work)
    for job in jobs.seen_by("someone else"):
        jobs.cancel(job.number, "someone else")
    for number in numbers:
        jobs.cancel(number, "me")


def test_a_visitor_has_no_more_requests_in_line_than_the_server_allows(monkeypatch):
    queue = SimpleNamespace(pending_event_ids_session={"me": set(range(MAX_EVENTS))})
    answer = asyncio.run(Queue.push(queue, SimpleNamespace(session_hash="me"), None, None))
    said = f"{MAX_EVENTS} requests of yours are being answered; up to {MAX_EVENTS} may."
    assert answer == (False, said, "queue_full")


def test_a_model_that_emoviz_does_not_know_is_neither_loaded_nor_fetched_for_strangers(public, tmp_path):
    with pytest.raises(InputError, match="is run where emoviz runs for you alone"):
        place_of("a-model", str(tmp_path))
    assert place_of("gpt2", str(tmp_path)) == "openai-community/gpt2"
    with pytest.raises(InputError, match="is not fetched on a page that many share"):
        check_fetch(FETCHED[0])


def test_on_a_page_of_ones_own_a_model_is_loaded_from_where_its_set_remembers(tmp_path):
    assert place_of("a-model", str(tmp_path)) == str(tmp_path) and place_of("a-model", "") == "a-model"


@pytest.fixture
def models(monkeypatch):
    """Loads stand-ins instead of models; what was loaded, in order."""
    loaded = []

    def load(model, **_how):
        loaded.append(model)
        return SimpleNamespace(name=model, model=SimpleNamespace(parameters=list))

    monkeypatch.setattr(memory, "LOADED", {})
    monkeypatch.setattr("emoviz.models.load.load_model", load)
    monkeypatch.setattr("emoviz.readout.vocabulary.vocabulary_scripts", lambda _model: None)
    return loaded


def test_the_model_that_was_used_longest_ago_makes_room_for_another(public, models):
    for name in ("SmolLM2-135M-Instruct", "gemma-3-270m", "SmolLM2-135M-Instruct", "Qwen2.5-Coder-0.5B-Instruct"):
        memory.model_named(name)
    assert list(memory.LOADED) == ["SmolLM2-135M-Instruct", "Qwen2.5-Coder-0.5B-Instruct"]
    assert len(models) == 3 and PUBLIC.held == 2


def test_models_make_room_where_another_does_not_fit_into_memory_and_the_last_one_says_so(models, monkeypatch):
    memory.model_named("a")
    memory.model_named("b")

    def full(model, **_how):
        if memory.LOADED:
            raise sizes.NotEnoughMemory("it does not fit.")
        return SimpleNamespace(name=model)

    monkeypatch.setattr("emoviz.models.load.load_model", full)
    assert memory.model_named("c").name == "c" and list(memory.LOADED) == ["c"]
    memory.LOADED.clear()

    def never(*_given, **_how):
        raise sizes.NotEnoughMemory("it does not fit.")

    monkeypatch.setattr("emoviz.models.load.load_model", never)
    with pytest.raises(InputError, match="it does not fit"):
        memory.model_named("d")


def test_a_talk_that_rests_does_not_hold_a_model_that_is_let_go_and_goes_on_with_it_later(llama, tiny_set, monkeypatch):
    talk = Talk(conversations=[conversation(llama, tiny_set, ["calm"], [0.1], decoding=Decoding(2))])
    (one,) = talk.conversations
    list(one.say("the cat"))
    talk.read.append(list(one.turns[0]))
    talk.answering = True
    memory.free(llama.name)
    assert one.model is llama, "it is answering"
    talk.answering = False
    memory.free(llama.name)
    gc.collect()
    assert one.model is not llama and one._past is None
    assert "is not in memory" in conversing.exact(talk, 0, 0)["title"]
    one.model = llama
    assert [len(turn) for turn in one.turns] == [2] and list(one.say("a dog"))


def test_a_pass_that_does_not_fit_into_memory_is_refused_before_it_runs(llama, tiny_set, monkeypatch):
    monkeypatch.setattr(llama.model, "forward", lambda *_, **__: pytest.fail("it runs"))
    monkeypatch.setattr(sizes, "free_bytes", lambda _device: 1000)
    with pytest.raises(InputError, match=r"2 texts of 42 tokens with the prompt need about .* GB are free"):
        steer_texts(llama, tiny_set, "calm", 0.1, "the cat")
    with pytest.raises(InputError, match="GB are free. Shorten the text"):
        read_text(llama, tiny_set, "the cat sat")
    talk = conversation(llama, tiny_set, ["calm"], [0.1], decoding=Decoding(2))
    with pytest.raises(InputError, match="GB are free"):
        talk.say("the cat")


def test_the_memory_of_a_pass_grows_with_rows_and_with_tokens(llama):
    one = sizes.pass_bytes(llama, 1, 1000)
    # 4 blocks, one head of keys of width 8; states of 16 and 32 wide; fp32.
    states, masks = 1000 * (2 * 4 * 8 + 6 * 16 + 3 * 32) * 4, 2 * 1000**2
    assert one == 1.5 * (states + masks)
    assert sizes.pass_bytes(llama, 8, 1000) == 1.5 * (8 * states + masks)
    assert sizes.pass_bytes(llama, 1, 1000, kept=False) < one


@pytest.mark.parametrize("said", [{}, {"num_attention_heads": [2, 4], "intermediate_size": [32, 16]}])
def test_the_memory_of_a_pass_is_told_without_heads_and_with_numbers_of_each_layer(llama, monkeypatch, said):
    before = sizes.pass_bytes(llama, 1, 1000)
    monkeypatch.setattr("emoviz.models.blocks.text_config", lambda _model: SimpleNamespace(**said))
    assert before <= sizes.pass_bytes(llama, 1, 1000) < 2 * before


@pytest.mark.parametrize("known", [0, 1])
def test_free_memory_is_that_of_the_container(tmp_path, monkeypatch, known):
    limit, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(sizes, "_CONTAINER", [(tmp_path / "none", used)] * known + [(limit, used)])
    assert sizes.container_bytes() is None
    limit.write_text("max\n")
    used.write_text("600000\n")
    assert sizes.container_bytes() is None
    limit.write_text("1000000\n")
    assert sizes.container_bytes() == (1_000_000, 600_000)
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 100000\n")
    assert sizes.free_bytes("cpu") == 500_000 and sizes.device_bytes("cpu") == (1_000_000,)
    limit.write_text(f"{2**63}\n")
    assert sizes.container_bytes() is None


def test_an_extraction_asks_for_room_before_it_takes_any(tmp_path, monkeypatch):
    monkeypatch.setenv(MOST_WORK, "1000000")
    tokens = np.full(10, 9)
    assert arrays(tmp_path / "small", 2, 16, tokens).pooled.shape == (2, 10, 16)
    with pytest.raises(InputError, match=r"take 2.89 GB while they are read; up to 0.001 GB are allowed on the page"):
        arrays(tmp_path / "large", 30, 600, np.full(40_000, 2))
    monkeypatch.delenv(MOST_WORK)
    with pytest.raises(InputError, match="GB are free in .*, of which 0.5 GB are left to others"):
        arrays(tmp_path / "huge", 10**9, 600, tokens)
    assert not list((tmp_path / "large").iterdir()) and not list((tmp_path / "huge").iterdir())


def test_the_name_of_a_class_is_no_page_of_text():
    with pytest.raises(InputError, match="row 1 names an emotion in 500000 letters; up to 80 are allowed"):
        corpus_of([("calm", "a"), ("x" * 500_000, "b")])


def test_a_new_visitor_costs_no_copy_of_the_page():
    with gr.Blocks() as blocks:
        kept = gr.State(None)
        gr.Textbox("x" * 100_000)
    state = SessionState(blocks)
    state[kept._id] = 5
    state._update_value_in_config(kept._id, 5)
    assert state[kept._id] == 5 and not state.config_values


def test_large_results_of_those_who_left_are_forgotten_first_and_the_page_is_as_at_first(monkeypatch):
    monkeypatch.setattr(session_parts, "MAX_KEPT", 2_500_000)
    with gr.Blocks() as blocks:
        kept = gr.State("at first")
    visitors = [SessionState(blocks) for _ in range(3)]
    for one in visitors:
        one[kept._id] = {"scores": np.zeros(125_000)}
    assert [one[kept._id] for one in visitors][0] == "at first"
    assert all(one[kept._id]["scores"].size == 125_000 for one in visitors[1:])
    visitors[0][kept._id] = "small"
    assert visitors[0][kept._id] == "small" and visitors[1][kept._id] != "at first"


def test_arrays_texts_and_lists_are_counted_in_a_value_and_a_model_is_not(llama):
    assert bytes_in(np.zeros(100)) == 800 and bytes_in("abc") == 3
    assert bytes_in({"a": [np.zeros(10), "xyz"]}) >= 83 and bytes_in(llama) == 8
    reading = make_set()
    assert bytes_in(reading) >= reading.class_means.nbytes + reading.half_means.nbytes


def test_strangers_fill_no_disk_with_tables(public, tmp_path, monkeypatch):
    monkeypatch.setattr(own_readings, "readings_folder", lambda: tmp_path)
    monkeypatch.setattr(own_readings, "_MOST_SHARED", 3)
    (tmp_path / "owner").mkdir()
    for k in range(6):
        path = tmp_path / "owner" / f"{k}.csv"
        path.touch()
        os.utime(path, (k, k))
    own_readings.make_room()
    assert sorted(path.name for path in tmp_path.glob("*/*.csv")) == ["3.csv", "4.csv", "5.csv"]


def test_visitors_that_are_kept_are_counted():
    with gr.Blocks() as blocks:
        gr.Textbox()
    blocks.state_session_capacity = server.launch_options()["state_session_capacity"]
    holder = StateHolder()
    holder.set_blocks(blocks)
    for k in range(session_parts.MAX_SESSIONS + 20):
        holder[f"{k}"]
    assert len(holder.session_data) <= session_parts.MAX_SESSIONS
