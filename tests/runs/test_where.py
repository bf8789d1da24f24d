"""Conditions on runs: what they mean, checked against Python itself, and what they refuse."""

import json
import random

import pytest

from practicum import ParameterError
from practicum.runs.index import Entry
from practicum.runs.rows import COLUMNS
from practicum.runs.where import matching, sorted_by


def entry(run, row=(), **settings):
    values = {"id": run, "status": "ok", "size": 1000, **dict(row)}
    return Entry({**dict.fromkeys(COLUMNS), **values}, json.dumps(settings))


RUNS = [
    entry("a", {"K": 2, "eta": 0.5}, **{"kind": "solve", "machine.students": 2, "rule.learning_rate": 0.5, "until": 9}),
    entry("b", {"K": 4}, **{"kind": "simulate", "machine.students": 4, "rule.learning_rate": 1.5, "seeds": 16}),
    entry("c", {"K": "20-10"}, **{"kind": "train", "training.learning_rate": 0.1, "seeds": 64, "keep.all": True}),
    entry("d", {"status": "ok 2, diverged 1", "size": 5}, **{"kind": "simulate", "machine.students": 8, "T": None}),
    entry("e", {"status": "damaged"}),
]


@pytest.mark.parametrize(
    "condition, runs",
    [
        ("students > 3", "bd"),
        ("machine.students > 3", "bd"),
        ("students > 3 and status == 'ok'", "b"),
        ("2 < students <= 8", "bd"),
        ("2 <= students < 8", "ab"),
        ("students in [2, 8]", "ad"),
        ("students not in (2, 8)", "b"),
        ("not students in [2, 8]", "bce"),
        ("kind == 'train' or kind == 'solve'", "ac"),
        ("kind in {'train'}", "c"),
        ("not kind == 'train'", "abde"),
        ("kind != 'train'", "abd"),
        ("learning_rate >= 0.5", "ab"),
        ("rule.learning_rate < 1e9", "ab"),
        ("eta == .5", "a"),
        ("K > 3", "b"),
        ("K == '20-10'", "c"),
        ("seeds > 20", "c"),
        ("'diverged' in status", "d"),
        ("'diverged' not in status", "abce"),
        ("'o' in K", ""),
        ("size < 10 or id == 'e'", "de"),
        ("T == none", "d"),
        ("T != none", ""),
        ("all", "c"),
        ("all == true and True == all", "c"),
        ("not all", "abde"),
        ("status == 'damaged'", "e"),
        ("3 > students", "a"),
        ("students > -1 and students < +3", "a"),
        ("students > 'a'", ""),
        ("(students == 2 or students == 4) and not (until > 5)", "b"),
        ("  students == 2  ", "a"),
        ("students>3and students<5", "b"),
        ("learning_rate == students", ""),
        ("1e999 > students > -1e999", "abd"),
    ],
)
def test_what_a_condition_means(condition, runs):
    assert "".join(found.row["id"] for found in matching(condition, RUNS)) == runs


def test_it_means_what_python_means():
    """Random conditions, evaluated by Python on the names of runs that have them all. Power: a wrong `<=` shows."""
    rng = random.Random(5)
    names = ["x", "y", "word"]
    runs = [entry(str(i), x=rng.randrange(4), y=rng.choice([0.5, 1.0, 2.5]), word=rng.choice("abc")) for i in range(30)]
    kinds = {"x": lambda: rng.randrange(4), "y": lambda: rng.choice([0.5, 1.0, 2.5]), "word": lambda: rng.choice("abc")}

    def condition(depth):
        if depth and rng.random() < 0.7:
            if rng.random() < 0.3:
                return f"not ({condition(depth - 1)})"
            return f"({condition(depth - 1)}) {rng.choice(['and', 'or'])} ({condition(depth - 1)})"
        name = rng.choice(names)
        if rng.random() < 0.3:
            return f"{name} {rng.choice(['in', 'not in'])} {[kinds[name]() for _ in range(2)]!r}"
        several = [rng.choice(["<", "<=", ">", ">=", "==", "!="]) for _ in range(rng.randint(1, 2))]
        return f"{name} {' '.join(f'{op} {kinds[name]()!r}' for op in several)}"

    kept = 0
    wrong = 0
    for _ in range(300):
        text = condition(3)
        found = [run.row["id"] for run in matching(text, runs)]
        assert found == [run.row["id"] for run in runs if eval(text, {}, json.loads(run.settings))], text
        swapped = text.replace("<=", "<")
        wrong += found != [run.row["id"] for run in runs if eval(swapped, {}, json.loads(run.settings))]
        kept += len(found)
    assert 0 < kept < 300 * len(runs)
    assert wrong > 20


