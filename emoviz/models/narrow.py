"""Linear maps of a few rows at once, which is what a step of steered writing is, on a CPU in fp32."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# The library behind torch multiplies a matrix by 2 to 4 columns two to four times as fast as as many rows by its
# transpose, which is the same product (torch 2.13 with MKL, AMD EPYC, one and two threads). Beyond two such parts
# nothing is won, and a single row has a way of its own.
PART, MOST = 4, 8


class NarrowLinear(nn.Linear):
    """A `Linear` that takes 2 to 8 rows as columns, in parts; equal to it but for the order of its sums."""

    def forward(self, input: Tensor) -> Tensor:
        rows = input.numel() // self.in_features
        if not 2 <= rows <= MOST:
            return super().forward(input)
        parts = [(self.weight @ part.t()).t() for part in input.reshape(rows, self.in_features).split(PART)]
        out = torch.cat(parts).view(*input.shape[:-1], self.out_features)
        return out if self.bias is None else out + self.bias


def make_narrow(model: nn.Module) -> None:
    """Turns every plain `Linear` of a model into one, with the weights where they are."""
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = NarrowLinear
