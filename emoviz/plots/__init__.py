"""Figures: dataclasses in, plotly figures out. One figure per file; no torch, no gradio."""
