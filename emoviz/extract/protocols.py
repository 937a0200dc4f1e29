"""Named recipes. A protocol says everything that shapes a vector set besides model, precision and passages."""

from __future__ import annotations

from dataclasses import replace

from ..errors import InputError
from ..types import Protocol, VectorSet, Writing
from ..types.vectors import IMPORTED

POOLINGS = ("mean", "last", "mid")
# Layers whose pooled states may be kept beside a set.
KEPT = ("best", "all", "none")
METHODS = ("comprehension", "generation")

PROTOCOLS: dict[str, Protocol] = {
    p.name: p
    for p in (
        # The mean over content tokens is steadier than one token. Norms are made equal because a sink token off the
        # first place (SmolLM2: one passage in a hundred, 40 times the median norm) would otherwise own its class mean.
        Protocol(
            name="emoviz",
            pooling="mean",
            special_tokens=True,
            skip_first=True,
            equal_norm=True,
            centring="class",
            layer_rule="decoding",
        ),
        # Last token, class centring and argmin rule of Jeong 2026 (arXiv 2604.11050); texts are our own.
        Protocol(
            name="jeong2026b",
            pooling="last",
            special_tokens=True,
            skip_first=False,
            equal_norm=False,
            centring="class",
            layer_rule="separation",
        ),
        # By generation, balanced like the passages: 20 stories a class on the same 20 topics, each with its own seed.
        Protocol(
            name="emoviz-stories",
            pooling="mean",
            special_tokens=True,
            skip_first=True,
            equal_norm=True,
            centring="class",
            layer_rule="decoding",
            writing=Writing(
                "emoviz-stories", stories=20, chat=True, max_new_tokens=120, temperature=0.8, top_p=0.95, seed=0
            ),
        ),
        # Jeong 2026 (arXiv 2604.04064): greedy, 256 tokens, middle token, neutral centring, layer L // 2. Ten greedy
        # stories over five templates are five different ones; each of them is written once. Templates are our own.
        Protocol(
            name="jeong2026a",
            pooling="mid",
            special_tokens=True,
            skip_first=False,
            equal_norm=False,
            centring="neutral",
            layer_rule="middle",
            writing=Writing(
                "jeong2026a", stories=10, chat=True, max_new_tokens=256, temperature=0.0, top_p=1.0, seed=0
            ),
        ),
        # The loose variant that the second paper sets against it (its condition B): one prompt, no chat template,
        # sampled, last token. Two stories a class instead of one, since halves are needed.
        Protocol(
            name="jeong2026a-loose",
            pooling="last",
            special_tokens=True,
            skip_first=False,
            equal_norm=False,
            centring="class",
            layer_rule="separation",
            writing=Writing(
                "jeong2026a-loose", stories=2, chat=False, max_new_tokens=100, temperature=0.7, top_p=0.9, seed=0
            ),
        ),
    )
}
DEFAULT_PROTOCOL = {"comprehension": "emoviz", "generation": "emoviz-stories"}


def check_kept(keep: str) -> None:
    """Raises InputError for what is none of `KEPT`."""
    if keep not in KEPT:
        raise InputError(f"keep {keep!r} is unknown; {', '.join(KEPT)} are allowed.")


def protocol(name: str) -> Protocol:
    """A protocol by name. Raises InputError that lists them."""
    if name not in PROTOCOLS:
        raise InputError(f"protocol {name!r} is unknown; {', '.join(PROTOCOLS)} are allowed.")
    return PROTOCOLS[name]


def reading_protocol(vectors: VectorSet) -> Protocol:
    """How texts are read for a set: by its protocol, or by ours where nobody knows how its vectors were made."""
    p = vectors.provenance
    return PROTOCOLS[DEFAULT_PROTOCOL["comprehension"]] if p.method == IMPORTED else p.protocol


def protocol_for(
    method: str | None = None, name: str | None = None, pooling: str | None = None, stories: int | None = None
) -> Protocol:
    """The protocol for what was asked: a name, else the method's default; other pooling or stories change its name.

    Raises InputError for unknown names, and for a method and a protocol that do not go together.
    """
    if method is not None and method not in METHODS:
        raise InputError(f"method {method!r} is unknown; {', '.join(METHODS)} are allowed.")
    found = protocol(DEFAULT_PROTOCOL[METHODS[0] if method is None else method] if name is None else name)
    if method is not None and found.method != method:
        fitting = ", ".join(p.name for p in PROTOCOLS.values() if p.method == method)
        raise InputError(
            f"protocol {found.name!r} was asked for with method {method!r}, but is one of {found.method}. With "
            f"{method}, {fitting} are allowed."
        )
    if pooling is not None and pooling not in POOLINGS:
        raise InputError(f"pooling {pooling!r} is unknown; {', '.join(POOLINGS)} are allowed.")
    if pooling not in (None, found.pooling):
        found = replace(found, name=f"{found.name}-{pooling}", pooling=pooling)
    if stories is not None:
        if found.writing is None:
            raise InputError(f"--stories {stories} was given with {found.name}, which reads passages. Leave it out.")
        if stories != found.writing.stories:
            found = replace(found, name=f"{found.name}-{stories}", writing=replace(found.writing, stories=stories))
    return found
