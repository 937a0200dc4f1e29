"""A dialogue that took place: where its messages stand, how it is read, and which files it comes in."""

import json
from dataclasses import replace

import numpy as np
import pytest

from emoviz.cli import main
from emoviz.emotions import EMOTIONS
from emoviz.errors import InputError
from emoviz.geometry import preferred_layer
from emoviz.models.dialogue import spans_of
from emoviz.readout.dialogue import neutral_reference, read_dialogue
from emoviz.readout.projection import projections
from emoviz.stimuli.dialogues import load_dialogue, neutral_exchanges, parse_dialogue
from emoviz.store import save_set, sets_folder

from .conftest import make_set

TEMPLATE = "{% for m in messages %}{{ '<s> ' + m.content + ' </s> ' }}{% endfor %}{{ '<s>' if add_generation_prompt }}"
SAID = [("user", "the cat sat"), ("assistant", "on the mat"), ("user", "a red dog")]


def _set_of(loaded, **options):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision, origin=loaded.origin))


@pytest.fixture(params=["llama", "gpt2"])
def chat(request):
    loaded = request.getfixturevalue(request.param)
    loaded.tokenizer.chat_template = TEMPLATE
    return loaded


@pytest.mark.parametrize("templated", [True, False])
def test_every_message_stands_where_its_words_are_and_the_whole_is_the_template(chat, templated):
    chat.tokenizer.chat_template = TEMPLATE if templated else None
    ids, spans, before = spans_of(chat, SAID)
    assert [chat.tokenizer.decode(ids[a:b]) for a, b in spans] == [text for _, text in SAID]
    assert before == [a - 1 for a, _ in spans]
    if templated:
        messages = [{"role": role, "content": text} for role, text in SAID]
        assert ids == chat.tokenizer.apply_chat_template(messages, tokenize=True)["input_ids"]
    else:
        text = "User: the cat sat\nAssistant: on the mat\nUser: a red dog"
        assert ids == chat.tokenizer(text)["input_ids"]


def test_scores_are_those_of_the_words_and_of_the_position_before_an_answer_less_neutral_exchanges(chat):
    vectors = _set_of(chat)
    layer = preferred_layer(vectors)
    found = read_dialogue(chat, vectors, [("system", "red tree"), *SAID])
    ids, spans, before = spans_of(chat, [("system", "red tree"), *SAID])
    usual = neutral_reference(chat, vectors, layer, "red tree")
    for k, (role, level) in enumerate(
        [("system", None), ("user", usual.user), ("assistant", usual.over), ("user", usual.user)], 0
    ):
        if role == "system":
            assert np.isnan(found.over[k]).all()
            continue
        start, end = spans[k]
        (alone,) = projections(chat, vectors, layer, ids[:start], [ids[start:end]])
        np.testing.assert_allclose(found.over[k], alone - level, atol=1e-6)
        if role == "assistant":
            (last,) = projections(chat, vectors, layer, ids[: before[k]], [ids[before[k] : before[k] + 1]])
            np.testing.assert_allclose(found.before[k], last - usual.before, atol=1e-6)
        else:
            assert np.isnan(found.before[k]).all()
    frame = found.to_frame()
    assert frame["role"].tolist() == list(found.roles) and frame["highest"].isna().tolist() == [
        True,
        False,
        False,
        False,
        True,
    ]
    # The user spoke last: what follows is the state before the answer that is to come.
    awaited, _, _ = spans_of(chat, [("system", "red tree"), *SAID], more=True)
    assert awaited[: len(ids)] == ids and len(awaited) > len(ids)
    (last,) = projections(chat, vectors, layer, awaited[:-1], [awaited[-1:]])
    np.testing.assert_allclose(found.before[-1], last - usual.before, atol=1e-6)
    assert (found.roles[-1], found.texts[-1]) == ("assistant", "") and np.isnan(found.over[-1]).all()
    ended = read_dialogue(chat, vectors, SAID[:2])
    assert ended.roles == ("user", "assistant")
    np.testing.assert_allclose(found.shift, usual.over - usual.plain)


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "no messages were given"),
        ("hello", "no messages were given"),
        ([("narrator", "the cat")], "role 'narrator' was given; system, user, assistant are allowed"),
        ([("user", " ")], "a message of the user is empty"),
        ([("user", "the </s> cat")], "holds </s>, a control token"),
        ([("user", "the " * 80)], "tokens; tiny-llama reads at most 64"),
    ],
)
def test_a_dialogue_that_cannot_be_read_says_why(llama, messages, said):
    llama.tokenizer.chat_template = TEMPLATE
    with pytest.raises(InputError, match=said):
        read_dialogue(llama, _set_of(llama), messages)


