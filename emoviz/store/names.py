"""How a name, or the beginning of one, finds a vector set."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import InputError


def named(name: str, names: Sequence[str], where: str, advice: str) -> str:
    """The one of the names that is meant.

    where : what is said before the known names; advice : what to do where none fits.
    Raises InputError if nothing or more than one fits.
    """
    # All but the key before less of the name: `m_emoviz_fp32` is `m_emoviz_fp32_ca4cb220` rather than
    # `m_emoviz_fp32_mine_...`. A whole part before a part of one: `m_emoviz` is `m_emoviz_fp32_...` rather than
    # `m_emoviz-stories_...`.
    fitting = [one for one in names if one == name]
    fitting = fitting if fitting else [one for one in names if re.fullmatch(rf"{re.escape(name)}_[0-9a-f]{{8}}", one)]
    for beginning in (f"{name}_", name):
        fitting = fitting if fitting else [one for one in names if one.startswith(beginning)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise InputError(f"set {name!r} matches several sets: {', '.join(fitting)}. Type more of the name.")
    known = ", ".join(names) or "none yet"
    raise InputError(f"set {name!r} is unknown; {where}: {known}. {advice}")
