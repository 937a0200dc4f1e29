"""Numbers and figures of dose-response runs: means against a plain loop, windows, regimes, ids, both themes."""

import math
from dataclasses import replace

import numpy as np
import pytest

from emoviz.app.steer.stored_texts import texts_at
from emoviz.emotions import QUADRANTS
from emoviz.errors import InputError
from emoviz.experiments.dose_curves import OUTCOMES, curves, gain, majority_regime, regime_table, usable_window
from emoviz.judge.regimes import COLLAPSE, EMPTY, EXPLOSIVE, REGIME_SIGN, REGIMES, SURGICAL, UNCHANGED
from emoviz.plots.canvas import legend_rows
from emoviz.plots.dose_response import dose_response_figure
from emoviz.plots.regime_map import LEAK_SIGN, regime_map_figure
from emoviz.plots.theme import DARK, LIGHT, MAX_TINT, QUADRANT_COLOUR, REGIME_COLOUR, SERIES, tint
from emoviz.types import Decoding, DoseResponse, Recipe, SteeredText, Verdict, WitnessCard

NAN = float("nan")
CLASSES = ("angry", "calm", "happy", "neutral")
COLOUR = {"model-one": SERIES[0], "model-two": SERIES[1]}
CODE = {"s": SURGICAL, "r": COLLAPSE, "x": EXPLOSIVE, "u": UNCHANGED, "e": EMPTY, "?": None}


def make_run(regimes, *, doses=(-0.02, 0.0, 0.02, 0.04), prompts=2, model="model-one", seed=0, witness=CLASSES):
    """A run with drawn numbers.

    regimes : direction -> a letter of CODE per prompt, a word per dose but 0; controls too.
    """
    rng = np.random.default_rng(seed)

    def text(direction, dose, prompt, regime):
        empty = regime == EMPTY
        numbers = (NAN, NAN, NAN) if empty else tuple(rng.uniform((0.1, 0, 0), (30, 1, 0.5)))
        drawn = lambda n: tuple(np.full(n, NAN) if empty else rng.uniform(0, 1, n))  # noqa: E731
        return SteeredText(
            direction, dose, prompt, "" if empty else "It was <b>so</b> late.",
            Verdict(regime, "a reason", *numbers, 5),
            NAN if empty else float(rng.uniform()), drawn(len(witness)), drawn(len(CLASSES)),
        )  # fmt: skip

    texts = [text("unsteered", 0.0, p, UNCHANGED) for p in range(prompts)]
    for direction, words in regimes.items():
        for dose, word in zip([d for d in doses if d], words.split(), strict=True):
            texts += [text(direction, dose, p, CODE[letter]) for p, letter in enumerate(word)]
    controls = tuple(name for name in regimes if name in ("random", "mean"))
    return DoseResponse(
        f"run of {model}", model, f"set-{model}", "fp32", Recipe((3, 4, 5)), Decoding(),
        WitnessCard("minilm", witness, 0.5, 1 / len(witness) if witness else NAN, "made up"),
        tuple(f"prompt {p}" for p in range(prompts)), tuple(name for name in regimes if name not in controls), controls,
        doses, CLASSES, 4, tuple(texts), 1.0, "2026-01-01T00:00:00",
    )  # fmt: skip


RUN = make_run({"angry": "ss se rx", "calm": "uu ss ss", "random": "ss rr ee", "mean": "ss sx x?"})
OTHER = make_run({"angry": "rr ss xx", "calm": "ss sr ss", "random": "ss ss xx"}, model="model-two", seed=1)


def _window(word, doses):
    """The window in words of a direction with one prompt, a letter per dose but 0."""
    return usable_window(curves(make_run({"angry": " ".join(word)}, doses=doses, prompts=1), "angry"))


def _plain_mean(run, direction, dose, value):
    """The mean over the finite values, by a plain loop over all texts."""
    total, n = 0.0, 0
    for t in run.texts:
        if t.dose == dose and t.direction == ("unsteered" if dose == 0 else direction) and math.isfinite(value(t)):
            total, n = total + value(t), n + 1
    return total / n if n else NAN


