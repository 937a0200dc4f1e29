"""The provenance of sets that benchmarks make up."""

from __future__ import annotations


def provenance(n_passages: int, n_neutral_sentences: int, topics: tuple[str, ...]):
    """A `Provenance` that says that nothing was read from any model."""
    from emoviz.types import Protocol, Provenance

    return Provenance(
        model="simulated",
        revision="0" * 8,
        architecture="none",
        weights="none",
        precision="fp32",
        method="comprehension",
        protocol=Protocol("emoviz", "mean", True, True, True, "class", "decoding"),
        corpus="simulated",
        corpus_hash="0" * 64,
        n_passages=n_passages,
        n_neutral_sentences=n_neutral_sentences,
        topics=topics,
        nonfinite_layers=(),
        created="2026-01-01T00:00:00+00:00",
        versions={},
    )
