"""Stories that a model writes about each emotion, and which of their tokens are read."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from ..errors import InputError, not_writable
from ..files import parsed
from ..models.loaded import LoadedModel, Weights
from ..models.prompts import prompt_ids
from ..store.atomic import write_bytes
from ..store.kept import with_sum, without_sum
from ..types import Protocol, Story, StoryPrompt, Writing
from .batches import Encoded, middle_only

log = logging.getLogger(__name__)

# Stories written at once. Fixed, so that a resumed run repeats the batches of the first one to the last bit.
ROWS = 32
# Up to this length the last token of the prompt is read instead, as in Jeong 2026 (arXiv 2604.04064).
TOO_SHORT = 10
_LIKELY = 1024


def writing_protocol(loaded: Weights, protocol: Protocol, allow_base: bool) -> Protocol:
    """The protocol as it can be run on this model: a base model is refused, or asked without a chat template.

    Raises InputError for a base model unless it is allowed.
    """
    if loaded.instruct or protocol.writing is None:
        return protocol
    if not allow_base:
        raise InputError(
            f"{loaded.name} is a base model, which continues a request instead of fulfilling it. Use --method "
            "comprehension, or --allow-base to read what it writes all the same."
        )
    return replace(protocol, name=f"{protocol.name}-base", writing=replace(protocol.writing, chat=False))


def write_stories(
    loaded: LoadedModel,
    prompts: Sequence[StoryPrompt],
    writing: Writing,
    *,
    file: Path | None = None,
    progress: Callable[[int], None] = lambda tokens: None,
) -> tuple[Story, ...]:
    """One story per prompt, in batches, each sampled with its own seed (or greedy at temperature 0).

    file     : JSONL that grows batch by batch; a run that was killed finds its stories there and goes on.
    progress : called with the number of token places filled since the last call, `max_new_tokens` per story in all.
    Raises   : InputError if a prompt and its story do not fit the model's context, or the file cannot be written.
    """
    stories = _written(file, prompts)
    progress(len(stories) * writing.max_new_tokens)
    while len(stories) < len(prompts):
        batch = prompts[len(stories) : len(stories) + ROWS]
        new = _write(loaded, batch, writing, progress)
        stories += new
        if file is not None:
            try:
                with file.open("a", encoding="utf-8") as out:
                    out.write("".join(_line(story) for story in new))
            except OSError as error:
                raise not_writable(file, error) from error
    return tuple(stories)


def encode_stories(loaded: LoadedModel, stories: Sequence[Story], protocol: Protocol) -> list[Encoded]:
    """Prompt and story as one text each, with the tokens that the protocol reads: the written ones.

    Stories of up to ten tokens are represented by the last token of their prompt.
    """
    out = []
    chat = protocol.writing is not None and protocol.writing.chat
    for story in stories:
        asked = prompt_ids(loaded, story.prompt, chat)
        ids = torch.tensor([*asked, *story.ids], dtype=torch.long)
        content = torch.zeros(len(ids), dtype=torch.bool)
        if len(story.ids) <= TOO_SHORT:
            content[len(asked) - 1] = True
        else:
            content[len(asked) :] = True
        out.append(Encoded(ids, middle_only(content) if protocol.pooling == "mid" else content))
    return out


def _written(file: Path | None, prompts: Sequence[StoryPrompt]) -> list[Story]:
    """The stories of an earlier run, whole batches of them; what a kill cut off, or what is damaged, is cut off here
    too."""
    if file is None or not file.exists():
        return []
    there = file.read_text("utf-8", "replace")
    stories: list[Story] = []
    for line in there.split("\n")[:-1]:
        try:
            row = parsed(without_sum(line, " "))
        except ValueError:
            log.warning("the stories of an earlier run are damaged: they are written again from story %d", len(stories))
            break
        stories.append(Story(**{**row, "ids": tuple(row["ids"])}))
    stories = stories if len(stories) == len(prompts) else stories[: len(stories) // ROWS * ROWS]
    kept = "".join(_line(story) for story in stories)
    if kept != there:
        write_bytes(file, kept.encode())
    return stories


def _line(story: Story) -> str:
    return with_sum(json.dumps(asdict(story), ensure_ascii=False), " ") + "\n"


def _write(
    loaded: LoadedModel, prompts: Sequence[StoryPrompt], writing: Writing, progress: Callable[[int], None]
) -> list[Story]:
    asked = [prompt_ids(loaded, prompt.text, writing.chat) for prompt in prompts]
    longest = max(map(len, asked))
    if loaded.max_tokens is not None and longest + writing.max_new_tokens > loaded.max_tokens:
        raise InputError(
            f"a prompt of {longest} tokens and a story of {writing.max_new_tokens} do not fit {loaded.name}, which "
            f"reads at most {loaded.max_tokens}. Have it write shorter stories."
        )
    ends = loaded.end_tokens
    # Padded on the left, so that every row goes on right after its own prompt.
    ids = torch.zeros(len(asked), longest, dtype=torch.long)
    attention = torch.zeros(len(asked), longest, dtype=torch.long)
    for row, tokens in enumerate(asked):
        ids[row, longest - len(tokens) :] = torch.tensor(tokens)
        attention[row, longest - len(tokens) :] = 1
    # A fresh configuration: the model's own may penalize repetition or limit the choice.
    config = GenerationConfig(
        max_new_tokens=writing.max_new_tokens,
        do_sample=False,
        eos_token_id=list(ends),
        pad_token_id=ends[0] if ends else 0,
    )
    chooser = Chooser([prompt.seed for prompt in prompts], writing, progress)
    with loaded.inference():
        out = loaded.model.generate(
            input_ids=ids.to(loaded.device),
            attention_mask=attention.to(loaded.device),
            generation_config=config,
            logits_processor=LogitsProcessorList([chooser]),
        )
    progress((writing.max_new_tokens - chooser.steps) * len(prompts))
    stories = []
    for prompt, row in zip(prompts, out[:, longest:].tolist(), strict=True):
        end = next((k for k, token in enumerate(row) if token in ends), len(row))
        text = loaded.tokenizer.decode(row[:end], skip_special_tokens=True).strip()
        stories.append(Story(prompt.emotion, prompt.topic, prompt.text, prompt.seed, text, end, tuple(row[:end])))
    return stories


class Chooser(LogitsProcessor):
    """Chooses each row's next token with the row's own random numbers, so that a story depends on its seed alone.

    `generate` has one random state for the whole batch; it is run greedily here and left a single choice.
    """

    def __init__(self, seeds: Sequence[int], writing: Writing, progress: Callable[[int], None]):
        self.random = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.writing = writing
        self.progress = progress
        self.steps = 0

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.steps += 1
        self.progress(len(scores))
        if self.writing.temperature == 0:
            return scores
        probabilities = (scores.float() / self.writing.temperature).softmax(-1)
        # Sorting the whole vocabulary would take longer than the forward pass; the likely tokens are nearly always few.
        ranked, order = probabilities.topk(min(_LIKELY, probabilities.shape[-1]))
        if (ranked.sum(-1) < self.writing.top_p).any():
            ranked, order = probabilities.sort(dim=-1, descending=True)
        total = ranked.cumsum(-1)
        # The smallest set of likely tokens that reaches top_p, its last one included.
        kept = (total - ranked < self.writing.top_p).sum(-1, keepdim=True)
        mass = total.gather(-1, kept - 1)
        drawn = torch.cat([torch.rand(1, generator=random) for random in self.random]).to(scores.device)
        place = torch.searchsorted(total, drawn[:, None] * mass).clamp_max(kept - 1)
        return torch.full_like(scores, -torch.inf).scatter(-1, order.gather(-1, place), 0.0)