@pytest.mark.parametrize("direction", ["angry", "calm"])
def test_the_curves_are_what_a_plain_loop_over_the_texts_gives(direction):
    curve, at = curves(RUN, direction), CLASSES.index(direction)
    values = {
        "repetition": lambda t: t.verdict.repetition,
        "leak": lambda t: t.verdict.leak,
        "leak_mass": lambda t: t.leak_mass,
        "witness": lambda t: t.probabilities[at],
        "projection": lambda t: t.projections[at],
    }
    for d, dose in enumerate(RUN.doses):
        for name, value in values.items():
            assert getattr(curve, name).mean[d] == pytest.approx(_plain_mean(RUN, direction, dose, value), nan_ok=True)
        logs = _plain_mean(RUN, direction, dose, lambda t: math.log(t.verdict.ppl_ratio))
        assert curve.ppl_ratio.mean[d] == pytest.approx(math.exp(logs), nan_ok=True)
        for control in RUN.controls:
            expected = _plain_mean(RUN, control, dose, lambda t: t.probabilities[at])
            assert curve.controls[control][d] == pytest.approx(expected, nan_ok=True)
    assert curve.reasons == {}


def test_a_text_without_a_number_is_left_out_of_the_mean_and_of_its_count():
    curve = curves(RUN, "angry")
    assert curve.ppl_ratio.n.tolist() == curve.witness.n.tolist() == [2, 2, 1, 2]
    kept = curve.witness.each[2, 0]
    assert curve.witness.mean[2] == pytest.approx(kept) and math.isnan(curve.witness.each[2, 1])
    all_empty = curves(RUN, "random")
    assert all_empty.witness.n[3] == 0 and math.isnan(all_empty.witness.mean[3])


def test_the_twins_stand_at_dose_0_of_every_direction():
    twins = [t for t in RUN.texts if t.direction == "unsteered"]
    for direction in (*RUN.directions, *RUN.controls):
        curve = curves(RUN, direction)
        assert curve.zero == 1 and list(curve.texts[1]) == twins and curve.majority[1] == UNCHANGED


def test_a_mixture_is_scored_by_the_weighted_sum_of_its_emotions():
    mixed = make_run({"0.7 calm + 0.3 angry": "ss ss ss"})
    curve = curves(mixed, "0.7 calm + 0.3 angry")
    for measure, field in ((curve.witness, "probabilities"), (curve.projection, "projections")):
        for d, p in np.ndindex(4, 2):
            values = getattr(curve.texts[d][p], field)
            assert measure.each[d, p] == pytest.approx(0.7 * values[1] + 0.3 * values[0])


def test_what_witness_or_set_do_not_know_is_nan_with_the_reason():
    few = make_run({"calm": "ss ss ss", "random": "ss ss ss"}, witness=("joy", "anger"))
    curve = curves(few, "calm")
    assert np.isnan(curve.witness.mean).all() and np.isnan(curve.controls["random"]).all()
    assert np.isfinite(curve.projection.mean).all()
    assert curve.reasons == {"witness": "calm is not among the 2 classes of the witness minilm"}
    assert math.isnan(gain(curve, 0.02, 0.04))
    assert set(curves(few, "random").reasons) == {"witness", "projection"}


def test_an_unknown_direction_is_refused_with_those_that_are_there():
    with pytest.raises(InputError, match="'proud' is not in the run.*angry, calm, random, mean are"):
        curves(RUN, "proud")


@pytest.mark.parametrize(
    ("letters", "regime"),
    [
        ("ss", SURGICAL), ("sr", COLLAPSE), ("sx", EXPLOSIVE), ("rx", EXPLOSIVE), ("ru", COLLAPSE), ("re", COLLAPSE),
        ("eu", EMPTY), ("su", UNCHANGED), ("s?", None), ("?u", None), ("ssr", SURGICAL), ("ssrx", EXPLOSIVE),
        ("ssrr", COLLAPSE), ("sssrx", SURGICAL), ("ssrru", COLLAPSE), ("", None),
    ],
)  # fmt: skip
def test_of_equally_many_texts_the_worse_regime_wins_and_half_surgical_is_not_surgical(letters, regime):
    names = [CODE[letter] for letter in letters]
    assert majority_regime([names.count(outcome) for outcome in OUTCOMES]) == regime


UP = (0.0, 0.01, 0.02, 0.04, 0.06, 0.1)
AROUND = (-0.06, -0.04, -0.02, 0.0, 0.02, 0.04, 0.06)


