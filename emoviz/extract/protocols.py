"""Named recipes. A protocol says everything that shapes a vector set besides model, precision and passages."""

from __future__ import annotations

from ..errors import InputError
from ..types import Protocol

POOLINGS = ("mean", "last")

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
    )
}


def protocol(name: str) -> Protocol:
    """A protocol by name. Raises InputError that lists them."""
    if name not in PROTOCOLS:
        raise InputError(f"protocol {name!r} is unknown; {', '.join(PROTOCOLS)} are allowed; choose one of them.")
    return PROTOCOLS[name]
