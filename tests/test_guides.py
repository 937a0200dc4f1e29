"""The guides run as they stand."""

import runpy

import pytest

from emoviz.store import models_folder

from .conftest import ROOT


@pytest.mark.models
def test_the_quickstart_goes_from_passages_to_a_steered_model(tmp_path, monkeypatch, capsys):
    guide = ROOT / "docs/guides/quickstart.py"
    assert len(guide.read_text("utf-8").splitlines()) <= 25
    # Its set goes to a folder of its own; the converted model is shared, since it takes a minute.
    home = tmp_path / "home"
    home.mkdir()
    models_folder().mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models_folder(), target_is_directory=True)
    monkeypatch.setenv("EMOVIZ_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(guide))
    assert names["vectors"].classes == ("afraid", "angry", "calm", "happy", "neutral", "sad")
    assert names["vectors"].provenance.model == "my-model" and list((home / "sets").iterdir())
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("depth.html", "map.html"))
    said = capsys.readouterr().out
    assert "value" in said and "When I opened the letter, I" in said
    assert not any(module._forward_hooks for module in names["own"].modules())
