"""How much memory a piece of work takes at its peak, measured in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

_PROGRAM = """
def _memory(what):
    for line in open("/proc/self/status"):
        if line.startswith(what):
            return 1024 * int(line.split()[1])

{work}
small()
before = _memory("VmRSS:")
large()
# Not getrusage, which begins with what the parent had.
print("peak", _memory("VmHWM:") - before)
"""


def peak(work: str) -> int:
    """Bytes that ``large()`` takes at its peak, after ``small()`` has loaded and compiled what both need.

    Main arguments:
        work: a program that defines the two.
    """
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    # Freed memory goes back to the system at once, so that what small() left does not hide what large() takes.
    environment = {**os.environ, **one, "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    program = _PROGRAM.format(work=textwrap.dedent(work))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


def agrees(estimate: int, measured: int) -> bool:
    """Whether an estimate is within a factor of two: what it leaves out, and what allocators round up, is less."""
    return 0.5 <= estimate / measured <= 2


def pretend(monkeypatch, there: int) -> None:
    """Let so few bytes be there that what is refused, and what is just let through, is small and fast."""
    from practicum import memory

    monkeypatch.setattr(memory, "available", lambda: there)
    monkeypatch.setattr(memory, "_SMALL", 0)


def largest_named(sentence: str) -> int:
    """The largest value that fits, as the sentence says it."""
    return int(re.findall(r" is (\d+)\.$", sentence)[0])
