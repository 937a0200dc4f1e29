"""How far the numbers can be trusted: permutation, bootstrap, ceiling, controls. No torch, no plotly."""

from .contrasts import contrast, find_contrasts, steps
from .methods import difference, method_pairs, pooled, separation
from .rsa import compare, layers_of
from .two_lines import u_shape

__all__ = [
    "compare",
    "contrast",
    "difference",
    "find_contrasts",
    "layers_of",
    "method_pairs",
    "pooled",
    "separation",
    "steps",
    "u_shape",
]
