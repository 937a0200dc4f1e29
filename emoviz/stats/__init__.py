"""How far the numbers can be trusted: permutation, bootstrap, ceiling, controls. No torch, no plotly."""

from .compare import compare, layers_of
from .u_shape import u_shape

__all__ = ["compare", "layers_of", "u_shape"]
