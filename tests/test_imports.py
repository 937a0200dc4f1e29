"""Imports go one way, and what starts the page stays light."""

import ast
import subprocess
import sys

import pytest

from .conftest import ROOT

# A package may import those before it, never those after it.
ORDER = [
    "errors",
    "types",
    "emotions",
    "regimes",
    "stimuli",
    "reference",
    "geometry",
    "stats",
    "store",
    "models",
    "extract",
    "steer",
    "plots",
    "app",
    "doctor",
    "printing",
    "commands",
    "cli",
]
ONLY_IN = {
    "torch": {"models", "extract", "steer", "doctor"},
    "transformers": {"models", "extract", "steer", "doctor"},
    "gradio": {"app", "doctor"},
    "plotly": {"plots", "app", "doctor"},
}


def _imports():
    """(package of the importing file, file, imported top name or emoviz package) for every import in the code."""
    for path in sorted((ROOT / "emoviz").rglob("*.py")):
        parts = path.relative_to(ROOT / "emoviz").with_suffix("").parts
        package = parts[0]
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


def test_packages_import_only_what_comes_before_them():
    known = ORDER
    wrong = []
    for package, path, name, own in _imports():
        if own and package in known and name in known and package != name:
            downward = known.index(name) < known.index(package)
            if not downward or (package == "plots" and name in ("models", "extract", "steer")):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


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
    assert not {"torch", "transformers", "umap", "sklearn"} & loaded
