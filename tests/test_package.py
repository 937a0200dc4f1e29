"""What an installed emoviz must carry, and what a Space needs."""

import re
import tomllib

from .conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_every_data_file_of_the_package_is_declared():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    declared = {
        file
        for package, globs in patterns.items()
        for g in globs
        for file in (ROOT / package.replace(".", "/")).glob(g)
    }
    files = {f for f in (ROOT / "emoviz").rglob("*") if f.is_file() and f.suffix not in (".py", ".pyc", ".pyi")}
    assert files - declared == set()


def test_every_package_is_declared():
    folders = {"emoviz", *(".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "emoviz").rglob("__init__.py"))}
    assert folders | {"emoviz.shipped"} == set(PROJECT["tool"]["setuptools"]["packages"])


def test_constraints_pin_what_the_requirements_ask_for():
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    names = {name.lower().replace("_", "-") for name in pinned}
    asked = re.findall(r"^([\w-]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert {name.lower() for name in asked} <= names
    assert pinned["torch"] == "2.13.0"
    assert not [name for name in names if name.startswith(("nvidia", "triton"))]


def test_front_matter_starts_the_dashboard_with_the_tested_gradio():
    front = (ROOT / "README.md").read_text("utf-8").split("---")[1]
    values = dict(re.findall(r"^(\w+): (.+)$", front, re.MULTILINE))
    assert values["sdk"] == "gradio" and values["app_file"] == "dashboard.py"
    assert f"gradio=={values['sdk_version']}" in (ROOT / "constraints.txt").read_text()
    assert (ROOT / values["app_file"]).is_file()


def test_pages_have_the_plotly_js_that_plotly_for_python_brings():
    from plotly.offline import get_plotlyjs_version

    from emoviz.plots.files import PLOTLY_JS

    assert f"plotly.js (cartesian - minified) v{get_plotlyjs_version()}" in PLOTLY_JS.read_text("utf-8")[:200]
    assert (PLOTLY_JS.parent / "LICENSE").is_file()


def test_no_machine_paths_or_registry_addresses_are_committed():
    import subprocess

    pattern = r"/(home|root|Users)/[[:alnum:]_]|pypi\.org|pythonhosted"
    # -I passes over what git holds to be binary, whatever its name ends with
    found = subprocess.run(
        ["git", "grep", "-lIE", pattern, ".", ":!tests/test_package.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode in (0, 1), found.stderr
    wrong = found.stdout.split()
    assert wrong == []
