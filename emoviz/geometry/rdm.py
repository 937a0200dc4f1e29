"""The RDM of a vector set at one layer."""

from __future__ import annotations

from ..types import RDM, VectorSet
from ..types.given import uncleaned
from .dissimilarity import rdm_of
from .layers import layer_of
from .vectors import check_layer


def rdm(vectors: VectorSet, layer: int | str = "best", centring: str = "class") -> RDM:
    """RDM of a vector set at one layer.

    layer : a layer, `best`, or a relative depth, see `layers.layer_of`. centring : see `vectors.class_vectors`.
    Returns : RDM, condensed (C * (C - 1) / 2,), values in [0, 2], in the order of `classes`.
    Raises  : InputError as `layer_of`, `check_layer` and `rdm_of`, and for a cleaned set.
    Source  : Kriegeskorte, Mur and Bandettini 2008 (representational similarity analysis).

    >>> import emoviz as ez
    >>> ez.rdm(ez.find_set("gemma-3-270m_emoviz"))
    RDM(gemma-3-270m_emoviz_fp32_ca4cb220, layer 10: 21 classes, class centring)
    """
    layer = layer_of(uncleaned(vectors), layer)
    check_layer(vectors, layer)
    found, classes = rdm_of(vectors.class_means[layer], vectors.classes, centring)
    return RDM(found, classes, layer, centring, vectors.name)
