"""Long work: one job of a kind at a time, the others in line, found again, and ended by nobody but who began it."""

import threading
from collections import Counter
from types import SimpleNamespace

import pytest

from emoviz.app import job_strip
from emoviz.app.jobs import CANCELLED, DONE, FAILED, MAX_ENDED, MAX_WAITING, RUNNING, SERVER, WAITING, Jobs
from emoviz.app.turns import Turns
from emoviz.errors import InputError

ME, YOU = "a" * 32, "b" * 32
WAIT = 10


class Held:
    """Work that goes on until it is let go, and notes how it ended."""

    def __init__(self, result="done", wrong=None):
        self.begun, self.free, self.closed = threading.Event(), threading.Event(), threading.Event()
        self.result, self.wrong = result, wrong

    def __call__(self):
        try:
            self.begun.set()
            yield "reading: 1 of 2 tokens"
            while not self.free.wait(0.005):
                yield "reading: 2 of 2 tokens"
            if self.wrong is not None:
                raise self.wrong
            return self.result
        finally:
            self.closed.set()


def _until(test):
    """Waits for what another thread does; a test that is never true fails."""
    for _ in range(WAIT * 200):
        if test():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came")


def _states(jobs, owner=ME):
    return [job.state for job in jobs.seen_by(owner)]


def test_a_job_is_found_again_with_what_it_does_and_its_end_stays_until_it_is_dismissed():
    jobs, work = Jobs(), Held("it is in the library")
    number = jobs.start("extraction", "Extraction of m, emoviz", ME, work)
    _until(lambda: jobs.seen_by(ME)[0].said == "reading: 2 of 2 tokens")
    (job,) = jobs.seen_by(ME)
    assert (job.number, job.label, job.state, job.mine) == (number, "Extraction of m, emoviz", RUNNING, True)
    jobs.dismiss(number, ME)
    assert _states(jobs) == [RUNNING], "what runs cannot be dismissed"
    work.free.set()
    _until(lambda: jobs.ended == 1)
    (job,) = jobs.seen_by(ME)
    assert (job.state, job.said) == (DONE, "it is in the library")
    jobs.dismiss(number, ME)
    assert jobs.seen_by(ME) == []


def test_others_see_that_the_machine_is_busy_but_neither_what_is_said_nor_what_has_ended_and_change_nothing():
    jobs, work = Jobs(), Held(wrong=InputError("passage 3 ('my secret') is too long."))
    number = jobs.start("extraction", "Extraction of m, emoviz", ME, work)
    _until(lambda: jobs.seen_by(ME)[0].said)
    for stranger in (YOU, ""):
        (seen,) = jobs.seen_by(stranger)
        assert (seen.state, seen.said, seen.mine) == (RUNNING, "", False)
        jobs.cancel(number, stranger)
    assert not work.closed.wait(0.05)
    work.free.set()
    _until(lambda: jobs.ended == 1)
    jobs.dismiss(number, YOU)
    (mine,) = jobs.seen_by(ME)
    assert (mine.state, mine.said) == (FAILED, "passage 3 ('my secret') is too long.") and jobs.seen_by(YOU) == []
    with pytest.raises(InputError, match="Reload"):
        jobs.start("extraction", "x", "", work)


def test_one_job_of_a_kind_runs_and_the_others_know_their_place():
    jobs, works = Jobs(), [Held() for _ in range(4)]
    numbers = [jobs.start("extraction", f"{k}", ME, work) for k, work in enumerate(works)]
    other = Held()
    jobs.start("dose response", "other kind", ME, other)
    assert works[0].begun.wait(WAIT) and other.begun.wait(WAIT)
    assert [(job.state, job.before) for job in jobs.seen_by(ME)][:4] == [
        (RUNNING, 0), (WAITING, 1), (WAITING, 2), (WAITING, 3)
    ]  # fmt: skip
    jobs.cancel(numbers[1], ME)
    assert [job.before for job in jobs.seen_by(ME)][2:4] == [1, 2]
    jobs.cancel(numbers[0], ME)
    assert works[0].closed.wait(WAIT) and works[2].begun.wait(WAIT)
    assert not works[1].begun.is_set(), "cancelled while it waited"
    for work in (*works, other):
        work.free.set()
    _until(lambda: jobs.ended == 5)
    assert Counter(_states(jobs)) == {CANCELLED: 2, DONE: 3}
    again = Held()
    again.free.set()
    jobs.start("extraction", "after the line was empty", ME, again)
    _until(lambda: jobs.ended == 6)


def test_the_line_and_the_list_are_bounded():
    jobs, first = Jobs(), Held()
    jobs.start("extraction", "first", ME, first)
    assert first.begun.wait(WAIT)
    works = [Held() for _ in range(MAX_WAITING)]
    for work in works:
        work.free.set()
        jobs.start("extraction", "next", ME, work)
    with pytest.raises(InputError, match=f"up to {MAX_WAITING} may"):
        jobs.start("extraction", "one more", ME, Held())
    first.free.set()
    for k in range(MAX_ENDED):
        _until(lambda: not any(job.state == WAITING for job in jobs.seen_by(ME)))
        work = Held(f"{k}")
        work.free.set()
        jobs.start("extraction", "more", ME, work)
    _until(lambda: jobs.ended == 1 + MAX_WAITING + MAX_ENDED)
    assert [job.said for job in jobs.seen_by(ME)] == [f"{k}" for k in range(MAX_ENDED)]