@pytest.mark.parametrize(
    ("word", "doses", "low", "high", "words"),
    [
        ("ussrx", UP, 0.02, 0.04, "surgical from 0.02 to 0.04"),
        ("usrxx", UP, 0.02, 0.02, "surgical at 0.02 only"),
        ("urrrx", UP, NAN, NAN, "no dose is surgical"),
        ("srsss", UP, 0.02 * 2, 0.1, "surgical from 0.04 to 0.1"),
        ("ssrss", UP, 0.01, 0.02, "surgical from 0.01 to 0.02"),
        ("s?s?s", UP, 0.01, 0.01, "surgical at 0.01 only"),
        ("sssss", UP, 0.01, 0.1, "surgical from 0.01 to 0.1"),
        ("ssssss", AROUND, 0.02, 0.06, "surgical from 0.02 to 0.06 and from -0.06 to -0.02"),
        ("srsssr", AROUND, 0.02, 0.04, "surgical from 0.02 to 0.04 and at -0.02 only"),
        ("rssrrr", AROUND, NAN, NAN, "no positive dose is surgical, but from -0.04 to -0.02"),
        ("s", (0.0, 0.03), 0.03, 0.03, "surgical at 0.03 only"),
        ("", (0.0,), NAN, NAN, "no dose is surgical"),
        ("ss", (-0.01, 0.01), 0.01, 0.01, "surgical at 0.01 only and at -0.01 only"),
    ],
)
def test_the_window_is_the_longest_run_of_surgical_doses_on_one_side_of_0(word, doses, low, high, words):
    found = _window(word, doses)
    assert found[0] == pytest.approx(low, nan_ok=True) and found[1] == pytest.approx(high, nan_ok=True)
    assert found[2] == words


def test_the_gain_is_over_the_unsteered_texts_and_over_every_control():
    curve = curves(RUN, "calm")
    inside = [2, 3]
    others = [curve.witness.mean[1], curve.controls["mean"][inside].mean()]
    mean = curve.witness.mean[inside].mean()
    assert math.isnan(gain(curve, 0.02, 0.04)), "the random control is empty at 0.04"
    without = replace(curve, controls={"mean": curve.controls["mean"]})
    assert gain(without, 0.02, 0.04) == pytest.approx(min(mean - o for o in others))


def test_the_table_has_the_regimes_of_the_curves_controls_last():
    table = regime_table(RUN)
    assert table.directions == ("angry", "calm", "random", "mean")
    for r, direction in enumerate(table.directions):
        curve = curves(RUN, direction)
        assert table.majority[r] == curve.majority
        np.testing.assert_equal(table.windows[r], usable_window(curve))
        np.testing.assert_array_equal(table.counts[r], curve.counts)
        np.testing.assert_array_equal(table.leaked[r], np.nansum(curve.leak.each > 0, axis=1))
    assert table.counts.sum() == 4 * 4 * 2


def test_a_stopped_run_has_holes_that_count_nowhere_and_break_a_window():
    whole = make_run({"angry": "s s s s s"}, doses=UP, prompts=1)
    stopped = replace(whole, texts=tuple(t for t in whole.texts if t.dose != 0.02))
    curve = curves(stopped, "angry")
    assert curve.counts.sum(1).tolist() == [1, 1, 0, 1, 1, 1] and curve.majority[2] is None
    assert usable_window(curve)[2] == "surgical from 0.04 to 0.1"
    band_edges = {
        (s.x0, s.x1) for s in dose_response_figure([stopped], "angry", COLOUR).layout.shapes if s.type == "rect"
    }
    assert not any(low < 2 < high for low, high in band_edges)
    bars = next(t for t in regime_map_figure([stopped]).data if t.type == "bar")
    assert list(bars.x) == [0, 2, 3, 4]


def _figures():
    one_dose = make_run({"angry": "s"}, doses=(0.0, 0.05), prompts=1)
    return {
        "one": dose_response_figure([RUN], "angry", COLOUR),
        "two": dose_response_figure([RUN, OTHER], "angry", COLOUR, notes=["a note"]),
        "one dose": dose_response_figure([one_dose], "angry", COLOUR),
        "map": regime_map_figure([RUN, OTHER], notes=["a note"]),
        "map of one": regime_map_figure([one_dose]),
    }


FIGURES = _figures()


@pytest.mark.parametrize("fig", FIGURES.values(), ids=FIGURES)
def test_all_that_is_drawn_is_finite_or_left_out(fig):
    for trace in fig.data:
        for values in (trace.x, trace.y, trace.base if trace.type == "bar" else ()):
            assert all(v is None or math.isfinite(v) for v in values)
    for shape in fig.layout.shapes:
        assert all(math.isfinite(v) for v in (shape.x0, shape.x1, shape.y0, shape.y1))


