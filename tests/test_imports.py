"""Imports go one way, and what starts the page stays light."""

import ast
import subprocess
import sys

import pytest

from .conftest import ROOT

# A room may import those before it, never those after it; the order of docs/architecture.md.
ORDER = [
    "errors",
    "numerals",
    "words",
    "files",
    "emotions",
    "process",
    "types",
    "stimuli",
    "reference",
    "citation",
    "geometry",
    "stats",
    "store",
    "models",
    "extract",
    "readout",
    "steer",
    "judge",
    "witness",
    "experiments",
    "plots",
    "plot",
    "share",
    "app",
    "commands",
    "cli",
]
_WITH_MODELS = {"models", "extract", "readout", "steer", "judge", "witness", "experiments"}
# The doctor looks at every library.
ONLY_IN = {
    "torch": _WITH_MODELS | {"doctor"},
    "transformers": _WITH_MODELS | {"doctor"},
    "gradio": {"app", "doctor"},
    "plotly": {"plots", "plot", "app", "doctor"},
}


def _imports():
    """(package of the importing file, file, imported top name or emoviz package) for every import in the code."""
    for path in sorted((ROOT / "emoviz").rglob("*.py")):
        parts = path.relative_to(ROOT / "emoviz").with_suffix("").parts
        package = parts[1] if parts[:2] == ("commands", "doctor") else parts[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield package, path, alias.name.split(".")[0], False
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield package, path, node.module.split(".")[0], False
            elif isinstance(node, ast.ImportFrom):
                base = parts[: len(parts) - node.level] if len(parts) >= node.level else ()
                target = [*base, *(node.module.split(".") if node.module else [])]
                for name in [target[0]] if target else [alias.name for alias in node.names]:
                    yield package, path, name, True


def test_rooms_import_only_what_comes_before_them():
    known = [*ORDER[:-1], "doctor", ORDER[-1]]
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for package, path, name, own in _imports()
        if own and package in known and name in known and package != name and known.index(name) > known.index(package)
    ]
    assert wrong == []


def test_every_room_has_its_place_in_the_order():
    rooms = {path.name.removesuffix(".py") for path in (ROOT / "emoviz").iterdir() if path.suffix in ("", ".py")}
    assert rooms - {"__init__", "__main__", "__pycache__"} == set(ORDER)


def test_no_file_imports_what_another_keeps_to_itself():
    private = [
        f"{path.relative_to(ROOT)}: {alias.name}"
        for folder in ("emoviz", "benchmarks", "docs", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert private == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_heavy_libraries_stay_in_their_packages(library):
    used_in = {package for package, _, name, own in _imports() if name == library and not own}
    assert used_in <= ONLY_IN[library]


def _loaded_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(' '.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split())


def test_listing_and_comparing_sets_needs_neither_torch_nor_gradio():
    code = "from emoviz.cli import main\nmain(['list'])\nmain(['models'])"
    assert not {"torch", "transformers", "gradio", "plotly"} & _loaded_after(code)


def test_the_first_page_is_built_before_torch_is_imported():
    loaded = _loaded_after("from emoviz.app import build\nbuild()")
    assert "gradio" in loaded
    later = {"torch", "transformers", "umap", "numba", "sklearn", "scipy", "choreographer", "bitsandbytes", "ray"}
    assert not later & loaded


def test_drawing_figures_of_stored_results_needs_no_torch():
    code = """
import emoviz as ez
ez.plot.depth(ez.list_sets()), ez.plot.decomposition(), ez.plot.dose_response(ez.list_dose_responses())
ez.plot.verification(ez.list_verifications()[0])"""
    assert not {"torch", "transformers", "gradio", "umap"} & _loaded_after(code)
