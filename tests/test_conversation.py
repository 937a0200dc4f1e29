"""Conversations: every row has its own history, and is what it would be alone, read from the start."""

from dataclasses import replace

import pytest
import torch

from emoviz.errors import InputError
from emoviz.models.dialogue import exact_tokens, form_of, pieces_of
from emoviz.models.prompts import prompt_ids
from emoviz.steer import conversation as module
from emoviz.steer.conversation import conversation, converse
from emoviz.steer.generate import steer_texts
from emoviz.steer.injection import injected, offsets, on_device
from emoviz.steer.recipes import recipe
from emoviz.types import Decoding

from .conftest import make_set

TEMPLATE = (
    "{% if messages[0].role != 'system' %}{{ '<s> a red tree </s> ' }}{% endif %}"
    "{% for m in messages %}{{ '<s> ' + m.content + ' </s> ' }}{% endfor %}{{ '<s>' if add_generation_prompt }}"
)
USERS = ["the cat sat", "on the mat", "a dog ran"]


def _set_of(loaded, **options):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))


@pytest.fixture(params=["llama", "gpt2"])
def chat(request):
    loaded = request.getfixturevalue(request.param)
    loaded.tokenizer.chat_template = TEMPLATE
    loaded.model.generation_config.eos_token_id = 2
    return loaded


def _alone(loaded, vectors, row, how, answers, tokens, ends):
    """The answers of one row, every token from a pass over everything before it, without a cache."""
    added = offsets(vectors, [row], how)
    out = []
    for turn in range(len(USERS)):
        pieces = pieces_of(loaded, USERS[: turn + 1])
        ids = list(pieces[0])
        for answer, piece in zip(out, pieces[1:], strict=True):
            ids += [*answer, *piece]
        new = []
        for _ in range(tokens):
            with loaded.inference(), injected(loaded, added, on_device(added, loaded), written=0):
                chosen = int(loaded.model(input_ids=torch.tensor([ids + new])).logits[0, -1].argmax())
            if chosen in ends:
                break
            new.append(chosen)
        out.append(new)
    return out


def test_every_row_is_what_it_is_alone_read_from_the_start_without_a_cache(chat):
    vectors = _set_of(chat)
    how = recipe(vectors, layers="all")
    first = converse(chat, vectors, ["angry", "ablate calm"], [0.4], USERS, how, Decoding(6))
    # One row is to end before the others, in the first turn: by a token that another does not write, as late as can be.
    written = [one.ids for one in first.turns[0]]
    end = next(
        ids[k]
        for k in reversed(range(6))
        for ids in written
        if ids[k] not in ids[:k] and any(ids[k] not in other for other in written)
    )
    chat.model.generation_config.eos_token_id = [2, end]
    made = converse(chat, vectors, ["angry", "ablate calm"], [0.4], USERS, how, Decoding(6))
    rows = [(one.direction, one.dose) for one in made.turns[0]]
    assert rows == [("unsteered", 0.0), ("angry", 0.4), ("ablate calm", 1.0)]
    assert len({len(one.ids) for one in made.turns[0]}) > 1, "the rows are of several lengths"
    for k, row in enumerate(rows):
        alone = _alone(chat, vectors, row, how, made, 6, {2, end})
        assert [list(turn[k].ids) for turn in made.turns] == alone
    assert {one.text for one in made.turns[0]} != {made.turns[0][0].text}, "steering changes something"


@pytest.mark.parametrize("scope", ["all", "prompt", "response"])
@pytest.mark.parametrize("norm", ["fixed", "live"])
def test_without_kept_keys_and_values_the_turns_are_read_again_and_the_answers_stay(chat, scope, norm, monkeypatch):
    vectors = _set_of(chat)
    how = recipe(vectors, layers="all", scope=scope, norm=norm)

    def said():
        made = conversation(chat, vectors, ["angry", "angry first 2", "reflect calm"], [0.4], how, Decoding(6))
        for k, user in enumerate(USERS):
            # The dose of the second turn is another; what was said before stays as it was steered.
            doses = {"directions": ["angry", "angry first 2", "reflect calm"], "doses": [-0.6]} if k == 1 else {}
            for _ in made.say(user, **doses):
                pass
        return [[(one.direction, one.dose, one.ids) for one in turn] for turn in made.turns], made

    kept, made = said()
    assert made._past is not None
    monkeypatch.setattr(module, "MAX_KEPT", 0)
    again, made = said()
    assert made._past is None and again == kept
    assert [dose for _, dose, _ in kept[1]] == [dose for _, dose, _ in kept[2]] == [0.0, -0.6, -0.6, 1.0]


