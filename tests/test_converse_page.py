"""Converse without a browser: what is said, read, edited, repeated, shown token by token, drawn and saved."""

import json
from collections import deque
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from emoviz.app import memory
from emoviz.app.components import EMPTY
from emoviz.app.selection import first_selection
from emoviz.app.steer import conversing
from emoviz.app.steer.conversing import Talk
from emoviz.app.tabs.steer import converse
from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.geometry import preferred_layer
from emoviz.judge.replies import read_replies
from emoviz.models.load import load_model
from emoviz.plots.conversation import profile_figure, turns_figure
from emoviz.readout.dialogue import dialogue_scores, neutral_reference
from emoviz.readout.projection import projections
from emoviz.share.transcript import reply_row, transcript
from emoviz.steer.conversation import converse as conversation_of
from emoviz.store import save_set, sets_folder
from emoviz.types import Decoding

from .conftest import make_set

TEMPLATE = "{% for m in messages %}{{ '<s> ' + m.content + ' </s> ' }}{% endfor %}{{ '<s>' if add_generation_prompt }}"
FIELDS = {
    "chosen": ["up"], "controls": [], "doses": "0.3", "system": "", "preset": "emoviz", "layers": "all", "scope": "all",
    "norm": "fixed", "tokens": 4, "temperature": 0, "seed": 0,
}  # fmt: skip


@pytest.fixture
def view(llama, monkeypatch):
    """A selection with a set of the tiny model, which talks through a template."""
    vectors = make_set("tiny", layers=4, width=16, model=llama.name, classes=("down", "neutral", "up"), scale=100)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=llama.revision, origin=llama.origin))
    save_set(vectors, sets_folder())
    llama.tokenizer.chat_template = TEMPLATE
    monkeypatch.setitem(memory.LOADED, llama.name, llama)
    monkeypatch.setattr(conversing, "_UPDATES_PER_SECOND", 1e9)
    for name in ("witnessed", "outside_witnessed"):
        monkeypatch.setattr(conversing, name, lambda _loaded, rows, *_: ("nobody", [""] * len(rows)))
    return replace(first_selection(), sets=("tiny",), emotion="up", emotions=())


def _send(view, talk, user, at=None, **changes):
    return deque(converse.send(view, talk, at, **{**FIELDS, "user": user, **changes}), maxlen=2)


def test_turns_are_streamed_read_judged_and_said_to_be_done(view):
    talk = Talk()
    seen = [
        said for _, said, _ in converse.send(view, talk, None, user="the cat sat", **FIELDS) if isinstance(said, str)
    ]
    assert any(said.startswith("answering, token") for said in seen) and seen[-1].startswith("answered in")
    assert _send(view, talk, "a dog")[-1] == (gr.skip(), gr.skip(), "")
    assert [turn["user"] for turn in talk.shown["turns"]] == ["the cat sat", "a dog"]
    assert [[cell["label"] for cell in turn["rows"][0]["cells"]] for turn in talk.shown["turns"]] == [
        ["unsteered", "up, dose 0.3"]
    ] * 2
    for turn in talk.shown["turns"]:
        assert turn["done"] and all(cell["reason"] and cell["read"] for cell in turn["rows"][0]["cells"])
        assert all("probability on other scripts" in cell["mass"] for cell in turn["rows"][0]["cells"])
    assert len(talk.read) == 2 and talk.read[1][1].before.shape == (3,)
    assert "no system prompt" in talk.shown["notes"][0]
    drawn = converse.draw(view, talk)
    assert len(drawn["over"].data) == 2 and "up is highest" in drawn["over"].layout.title.text
    assert "Turn 2" in drawn["profile"].layout.title.text
    assert converse.draw(view, Talk())["over"] is None
    assert "layer" in drawn["over"].layout.annotations[-1].text and "tiny-llama @" in f"{drawn['profile'].layout}"
    both = converse.draw(replace(view, emotions=("down",)), talk, **FIELDS)["over"].data
    assert [line.name.partition(":")[0] for line in both] == ["up", "down"] * 2
    assert len({line.line.dash for line in both}) == 2 and both[0].line.color == both[1].line.color


