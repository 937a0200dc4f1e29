"""The tabs of the page, one file each, in their order. Adding one is a file with a `TAB` and a line here."""

from . import about, anisotropy, depth, geometry, library, methods, models, overview, read, steer

TABS = (
    overview.TAB,
    depth.TAB,
    geometry.TAB,
    models.TAB,
    anisotropy.TAB,
    methods.TAB,
    steer.TAB,
    read.TAB,
    library.TAB,
    about.TAB,
)
