"""The answers of one turn of a conversation: what each of them is, and the emotional state around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..geometry import preferred_layer
from ..readout.dialogue import dialogue_scores, neutral_reference
from ..readout.scripts import own_scripts
from ..steer.conversation import Conversation
from ..types import Reply
from .perplexity import log_perplexities
from .verdict import verdict, with_break


def judged_replies(made: Conversation, turn: int) -> tuple[Reply, ...]:
    """The answers of a turn with their verdicts, against the unsteered answer of the same turn.

    Each is scored by the unsteered model after its own history, since the rows have gone different ways.
    """
    loaded, replies = made.model, made.turns[turn]
    scores = [log_perplexities(loaded, made.context(turn, k), [one.ids])[0] for k, one in enumerate(replies)]
    own = own_scripts(" ".join(turns[0].user for turns in made.turns[: turn + 1]))
    return tuple(
        replace(
            one,
            verdict=with_break(
                verdict(
                    one.text,
                    list(one.ids),
                    loaded.tokenizer.decode,
                    own,
                    unchanged=one.text == replies[0].text,
                    ppl_ratio=float(np.exp(score - scores[0])),
                ),
                one.broken,
            ),
        )
        for one, score in zip(replies, scores, strict=True)
    )


def read_replies(made: Conversation, turn: int, replies: Sequence[Reply] | None = None) -> tuple[Reply, ...]:
    """The answers of a turn with the state before and over them, less that of neutral exchanges in the same template.

    replies : those of the turn with what is known of them already.
    """
    loaded, vectors = made.model, made.vectors
    replies = made.turns[turn] if replies is None else replies
    layer = preferred_layer(vectors)
    contexts = [made.context(turn, k) for k in range(len(replies))]
    before, over = dialogue_scores(loaded, vectors, layer, contexts, [one.ids for one in replies])
    usual = neutral_reference(loaded, vectors, layer, made.system)
    return tuple(
        replace(one, before=before[k] - usual.before, over=over[k] - usual.over) for k, one in enumerate(replies)
    )