@pytest.mark.parametrize("fig", FIGURES.values(), ids=FIGURES)
@pytest.mark.parametrize("template", [LIGHT, DARK], ids=["light", "dark"])
def test_themes_are_one_template_and_provenance_is_printed(fig, template):
    layout = fig.to_plotly_json()["layout"]
    assert "paper_bgcolor" not in layout and all("color" not in n.get("font", {}) for n in layout["annotations"])
    words = " ".join(n["text"] for n in layout["annotations"])
    for part in (
        "vectors set-model-one",
        "layers 3-5",
        "greedy, 40 tokens",
        "witness minilm",
        "accuracy 0.50",
        "emoviz 0.",
    ):
        assert part in words.replace("<br>", " ")
    assert layout["title"]["text"] and layout["meta"]["description"]
    fig.update_layout(template=template).to_json()


def test_a_column_per_run_has_four_panels_and_a_strip_on_shared_scales():
    fig = FIGURES["two"]
    axes = [a for a in fig.layout if a.startswith("yaxis")]
    assert len(axes) == 10 and len([a for a in fig.layout if a.startswith("xaxis")]) == 2
    for first, second in (("yaxis2", "yaxis7"), ("yaxis3", "yaxis8"), ("yaxis4", "yaxis9"), ("yaxis5", "yaxis10")):
        assert (
            fig.layout[first].range == fig.layout[second].range
            and fig.layout[first].domain == fig.layout[second].domain
        )
    assert fig.layout.yaxis2.type == "log" and fig.layout.yaxis3.type is None
    drawn = {t.yaxis for t in fig.data if t.y[0] is not None}
    assert drawn == {f"y{a[5:]}" for a in axes}
    assert list(fig.layout.xaxis.ticktext) == ["−0.02", "0", "0.02", "0.04"]


def test_the_title_claims_only_what_the_run_shows():
    def with_score(run, score):
        texts = tuple(
            replace(t, probabilities=(score if t.direction == "angry" else 0.2, 0.3, 0.3, 0.2)) for t in run.texts
        )
        return replace(run, texts=texts)

    run = make_run({"angry": "ss ss ss", "random": "ss ss ss"})
    title = lambda r: dose_response_figure([r], "angry", COLOUR).layout.title.text  # noqa: E731
    assert title(with_score(run, 0.9)) == "angry steers model-one cleanly from 0.02 to 0.04"
    assert (
        title(with_score(run, 0.2)) == "angry leaves model-one readable from 0.02 to 0.04 (no rise over the controls)"
    )
    unknown = make_run({"angry": "ss ss ss"}, witness=("joy", "anger"))
    assert title(unknown) == "angry leaves model-one readable from 0.02 to 0.04 (the witness does not know it)"
    assert title(make_run({"angry": "ss rr xx"})) == "angry has no clean dose on model-one"
    assert "on model-one" in FIGURES["map"].layout.title.text
    assert FIGURES["map"].layout.title.text.startswith("Directions with a usable dose: 1 of 2 on model-one")


def test_why_a_panel_is_empty_stands_in_it():
    fig = dose_response_figure([make_run({"angry": "ss ss ss"}, witness=("joy", "anger"))], "angry", COLOUR)
    words = " ".join(n.text for n in fig.layout.annotations).replace("<br>", " ")
    assert (
        "angry is not among the 2 classes of the witness minilm" in words and "chance" not in words.split("witness")[0]
    )


def test_a_run_without_a_witness_says_so_and_has_no_number_of_one():
    run = make_run({"angry": "ss ss ss"}, witness=())
    fig = dose_response_figure([run], "angry", COLOUR)
    words = " ".join(n.text for n in fig.layout.annotations).replace("<br>", " ")
    assert "no witness judged these texts" in words and "no witness, emoviz" in words
    assert fig.layout.title.text == "angry leaves model-one readable from 0.02 to 0.04 (no witness judged these texts)"
    assert not {"nan", "minilm", "classes"} & set(words.replace(",", " ").split())
    assert texts_at(run, "angry", 0.02, 0)["rows"][0]["witness"] == "no witness judged these texts"


