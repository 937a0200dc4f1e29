"""How far the numbers can be trusted: permutation, bootstrap, ceiling, controls. No torch, no plotly."""

from .rsa import compare, layers_of
from .two_lines import mean_cosine_shape, pooled_shape, shape_words, u_shape

__all__ = ["compare", "layers_of", "mean_cosine_shape", "pooled_shape", "shape_words", "u_shape"]
