"""How much memory a piece of work takes at its peak, measured in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

_PROGRAM = """
import resource

def _now():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])

{work}
small()
before = _now()
large()
print("peak", 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def peak(work: str) -> int:
    """Bytes that ``large()`` takes at its peak, after ``small()`` has loaded and compiled what both need.

    Main arguments:
        work: a program that defines the two.
    """
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    # Freed memory goes back to the system at once, so that what small() left does not hide what large() takes.
    environment = {**os.environ, **one, "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    program = _PROGRAM.format(work=textwrap.dedent(work))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])
