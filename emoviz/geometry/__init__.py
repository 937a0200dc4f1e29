"""From class means to numbers: arrays and vector sets in, dataclasses out. No torch, no plotly."""

from .anisotropy import mean_pairwise_cosine
from .decoding import held_out_accuracy
from .depth import best_layers, depth_curves, preferred_layer
from .maps import pca_map, umap_coordinates, umap_map
from .vectors import CENTRINGS, class_vectors, rdm, rdm_of

__all__ = [
    "CENTRINGS",
    "best_layers",
    "class_vectors",
    "depth_curves",
    "held_out_accuracy",
    "mean_pairwise_cosine",
    "pca_map",
    "preferred_layer",
    "rdm",
    "rdm_of",
    "umap_coordinates",
    "umap_map",
]
