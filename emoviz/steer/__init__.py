"""Pushing a model towards an emotion while it writes."""
