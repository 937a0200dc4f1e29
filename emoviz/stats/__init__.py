"""How far the numbers can be trusted: permutation, bootstrap, ceiling, controls. No torch, no plotly."""

from .rsa import compare, layers_of
from .two_lines import u_shape
from .wording import class_lines, letters, reason_lines

__all__ = ["class_lines", "compare", "layers_of", "letters", "reason_lines", "u_shape"]
