"""Bad values through every verb of the command line: whatever is asked, the answer is a result or one sentence.

    python benchmarks/reliability/bad_values.py [--count 500] [--only solve,train] [--show]

The table has a row for each group of requests: how many, how many were right after all, tracebacks, errors that are not
one line, sentences that name no field or no bound, and requests that took longer than 20 s. The exit code is 1 unless
all of these are 0.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from bad_words import Request, files_of, options_of, settings_of, swept

PATIENCE = 20
"""Seconds for one request."""
MEMORY = 2**28
"""Bytes that are pretended to be there, so that what is large is refused."""
BOUND = re.compile(
    r"must|need|cannot|can only|has no|have no|knows|belongs|at most|at least|largest|ambiguous|no such|not a valid|"
    r"not in the range|missing|takes|is not|are not|unexpected|requires|no run|does not|neither|in the range|no model|"
    r"not exist|leave|there is no|unknown|should be|empty|rows 0 to|was expected|"
    r"twice|compares|exceeded maximum|damaged|give R|are saved|writes a file|give both",
    re.IGNORECASE,
)
OTHER = re.compile(
    r"A setting must read|No such (option|command)|Got unexpected extra argument|Missing (argument|command)|"
    r"checkpoint [.\s]+ |A sweep needs a parameter|needs at least one run|which was not given|'\s*'"
)
"""Sentences about what has no name."""
FAULTS = ("traceback", "not one line", "no field", "no bound", "too slow", "wrong code")


class TooSlow(BaseException):
    """No error that a program would catch."""


class Answer(NamedTuple):
    """What a request got, and what is wrong with that."""

    request: Request
    code: int
    out: str
    err: str
    fault: str


def strategies() -> dict[str, st.SearchStrategy[Request]]:
    """The groups of requests by name."""
    teacher, student, inputs = "{world}/teacher.safetensors", "{world}/student.safetensors", "{world}/inputs.npy"
    data = {"--data": ["gaussian", inputs], "--samples": ["5"], "--scale": ["1"], "--seed": ["3"], "--row": ["0"]}
    data["--activation"] = ["relu", "erf"]
    attack = {
        **data, "--rank": ["2"], "--subspace-seed": ["1"], "--side": ["inside"], "--attack": ["pgd", "fgsm", "noise"],
        "--norm": ["linf", "l2"], "--epsilon": ["0.1", "0,1"], "--loss": ["margin", "mse"], "--margin": ["0.1"],
        "--box": ["-9,9"], "--save": ["{world}/saved.npz"],
    }  # fmt: skip
    prune = {
        **data, "--teacher": [teacher], "--layer": ["1"], "--kind": ["nodes", "edges"], "--keep": ["0.5", "1"],
        "--selector": ["random", "dpp", "greedy"], "--output": ["{world}/smaller.safetensors"],
    }  # fmt: skip
    store = {"--store": ["{world}/store", "{world}/missing-store", "{world}/odd"]}
    queries = ["students > 1", "status == 'ok'", "students", "seeds ==", "(", "__import__('os')", "a" * 300, "id > 3"]
    where = {"--where": queries, **store}
    runs = {
        "runs list": options_of("runs list", [], {**where, "--sort": ["students", "-students"], "--limit": ["1"]}),
        "runs show": options_of("runs show", ["{run}"], store),
        "runs verify": options_of("runs verify", ["{run}", "{run}"], store),
        "runs compare": options_of("runs compare", ["{run}", "{run}"], store),
        "runs check": options_of("runs check", ["{run}"], {**store, "--tolerance": ["1e-8"]}),
        "runs prune": options_of("runs prune", [], {**where, "--damaged": ["{run}"]}),
        "runs rebuild": options_of("runs rebuild", [], store),
    }
    return {
        "solve": settings_of("solve") | files_of("solve"),
        "simulate": settings_of("simulate") | files_of("simulate"),
        "train": settings_of("train") | files_of("train"),
        "sweep": swept(),
        "specialization": options_of("specialization", [teacher, student], {**data, "--threshold": ["0.5"]}),
        "attack": options_of("attack", [teacher, student], attack),
        "prune": options_of("prune", [student], prune),
        "batchnorm": options_of("batchnorm", [student], {"--key": []}),
        "runs": st.one_of(*runs.values()),
        "report": options_of("report", ["{run}"], {**store, "--output": ["{world}/reported"]}),
        "reproduce": options_of("reproduce", ["no-such-study"], {**store, "--scale": ["quick"], "--tolerance": ["0"]}),
        "doctor": options_of("doctor", [], store),
        "no verb": options_of("", ["no-such-verb"], {"--versoin": []}),
    }


@contextlib.contextmanager
def world() -> Iterator[dict[str, str]]:
    """A folder with networks, inputs, junk and a small store, as the current one; and little memory."""
    from practicum import memory

    before, there = os.getcwd(), memory.available
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = _furnish(folder)
        os.chdir(folder)
        memory.available = lambda: MEMORY
        try:
            yield {"{world}": name, "{run}": run}
        finally:
            memory.available = there
            os.chdir(before)


def _furnish(folder: Path) -> str:
    """Fill the folder; the id of a run in its store."""
    import numpy as np

    from practicum.networks import SeparatedTeacher, Students
    from practicum.runs import SolveConfig, Store, save_network

    teacher = SeparatedTeacher(inputs=4, hidden=3, outputs=2).build([0])
    save_network(teacher, folder / "teacher.safetensors")
    save_network(Students(multiple=2).build(teacher, [0, 1]), folder / "student.safetensors")
    np.save(folder / "inputs.npy", np.random.default_rng(0).standard_normal((20, 4)))
    for path, content in (("junk.bin", b"\x00\xffjunk"), ("empty.npy", b""), ("junk.safetensors", b"\x08" * 30)):
        (folder / path).write_bytes(content)
    odd = folder / "odd"
    odd.mkdir()
    (odd / "0123456789abcdef.nc").write_bytes(b"no run")
    (odd / "0123456789abcdef.sweep").mkdir()
    store = Store(folder / "store")
    start = {"Q": [[0.5]], "R": [[0.1]]}
    machine, rule = {"students": 1, "teachers": 1}, {"learning_rate": 0.1}
    config = SolveConfig(machine=machine, rule=rule, start=start, until=1.0)  # pyright: ignore[reportArgumentType]
    store.run(config)
    return config.id


def ask(request: Request, places: dict[str, str]) -> Answer:
    """Send a request through the command line, in this process, and judge the answer."""
    from practicum.cli import main

    for name, content in request.files.items():
        Path(places["{world}"], name).write_bytes(content)
    arguments = [*request.verb.split(), *(_placed(word, places) for word in request.arguments)]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    shown, code, fault = warnings.showwarning, 0, ""
    previous = signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(PATIENCE)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(arguments)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except TooSlow:
        fault = "too slow"
    except BaseException:
        traceback.print_exc(file=err)
        fault = "traceback"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        warnings.showwarning = shown
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # pyright: ignore[reportAttributeAccessIssue]
    answer = Answer(request, code, *texts, fault)
    return answer if fault else answer._replace(fault=judged(answer, places))


def judged(answer: Answer, places: dict[str, str]) -> str:
    """What is wrong with an answer; "" if nothing is."""
    code, lines = answer.code, answer.err.splitlines()
    if code not in (0, 1, 2):
        return "wrong code"
    if "Traceback" in answer.err:
        return "traceback"
    if code == 0:
        return ""
    said = [line for line in lines if line.startswith("practicum: ")]
    if not said or len(said) < len(lines) or (code == 2 and len(lines) > 1):
        return "" if code == 1 and not lines and answer.out.strip() else "not one line"
    # Of a dotted name any part will do, of a plural the singular, and of a long word its beginning.
    parts = [part for field in answer.request.fields for part in [field, *field.split(".")]]
    known = [_placed(part, places)[:20].strip().removesuffix("s") for part in parts]
    spelt = [way for word in known if word for way in (_plain(word), repr(word)[1:-1])]
    if not any(way in answer.err for way in spelt) and not OTHER.search(answer.err):
        return "no field"
    return "" if BOUND.search(answer.err) else "no bound"


def collect(strategy: st.SearchStrategy[Request], count: int, places: dict[str, str]) -> list[Answer]:
    """The answers to so many requests, the same ones in every run."""
    found: list[Answer] = []

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def every(request: Request) -> None:
        found.append(ask(request, places))

    every()
    return found


def _plain(word: str) -> str:
    """As it is printed where what is no text is replaced."""
    return word.encode(errors="replace").decode()


def _placed(word: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        word = word.replace(name, place)
    return word


def _too_slow(*_: Any) -> None:
    raise TooSlow


def row(name: str, answers: list[Answer], seconds: float) -> str:
    counts = [sum(answer.fault == fault for answer in answers) for fault in FAULTS]
    right = sum(answer.code == 0 and not answer.fault for answer in answers)
    return f"{name:<16}{len(answers):>9}{right:>7}" + "".join(f"{n:>14}" for n in counts) + f"{seconds:>9.0f}"


def main(count: int, only: Callable[[str], bool], show: bool) -> int:
    print(f"{'requests':<16}{'number':>9}{'right':>7}" + "".join(f"{fault:>14}" for fault in FAULTS) + f"{'s':>9}")
    every: list[Answer] = []
    began = time.perf_counter()
    with world() as places:
        for name, strategy in strategies().items():
            if only(name):
                start = time.perf_counter()
                answers = collect(strategy, count, places)
                print(row(name, answers, time.perf_counter() - start), flush=True)
                every += answers
    print(row("all", every, time.perf_counter() - began))
    bad = [answer for answer in every if answer.fault]
    for answer in bad if show else []:
        words = " ".join(repr(word[:80]) for word in answer.request.arguments)
        print(f"\n{answer.fault}: {answer.request.verb} {words}\n{answer.request.files}")
        print(answer.code, answer.err[-600:])
    return 1 if bad else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="requests of each group")
    parser.add_argument("--only", default="", help="groups, separated by commas")
    parser.add_argument("--show", action="store_true", help="print each bad answer")
    given_arguments = parser.parse_args()
    chosen = [name for name in given_arguments.only.split(",") if name]
    sys.exit(main(given_arguments.count, lambda name: not chosen or name in chosen, given_arguments.show))
