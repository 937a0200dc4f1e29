"""Numbers published by others, as data. Always shown as published, never mixed with our own."""

from .published import SOURCE, PublishedModel, published_models, published_rho

__all__ = ["SOURCE", "PublishedModel", "published_models", "published_rho"]
