"""Dose response and verification: many texts, stored with all that was measured on them.

torch is imported on first use only.
"""
