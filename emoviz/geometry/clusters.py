"""Hierarchical clustering of an RDM: a tree, the order of its leaves, and clusters cut from it."""

from __future__ import annotations

import numpy as np

from ..types import RDM


def linkage_of(found: RDM) -> np.ndarray:
    """Average linkage with optimal leaf ordering, (C - 1, 4) in scipy's form.

    Source : Bar-Joseph, Gifford and Jaakkola 2001 (leaf ordering).
    """
    from scipy.cluster.hierarchy import linkage

    return linkage(found.condensed, method="average", optimal_ordering=True)


def leaf_order(tree: np.ndarray) -> list[int]:
    """Indices of the classes from the first leaf to the last."""
    from scipy.cluster.hierarchy import leaves_list

    return [int(k) for k in leaves_list(tree)]


def clusters(tree: np.ndarray, n_clusters: int) -> np.ndarray:
    """Cluster of each class, from 1, when the tree is cut into at most `n_clusters`."""
    from scipy.cluster.hierarchy import fcluster

    return fcluster(tree, n_clusters, criterion="maxclust")


def branches(tree: np.ndarray) -> list[tuple[list[float], list[float]]]:
    """The brackets of the tree: positions of their four corners along the leaves (0 to C - 1), and their heights."""
    n = len(tree) + 1
    place, height = {leaf: float(k) for k, leaf in enumerate(leaf_order(tree))}, dict.fromkeys(range(n), 0.0)
    found = []
    for k, (left, right, joined, _) in enumerate(tree):
        a, b = int(left), int(right)
        found.append(([place[a], place[a], place[b], place[b]], [height[a], float(joined), float(joined), height[b]]))
        place[n + k], height[n + k] = (place[a] + place[b]) / 2, float(joined)
    return found
