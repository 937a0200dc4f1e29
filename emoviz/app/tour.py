"""The tour: what a newcomer does first, each step a link that moves the real controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .library import library
from .selection import first_selection

FIGURE = ".ez-figure"


@dataclass(frozen=True, slots=True)
class Step:
    """title, text : what is said. at : a selector of what it speaks of, the first that is seen. go : what the step's
    link changes of the view, by the names that links have."""

    title: str
    text: str
    at: str
    go: dict[str, Any]


def steps() -> list[Step]:
    """With the shipped sets of both models, where they are there."""
    first = list(first_selection().sets)
    gemma = [name for name in first if "gemma" in library().sets[name].provenance.model] or first[:1]
    return [
        Step(
            "What stands out",
            "These lines are computed from the sets that are ticked on the left. Each is a link to the tab that shows "
            "it. Arrow keys move through this tour, Escape ends it.",
            "#ez-glance",
            {"tab": "Overview", "set": first},
        ),
        Step(
            "Which layer holds emotion best in Gemma?",
            "The curve runs from the first layer to the last. The higher it is, the more passages lie nearest to their "
            "own emotion. The ring marks the layer that all tabs show. A click on the curve moves it.",
            FIGURE,
            {"tab": "Depth", "set": gemma, "layers": "best", "depth.curve": "decoding_accuracy"},
        ),
        Step(
            "Beside it, SmolLM2",
            "Depth is the share of the layers passed, so that models of any size share an axis. The figure below takes "
            "one curve from the other.",
            FIGURE,
            {"tab": "Depth", "set": first},
        ),
        Step(
            "Do the two agree?",
            "Rho says how far the same pairs of emotions are alike in both. Read it beside the noise ceiling: two "
            "noisy copies of one model would reach no more than that.",
            ".ez-headline",
            {"tab": "Models", "set": first},
        ),
        Step(
            "The pair they disagree on most",
            "It is outlined. Ochre: further apart in the first model, teal: in the second. A click on a cell marks its "
            "emotion in every tab.",
            FIGURE,
            {"tab": "Models", "set": first},
        ),
        Step(
            "Steer towards calm",
            "Stored texts, so no model has to run: what each dose does, and from which dose on the text falls apart. "
            "Click a dose to read its texts. Texts of your own are made under Texts.",
            FIGURE,
            {"tab": "Dose response", "emotion": "calm"},
        ),
        Step(
            "Save a slide",
            "Every figure can be saved: as a picture with large type, as a page that works offline, or as its numbers.",
            ".ez-save",
            {"tab": "Dose response"},
        ),
        Step(
            "Send the link",
            "The address holds what you see: tab, sets, layer, emotion. Whoever opens it sees the same. Copy Python "
            "gives the code that draws it.",
            "#ez-copy-link",
            {"tab": "Dose response"},
        ),
    ]
