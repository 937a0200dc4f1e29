"""What is made is whole or not there, and what killed processes have left of it goes when it is made again."""

import json
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest

from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.extract.work import drop_work, is_being_made, work_folder
from emoviz.store.atomic import check_writable, write_bytes
from emoviz.store.folders import clear, home
from emoviz.store.left import left_behind
from emoviz.store.making import being_made, is_locked, lock_of, locked, scratch_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """A folder for temporary files, in which nobody else leaves any."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def killed_inside(place, tmp_path):
    """A process that is killed inside a context; what that gave."""
    said = tmp_path / "said"
    child = os.fork()
    if child == 0:
        try:
            with place as given:
                said.write_text(str(given))
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return said.read_text()


def left():
    return [(one.path.name, one.what.partition(";")[0]) for one in left_behind()]


def test_a_file_that_a_killed_process_was_writing_goes_with_the_next_write_and_no_other(tmp_path):
    path, other = home() / "sets" / "a.npz", home() / "sets" / "b.npz"
    write_bytes(path, b"old")
    killed_inside(being_made(path), tmp_path)
    killed_inside(being_made(other), tmp_path)
    assert path.read_bytes() == b"old" and len(left()) == 2
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new" and [name[:6] for name, _ in left()] == [".b.npz"]


def test_what_another_process_or_thread_is_writing_is_left_alone(tmp_path):
    path = home() / "sets" / "a.npz"
    with being_made(path) as first, being_made(path) as second:
        assert first != second and first.is_dir() and left() == []
        write_bytes(path, b"third")
        (first / "x").write_bytes(b"first")
        (first / "x").replace(path)
    assert path.read_bytes() == b"first" and [one.name for one in path.parent.iterdir()] == ["a.npz"]


def test_a_name_as_long_as_the_disk_takes_can_be_written_in_any_script(tmp_path):
    for name in ("a" * 255, "д" * 127, "💡" * 63):
        write_bytes(tmp_path / name, b"x")
        killed_inside(being_made(tmp_path / name), tmp_path)
        write_bytes(tmp_path / name, b"y")
    assert sorted(one.name[0] for one in tmp_path.iterdir()) == ["a", "s", "д", "💡"]
    with pytest.raises(InputError, match="cannot be written .File name too long"):
        write_bytes(tmp_path / ("a" * 256), b"x")


def test_the_lock_of_a_killed_process_hinders_nobody_and_is_gone_in_the_end(tmp_path):
    path = home() / "models" / "m"
    killed_inside(locked(path), tmp_path)
    assert left() == [("m.lock", "lock")]
    with locked(path, busy="m is being made"):
        assert is_locked(lock_of(path))
        with pytest.raises(InputError, match="m is being made by another process. Wait for it, or stop it."):
            locked(path, busy="m is being made").__enter__()
    assert not lock_of(path).exists()


def test_many_that_want_the_same_have_it_one_after_another(tmp_path):
    inside, most = 0, 0

    def take():
        nonlocal inside, most
        for _ in range(5):
            with locked(tmp_path / "x"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                inside -= 1

    takers = [threading.Thread(target=take) for _ in range(8)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert most == 1 and list(tmp_path.iterdir()) == []


def test_an_interrupted_run_is_kept_until_it_is_run_again_or_its_result_is_there(tmp_path):
    killed_inside(work_folder("run"), tmp_path)
    assert left() == [("run", "interrupted"), ("run.lock", "lock")] and not is_being_made("run")
    with work_folder("run") as work:
        assert is_being_made("run") and left() == []
        drop_work("run")
        assert work.exists(), "what another is making stays"
    killed_inside(work_folder("run"), tmp_path)
    drop_work("run")
    assert list((home() / "work").iterdir()) == []
    killed_inside(being_made(home() / "work" / "run"), tmp_path)
    drop_work("run")
    assert list((home() / "work").iterdir()) == [], "it was killed while it removed what it had kept"


def test_the_doctor_lists_what_is_left_and_removes_what_is_of_no_use(tmp_path, capsys):
    models, sets = home() / "models", home() / "sets"
    converting = models / ".converting-x1"
    converting.mkdir(parents=True)
    (models / "m.gguf.part").write_bytes(b"half")
    write_bytes(sets / "whole.safetensors", b"x")
    making = killed_inside(being_made(sets / "a"), tmp_path)
    killed_inside(work_folder("run"), tmp_path)

    def said(*words):
        assert main(["doctor", "--json", *words]) == 0
        found = json.loads(capsys.readouterr().out)
        detail = {check["name"]: check["detail"] for check in found["checks"]}["left by killed processes"]
        return {one["path"]: one["removed"] for one in found["left"]}, detail

    useless = {making, str(home() / "work" / "run.lock")}
    kept = {str(models / "m.gguf.part"), str(home() / "work" / "run")}
    found, detail = said()
    assert set(found) == useless | kept and not any(found.values()), "an earlier version may be converting still"
    assert detail == "4 things, 0.0 MB; emoviz doctor --clean removes what is of no use"
    (converting / "weights").write_bytes(bytes(3_000_000))
    days_ago = time.time() - 2 * 86_400
    for path in (converting / "weights", converting):
        os.utime(path, (days_ago, days_ago))
    with being_made(sets / "b"):
        found, detail = said("--clean")
    assert next(iter(found)) == str(converting), "the largest comes first"
    assert {path for path, removed in found.items() if removed} == {*useless, str(converting)}
    assert detail == "2 things, 0.0 MB" and set(said()[0]) == kept
    assert [one.name for one in sets.iterdir()] == ["whole.safetensors"]
    assert main(["doctor", "--clean"]) == 0
    assert "interrupted; the same command goes on with it" in capsys.readouterr().out


def test_temporary_files_of_a_killed_process_are_listed_and_go_with_the_next_ones(tmp_path, temporary):
    (temporary / "emoviz-checkout").mkdir()
    first = Path(killed_inside(scratch_folder(), tmp_path))
    assert first.parent == temporary and left() == [(first.name, "temporary files")]
    with scratch_folder() as folder:
        assert left() == [] and not first.exists()
        assert folder.stat().st_mode & 0o077 == 0, "other users of the machine see nothing of it"
    second = Path(killed_inside(scratch_folder(), tmp_path))
    assert main(["doctor", "--clean"]) == 0 and not second.exists()
    assert [one.name for one in temporary.iterdir()] == ["emoviz-checkout"]


def test_what_visitors_send_to_a_page_lies_where_it_goes_with_it(temporary, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    monkeypatch.setattr("emoviz.app.server.serve", lambda **_: None)
    assert main(["serve"]) == 0
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert folder.parent == temporary and is_locked(lock_of(folder)) and left() == []


def test_a_clock_that_was_set_back_makes_nothing_old(tmp_path):
    making = killed_inside(being_made(home() / "sets" / "a"), tmp_path)
    os.utime(making, (time.time() + 86_400, time.time() + 86_400))
    assert [one.seconds for one in left_behind()] == [0.0]


def test_a_part_of_the_cache_that_a_process_is_at_is_not_cleared():
    with work_folder("run") as work:
        with pytest.raises(InputError, match="is in use: a process holds run.lock"):
            clear("work")
        assert work.exists()
    with being_made(home() / "models" / "m"), pytest.raises(InputError, match="is in use"):
        clear("models")
    clear("models")
    assert not (home() / "models").exists()


def test_that_a_folder_can_be_written_leaves_nothing_in_it(tmp_path):
    killed_inside(being_made(tmp_path / "probe"), tmp_path)
    (tmp_path / "said").unlink()
    check_writable(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_nobody_may_look_into_is_named_and_the_doctor_tells_the_rest(monkeypatch, capsys):
    def closed(self):
        if self in (home(), home() / "sets"):
            raise PermissionError(13, "Permission denied", str(self))
        return listed(self)

    listed = Path.iterdir
    (home() / "sets").mkdir(parents=True)
    monkeypatch.setattr(Path, "iterdir", closed)
    assert main(["list", "--json"]) == 0
    said = "sets cannot be read (Permission denied). Check who owns it."
    assert [one["why"] for one in json.loads(capsys.readouterr().out)["left_out"]] == [said]
    assert main(["doctor"]) == 0 and said in capsys.readouterr().out
