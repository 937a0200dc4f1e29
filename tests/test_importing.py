"""Vectors of other tools on the page: what was understood is said, what is missing is asked for, one click imports."""

import numpy as np
import pytest

from emoviz.app import importing
from emoviz.app.tabs.library import delete, sets_table
from emoviz.store import find_set, list_sets, save_set

from .conftest import make_set
from .test_import import LAYERS, STACK, WIDTH, hinted, write_gguf

NOTHING = dict.fromkeys(importing.LABELS, None)


def _shown(files, **given):
    """What some files leave on the page, by name; the fields that can be seen."""
    said, go, row, *fields = list(importing.look(files, **{**NOTHING, **given}))[-1]
    visible = {name for name, field in zip(importing.LABELS, fields, strict=True) if field["visible"]}
    assert row["visible"] == bool(visible)
    return said, go["visible"], visible


@pytest.fixture
def happy(tmp_path):
    write_gguf(tmp_path / "happy.gguf", (1, 2, 3), keys=hinted(3, "add_int32"))
    return [str(tmp_path / "happy.gguf")]


def test_what_a_file_does_not_say_is_asked_for_one_by_one(happy, llama_folder):
    said, ready, fields = _shown(happy)
    assert said.startswith(
        "**Not imported yet.** GGUF control vector, made by llama.cpp cvector-generator: 1 class (happy), layers 1-3, "
        f"width {WIDTH}. The files do not say which model they are of. Name it by “Model of the vectors”"
    )
    assert not ready and fields == {"model"}
    said, ready, fields = _shown(happy, model="owner/away")
    assert "by “Number of layers”" in said and not ready and fields == {"model", "n_layers"}
    said, ready, fields = _shown(happy, model="owner/away", n_layers="4")
    assert ready and fields == {"model", "n_layers", "offset"} and "“Layer offset” -1 takes it so" in said
    said, ready, fields = _shown(happy, model=str(llama_folder), offset="\u22121")
    assert ready and "layers 0-2 of 4 of tiny-llama" in said and fields == {"model", "offset"}


def test_a_stack_without_names_asks_for_them(tmp_path):
    np.savez(tmp_path / "v.npz", means=STACK)
    said, ready, fields = _shown([str(tmp_path / "v.npz")], model="owner/away")
    assert "npz: 3 classes without names, 4 rows" in said and not ready and fields == {"model", "classes"}
    assert "v.npz has 3 classes without names. Name them in their order by “Classes”." in said
    said, ready, _ = _shown([str(tmp_path / "v.npz")], model="owner/away", classes="happy, on edge ,sad")
    assert ready and "layers 0-3 of 4 of away" in said


def test_a_set_of_emoviz_is_taken_as_it_is(tmp_path):
    path = str(save_set(make_set("theirs"), tmp_path))
    said, ready, fields = _shown([path])
    assert said == "A vector set of emoviz, theirs of made-up, which is taken as it is." and ready and not fields


def test_one_click_imports_and_another_deletes(happy):
    given = {**NOTHING, "model": "owner/away", "n_layers": str(LAYERS)}
    said, left = importing.press(happy, **given)
    name = said.split("**")[1]
    assert left is None and find_set(name).provenance.model == "away"
    table = sets_table()
    assert [name, "imported", "1"] == next(row for row in table["rows"] if row[0] == name)[:3]
    assert (
        f"{name}: imported from happy.gguf (GGUF control vector, made by llama.cpp cvector-generator)" in table["notes"]
    )
    assert delete(name) == f"{name} is deleted." and name not in [vectors.name for vectors in list_sets()]


@pytest.mark.parametrize(
    "given", [{"n_layers": "four"}, {"offset": "1.5"}, {"layers": "3-"}, {"model": 7}, {"n_layers": ["4"]}]
)
def test_what_a_visitor_may_post_is_answered_in_words(happy, given):
    said, ready, _ = _shown(happy, **given)
    assert said.startswith("**Not imported yet.**") and not ready
    said, _ = importing.press(happy, **{**NOTHING, **given})
    assert said.startswith("**Cannot import.**")


def test_without_files_nothing_is_asked_and_nothing_happens():
    assert _shown(None) == (importing.FORMAT, False, set())
    assert importing.press(None, **NOTHING)[0].startswith("**Cannot import.** no files of vectors were given")