def test_an_edit_takes_the_place_of_a_turn_and_forgets_what_follows(view):
    talk = Talk()
    for user in ("the cat sat", "a dog", "on the mat"):
        _send(view, talk, user)
    turns, box, at, said = converse.picked({"edit": 1}, talk, None)
    assert (turns, box, at) == (gr.skip(), "a dog", 1) and "takes the place of turn 2" in said
    assert converse.picked({"edit": 1}, talk, 1)[1:3] == ("", None), "a second click leaves it"
    _send(view, talk, "red and blue", at=1)
    assert [turn["user"] for turn in talk.shown["turns"]] == ["the cat sat", "red and blue"] and len(talk.read) == 2
    assert len(talk.conversations[0].turns) == 2


def test_an_answer_is_repeated_with_the_next_seed(view):
    talk = Talk()
    asked = {**FIELDS, "temperature": 1.5, "tokens": 8}
    _send(view, talk, "the cat sat", temperature=1.5, tokens=8)
    first = [one.ids for one in talk.read[0]]
    *_, (_, _, seed) = converse.resend(view, talk, user="", **asked)
    assert seed == 1 and {one.seed for one in talk.read[0]} == {1} and len(talk.read) == 1
    assert [one.ids for one in talk.read[0]] != first
    assert "Nothing has been said yet" in next(converse.resend(view, Talk(), user="", **asked))[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"user": " "}, "the prompt is empty"),
        ({"user": "the </s> cat"}, "holds </s>, a control token"),
        ({"chosen": ["ablate"]}, "ends too early"),
        ({"chosen": ["down"]}, "Press New to begin another"),
        ({"doses": "0.3, 0.4"}, "Press New to begin another"),
        ({"system": "be kind"}, "Press New to begin another"),
        ({"tokens": 4000}, "1 to 400 are allowed"),
    ],
)
def test_what_cannot_be_sent_is_said_and_nothing_is_lost(view, changes, said):
    talk = Talk()
    _send(view, talk, "the cat sat")
    found = _send(view, talk, **{"user": "a dog", **changes})[-1]
    assert found[1].startswith("**Cannot send.**") and said in found[1]
    assert [turn["user"] for turn in talk.shown["turns"]] == ["the cat sat"]
    _send(view, talk, "a dog", doses="-0.4")
    assert [one.dose for one in talk.read[1]] == [0.0, -0.4], "the dose may change from turn to turn"


def test_stop_keeps_what_was_written_and_new_begins_another(view):
    talk = Talk()
    for shown, said, _ in converse.send(view, talk, None, user="the cat", **{**FIELDS, "tokens": 40}):
        if shown != gr.skip() and "token 1" in said:
            converse.stop(talk)
    assert len(talk.read) == 1 and 0 < len(talk.read[0][0].ids) < 40
    anew, turns, _, at = converse.begin_anew(talk)
    assert anew.read == [] and (turns, at) == (EMPTY, None)


def test_the_exact_tokens_of_an_answer_are_shown_and_hidden_again(view):
    talk = Talk()
    _send(view, talk, "the cat sat")
    converse.picked({"tokens": [0, 1]}, talk, None)
    exact = talk.shown["exact"]
    assert exact["turn"] == 0 and "up, dose 0.3: 6 tokens before the answer" in exact["title"]
    words = [("<s>", True), ("the", False), ("cat", False), ("sat", False), ("</s>", True), ("<s>", True)]
    assert [tuple(piece) for piece in exact["pieces"]] == words
    converse.picked({"tokens": [0, 1]}, talk, None)
    assert talk.shown["exact"] is None
    converse.picked({"profile": [0, 0]}, talk, None)
    assert talk.shown["chosen"] == [0, 0]


@pytest.mark.parametrize(
    "posted", [None, 3, {"edit": 9}, {"edit": "0"}, {"profile": [0]}, {"tokens": [0, 7]}, {"tokens": "x"}]
)
def test_whatever_a_visitor_posts_changes_nothing(view, posted):
    talk = Talk()
    _send(view, talk, "the cat sat")
    before = json.dumps(talk.shown)
    assert converse.picked(posted, talk, None) == (gr.skip(),) * 4 and json.dumps(talk.shown) == before


def test_a_conversation_is_saved_as_json_lines_and_as_markdown(view):
    talk = Talk()
    assert "nothing has been said" in converse.save("md")(talk)["problem"]
    _send(view, talk, "the cat ``` sat")
    for format in ("jsonl", "md"):
        assert converse.save(format)(talk)["name"] == f"emoviz-conversation.{format}"
    rows = [reply_row(one) for one in talk.read[0]]
    assert rows[1]["emotion"] == "up" and set(rows[1]["over"]) == {"down", "neutral", "up"} and rows[1]["regime"]
    text = transcript(talk.read, ["a note"])
    assert "````text\nthe cat ``` sat\n````" in text and "- a note" in text and r"**tiny\-llama, up, dose 0.3**" in text