def test_a_bug_in_a_job_is_said_without_its_words_and_holds_up_nobody(caplog):
    jobs, broken, next_one = Jobs(), Held(wrong=ZeroDivisionError("/srv/secret")), Held()
    for work in (broken, next_one):
        work.free.set()
        jobs.start("extraction", "x", ME, work)
    _until(lambda: jobs.ended == 2)
    failed, done = jobs.seen_by(ME)
    assert failed.state == FAILED and "secret" not in failed.said and done.state == DONE
    assert "ZeroDivisionError" in caplog.text


def test_many_threads_start_and_cancel_and_every_job_ends_once():
    jobs, kinds = Jobs(), ("extraction", "dose response", "verification")
    running, most, lock, refused = Counter(), Counter(), threading.Lock(), []

    def work(kind):
        def steps():
            with lock:
                running[kind] += 1
                most[kind] = max(most[kind], running[kind])
            try:
                for _ in range(3):
                    yield "working"
            finally:
                with lock:
                    running[kind] -= 1
            return "done"

        return steps

    def visitor(k):
        owner = f"{k:032x}"
        for turn in range(40):
            kind = kinds[(k + turn) % 3]
            try:
                number = jobs.start(kind, kind, owner, work(kind))
            except InputError:
                refused.append(kind)
                continue
            if turn % 2:
                jobs.cancel(number, owner)
            jobs.seen_by(owner)

    visitors = [threading.Thread(target=visitor, args=(k,)) for k in range(8)]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join(WAIT)
    _until(lambda: jobs.ended == 8 * 40 - len(refused))
    assert set(most.values()) == {1} and not any(running.values())
    assert all(job.state in (DONE, CANCELLED) for k in range(8) for job in jobs.seen_by(f"{k:032x}"))


def test_what_a_page_posts_is_checked_before_it_is_believed(monkeypatch):
    jobs, work = Jobs(), Held()
    monkeypatch.setattr(job_strip, "JOBS", jobs)

    def post(data, owner=""):
        return job_strip.answer(SimpleNamespace(_data=data), owner)

    assert post({"owner": ME})[1] == ME and post({"owner": "<b>"}, YOU)[1] == YOU
    number = jobs.start("extraction", "Extraction of m", ME, work)
    assert work.begun.wait(WAIT)
    for wrong in (None, "x", {"act": "cancel"}, {"act": "cancel", "job": str(number)}, {"act": [1], "job": number}):
        post(wrong, ME)
    post({"act": "cancel", "job": number}, YOU)
    (line,) = post({}, YOU)[0]["jobs"]
    assert line["open"] and not line["mine"] and line["label"] == "Another visitor: Extraction of m"
    shown, _ = post({"act": "cancel", "job": number}, ME)
    assert shown["jobs"][0]["mine"]
    _until(lambda: post({}, ME)[0]["ended"] == 1)
    assert post({}, ME)[0]["jobs"][0]["said"].startswith("cancelled. Start it again")
    assert post({"act": "dismiss", "job": number}, ME)[0]["jobs"] == []


def test_what_the_server_begins_itself_is_nobodys_and_says_how_far_it_is(monkeypatch):
    jobs, work = Jobs(), Held()
    monkeypatch.setattr(job_strip, "JOBS", jobs)
    number = jobs.start("fetch", "m is made ready", SERVER, work)
    assert work.begun.wait(WAIT)
    _until(lambda: job_strip.lines(ME)["jobs"][0]["said"].startswith("reading: 2 of 2 tokens (0 s)"))
    assert job_strip.lines(ME)["jobs"][0]["label"] == "m is made ready"
    job_strip.answer(SimpleNamespace(_data={"act": "cancel", "job": number, "owner": ME}), ME)
    assert job_strip.lines(ME)["jobs"][0]["open"] and not job_strip.lines(ME)["jobs"][0]["mine"]
    work.free.set()
    _until(lambda: job_strip.lines(ME)["jobs"] == [])


def test_a_label_never_repeats_what_a_visitor_typed():
    assert job_strip.model_label("SmolLM2-135M-Instruct") == "SmolLM2-135M-Instruct"
    assert job_strip.model_label("who/ever") == "a model of one's own"


def test_a_turn_comes_in_order_and_says_how_many_are_before():
    turns = Turns(2)
    with turns.turn() as first, turns.turn() as second:
        assert list(first) == list(second) == []
        with turns.turn() as third:
            with turns.turn() as fourth:
                assert (next(third), next(fourth)) == ("waiting, 1 before you", "waiting, 2 before you")
            with turns.turn() as fifth:
                assert next(fifth) == "waiting, 2 before you", "who has left is not counted"


def test_a_process_that_was_begun_ends_with_the_server():
    from emoviz import process

    steps = process.run_command(["doses", "SmolLM2-135M-Instruct", "--dose", "0.7", "--emotion", "sad"])
    next(steps)
    (begun,) = process._RUNNING
    process._end_all()
    assert begun.wait(WAIT) != 0
    steps.close()
    assert not process._RUNNING
