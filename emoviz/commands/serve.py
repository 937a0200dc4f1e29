"""`emoviz serve`: the dashboard."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from .arguments import Result, whole


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=whole(1, 65_535), metavar="N", help="default: the first free one from 7860")
    parser.add_argument("--root-path", metavar="/PREFIX", help="where a proxy shows the page: docs/deploy.md")
    parser.add_argument(
        "--host-name",
        action="append",
        default=[],
        metavar="NAME",
        help="a name under which others reach the page, beside its addresses; also EMOVIZ_HOSTS=NAME,NAME",
    )
    parser.add_argument("--auth", metavar="FILE", help="a file of USER:PASSWORD, asked of everybody; also EMOVIZ_AUTH")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def run(given: Namespace) -> Result:
    from ..store.folders import use_writable_folders
    from ..store.making import lasting_scratch_folder

    # Before gradio, which brings the libraries that remember where to write.
    note = use_writable_folders()
    # What visitors send is of this server alone, and gone with it.
    os.environ.setdefault("GRADIO_TEMP_DIR", str(lasting_scratch_folder()))
    from ..app import serve
    from ..app.prefix import checked_prefix
    from .endpoints import ENDPOINTS

    prefix = checked_prefix(given.root_path) if given.root_path is not None else None
    serve(
        port=given.port,
        open_browser=given.open,
        endpoints=ENDPOINTS,
        root_path=prefix,
        note=note,
        host_names=given.host_name,
        auth=given.auth,
    )
    return None, "", 0
