"""How much memory there is, asked before anything large is allocated, and the one sentence if it is not enough.

A process that takes more than there is gets killed without a word on many machines, after minutes of swapping.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from practicum.errors import ParameterError

_SHARE = 0.95
"""Of what is free: the rest is for the interpreter and for what an estimate leaves out."""
_SMALL = 2**26
"""Bytes that every machine has, so that nobody is asked."""
_UNLIMITED = 2**60
"""Control groups without a limit say a number near 2^63."""
_GIB = 2**30


def available() -> int | None:
    """Bytes that this process may still take: what the machine has free, and its control groups (v1 and v2) allow.

    None where the system says nothing.
    """
    found = [free for free in (_machine(), *_groups()) if free is not None]
    return int(_SHARE * max(0, min(found))) if found else None


def require(what: str, estimate: Callable[..., int], **asked: int) -> None:
    """One sentence if something needs more memory than there is. Nothing is said where the system says nothing.

    Main arguments:
        what: the beginning of the sentence, such as "This simulation".
        estimate: called by name with the sizes; the bytes that are needed at once, in whole numbers, which never
            overflow. It must not fall where a size rises.
        asked: the sizes, by the names that the person who set them knows.

    Raises:
        ParameterError: it does. The sentence says how much that is, how much there is, and the largest value of the
            most expensive size that fits with the others as they are. The most expensive one is the one without which
            the least memory would be needed.
    """
    needed = int(estimate(**asked))
    if needed <= _SMALL:
        return
    there = available()
    if there is None or needed <= there:
        return
    sizes = ", ".join(f"{name} = {short(value)}" for name, value in asked.items())
    raise ParameterError(
        f"{what} ({sizes}) needs {gibibytes(needed)} of memory, and {gibibytes(there)} are available; "
        f"{_remedy(estimate, asked, there)}."
    )


def largest(estimate: Callable[..., int], name: str, asked: dict[str, int], limit: int) -> int:
    """The largest value of one size, at most the one asked for, whose estimate is within the limit; 0 if none is."""
    low, high = 0, asked[name] + 1  # low fits, or is 0; high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if estimate(**{**asked, name: middle}) <= limit else (low, middle)
    return low


def gibibytes(number: int) -> str:
    """Bytes for a person: "412 GiB", or "87 MiB"."""
    unit, word = (_GIB, "GiB") if number >= _GIB else (2**20, "MiB")
    amount = Decimal(number) / unit  # which holds any whole number; a float does not
    return f"{amount:{'.3g' if amount < 1000 else '.0f' if amount < 10**6 else '.2e'}} {word}"


def short(number: int) -> str:
    """A whole number for a person, of any length."""
    return str(number) if abs(number) < 10**16 else f"{Decimal(number):.3g}"


def _remedy(estimate: Callable[..., int], asked: dict[str, int], limit: int) -> str:
    least = {name: estimate(**{**asked, name: 1}) for name in asked}
    dearest = min(least, key=lambda name: least[name])
    fits = largest(estimate, dearest, asked, limit)
    if fits:
        others = ", the others kept," if len(asked) > 1 else ""
        return f"the largest '{dearest}' that fits{others} is {fits}"
    return f"not even 1 as '{dearest}' fits{', the others kept, so lower several of them' if len(asked) > 1 else ''}"


def _machine() -> int | None:
    """Free memory of the machine, or all of it where the system does not say how much is free."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _groups(own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """What each control group with a limit that this process is in has left, its ancestors included."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        kinds, _, path = rest.partition(":")
        if not kinds:
            folder, names = root, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in kinds.split(","):
            folder = root / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Inside a container the path is often that of the host, and only the root is there.
        parts = Path(path).parts[1:]
        for depth in range(len(parts) + 1):
            with suppress(OSError, ValueError):
                yield _left(folder.joinpath(*parts[:depth]), *names)


def _left(folder: Path, limit: str, usage: str, cache: str) -> int:
    """The limit of a control group less what it uses; the files that it caches can be dropped, so they do not count.

    Raises:
        OSError, ValueError: it has no limit, or is not there.
    """
    allowed = int((folder / limit).read_text())  # "max" is no number
    if allowed >= _UNLIMITED:
        raise ValueError("no limit")
    used = int((folder / usage).read_text())
    with suppress(OSError):
        for line in (folder / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == cache:
                used -= int(value)
    return allowed - used