@pytest.mark.parametrize(
    "condition, words",
    [
        ("studnets > 3", "No run here has a setting 'studnets'. Did you mean 'students'?"),
        ("machine.studnets > 3", "Did you mean 'machine.students'?"),
        ("status == ok", "Text stands in quotes"),
        ("students = 3", "Equality is written =="),
        ("students >", "must read like"),
        ("", "must read like"),
        ("students > 3\0", "must read like"),
        ("students + 1 > 3", "Got 'students + 1' instead"),
        ("students > 3 if eta else eta", "Got 'students > 3 if eta else eta' instead"),
        ("__import__('os').system('touch harmed')", "Got \"__import__('os').system('touch harmed')\" instead"),
        ("status.__class__ == 'ok'", "No run here has a setting 'status.__class__'"),
        ("(lambda: 1)() == 1", "Got '(lambda: 1)()' instead"),
        ("[x for x in [1]] == 1", "Got '[x for x in [1]]' instead"),
        ("students is 3", "Got 'students is 3' instead"),
        ("students == [3]", "Got 'students == [3]' instead"),
        ("students in 3", "Got 'students in 3' instead"),
        ("students in [2, students + 1]", "Got 'students + 1' instead"),
        ("students > f'{3}'", "instead"),
        ("students > b'3'", "instead"),
        ("students > 3j", "instead"),
        ("students > ...", "instead"),
        ("students > -'a'", "instead"),
        ("'ok'", "Got \"'ok'\" instead"),
        ("3", "Got '3' instead"),
        ("(x := 3) == 3", "instead"),
        ("(" * 490 + "students" + ")" * 490, "must read like"),
        ("students == " + "-" * 900 + "1", "--- instead"),
        ("not " * 240 + "3", "Got '3' instead"),
        ("students == 1 or " * 100 + "eta", "has 1000 characters at most. Got 1703 instead"),
    ],
)
def test_what_is_refused_in_a_sentence(condition, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError) as caught:
        matching(condition, RUNS)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_deep_condition_is_no_harm():
    assert matching("not " * 240 + "students == 2", RUNS) == RUNS[:1]


def test_a_name_with_two_homes_must_be_dotted():
    runs = [entry("a", **{"teacher.slope": 1, "students.slope": 2})]
    with pytest.raises(ParameterError, match=r"'slope' is ambiguous: write students.slope or teacher.slope"):
        matching("slope > 0", runs)
    assert matching("teacher.slope == 1 and students.slope == 2", runs) == runs


def test_without_runs_every_name_is_fine():
    assert matching("anything > 3", []) == []


@pytest.mark.parametrize(
    "name, runs",
    [("students", "abdce"), ("-students", "dbace"), ("size", "dabce"), ("K", "abcde"), ("T", "abcde")],
)
def test_sorting(name, runs):
    """The smallest first, texts after numbers, and last those that do not have it, in their order."""
    assert "".join(found.row["id"] for found in sorted_by(name, RUNS)) == runs


def test_sorting_by_an_unknown_name():
    with pytest.raises(ParameterError, match="Did you mean 'students'"):
        sorted_by("studnets", RUNS)
