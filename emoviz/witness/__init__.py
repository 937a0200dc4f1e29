"""Classifiers that are not the steered model, and what they say of its texts. torch is imported on first use only."""
