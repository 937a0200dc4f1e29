"""What can be told of the words of a command without a model is told before one is loaded."""

import pytest

from emoviz.cli import main

SMOL, GEMMA = "SmolLM2-135M-Instruct", "gemma-3-270m_emoviz"
PROMPT, SAY, TEMPLATE = ["--prompt", "I am"], ["--say", "I am"], ["--template", "{n} cats", "--values", "1, 2"]
FILES = ("--turns", "--texts")
READ = {"read": ["--text", "a cat"], "vary": TEMPLATE}
STEERED = {
    "steer": ["--emotion", "sad", *PROMPT],
    "chat": ["--emotion", "sad", *SAY],
    "doses": [],
    "effects": [],
}
# Of each command what is wrong, and what is said of it, whatever is known of the model.
ALWAYS = [
    *(
        (command, [*words, *wrong], said)
        for command, words in STEERED.items()
        for wrong, said in (
            (["--recipe", "x"], "recipe 'x' is unknown"),
            (["--layers", "x"], "layers 'x' were asked for"),
            (["--scope", "x"], "scope 'x' is unknown"),
            (["--norm", "x"], "norm 'x' is unknown"),
            (["--dose", "x"], "doses 'x' were given"),
            (["--emotion", "nonsense"], "emotion 'nonsense' is not in any vector set"),
            (["--emotion", "0.5 calm + 0.5 nonsense"], "emotion 'nonsense' is not in any vector set"),
            (["--controls", "x"], "control 'x' is unknown"),
            (["--set", "x"], "set 'x' is unknown"),
        )
    ),
    *((command, ["--emotion", "sad", *words, "--witness", "x"], "classifier 'x' is unknown")
      for command, words in (("steer", PROMPT), ("chat", SAY))),
    *((command, ["--prompt", "I am", " "], "the prompt is empty") for command in ("doses", "leak")),
    *((command, ["--dose", "0"], "no dose but 0") for command in ("doses", "leak", "effects")),
    ("steer", ["--emotion", "sad", "--prompt", " "], "the prompt is empty"),
    ("chat", ["--emotion", "sad", "--say", ""], "the message is empty"),
    ("leak", ["--recipe", "x"], "recipe 'x' is unknown"),
    ("leak", ["--dose", "x"], "doses 'x' were given"),
    ("leak", ["--emotion", "nonsense"], "emotion 'nonsense' is not in any vector set"),
    ("leak", ["--set", "x"], "set 'x' is unknown"),
    ("read", ["--text", " "], "the text is empty"),
    ("read", ["--text", "a cat", "--set", "x"], "set 'x' is unknown"),
    *(("read", [how, "texts.csv", "--layer", "x"], "layer 'x' was asked for") for how in ("--text", *FILES)),
    *(("read", [how, "nowhere"], "nowhere") for how in FILES),
    ("read", ["--texts", "texts.csv", "--text-column", "x"], "no column 'x'"),
    ("read", ["--texts", "texts.csv", "--groups", "x"], "no column 'x'"),
    ("vary", ["--template", "cats", "--values", "1, 2"], "sentence 'cats' needs {n}"),
    ("vary", ["--template", "{n} cats", "--values", "few"], "'few' is no number"),
    ("vary", [*TEMPLATE, "--where", "x"], "where 'x' is unknown"),
    ("vary", [*TEMPLATE, "--layer", "1.5"], "layer '1.5' was asked for"),
    ("vary", [*TEMPLATE, "--emotion", "nonsense"], "emotion 'nonsense' is not in any vector set"),
    ("vary", [*TEMPLATE, "--set", "x"], "set 'x' is unknown"),
    ("verify", ["--set", "x"], "set 'x' is unknown"),
    ("verify", ["--witness", "x"], "classifier 'x' is unknown"),
    ("extract", ["--passages", "nowhere"], "nowhere"),
    ("extract", ["--protocol", "x"], "protocol 'x' is unknown"),
]  # fmt: skip
# And where it is known which set a model will use.
KNOWN = [
    *((command, [*words, "--layers", "30"], "within 0-29") for command, words in STEERED.items()),
    *((command, [*words, "--layer", "30"], "layer 30 does not exist") for command, words in READ.items()),
    ("read", ["--texts", "texts.csv", "--layer", "30"], "layer 30 does not exist"),
    *((command, [*words, "--set", GEMMA], "Vectors do not carry over between models")
      for command, words in (STEERED | READ | {"leak": [], "verify": []}).items()),
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_model(tmp_path, monkeypatch):
    """None is loaded, neither to be read or steered nor to judge."""
    for what in ("emoviz.models.load.load_model", "transformers.AutoModelForSequenceClassification.from_pretrained"):
        monkeypatch.setattr(what, lambda *_, **__: pytest.fail("a model was loaded"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.csv").write_text("text,who\na cat,me\na dog,you\n")


def told(command, model, words, capsys):
    assert main([command, model, *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("emoviz: ") and err.count("\n") == 1, err
    return err


@pytest.mark.parametrize(
    ("command", "words", "said"), ALWAYS, ids=lambda value: value if isinstance(value, str) else None
)
def test_what_is_wrong_whatever_the_model_is_told_before_it_is_loaded(command, words, said, llama_folder, capsys):
    assert said in told(command, str(llama_folder), words, capsys)


@pytest.mark.parametrize(
    ("command", "words", "said"), KNOWN, ids=lambda value: value if isinstance(value, str) else None
)
def test_what_the_set_of_a_known_model_does_not_allow_is_told_before_it_is_loaded(command, words, said, capsys):
    assert said in told(command, SMOL, words, capsys)


def test_a_model_that_is_unknown_is_told_before_another_is_loaded(capsys):
    for command, words in (("steer", PROMPT), ("chat", SAY)):
        assert main([command, SMOL, "nonsense", "--emotion", "sad", *words]) == 2
        assert "model 'nonsense' is unknown" in capsys.readouterr().err
