"""Where sentences stand in a text. No torch.

The rules are those of sentencex (Wikimedia, MIT licence): abbreviations ("Dr. Smith"), quotes and brackets, numbers,
and the marks of other scripts. A line break alone ends no sentence, since a text may be wrapped; a blank line does.
"""

from __future__ import annotations

import numpy as np

# Whose abbreviations count. The marks of other scripts end sentences all the same.
_LANGUAGE = "en"


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends; together they are the whole text.

    Blanks go to the sentence before them, those at the start to the first. The text must be UTF-8: no half of a
    surrogate pair. Without any sentence the whole text is one.
    """
    from sentencex import segment

    ends: list[int] = []
    at, begun = 0, False
    for piece in segment(_LANGUAGE, text):
        at += len(piece)
        blank = piece.isspace()
        if ends and (blank or not begun):
            ends[-1] = at
        else:
            ends.append(at)
        begun = begun or not blank
    ends[-1:] = [len(text)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def sentence_of(spans: list[tuple[int, int]], ends: np.ndarray) -> np.ndarray:
    """Which sentence each token belongs to: the one that its last letter stands in; -1 for a token without letters.

    ends : where each token ends in the text.
    """
    found = np.searchsorted([end for _, end in spans], ends)
    return np.where(np.asarray(ends) > 0, found, -1)
