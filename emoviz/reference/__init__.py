"""Numbers published by others, as data. Always shown as published, never mixed with our own."""

from .decomposition import (
    STEPS,
    PublishedCompliance,
    PublishedPair,
    PublishedStep,
    published_compliance,
    published_decomposition,
    published_pairs,
    published_step_means,
)
from .published import SOURCE, PublishedModel, published_models, published_rho

__all__ = [
    "SOURCE",
    "STEPS",
    "PublishedCompliance",
    "PublishedModel",
    "PublishedPair",
    "PublishedStep",
    "published_compliance",
    "published_decomposition",
    "published_models",
    "published_pairs",
    "published_rho",
    "published_step_means",
]
