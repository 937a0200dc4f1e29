"""Texts to vector sets: capture of states, protocols, generation. Empty, since `emoviz` imports it at once."""
