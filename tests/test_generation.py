"""Generation: what is asked, what is written, what is read of it, and going on after a kill."""

import importlib
import json
import resource
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from emoviz.emotions import CLASSES, EMOTIONS
from emoviz.errors import InputError
from emoviz.extract.generation import ROWS, Chooser, encode_stories, write_stories, writing_protocol
from emoviz.extract.protocols import PROTOCOLS
from emoviz.extract.sets import extract_set, set_name
from emoviz.models.load import load_model
from emoviz.models.prompts import prompt_ids
from emoviz.stimuli import load_corpus, prompts_hash, story_prompts
from emoviz.store import list_sets, load_stories, save_set
from emoviz.types import Provenance, Story, StoryPrompt

from .conftest import save_tiny_model, tiny_llama

STORIES = PROTOCOLS["emoviz-stories"]
SAMPLED = replace(STORIES.writing, chat=False, max_new_tokens=12)
GREEDY = replace(SAMPLED, temperature=0.0)
PROMPTS = [StoryPrompt("sad", t, f"the {t} sat on a red mat", k) for k, t in enumerate(("cat", "dog", "tree"))]


@pytest.fixture(scope="module")
def writer_folder(tmp_path_factory):
    config = tiny_llama()
    config.max_position_embeddings = 512
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny-writer", config)


@pytest.fixture
def writer(writer_folder):
    loaded = load_model(str(writer_folder))
    loaded.tokenizer.chat_template = "{% for m in messages %}a {{ m['content'] }} on{% endfor %}"
    return replace(loaded, instruct=True)


@pytest.mark.parametrize("name", ["emoviz-stories", "jeong2026a", "jeong2026a-loose"])
def test_every_class_is_asked_for_and_neutral_names_no_emotion(name):
    prompts = story_prompts(PROTOCOLS[name].writing)
    assert {p.emotion for p in prompts} == set(CLASSES)
    assert len({p.seed for p in prompts}) == len(prompts)
    for p in prompts:
        named = [e for e in EMOTIONS if f" {e}" in p.text.lower()]
        assert named == ([] if p.emotion == "neutral" else [p.emotion])


def test_our_stories_are_balanced_over_the_topics_of_the_passages():
    prompts = story_prompts(STORIES.writing)
    cells = Counter((p.emotion, p.topic) for p in prompts)
    assert len(cells) == 21 * 20 and set(cells.values()) == {1}
    assert {p.topic for p in prompts} == set(load_corpus().topics)


def test_greedy_stories_of_one_template_are_asked_for_once_and_go_to_one_half():
    prompts = story_prompts(PROTOCOLS["jeong2026a"].writing)
    of = Counter(p.emotion for p in prompts)
    assert of["sad"] == 5 and of["neutral"] == 10
    assert len({p.text for p in prompts if p.emotion == "sad"}) == 5
    assert {p.topic for p in prompts} == {f"story {k}" for k in range(5)}


def test_the_name_of_a_set_changes_with_words_seeds_and_number_of_stories(writer):
    prompts = story_prompts(STORIES.writing)
    assert prompts_hash(prompts) != prompts_hash((replace(prompts[0], text="else"), *prompts[1:]))
    names = {
        set_name(writer, replace(STORIES, writing=replace(STORIES.writing, **change)))
        for change in ({}, {"seed": 1}, {"stories": 4}, {"temperature": 0.7}, {"chat": False})
    }
    assert len(names) == 5


def test_greedy_stories_equal_plain_generation_one_by_one(writer):
    written = write_stories(writer, PROMPTS, GREEDY)
    for prompt, story in zip(PROMPTS, written, strict=True):
        ids = torch.tensor([writer.tokenizer(prompt.text)["input_ids"]])
        out = writer.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        expected = [t for t in out[0, ids.shape[1] :].tolist() if t not in writer.end_tokens]
        assert list(story.ids) == expected


def test_a_sampled_story_depends_on_its_seed_and_not_on_its_company(writer):
    together = write_stories(writer, PROMPTS, SAMPLED)
    alone = [write_stories(writer, [prompt], SAMPLED)[0] for prompt in PROMPTS]
    assert list(together) == alone
    other = write_stories(writer, [replace(PROMPTS[0], seed=99)], SAMPLED)[0]
    assert other.ids != together[0].ids


def test_choices_follow_the_probabilities_within_top_p():
    scores = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    for temperature, top_p, expected in (
        (1.0, 1.0, [0.5, 0.3, 0.15, 0.05]),
        (1.0, 0.8, [0.625, 0.375, 0, 0]),
        (1.0, 0.81, [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]),
        (0.5, 1.0, [0.25 / 0.365, 0.09 / 0.365, 0.0225 / 0.365, 0.0025 / 0.365]),
    ):
        writing = replace(SAMPLED, temperature=temperature, top_p=top_p)
        n = 4000
        chooser = Chooser(range(n), writing, lambda tokens: None)
        chosen = chooser(torch.zeros(n, 1), scores.expand(n, -1)).argmax(-1)
        share = torch.bincount(chosen, minlength=4) / n
        np.testing.assert_allclose(share.numpy(), expected, atol=4 * 0.5 / n**0.5)


