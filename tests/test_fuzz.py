"""Damaged files of every kind that is read: refused in one line, or whole enough for every view. More: make fuzz."""

import ast
from random import Random

import pytest

from fuzz.damage import damaged
from fuzz.readers import readers
from fuzz.trial import Trial

from .conftest import ROOT

# Of each reader.
INPUTS, SECONDS = 40, 4.0


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOVIZ_HOME", str(tmp_path_factory.mktemp("home")))
        yield readers(tmp_path_factory.mktemp("whole"))


def test_every_reader_takes_its_damaged_files_for_what_they_are(known, tmp_path):
    """An undamaged file is read and looked at first."""
    assert len(known) > 25
    failed = []
    for name, reader in known.items():
        trial = Trial(name, reader, tmp_path / name)
        trial.by_chance(seed=1, seconds=SECONDS, inputs=INPUTS)
        failed += [trial.failed] if trial.failed else []
    assert failed == []


def test_the_same_seed_damages_in_the_same_way_and_other_seeds_in_others(known):
    for reader in known.values():
        first, again, other = (damaged(reader.whole, Random(seed)) for seed in (1, 1, 2))
        assert first == again and len({damaged(reader.whole, Random(seed)) for seed in range(20)}) > 10
        assert other is not None


def test_a_reader_that_fails_is_found(known, tmp_path):
    from dataclasses import replace

    def careless(path):
        raise ZeroDivisionError

    trial = Trial("plan", known["plan"], tmp_path / "plan")
    trial.reader = replace(known["plan"], read=careless)
    trial.one(b"a")
    assert "ZeroDivisionError" in trial.failed


# Whose files may run code, and what they must be told.
_RUNS = {
    "pickle": set(), "cPickle": set(), "dill": set(), "joblib": set(), "shelve": set(), "marshal": set(),
    "cloudpickle": set(),
}  # fmt: skip
# The one place that names the error of a pickle.
_NAMES_IT = {"emoviz/extract/torch_file.py"}


def _calls():
    for folder in ("emoviz", "benchmarks", "fuzz", "docs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                yield path.relative_to(ROOT).as_posix(), node


def test_nothing_that_is_read_can_run_code():
    """No pickle, no eval, no YAML but the safe loader; torch.load and np.load with what makes them safe."""
    wrong = []
    for file, node in _calls():
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            wrong += [f"{file} imports {one}" for one in names if one.split(".")[0] in _RUNS and file not in _NAMES_IT]
        if not isinstance(node, ast.Call):
            continue
        said = ast.unparse(node.func)
        given = {one.arg: ast.unparse(one.value) for one in node.keywords}
        if said in ("eval", "exec", "compile", "__import__") or said.startswith("pickle."):
            wrong.append(f"{file} calls {said}")
        if said.endswith("torch.load") and given.get("weights_only") != "True":
            wrong.append(f"{file}: torch.load without weights_only=True")
        if said in ("np.load", "numpy.load") and given.get("allow_pickle") != "False":
            wrong.append(f"{file}: np.load without allow_pickle=False")
        if said.startswith("yaml.") and said.endswith(("load", "load_all", "Loader")) and "Safe" not in said:
            wrong.append(f"{file} calls {said}")
        if said.endswith(".from_pretrained") and file.startswith("emoviz/"):
            passed = ast.unparse(node)
            safe = "trust_remote_code=False" in passed or "weight_options()" in passed or "**" in passed
            wrong += [] if safe else [f"{file}: {said} without trust_remote_code=False"]
    assert wrong == []
