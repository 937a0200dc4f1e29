"""The library as it is imported: its names, their examples, and values that are fit for a prompt."""

import ast
import doctest
import inspect
import re
import subprocess
import sys

import pytest

import emoviz as ez

from .conftest import ROOT

NAMES = [name for name in ez.__all__ if name != "plot"]
FIGURES = [f"plot.{name}" for name in ez.plot.__all__ if name not in ("DARK", "LIGHT")]
# What an example calls that loads a model, or trains a witness: these run with the tests of the bundled models.
SLOW = ("load_model", "witness_for(", "outside_for(")


def _public(name):
    return getattr(ez.plot, name.removeprefix("plot.")) if name in FIGURES else getattr(ez, name)


def _needs_models(name):
    return any(word in inspect.getdoc(_public(name)) for word in SLOW)


def _run_example(name):
    text = inspect.getdoc(_public(name))
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert test.examples, f"{name} has no example"
    said = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert not result.failed, "".join(said)


@pytest.mark.parametrize("name", [name for name in (*NAMES, *FIGURES) if not _needs_models(name)])
def test_the_example_of_a_public_name_says_what_it_gives(name):
    _run_example(name)


@pytest.mark.models
@pytest.mark.parametrize("name", [name for name in (*NAMES, *FIGURES) if _needs_models(name)])
def test_the_example_of_a_public_name_says_what_it_gives_on_a_bundled_model(name):
    _run_example(name)


def _functions():
    return [name for name in (*NAMES, *FIGURES) if inspect.isfunction(_public(name))]


@pytest.mark.parametrize("name", _functions())
def test_a_public_docstring_names_every_argument_that_its_first_line_does_not(name):
    function = inspect.unwrap(_public(name))
    text = inspect.getdoc(function)
    words = set(re.findall(r"\w+", text))
    obvious = {
        "sets",
        "vectors",
        "model",
        "notes",
        "style",
        "found",
        "runs",
        "text",
        "name",
        "prompt",
        "layers",
        "title",
    }
    missing = [p for p in inspect.signature(function).parameters if p not in words and p not in obvious]
    assert not missing, f"{name} does not say what {', '.join(missing)} is"
    assert "Raises" in text or "raise InputError" not in inspect.getsource(function)


def test_the_names_are_listed_and_an_unknown_one_is_refused():
    assert set(ez.__all__) <= set(dir(ez)) and "annotations" not in dir(ez)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        ez.nonsense  # noqa: B018


def test_what_a_type_checker_is_told_is_what_is_imported():
    tree = ast.parse((ROOT / "emoviz/__init__.py").read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    told = {alias.asname: node.module for node in block.body for alias in node.names}
    assert told == {**ez._HOME, "plot": None} and (ROOT / "emoviz/py.typed").exists()


def test_a_room_never_stands_in_the_place_of_the_function_of_its_name():
    code = """
import emoviz as ez, emoviz.cli
from emoviz.extract import protocols
from emoviz.extract.protocols import PROTOCOLS
first = ez.extract
import emoviz.extract.make, emoviz.judge.texts
assert callable(first) and ez.extract is first and emoviz.extract is first and first.__name__ == 'extract'"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_importing_emoviz_imports_nothing_heavy():
    code = "import sys, emoviz as ez\ndir(ez)\nprint(' '.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torch", "numpy", "pandas", "plotly", "gradio"} & set(done.stdout.split())