def test_rare_tokens_are_reached_where_the_likely_ones_do_not_fill_top_p(monkeypatch):
    module = importlib.import_module("emoviz.extract.generation")
    scores = torch.randn(50, 200, generator=torch.Generator().manual_seed(0)) * 0.1
    chosen = []
    for likely in (8, 200):
        monkeypatch.setattr(module, "_LIKELY", likely)
        chooser = Chooser(range(50), replace(SAMPLED, temperature=1.0, top_p=0.99), lambda tokens: None)
        chosen.append(chooser(torch.zeros(50, 1), scores).argmax(-1))
    assert torch.equal(*chosen) and len(set(chosen[0].tolist())) > 20


def test_only_the_written_tokens_are_read(writer):
    long = Story("sad", "t", "the cat sat", 0, "", 12, tuple([3, 4, 5, 6] * 3))
    short = replace(long, n_tokens=2, ids=(3, 4))
    asked = len(prompt_ids(writer, "the cat sat", STORIES.writing.chat))
    assert asked == len(writer.tokenizer("a the cat sat on")["input_ids"]), "through the chat template"
    for pooling, places in (
        ("mean", range(asked, asked + 12)),
        ("mid", [asked + 6]),
        ("last", range(asked, asked + 12)),
    ):
        recipe = replace(STORIES, pooling=pooling)
        first, second = encode_stories(writer, [long, short], recipe)
        assert first.content.nonzero()[:, 0].tolist() == list(places)
        assert second.content.nonzero()[:, 0].tolist() == [asked - 1], "too short: the last token of the prompt"


def test_a_base_model_is_refused_with_the_reason_or_marked(llama):
    with pytest.raises(InputError, match="tiny-llama is a base model.*--allow-base"):
        writing_protocol(llama, STORIES, allow_base=False)
    forced = writing_protocol(llama, STORIES, allow_base=True)
    assert forced.name == "emoviz-stories-base" and forced.writing.chat is False


def test_a_story_beyond_the_context_is_refused(llama):
    with pytest.raises(InputError, match="do not fit tiny-llama, which reads at most 64"):
        write_stories(llama, PROMPTS, replace(SAMPLED, max_new_tokens=60))


def test_writing_goes_on_after_a_kill_with_whole_batches(writer, tmp_path):
    prompts = [replace(PROMPTS[k % 3], seed=k) for k in range(2 * ROWS + 5)]
    whole = write_stories(writer, prompts, SAMPLED)
    file, calls = tmp_path / "stories.jsonl", []

    def stop(tokens):
        calls.append(tokens)
        if len(calls) > 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_stories(writer, prompts, SAMPLED, file=file, progress=stop)
    assert len(file.read_text().splitlines()) == ROWS
    with file.open("a") as out:
        out.write(json.dumps({"emotion": "cut"})[:9])
    assert write_stories(writer, prompts, SAMPLED, file=file) == whole
    again = []
    assert write_stories(writer, prompts, SAMPLED, file=file, progress=again.append) == whole
    assert again == [len(prompts) * SAMPLED.max_new_tokens], "nothing is written anew"


def test_where_files_cannot_grow_the_stories_of_an_earlier_run_stay_and_that_is_said(writer, tmp_path):
    prompts, file = [replace(PROMPTS[k % 3], seed=k) for k in range(ROWS + 1)], tmp_path / "stories.jsonl"
    write_stories(writer, prompts[:ROWS], SAMPLED, file=file)
    before, limits = file.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(InputError, match=r"stories.jsonl cannot be written \(File too large\)"):
            write_stories(writer, prompts, SAMPLED, file=file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == before
    assert write_stories(writer, prompts, SAMPLED, file=file) == write_stories(writer, prompts, SAMPLED)


def test_a_set_by_generation_keeps_its_stories_and_its_recipe(writer, tmp_path):
    recipe = replace(STORIES, writing=replace(STORIES.writing, stories=2, max_new_tokens=14))
    stages = []
    made = extract_set(writer, None, recipe, progress=lambda stage, done, total: stages.append((stage, done, total)))
    assert [s for s in dict.fromkeys(stage for stage, _, _ in stages)] == ["writing", "reading"]
    for stage in ("writing", "reading"):
        *_, last = (call for call in stages if call[0] == stage)
        assert last[1] == last[2]
    p = made.provenance
    assert (p.method, p.n_passages, made.classes) == ("generation", 42, CLASSES)
    save_set(made, tmp_path / "home" / "sets")
    (found,) = [s for s in list_sets() if not s.shipped]
    assert load_stories(found) == tuple(replace(s, ids=()) for s in made.stories) and len(made.stories) == 42
    assert Provenance.from_dict(found.provenance.as_dict()) == p
    assert found.name == set_name(writer, recipe)