def test_the_conversation_that_rested_longest_is_let_go_and_answers_all_the_same(chat, monkeypatch):
    vectors, how = _set_of(chat), Decoding(6)
    whole = converse(chat, vectors, "angry", 0.4, USERS, decoding=how)
    first, second = (converse(chat, vectors, "angry", 0.4, USERS[:1], decoding=how) for _ in range(2))
    monkeypatch.setattr(module, "MAX_KEPT", int(1.5 * module._size(second._past)))
    list(second.say(USERS[1]))
    assert first._past is None
    for user in USERS[1:]:
        list(first.say(user))
    assert [[one.ids for one in turn] for turn in first.turns] == [[one.ids for one in turn] for turn in whole.turns]


def test_the_first_turn_is_the_chat_turn_that_steering_writes(chat):
    vectors = _set_of(chat)
    how = recipe(vectors, layers="all")
    made = converse(chat, vectors, "angry", [0.3, 0.6], USERS[0], how, Decoding(6))
    texts = steer_texts(chat, vectors, "angry", [0.3, 0.6], USERS[0], how, Decoding(6, chat=True))
    assert [one.ids for one in made.turns[0]] == [one.ids for one in texts]
    assert made.context(0, 1) == prompt_ids(chat, USERS[0], True)
    assert made.turns[0][1].leak_mass == texts[1].leak_mass


def test_a_stopped_answer_stays_and_an_edited_message_goes_on_from_there(chat):
    vectors = _set_of(chat)
    whole = converse(chat, vectors, "angry", 0.4, USERS, recipe(vectors, layers="all"), Decoding(6))
    made = conversation(chat, vectors, ["angry"], [0.4], recipe(vectors, layers="all"), Decoding(6))
    steps = made.say(USERS[0])
    next(steps), next(steps)
    steps.close()
    assert [len(one.ids) for one in made.turns[0]] == [2, 2]
    assert made.turns[0][0].ids == whole.turns[0][0].ids[:2] and not made.turns[0][0].finished
    made.back_to(0)
    assert made.turns == ()
    for user in USERS:
        list(made.say(user))
    assert [[one.ids for one in turn] for turn in made.turns] == [[one.ids for one in turn] for turn in whole.turns]
    made.back_to(1)
    list(made.say("red and blue"))
    other = converse(
        chat, vectors, "angry", 0.4, [USERS[0], "red and blue"], recipe(vectors, layers="all"), Decoding(6)
    )
    assert [[one.ids for one in turn] for turn in made.turns] == [[one.ids for one in turn] for turn in other.turns]


def test_another_seed_gives_another_answer_and_the_same_seed_the_same(chat):
    vectors = _set_of(chat)
    made = conversation(chat, vectors, ["angry"], [0.4], decoding=Decoding(8, temperature=1.5, seed=1))
    list(made.say(USERS[0]))
    first = made.turns[0]
    for seed, same in ((1, True), (2, False)):
        made.back_to(0)
        list(made.say(USERS[0], seed=seed))
        assert ([one.ids for one in made.turns[0]] == [one.ids for one in first]) == same
        assert {one.seed for one in made.turns[0]} == {seed}


def test_a_template_is_taken_apart_around_the_answers_and_its_own_system_prompt_is_named(chat):
    assert form_of(chat).system == "a red tree"
    pieces = pieces_of(chat, USERS)
    joined = [token for piece, answer in zip(pieces, ([3], [4], []), strict=True) for token in [*piece, *answer]]
    messages = [
        {"role": role, "content": text}
        for role, text in (
            ("user", USERS[0]),
            ("assistant", "the"),
            ("user", USERS[1]),
            ("assistant", "a"),
            ("user", USERS[2]),
        )
    ]
    whole = chat.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True)["input_ids"]
    assert joined == whole
    marked = exact_tokens(chat, pieces[0])
    assert [text for text, control in marked if control] == ["<s>", "</s>", "<s>", "</s>", "<s>"]
    own = conversation(chat, _set_of(chat), ["angry"], [0.1], decoding=Decoding(4), system="a blue tree")
    list(own.say("cat"))
    assert chat.tokenizer.decode(own.context(0, 0)).startswith("<s> a blue tree")
    assert conversation(chat, _set_of(chat), ["angry"], [0.1], system="a red tree").system is None


