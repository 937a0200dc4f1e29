"""What a model is asked to write: templates, topics and seeds, one prompt per story."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files

from ..emotions import CLASSES, NEUTRAL
from ..types import StoryPrompt, Writing


def story_prompts(writing: Writing) -> tuple[StoryPrompt, ...]:
    """All requests of a recipe, class by class: `stories` for each of the 21 classes.

    Story k uses template k and topic k, each counted round. Where the templates name no topic, stories of the same
    template go to the same half, since greedy decoding makes them the same story; those are asked for once.
    """
    parts = _parts()[writing.templates]
    topics = list(parts["topics"].items())
    prompts = []
    for emotion in CLASSES:
        templates = parts["neutral_templates" if emotion == NEUTRAL else "templates"]
        seen = set()
        for k in range(writing.stories):
            template = k % len(templates)
            topic, phrase = topics[k % len(topics)]
            text = templates[template].format(emotion=emotion, topic=phrase)
            if writing.temperature == 0 and text in seen:
                continue
            seen.add(text)
            half = topic if "{topic}" in parts["templates"][0] else f"story {k % _distinct(writing, parts)}"
            prompts.append(StoryPrompt(emotion, half, text, _seed(writing.seed, emotion, k)))
    return tuple(prompts)


def prompts_hash(prompts: tuple[StoryPrompt, ...]) -> str:
    """Changes with every word that the model is asked and with every seed."""
    content = json.dumps([(p.emotion, p.topic, p.text, p.seed) for p in prompts], ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def _distinct(writing: Writing, parts: dict) -> int:
    """How many stories of an emotion differ: as many as templates under greedy decoding, else all."""
    return len(parts["templates"]) if writing.temperature == 0 else writing.stories


def _seed(base: int, emotion: str, k: int) -> int:
    digest = hashlib.sha256(f"{base}/{emotion}/{k}".encode()).digest()
    return int.from_bytes(digest[:7], "little")


@cache
def _parts() -> dict:
    return json.loads((files(__package__) / "data" / "stories.json").read_text("utf-8"))
