"""Verdicts from the text alone in other languages and forms: right, or none; words are counted in every language."""

import json

import pytest

from benchmarks.languages import shuffled, texts_by_language, verdicts
from emoviz.judge.structure import LINES, MARKS, structure_of
from emoviz.judge.verdict import text_verdict, verdict
from emoviz.readout.scripts import own_scripts
from emoviz.stimuli import load_corpus
from emoviz.stimuli.segments import words_in

ROWS = texts_by_language()


def test_the_labelled_set_has_the_languages_forms_and_labels_that_it_says():
    twelve = {row["language"] for row in ROWS if row["form"] != "prose"}
    assert len(ROWS) >= 200 and len(twelve) == 12 and len({row["form"] for row in ROWS}) == 8
    for name in twelve:
        assert {row["label"] for row in ROWS if row["language"] == name} == {"fluent", "loop", "salad", "noise"}
    assert len({row["text"] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("part", ["language", "form", "label"])
def test_no_verdict_is_false_and_no_text_leaks_into_its_own_script(part):
    found = verdicts(ROWS, part)
    assert not {name: counts for name, counts in found.items() if counts["false"] or counts["leaks"]}


def test_loops_are_told_in_every_language_and_form():
    assert verdicts(ROWS, "label")["loop"]["none"] == 0


def test_words_in_random_order_never_read_as_prose_and_the_passages_do():
    assert {text_verdict(text).regime for text in shuffled(1)} == {None, "explosive"}
    passages = [text_verdict(passage.text).regime for passage in load_corpus().passages]
    assert set(passages) == {None, "surgical"} and passages.count("surgical") > 0.9 * len(passages)


@pytest.mark.parametrize(
    "text",
    [
        "Sáng nay tôi đi bộ ra chợ mua trái cây, người bán hàng mỉm cười và hỏi tôi thích xoài hay chuối.",
        "Jintian zaoshang wo zou dao shichang qu mai shuiguo, mai yu de laoban xiang wo zhaoshou.",
        "Woke early. Cold floor. Coffee, black. Rain against glass. No letter yet. Dog asleep. Radio low.",
        "ARRIVING TUESDAY NOON STOP MEET STATION STOP BRING WARM COAT STOP LOVE ANNA",
        "stainless steel water bottle wide mouth leak proof lid carry handle dishwasher safe",
        "Happy birthday to you\nHappy birthday to you\nHappy birthday dear Tom\nHappy birthday to you",
        "Results\n=======\n\nNone yet.\n\nMethods\n=======\n\nTo be written.",
        "[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]",
        'A = ("ba72ca23489565a6", "9fe1ca2348956ff3", "c0ffee3489565a63", "d1e2ca2348956e12")',
        "id,name,open\n1,Mill,yes\n2,Barn,yes\n3,Forge,yes\n4,Inn,yes\n5,Quay,yes",
        "file.md              what it is\nnotes.txt            what was seen\nplan.yaml            what is next",
    ],
)
def test_healthy_texts_that_are_no_plain_english_prose_get_no_verdict(text):
    found = text_verdict(text)
    assert found.regime is None and found.leak == 0


@pytest.mark.parametrize(
    ("text", "regime"),
    [
        ("!" * 40, "repetitive_collapse"),
        ("| calm | calm |\n" * 9, "repetitive_collapse"),
        ("- so calm\n" * 9, "repetitive_collapse"),
        ("xkq zzv lkjw qpo mnbv xcz asdf ghjk qwer tyui zxcv", "explosive"),
        ("the of and to was in that it he for with as his on be at", None),
    ],
)
def test_degraded_texts_are_told_or_left_open(text, regime):
    assert text_verdict(text).regime == regime


@pytest.mark.parametrize(
    ("text", "structure"),
    [
        ("One line. " * 40, ""),
        ("A first paragraph that is longer than a line of verse would be.\n\n" * 3, ""),
        ("Roses\nare red\nand so on", LINES),
        ("渡船又晚点了\n我们坐着\n等", LINES),
        ('{"a": [1, 2], "b": {}}', MARKS),
        ("| a | b |\n|---|---|\n| c | d |", MARKS),
        ("", ""),
    ],
)
def test_lines_and_marks_are_told_from_prose(text, structure):
    assert structure_of(text) == structure


def test_with_a_model_neither_a_table_nor_the_bytes_of_a_script_are_a_loop():
    def judged(text, tokens):
        own = own_scripts(text)
        return verdict(text, tokens, "".join, own, unchanged=False, ppl_ratio=2.0)

    table = next(row["text"] for row in ROWS if row["language"] == "English" and row["form"] == "table")
    thai = next(row["text"] for row in ROWS if row["language"] == "Thai")
    assert judged(table, list(table)).regime is None and "no loop" in judged(table, list(table)).reason
    in_bytes = [bytes([byte]).decode("latin-1") for byte in thai.encode()]
    assert judged(thai, in_bytes).regime == "surgical" and judged(thai, in_bytes).repetition < 0.3
    assert judged("สงบ" * 30, list("สงบ" * 30)).regime == "repetitive_collapse"
    assert judged("| calm | calm |\n" * 9, list("| calm | calm |\n" * 9)).regime == "repetitive_collapse"


def test_the_leak_counts_other_scripts_and_not_the_three_of_japanese_or_the_keys_of_code():
    assert text_verdict("東京の天気は晴れ、テストです").leak == 0
    assert text_verdict("Она сказала нет 安宁", "Она").leak == pytest.approx(2 / 15)
    assert text_verdict('{"name": "Мельница", "rooms": 12}', "Мельница").leak == 0
    assert text_verdict("安宁 and then it was calm", "安宁").leak > 0.8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't pay 3.14, well-known", ["don't", "pay", "3.14", "well", "known"]),
        ("今日 is 1 day", ["今日", "is", "1", "day"]),
        ("我们等姨妈。", ["我们", "等", "姨妈"]),
        ("ร้านขนมปัง", ["ร้าน", "ขนมปัง"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        (" 🙂 … \n", []),
    ],
)
def test_words_are_those_of_the_language(text, words):
    assert words_in(text) == words


def test_regimes_counts_words_and_says_why_there_is_no_verdict(tmp_path, capsys):
    from emoviz.cli import main

    path = tmp_path / "texts.jsonl"
    path.write_text(json.dumps({"text": "我们等姨妈。"}, ensure_ascii=False) + "\n", "utf-8")
    assert main(["regimes", "--texts", str(path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["n_words"], row["regime"]) == (3, None) and row["reason"].startswith("no loop; only English")
