"""Damaged files for every reader: `python -m fuzz` (make fuzz), and a few of each kind in the tests."""
