"""What docs/scale.md says of hours follows from what was measured and what is assumed."""

import json
import runpy

import pytest

from emoviz.reference import published_models

from .conftest import ROOT

SCALE = runpy.run_path(str(ROOT / "docs/scale.py"))


@pytest.fixture(scope="module")
def measured():
    return SCALE["flat"](json.loads((ROOT / "docs/scale.json").read_text("utf-8")))


def test_the_page_has_the_tables_that_the_script_writes_of_the_stored_measurement(measured):
    page = (ROOT / "docs/scale.md").read_text("utf-8")
    assert page.count(SCALE["FROM"]) == 1 and page.endswith(SCALE["text"](measured))


@pytest.mark.parametrize("device", ["h100", "server", "core"])
def test_the_sweep_is_every_model_in_every_precision_by_every_protocol(measured, device):
    sweep = list(SCALE["jobs"](measured, device))
    assert len(sweep) == 12 * 4 * 3 and {job.model for job in sweep} == {
        model.id.split("/")[1] for model in published_models()
    }
    assert all(job.load > 0 and job.read > 0 and job.rest > 0 for job in sweep)
    assert sum(job.write > 0 for job in sweep) == 12 * 4


def test_a_job_costs_what_a_hand_works_out():
    speeds = {"read_per_second": 50.0, "written_per_second": 5.0}
    one = {
        "parameters": 150, "outside_embeddings": 100, "n_layers": 2, "d_model": 5, "corpus_tokens": 1000,
        "prompt_tokens": 40,
        "precisions": dict.fromkeys(("fp32", "bf16", "fp16", "int8"), speeds),
    }  # fmt: skip
    rest = {"model": "m", "seconds": 20.0, "of_them_controls": 5.0}
    made_up = {"stories": 10, "story_tokens": 3, "rest": rest, "models": {"m": one}}
    found = [job for job in SCALE["jobs"](made_up, "core") if (job.model, job.precision) == ("Llama-3.1-8B", "fp32")]
    # 2 x 8,030,261,248 operations a token at 2 x 100 x 50 a second, and a tenth of that in writing.
    token = 8_030_261_248 / 5000
    assert [job.read for job in found] == pytest.approx([1000 * token, 1000 * token, (2 * 40 + 30) * token])
    assert [job.write for job in found] == pytest.approx([0, 0, 30 * 10 * token])
    assert [job.rest for job in found] == pytest.approx([5 + 1.5 * 32 * 4096] * 3)
    assert [job.load for job in found] == pytest.approx([16.06] * 3, rel=1e-3)
    (quick, *_) = [job for job in SCALE["jobs"](made_up, "server") if job.model == "Llama-3.1-8B"]
    assert quick.read == pytest.approx(found[0].read / 32)


def test_a_sweep_on_eight_devices_is_between_an_eighth_and_the_whole(measured):
    sweep = list(SCALE["jobs"](measured, "h100"))
    whole, eight = SCALE["makespan"](sweep, 1), SCALE["makespan"](sweep, 8)
    assert whole == pytest.approx(sum(job.seconds for job in sweep))
    assert max(whole / 8, max(job.seconds for job in sweep)) <= eight < whole / 7