def test_a_template_that_changes_or_drops_a_message_is_refused(llama):
    llama.tokenizer.chat_template = "{% for m in messages %}{{ '<s> ' + m.content | upper }}{% endfor %}"
    with pytest.raises(InputError, match="leaves out a message|changes the messages"):
        spans_of(llama, SAID)
    llama.tokenizer.chat_template = "<s> {{ messages[0].content }}"
    with pytest.raises(InputError, match="leaves out a message of the assistant"):
        spans_of(llama, SAID)


def _lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    "content",
    [
        _lines({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}),
        "\ufeff" + _lines({"speaker": "Human", "text": "a"}) + "\n" + _lines({"speaker": "bot", "text": "b"}),
        _lines({"messages": [{"role": "user", "content": "a"}, {"role": "model", "content": "b"}]}),
        _lines({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}),
        "\nUser: a\n\nASSISTANT:b\n",
    ],
)
def test_logs_of_the_usual_forms_are_read(tmp_path, content):
    path = tmp_path / "said.jsonl"
    path.write_text(content, "utf-8")
    assert load_dialogue(path) == [("user", "a"), ("assistant", "b")]


def test_the_neutral_exchanges_are_twenty_and_name_no_emotion():
    exchanges = neutral_exchanges()
    assert len(set(exchanges)) == 20 and all(asked and told for asked, told in exchanges)
    words = {word.strip(".,?!").lower() for pair in exchanges for text in pair for word in text.split()}
    assert not words & set(EMOTIONS)


def test_lines_that_name_nobody_go_on_with_the_message_before():
    said = parse_dialogue("System: Be brief.\nHuman: a\n  b: c\n\nBot: d")
    assert said == [("system", "Be brief."), ("user", "a\nb: c"), ("assistant", "d")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no message"),
        (b"\xff\xfe\xff", "cannot be read as UTF-8"),
        (b"hello", "line 1 names nobody who speaks: 'hello'"),
        (b"\nNarrator: hello", "line 2 names nobody who speaks"),
        (b"{hello", "line 1 is not JSON"),
        (b"[" * 100_000, "line 1 is not JSON"),
        (b'{"role": "user"}', "line 1 has no text; content, text, value are looked for"),
        (b'\n{"content": "a"}', "line 2 has no role"),
        (b"[3]", "line 1 is no object"),
        (b" " * (5 * 2**20), "has more than 4 MB"),
    ],
)
def test_a_file_that_is_no_dialogue_says_which_line(tmp_path, content, said):
    path = tmp_path / "said.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_dialogue(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_dialogue(tmp_path)


def test_the_command_reads_a_log(llama_folder, llama, tmp_path, capsys):
    save_set(_set_of(llama), sets_folder())
    path = tmp_path / "said.jsonl"
    path.write_text(_lines(*({"role": role, "content": text} for role, text in SAID)))
    assert main(["read", str(llama_folder), "--turns", str(path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [turn["role"] for turn in result["turns"]] == ["user", "assistant", "user", "assistant"]
    assert result["turns"][0]["before"] is None and set(result["turns"][1]["before"]) == set(result["classes"])
    assert main(["read", str(llama_folder), "--turns", str(path)]) == 0
    assert "before the answer: " in capsys.readouterr().out
    assert main(["read", str(llama_folder), "--turns", str(tmp_path / "none.jsonl")]) == 2
    assert main(["read", str(llama_folder)]) == 2
    llama_words = ["read", str(llama_folder), "--chat", "--json"]
    assert main([*llama_words, "--text", "the cat sat"]) == 0
    alone = json.loads(capsys.readouterr().out)["turns"]
    assert [turn["role"] for turn in alone] == ["user", "assistant"] and alone[0]["over"] == pytest.approx(
        result["turns"][0]["over"], abs=1e-6
    )
    assert main([*llama_words, "--texts", str(path)]) == 2
