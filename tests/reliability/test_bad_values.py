"""Whatever is typed, the answer is a result or one sentence that names the field and its bound."""

import pytest

pytest.importorskip("torch")

from benchmarks.reliability import bad_values
from benchmarks.reliability.bad_values import Answer, Request, ask, collect, judged, strategies, world

GROUPS = (
    "solve", "simulate", "train", "sweep", "specialization", "attack", "prune", "batchnorm", "runs", "report",
    "reproduce", "doctor", "no verb",
)  # fmt: skip


@pytest.fixture(scope="module")
def places():
    with world() as found:
        yield found


def shown(answers: list[Answer]) -> list[tuple]:
    return [(a.fault, a.request.verb, a.request.arguments, a.request.files, a.err[-500:]) for a in answers if a.fault]


def test_every_verb_is_asked():
    from typer.main import get_command

    from practicum.cli import app

    asked = {name.split()[0] for name in strategies()} - {"no"}
    assert set(strategies()) == set(GROUPS)
    # What is left out needs nothing that could be bad, or starts something that goes on for ever.
    assert set(get_command(app).commands) - asked <= {"serve"}  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("group", GROUPS)
def test_some_bad_values(group, places):
    assert shown(collect(strategies()[group], 20, places)) == []


@pytest.mark.soak
@pytest.mark.parametrize("group", GROUPS)
def test_five_hundred_bad_values(group, places):
    answers = collect(strategies()[group], 500, places)
    assert len(answers) >= 300 or group == "no verb"  # there are only so many different ones
    assert shown(answers) == []


def asked(*arguments: str, fields: tuple[str, ...] = ("learning_rate",)) -> Request:
    return Request("solve", list(arguments), {}, list(fields))


def test_a_right_request_is_no_fault(places):
    sizes = ("--set", "students=1", "--set", "teachers=1", "--set", "until=1", "--store", "{world}/fresh")
    answer = ask(asked("--set", "learning_rate=0.1", *sizes), places)
    assert (answer.code, answer.fault) == (0, "")
    answer = ask(asked("--set", "learning_rate=-1", *sizes), places)
    assert (answer.code, answer.fault) == (2, "")
    assert "'learning_rate'" in answer.err


@pytest.mark.parametrize(
    "code, err, fault",
    [
        (2, "practicum: The 'learning_rate' parameter must be > 0. Got -1 instead.\n", ""),
        (2, "The 'learning_rate' parameter must be > 0.\n", "not one line"),
        (2, "practicum: The 'learning_rate' parameter must be > 0.\npracticum: And more.\n", "not one line"),
        (2, "", "not one line"),
        (2, "practicum: The step must be > 0. Got -1 instead.\n", "no field"),
        (2, "practicum: learning_rate: -1.\n", "no bound"),
        (3, "practicum: The 'learning_rate' parameter must be > 0.\n", "wrong code"),
        (1, "Traceback (most recent call last):\n", "traceback"),
    ],
)
def test_the_judge_sees_what_is_wrong(code, err, fault, places):
    assert judged(Answer(asked(), code, "", err, ""), places) == fault


def test_the_judge_sees_tracebacks_and_what_takes_too_long(places, monkeypatch):
    from practicum.runs import settings

    monkeypatch.setattr(settings, "configuration", lambda *_: 1 / 0)
    assert ask(asked(), places).fault == "traceback"
    monkeypatch.setattr(bad_values, "PATIENCE", 1)

    def endless(*_):
        while True:
            pass

    monkeypatch.setattr(settings, "configuration", endless)
    assert ask(asked(), places).fault == "too slow"


SIZES = ("--set", "students=2", "--set", "teachers=2", "--set", "learning_rate=0.1", "--set", "until=0.1")
TRAINING = b"samples = 5\nheld_out = 5\nseeds = 1\n[training]\nepochs = 1\n[teacher]\nkind = [[]]\n"
HOME = "nobody of that name has a home folder here"
FOUND = {
    "an interval that ends at minus zero": ("solve", [*SIZES, "--set", "overlap=-0.0"], {}, ""),
    "a number of 31 digits": ("solve", [*SIZES, "--set", f"noise={10**30}"], {}, "--set noise must be a whole"),
    "a number of 5000 digits": ("solve", [*SIZES, "--set", f"noise={5000 * '9'}"], {}, "--set noise must be a whole"),
    "a table without a name": ("solve", ["{world}/made.toml"], {"made.toml": b"['']\nstart = 2"}, "no parameter ''"),
    "a kind that is a list": ("train", ["{world}/made.toml"], {"made.toml": TRAINING}, "'teacher.kind' must be one of"),
    "a network without a name": ("prune", ["{world}/student.safetensors", "--output", ""], {}, "which needs a name"),
    "a home of nobody": ("specialization", ["~no-such-person/x", "{world}/student.safetensors"], {}, HOME),
    "a store of nobody": ("runs list", ["--store", "~no-such-person/x"], {}, HOME),
    "a checkpoint of nobody": ("batchnorm", ["~no-such-person/x"], {}, HOME),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_stays_mended(name, places):
    verb, arguments, files, sentence = FOUND[name]
    answer = ask(Request(verb, [*arguments], files, ["set", "made.toml", "no-such-person", "Network", "kind"]), places)
    assert (answer.fault, answer.code == 0) == ("", not sentence)
    assert sentence in answer.err