def test_a_model_without_a_template_gets_a_transcript_and_stops_at_the_users_next_line(llama, monkeypatch):
    vectors = _set_of(llama)
    assert llama.tokenizer.chat_template is None and not form_of(llama).templated
    (piece,) = pieces_of(llama, ["the cat"], "a dog")
    assert llama.tokenizer.decode(piece) == llama.tokenizer.decode(
        llama.tokenizer("a dog\n\nUser: the cat\nAssistant:")["input_ids"]
    )
    plain = converse(llama, vectors, "angry", 0.4, USERS[0], decoding=Decoding(8))
    words = plain.turns[0][0].text.split()
    # Its tokenizer has no newline: what is to end the answer is what it writes fifth.
    stop = f" {words[4]}" if words[4] not in words[:4] else next(f" {w}" for w in words[2:] if w not in words[:2])
    monkeypatch.setattr(module, "STOP", stop)
    made = converse(llama, vectors, "angry", 0.4, USERS, decoding=Decoding(8))
    first = made.turns[0][0]
    assert first.finished and stop not in f" {first.text} " and llama.tokenizer.decode(first.ids).strip() == first.text
    monkeypatch.setattr(module, "MAX_KEPT", 0)
    again = converse(llama, vectors, "angry", 0.4, USERS, decoding=Decoding(8))
    assert [[one.ids for one in turn] for turn in again.turns] == [[one.ids for one in turn] for turn in made.turns]
    # A model that names no end token has nothing to fill up rows with that have stopped.
    llama.model.generation_config.eos_token_id = llama.tokenizer.eos_token = None
    assert llama.end_tokens == ()
    endless = converse(llama, vectors, "angry", 0.4, USERS, decoding=Decoding(8))
    assert endless.turns[0][0].finished and endless.turns[0][0].text == first.text


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("  ", "the message is empty"),
        ("the </s> cat", "holds </s>, a control token of tiny-llama"),
        (None, "one text is needed"),
        ("the " * 80, "have up to 9. tokens; tiny-llama reads at most 64"),
    ],
)
def test_a_message_that_cannot_be_used_leaves_the_conversation_as_it_was(llama, user, said):
    llama.tokenizer.chat_template = TEMPLATE
    made = converse(llama, _set_of(llama), "angry", 0.4, USERS[0], decoding=Decoding(4))
    with pytest.raises(InputError, match=said):
        list(made.say(user))
    with pytest.raises(InputError, match=said):
        made.say(user, directions=["angry"], doses=[0.9])
    assert len(made.turns) == 1 and not llama.lock.locked()
    list(made.say(USERS[1]))
    assert len(made.turns) == 2 and made.turns[1][1].dose == 0.4


def test_the_oldest_turns_are_left_out_where_the_context_is_full(llama):
    llama.tokenizer.chat_template = TEMPLATE
    llama.model.generation_config.eos_token_id = 2
    vectors = _set_of(llama)
    made = conversation(llama, vectors, ["angry"], [0.4], decoding=Decoding(8))
    for k in range(5):
        list(made.say(USERS[k % 3]))
    assert 0 < made.dropped < 5 and len(made.turns) == 5
    # What a turn was given then is told, not what would be left of it now.
    assert made.context(0, 0) == pieces_of(llama, [USERS[0]])[0]
    assert made.context(1, 1)[: len(pieces_of(llama, [USERS[0]])[0])] == pieces_of(llama, [USERS[0]])[0]
    # What is left is what a conversation without the others is.
    other = conversation(llama, vectors, ["angry"], [0.4], decoding=Decoding(8))
    other._turns, other.rows = list(made._turns[made.dropped : 4]), made.rows
    list(other.say(USERS[4 % 3]))
    assert [one.ids for one in other.turns[-1]] == [one.ids for one in made.turns[-1]]


def test_what_cannot_be_begun_is_said(llama):
    vectors = _set_of(llama)
    llama.tokenizer.chat_template = (
        "{{ raise_exception('no system') if messages[0].role == 'system' }}<s> {{ messages[0].content }}"
    )
    with pytest.raises(InputError, match="takes no system prompt"):
        conversation(llama, vectors, ["angry"], [0.1], system="be kind")
    made = converse(llama, vectors, "angry", 0.4, USERS[0], decoding=Decoding(3))
    with pytest.raises(InputError, match="leaves earlier answers out"):
        list(made.say("on"))
    llama.tokenizer.chat_template = "{{ messages[0].content.nothing() }}"
    with pytest.raises(InputError, match="fails on messages of user"):
        conversation(llama, vectors, ["angry"], [0.1])
    llama.tokenizer.chat_template = TEMPLATE
    made = conversation(llama, vectors, ["angry"], [0.1])
    with pytest.raises(InputError, match="3 rows were given, the conversation has 2"):
        made.say("the cat", directions=["angry", "calm"], doses=[0.1])
    with pytest.raises(InputError, match="turn 0 was given"):
        made.back_to(0)
