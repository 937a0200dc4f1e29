"""How far the numbers can be trusted: permutation, bootstrap, ceiling, controls. No torch, no plotly."""

from .rsa import compare, layers_of
from .two_lines import u_shape

__all__ = ["compare", "layers_of", "u_shape"]
