"""TOML files and what a person can type where a name is expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from hostile.making import ODD, Case, written

DEEP = 10**5


def cases(giga: int) -> Iterator[Case]:
    """Every case."""
    for name, content in _tomls(giga).items():
        for verb in ("solve", "train"):
            yield Case(name, verb, lambda folder, c=content, verb=verb: _file(verb, folder, written(_at(folder), c())))
    for name, odd in ODD.items():
        for verb in ("solve", "train", "sweep"):
            yield Case(f"a {name}", verb, lambda folder, odd=odd, verb=verb: _file(verb, folder, odd(_at(folder))))
    for name, value in _settings().items():
        yield Case(name, "--set", lambda folder, value=value: _set(folder, value))
    for name, words in _names().items():
        yield Case(name, "names", lambda folder, words=words: [*words, "--store", str(folder / "store")])


def _at(folder: Path) -> Path:
    return folder / "x.toml"


def _file(verb: str, folder: Path, file: str) -> list[str]:
    return [verb, file, "--store", str(folder / "store")]


def _set(folder: Path, value: str) -> list[str]:
    good = ["--set", "students=2", "--set", "teachers=2", "--set", "until=1"]
    return ["solve", *good, "--set", value, "--store", str(folder / "store")]


def _tomls(giga: int) -> dict[str, Callable[[], bytes]]:
    return {
        "200 MB of TOML": lambda: b"until = 1\n" + b"# much ado about nothing\n" * (giga // 5 // 25),
        "lists nested 10^5 deep": lambda: b"until = " + b"[" * DEEP + b"]" * DEEP,
        "tables nested 10^5 deep": lambda: b"until = " + b"{a=" * DEEP + b"1" + b"}" * DEEP,
        "a name of 10^5 parts": lambda: b"until." + b"a." * DEEP + b"a = 1",
        "a name of 10^5 quoted parts": lambda: b"until." + b'"a".' * DEEP + b"a = 1",
        "a table of 10^5 parts": lambda: b"[" + b"a." * DEEP + b"a]",
        "lists nested 100 deep": lambda: b"until = " + b"[" * 100 + b"]" * 100,
        "10^6 digits": lambda: b"until = " + b"9" * 10**6,
        "10^6 hexadecimal digits": lambda: b"until = 0x" + b"f" * 10**6,
        "10^6 lists": lambda: b"until = [" + b"[]," * 10**6 + b"]",
        "no UTF-8": lambda: b"until = '\xff\xfe'",
        "NUL characters": lambda: b"until = 1\0\0\0",
        "a name that writes on the terminal": lambda: b'"\\u001b[2J\\n\\u202e" = 1',
        "a value that writes on the terminal": lambda: b'until = "\\u001b[2J\\n"',
        "a name of 1 MB": lambda: b"a" * 10**6 + b" = 1",
    }


def _settings() -> dict[str, str]:
    return {
        "lists nested 10^4 deep": "learning_rate=" + "[" * 10**4,
        "tables nested 10^4 deep": "learning_rate=" + "{a=" * 10**4,
        "a name of 10^4 parts": "a." * 10**4 + "a=1",
        "10^4 hexadecimal digits": "learning_rate=0x" + "f" * 10**4,
        "10^5 digits": "learning_rate=" + "9" * 10**5,
        "a list of 10^4 numbers": "learning_rate=[" + "1," * 10**4 + "]",
        "a value on two lines": "learning_rate=1\nstudents=3",
        "a value that writes on the terminal": "learning_rate=\x1b[2J\x1b[1;1H",
        "a name that writes on the terminal": "\x1b[2J\u202e=1",
    }


def _names() -> dict[str, list[str]]:
    odd = {
        "a path": "../../etc/passwd",
        "an absolute path": "/etc/passwd",
        "a path in a path": "0123456789abcdef/../../../etc/passwd",
        "two lines": "0123\n4567",
        "control characters": "\x1b[2J",
        "10^5 characters": "a" * 10**5,
        "a pattern": "*",
        "nothing": "",
    }
    found = {f"runs show, {name}": ["runs", "show", text] for name, text in odd.items()}
    found |= {f"runs verify, {name}": ["runs", "verify", text] for name, text in odd.items()}
    found |= {f"report, {name}": ["report", text] for name, text in odd.items()}
    found |= {f"reproduce, {name}": ["reproduce", text] for name, text in odd.items()}
    return found | {f"solve, {name}": ["solve", f"{text}.toml"] for name, text in odd.items()}
