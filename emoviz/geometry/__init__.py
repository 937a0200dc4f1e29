"""From class means to numbers: arrays and vector sets in, dataclasses out. No torch, no plotly."""

from .anisotropy import mean_pairwise_cosine
from .clusters import linkage_of
from .curves import depth_curves
from .decoding import held_out_accuracy, held_out_classes
from .dissimilarity import rdm_of
from .layers import best_layers, preferred_layer
from .maps import map_at, maps_over_layers, mds_map, onto_first, pca_map, umap_map
from .neighbours import nearest_neighbours
from .rdm import rdm
from .umap_layout import umap_coordinates
from .vectors import CENTRINGS, class_vectors

__all__ = [
    "CENTRINGS",
    "best_layers",
    "class_vectors",
    "depth_curves",
    "held_out_accuracy",
    "held_out_classes",
    "linkage_of",
    "map_at",
    "maps_over_layers",
    "mds_map",
    "mean_pairwise_cosine",
    "nearest_neighbours",
    "onto_first",
    "pca_map",
    "preferred_layer",
    "rdm",
    "rdm_of",
    "umap_coordinates",
    "umap_map",
]