# Reading.


def test_scores_in_a_dialogue_are_those_of_the_projection_and_of_a_slow_loop(llama):
    vectors = make_set(layers=4, width=16, model=llama.name)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=llama.revision))
    contexts, answers = [[3, 4, 5], [6, 7], [3, 9]], [[8, 9], [], [10, 11, 12, 13]]
    before, over = dialogue_scores(llama, vectors, 2, contexts, answers)
    for k, (context, answer) in enumerate(zip(contexts, answers, strict=True)):
        np.testing.assert_allclose(over[k], projections(llama, vectors, 2, context, [answer])[0], atol=1e-6)
        last = projections(llama, vectors, 2, context[:-1], [context[-1:]])[0]
        np.testing.assert_allclose(before[k], last, atol=1e-6)
    assert np.isnan(over[1]).all() and np.isfinite(before).all()


def test_the_reference_is_read_once_in_the_template_of_the_conversation(llama, monkeypatch):
    vectors = make_set(layers=4, width=16, model=llama.name)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=llama.revision))
    llama.tokenizer.chat_template = TEMPLATE
    first = neutral_reference(llama, vectors, 2, None)
    assert neutral_reference(llama, vectors, 2, None) is first
    assert neutral_reference(llama, vectors, 2, "a red tree") is not first
    assert np.abs(first.over - first.plain).max() > 0, "the template shifts the scores"
    made = conversation_of(llama, vectors, "angry", 0.3, "the cat sat", decoding=Decoding(4))
    found, layer = read_replies(made, 0), preferred_layer(vectors)
    usual = neutral_reference(llama, vectors, layer, None)
    contexts = [made.context(0, k) for k in (0, 1)]
    before, over = dialogue_scores(llama, vectors, layer, contexts, [one.ids for one in found])
    np.testing.assert_allclose(found[1].over, over[1] - usual.over)
    np.testing.assert_allclose(found[1].before, before[1] - usual.before)


def test_figures_of_what_was_not_read_say_so(llama):
    vectors = make_set(layers=4, width=16, model=llama.name)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=llama.revision))
    made = conversation_of(llama, vectors, "angry", 0.3, "the cat sat", decoding=Decoding(4))
    with pytest.raises(InputError, match="no answer of this conversation was read"):
        turns_figure(vectors, made.turns, ["angry"])
    with pytest.raises(InputError, match="was not read"):
        profile_figure(vectors, made.turns[0][0])


# The command.


def test_the_command_answers_every_turn_and_writes_the_transcript(llama_folder, tmp_path, capsys, monkeypatch):
    loaded = load_model(str(llama_folder))
    vectors = make_set("tiny", layers=4, width=16, model=loaded.name)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision, origin=loaded.origin))
    save_set(vectors, sets_folder())
    out = tmp_path / "said.jsonl"
    words = ["chat", str(llama_folder), "--emotion", "angry", "ablate calm", "--dose", "0.3", "--controls", "random",
             "--max-new-tokens", "4", "--witness", "none", "--set", "tiny"]  # fmt: skip
    assert main([*words, "--say", "the cat", "a dog", "--tokens", "--json", "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [turn["user"] for turn in result["turns"]] == ["the cat", "a dog"]
    by_row = ["unsteered", "angry", "ablate calm", "random", "ablate random"]
    assert all([row["emotion"] for row in turn["rows"]] == by_row for turn in result["turns"])
    assert result["turns"][0]["rows"][0]["tokens"] and result["forms"]["tiny-llama"]["templated"] is False
    kept = [json.loads(line)["user"] for line in out.read_text("utf-8").splitlines()]
    assert kept == ["the cat"] * 5 + ["a dog"] * 5
    monkeypatch.setattr("sys.stdin", ["the cat\n", "\n", "a dog\n"])
    assert main(words) == 0
    told = capsys.readouterr().out
    assert told.count("user: ") == 2 and "tiny-llama, angry, dose 0.3:" in told and "tiny-llama, ablate calm:" in told
    monkeypatch.setattr("sys.stdin", [])
    assert main(words) == 2 and "nothing was said" in capsys.readouterr().err
    assert main([*words, "--say", "x", "--out", str(tmp_path / "a.txt")]) == 2
