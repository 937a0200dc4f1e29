"""The 20 emotions of both papers, `neutral`, and where theory puts them.

Quadrants follow the placement in the papers author's later architecture notes (18 of 20); `exasperated` and `nervous`
are placed by us in the obvious one. Signs are the quadrant's: no rated norms are shipped.
"""

from __future__ import annotations

from collections.abc import Collection

NEUTRAL = "neutral"

QUADRANTS: dict[str, tuple[str, ...]] = {
    "pleasant, aroused": ("blissful", "enthusiastic", "happy", "proud"),
    "pleasant, quiet": ("calm", "grateful", "hopeful", "loving", "reflective"),
    "unpleasant, quiet": ("brooding", "gloomy", "guilty", "sad"),
    "unpleasant, aroused": ("afraid", "angry", "anxious", "desperate", "exasperated", "hostile", "nervous"),
}

EMOTIONS: tuple[str, ...] = tuple(sorted(e for members in QUADRANTS.values() for e in members))
CLASSES: tuple[str, ...] = tuple(sorted((*EMOTIONS, NEUTRAL)))

_QUADRANT_OF = {emotion: quadrant for quadrant, members in QUADRANTS.items() for emotion in members}


def class_named(text: str, classes: Collection[str]) -> str | None:
    """The class that is called so, but for blanks at the ends; None for none."""
    if text in classes:
        return text
    bare = text.strip()
    return bare if bare in classes else next((name for name in classes if name.strip() == bare), None)


def quadrant(name: str) -> str:
    """Quadrant of an emotion; `neutral` for neutral, `other` for a class that is not one of ours."""
    return _QUADRANT_OF.get(name, NEUTRAL if name == NEUTRAL else "other")


def valence(name: str) -> int:
    """+1 pleasant, -1 unpleasant, 0 for neutral and unknown classes."""
    place = quadrant(name)
    return 1 if place.startswith("pleasant") else -1 if place.startswith("unpleasant") else 0


def arousal(name: str) -> int:
    """+1 aroused, -1 quiet, 0 for neutral and unknown classes."""
    place = quadrant(name)
    return 1 if place.endswith("aroused") else -1 if place.endswith("quiet") else 0


def by_quadrant(classes: tuple[str, ...]) -> tuple[str, ...]:
    """`classes` in quadrant order, neutral and unknown ones last; stable within a quadrant."""
    order = [*QUADRANTS, NEUTRAL, "other"]
    return tuple(sorted(classes, key=lambda name: order.index(quadrant(name))))