@pytest.mark.parametrize("name", ["two", "map"])
def test_every_click_gives_run_direction_and_dose(name):
    fig, runs = FIGURES[name], {r.name: r for r in (RUN, OTHER)}
    assert fig.layout.meta["kind"] == {"two": "dose-response", "map": "regimes"}[name]
    seen = set()
    for trace in fig.data:
        for run, direction, dose in trace.customdata if trace.customdata is not None else ():
            assert direction in (*runs[run].directions, *runs[run].controls) and float(dose) in runs[run].doses
            seen.add((run, direction, float(dose)))
    directions = {"two": {"angry"}, "map": None}[name]
    assert seen == {
        (r.name, d, dose)
        for r in (RUN, OTHER)
        for d in ((*r.directions, *r.controls) if directions is None else directions)
        for dose in r.doses
        if name == "two" or dose
    }


def test_what_a_model_wrote_is_never_markup_in_the_hover():
    hovers = [h for t in FIGURES["one"].data if t.hovertext for h in t.hovertext]
    assert any("&lt;b&gt;so&lt;/b&gt;" in h for h in hovers) and not any("<b>so" in h for h in hovers)
    assert any("a reason" in h for h in hovers)
    alone = [t for t in FIGURES["one dose"].data if t.mode == "lines+markers" and t.hovertext]
    assert all("It was" in t.hovertext[1] for t in alone), "the mean of one text hides its point"


def test_the_map_has_sign_and_colour_of_the_majority_and_is_fainter_where_texts_disagree():
    bars, signs = FIGURES["map"].data[0], FIGURES["map"].data[1]
    row = {
        tuple(ids): (colour, words)
        for ids, colour, words in zip(bars.customdata, bars.marker.color, signs.text, strict=True)
    }
    colour, words = row[(RUN.name, "calm", 0.04)]
    assert colour == tint(REGIME_COLOUR[SURGICAL], MAX_TINT) and words.startswith(REGIME_SIGN[SURGICAL])
    assert LEAK_SIGN in words
    torn = row[(RUN.name, "angry", 0.04)][0]
    assert torn.startswith(tint(REGIME_COLOUR[EXPLOSIVE], 0).rsplit(",", 1)[0])
    assert float(torn.rstrip(")").rsplit(",", 1)[1]) < MAX_TINT
    ticks = dict(zip(FIGURES["map"].layout.yaxis.ticktext, FIGURES["map"].layout.yaxis.tickvals, strict=True))
    assert ticks == {"calm": 0, "angry": 1, "random": 2.5, "mean": 3.5}, "quadrant order, controls set apart"


# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
_SEEN_BY = {
    "all": np.eye(3),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}


def _linear(colour):
    parts = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def _lab(linear):
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(linear, 0, 1) / (0.9505, 1, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _on(colour, paper, share):
    mixed = [share * int(colour[k : k + 2], 16) + (1 - share) * int(paper[k : k + 2], 16) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(v):02x}" for v in mixed)


def _contrast(a, b):
    high, low = sorted((float(_linear(c) @ (0.2126, 0.7152, 0.0722)) for c in (a, b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("template", [LIGHT, DARK], ids=["light", "dark"])
def test_regime_colours_are_told_apart_by_the_colour_blind_and_carry_ink(template):
    paper, ink = template.layout.paper_bgcolor, template.layout.font.color
    hues = [REGIME_COLOUR[r] for r in (SURGICAL, COLLAPSE, EXPLOSIVE, UNCHANGED)]
    for matrix in _SEEN_BY.values():
        seen = [_lab(matrix @ _linear(_on(hue, paper, MAX_TINT))) for hue in hues]
        for k, a in enumerate(seen):
            for b in seen[:k]:
                assert np.linalg.norm(a - b) >= 15
    for colour in REGIME_COLOUR.values():
        assert _contrast(colour, paper) >= 3 and _contrast(_on(colour, paper, MAX_TINT), ink) >= 4.5
    taken = {*SERIES, *(QUADRANT_COLOUR[name] for name in QUADRANTS)}
    assert not taken & set(REGIME_COLOUR.values()), "a colour would mean a regime and something else"
    assert len({REGIME_SIGN[r] for r in (*REGIMES, None)}) == 6


def test_a_legend_between_wide_margins_has_the_rows_that_plotly_gives_it():
    # As a browser draws the map of a run on a page of 400 pixels: one entry in a row, the second on two lines.
    names = ["● surgical", "↻ repetitive\ncollapse", "× explosive", "∅ empty"]
    assert legend_rows([{"name": name} for name in names], 350, 168) == 5
