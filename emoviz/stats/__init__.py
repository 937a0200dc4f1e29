"""How far the numbers can be trusted: permutation, bootstrap, ceiling, controls. No torch, no plotly."""

from ..geometry.layers import layers_of
from .contrasts import contrast, find_contrasts, steps
from .methods import difference, method_pairs, pooled, separation
from .rsa import compare
from .two_lines import mean_cosine_shape, pooled_shape, shape_words, u_shape
from .wording import class_lines, letters, reason_lines, reasons_by_name

__all__ = [
    "class_lines",
    "compare",
    "contrast",
    "difference",
    "find_contrasts",
    "layers_of",
    "letters",
    "mean_cosine_shape",
    "method_pairs",
    "pooled",
    "pooled_shape",
    "reason_lines",
    "reasons_by_name",
    "separation",
    "shape_words",
    "steps",
    "u_shape",
]
