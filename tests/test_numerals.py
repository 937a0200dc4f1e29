"""Numbers as people write them have the value that they say, in every box, option, plan and file; others are named."""

import math
import re
from argparse import ArgumentParser, ArgumentTypeError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoviz.commands.arguments import add_sampling, depth_of, number, whole
from emoviz.errors import InputError
from emoviz.extract.foreign import numbers_in
from emoviz.extract.sweeps.plan import plan_of
from emoviz.geometry.cleaning import parse_cleaning
from emoviz.numerals import SHARES, TOKENS, parted, several, value_of, whole_numbers
from emoviz.readout.variation import parse_numbers
from emoviz.share.slides import slide_of
from emoviz.steer.doses import parse_doses
from emoviz.steer.recipes import parse_layers

VALUES = {
    **dict.fromkeys(["1000", "1,000", "1 000", "1\u00a0000", "1\u202f000", "1'000", "1’000", "1_000", "1e3"], 1000),
    **dict.fromkeys(["1,234,567.5", "1.234.567,5", "1 234 567,5", "1'234'567.5"], 1_234_567.5),
    **dict.fromkeys(["0.04", "0,04", ".04", "4e-2", "4E-2", "+0.04", "4 %", "4%", "0.04x", "٠٫٠٤", "０．０４"], 0.04),
    **dict.fromkeys(["-3", "\u22123", "–3", "-3.0"], -3),
    "1.000": 1,
    "1,5": 1.5,
    "0,005": 0.005,
    "2,000,000": 2_000_000,
}
NO_NUMBERS = ["", " ", "many", "1,0,0", "1 0000", "--3", "0x10", "inf", "nan", "1e999", "1.2.3", "9" * 5000, "1/2", "%"]


@pytest.mark.parametrize("text", VALUES)
def test_a_number_has_the_value_that_it_says(text):
    assert value_of(text, SHARES) == VALUES[text]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number_is_none(text):
    assert math.isnan(value_of(text, SHARES))


def test_a_comma_is_a_decimal_mark_where_semicolons_part_the_columns():
    assert value_of("5,125", comma=True) == 5.125 and value_of("5,125") == 5125
    assert value_of("40 tokens", TOKENS) == 40 and math.isnan(value_of("40 tokens"))


SEVERAL = {
    "1,000, 2,000, 4,000": [1000, 2000, 4000],
    "1,000; 2,000 ;": [1000, 2000],
    "1 000; 2 000": [1000, 2000],
    "1,10,100": [1, 10, 100],
    "1 10\n100": [1, 10, 100],
    "0, 0.02, 0.04": [0, 0.02, 0.04],
    "0,0.02,0.04,": [0, 0.02, 0.04],
    "0,02; 0,04": [0.02, 0.04],
    "0,02, 0,04": [0.02, 0.04],
    "0,1 0,2": [0.1, 0.2],
    "0, 0,5, 1": [0, 0.5, 1],
    "0,02": [0.02],
    "2 %, 4 %": [0.02, 0.04],
    "-0.1,0.1": [-0.1, 0.1],
    "0:0.06:0.02": [0, 0.02, 0.04, 0.06],
    "0.01..0.03..0.01, 0.1": [0.01, 0.02, 0.03, 0.1],
    "0.3:0.1:-0.1": [0.3, 0.2, 0.1],
}


@pytest.mark.parametrize("text", SEVERAL)
def test_several_numbers_are_told_apart(text):
    assert several(text, SHARES) == SEVERAL[text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0, lots", "'lots' is no number"),
        ("0,1", "'0,1' may be the number 0.1 or the two 0, 1"),
        ("0,02,0,04", "'0,02,0,04' is no number"),
        ("1 000 2 000", "may be one number or several"),
        ("0..0.06", "'0..0.06' is a range without a step. Write from:to:step"),
        ("0:1:0", "'0:1:0' holds no number"),
        ("0:1:1e-9", "or more than 10,000"),
        ("1:0:1", "'1:0:1' holds no number"),
    ],
)
def test_what_is_no_number_or_may_be_two_is_named(text, said):
    with pytest.raises(InputError, match=re.escape(said)):
        several(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12", [12]),
        ("3, 10-12", [3, 10, 11, 12]),
        ("3;10..12", [3, 10, 11, 12]),
        ("10 – 12", [10, 11, 12]),
        ("0:20:10", [0, 10, 20]),
    ],
)
def test_layers_are_read_alike_in_every_box_and_option(text, found):
    assert whole_numbers(text, 30) == numbers_in(text) == list(parse_layers(text, 30)) == found


@pytest.mark.parametrize("text", ["", "a", "-1", "20-10", "1,000", "1, 40", "1.5", "9" * 5000])
def test_what_is_no_layer_is_refused(text):
    for read in (lambda: whole_numbers(text, 30), lambda: parse_layers(text, 30)):
        with pytest.raises(InputError):
            read()


def test_every_reader_of_numbers_takes_what_the_one_home_takes():
    assert parse_doses("0,02; 0,04") == parse_doses("2 %; 4 %") == parse_doses("0.02:0.04:0.02") == [0.02, 0.04]
    assert parse_numbers("1,000, 2,000, 4,000") == ["1,000", "2,000", "4,000"]
    assert whole(1, 10_000)("4,000") == whole(1, 10_000)("4e3") == 4000
    assert number(0)("0,7") == 0.7 and depth_of("50 %") == depth_of("0,5") == 0.5
    assert parse_cleaning("neutral 50,5 %").components == pytest.approx(0.505)
    assert slide_of("rdm@0,5").depth == 0.5
    parser = ArgumentParser()
    add_sampling(parser, 40)
    assert parser.parse_args(["--max-new-tokens", "60 tokens", "--temperature", "0,5"]).temperature == 0.5
    plan = {"models": ["SmolLM2-135M-Instruct"], "defaults": {"batch_tokens": "4,000"}}
    assert plan_of(plan).jobs[0].options["batch_tokens"] == 4000


@pytest.mark.parametrize(
    ("text", "said"),
    [("1.000", "may be 1 or 1000"), ("2.5", "a whole number from 1"), ("0", "from 1 to 9")],
)
def test_a_whole_number_is_one_and_within_its_limits(text, said):
    with pytest.raises(ArgumentTypeError, match=said):
        whole(1, 9)(text)


GROUPS = st.sampled_from([",", " ", "'", "_", "\u202f"])


@given(st.integers(-(10**12), 10**12), GROUPS)
def test_whole_numbers_written_in_groups_come_back(value, mark):
    assert value_of(f"{value:,}".replace(",", mark)) == value


@given(st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False), st.sampled_from([".", ","]))
def test_decimals_come_back_with_a_point_and_with_a_comma(value, mark):
    text = f"{value:.6f}"
    assert value_of(text.replace(".", mark), comma=mark == ",") == float(text)
    assert value_of(f"{value:.12e}") == float(f"{value:.12e}")


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9), st.sampled_from([", ", "; ", " "]))
def test_lists_of_doses_come_back_however_they_are_parted(values, mark):
    texts = [f"{value:.4f}" for value in values]
    assert several(mark.join(texts)) == [float(text) for text in texts]
    assert several("; ".join(text.replace(".", ",") for text in texts) + ";") == [float(text) for text in texts]


@given(st.text(max_size=60))
def test_any_text_is_numbers_or_one_line_that_says_why_not(text):
    for read in (several, parted, lambda t: whole_numbers(t, 99), lambda t: parse_layers(t, 99)):
        try:
            assert isinstance(read(text), (list, tuple))
        except InputError as error:
            assert len(str(error).splitlines()) == 1
