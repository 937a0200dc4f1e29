"""What an installed emoviz must carry, and what a Space needs."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from emoviz.models.registry import BUNDLED

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


def _pinned(file):
    """Name to version, of the lines of a file of requirements."""
    found = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def _needed(asked):
    """Names of all that is installed for some requirements, on any Python that is supported."""
    found, waiting = set(), [Requirement(one) for one in asked]
    while waiting:
        one = waiting.pop()
        key = canonicalize_name(one.name), *sorted(one.extras)
        if key in found:
            continue
        found.add(key)
        for needed in map(Requirement, requires(one.name) or ()):
            where = [{"extra": extra} for extra in ("", *one.extras)]
            if needed.marker is None or any(needed.marker.evaluate(place) for place in where):
                waiting.append(needed)
    return {name for name, *_ in found}


def test_a_space_installs_the_tested_versions_of_all_that_is_needed_and_nothing_else():
    pinned, tested = _pinned("requirements.txt"), _pinned("constraints.txt")
    weights = {wheel.project for wheel in BUNDLED[1].fetched.wheels}
    assert weights <= pinned.keys()
    project = PROJECT["project"]
    needed = _needed([*project["dependencies"], *project["optional-dependencies"]["mcp"]])
    assert pinned.keys() - weights == needed
    assert {name: tested.get(name) for name in needed} == {name: pinned[name] for name in needed}
    for one in map(Requirement, project["dependencies"]):
        assert pinned[canonicalize_name(one.name)] in one.specifier


def test_constraints_pin_what_is_installed_and_nothing_for_gpus():
    names, extras = _pinned("constraints.txt"), PROJECT["project"]["optional-dependencies"]
    brought = ("docs", "int8", "mcp", "test")  # by make install
    asked = [*PROJECT["project"]["dependencies"], *(one for name in brought for one in extras[name])]
    assert {canonicalize_name(Requirement(one).name) for one in asked} <= names.keys()
    assert names["torch"] == "2.13.0" and not [name for name in names if name.startswith(("nvidia", "triton"))]


def test_every_dependency_has_its_line_and_its_licence():
    said = re.findall(r"^\| (?:(\w+): )?([\w\[\], -]+) \|", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    lines = {(extra, name) for extra, names in said for name in names.split(", ") if names not in ("needed", "extra")}
    project = PROJECT["project"]
    asked = {"": project["dependencies"], **project["optional-dependencies"]}
    wanted = {(extra, re.match(r"[\w\[\]-]+", one)[0]) for extra, some in asked.items() for one in some}
    assert lines == wanted
    listed = re.findall(r"^\| (\S+) +\| ([\w.]+)", (ROOT / "docs/licenses.md").read_text("utf-8"), re.MULTILINE)
    assert {canonicalize_name(name): version for name, version in listed[1:]} == _pinned("requirements.txt")


def test_what_is_imported_is_asked_for_or_comes_with_it():
    """Beside emoviz and what Python brings."""
    modules = packages_distributions()
    asked = [*PROJECT["project"]["dependencies"], *sum(PROJECT["project"]["optional-dependencies"].values(), [])]
    known = {canonicalize_name(Requirement(one).name) for one in asked}
    known |= {"brotli", "jinja2", "mcp", "pillow", "starlette", "spaces"}
    files = (ROOT / "emoviz").rglob("*.py")
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    tops = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert [top for top in tops if not known & {canonicalize_name(d) for d in modules.get(top, [top])}] == []


def test_front_matter_starts_the_dashboard_with_the_tested_gradio():
    front = (ROOT / "README.md").read_text("utf-8").split("---")[1]
    values = dict(re.findall(r"^(\w+): (.+)$", front, re.MULTILINE))
    assert values["sdk"] == "gradio" and values["app_file"] == "dashboard.py"
    assert values["sdk_version"] == _pinned("requirements.txt")["gradio"]
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
