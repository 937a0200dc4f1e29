"""What a text lights up: reading token by token, projection, and the vocabulary lens.

torch is imported on first use only.
"""
