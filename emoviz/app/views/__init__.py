"""What each tab shows: plain functions from a Selection and the tab's own options to figures and tables; no gradio.

Every module has `draw`, which returns what its tab shows in the order of the tab's outputs; None is shown as nothing.
"""

from . import anisotropy, depth, geometry, methods, models, overview

VIEWS = {
    "Overview": overview.draw,
    "Depth": depth.draw,
    "Geometry": geometry.draw,
    "Models": models.draw,
    "Anisotropy": anisotropy.draw,
    "Methods": methods.draw,
}
