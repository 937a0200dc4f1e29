"""Finds a Chromium for the browser tests, or installs one: apt as root, else playwright's own. Run by `make test`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Path of a Chromium on this machine, the system's before playwright's; None if there is none."""
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
    except ImportError:
        return None
    return path if Path(path).exists() else None


def install() -> None:
    """Tries the ways there are, quietly; whether it worked is for `find` to say."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
        subprocess.run(["apt-get", "update"], **quiet)
        subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", "chromium"], **quiet)
    if find() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> None:
    if find() is None:
        print("No Chromium found for the browser tests; installing one.", flush=True)
        install()
    path = find()
    if path:
        print(f"Chromium for the browser tests: {path}")
    else:
        line = "!" * 78
        print(f"{line}\nNO CHROMIUM: the browser tests will be SKIPPED. Install chromium and run again.\n{line}")


if __name__ == "__main__":
    main()
