"""A third family on its own weights: byte-level vocabulary, and the leak that it shows before it writes any Chinese."""

import numpy as np
import pytest

import emoviz as ez
from emoviz.judge.leak import leak_share
from emoviz.models import resolve
from emoviz.readout.scripts import own_scripts

NAME = "Qwen2.5-Coder-0.5B-Instruct"
PROMPT = "She closed the door, sat down at the kitchen table and"

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def qwen():
    try:
        resolve(NAME)
    except ez.InputError as error:
        pytest.skip(str(error))
    return ez.load_model(NAME, precision="bf16")


def test_qwen_is_loaded_as_what_it_is(qwen):
    assert (qwen.name, qwen.origin, qwen.instruct) == (NAME, NAME, True)
    assert (qwen.architecture, qwen.n_layers, qwen.d_model) == ("Qwen2ForCausalLM", 24, 896)
    assert qwen.support.badge == "tested"


def test_the_beginnings_of_chinese_characters_in_its_vocabulary_are_chinese(qwen):
    from emoviz.readout.vocabulary import vocabulary_scripts

    table, tokenizer = vocabulary_scripts(qwen), qwen.tokenizer
    (calm,) = tokenizer.encode("舒适", add_special_tokens=False)
    assert table.of(calm) == "Han"
    bytes_of_one = [tokenizer.convert_tokens_to_ids(letter) for letter in ("å", "ä", "é", "Ð", "Ã")]
    assert [table.of(token) for token in bytes_of_one] == ["Han", "Han", "Han", "Cyrillic", "Latin"]
    texts = tokenizer.batch_decode([[k] for k in np.flatnonzero(table.codes == table.scripts.index("Han"))])
    unfinished = sum("\ufffd" in text for text in texts)
    assert unfinished > 500 and len(texts) > 20_000
    assert table.partial.sum() < 200, "bytes from the middle of a character, and beginnings of several scripts"


def test_steered_by_the_recipe_of_the_paper_its_probability_leaks_before_its_text_does(qwen):
    vectors = ez.find_set(f"{NAME}_emoviz_fp32")
    recipe = ez.recipe(vectors, "jeong2026a")
    found = ez.steer_texts(qwen, vectors, ["calm", "random"], [0.03, 0.05], PROMPT, recipe, ez.Decoding(24))
    mass = {(one.direction, one.dose): max(one.leak_mass) for one in found}
    assert mass["unsteered", 0.0] < 0.02 and mass["calm", 0.03] < mass["calm", 0.05]
    assert mass["calm", 0.05] > 0.3 > 2 * mass["random", 0.05], "a random push of the same length leaks less"
    (text,) = (one.text for one in found if (one.direction, one.dose) == ("calm", 0.05))
    assert leak_share(text, own_scripts(PROMPT)) < 0.25
