"""What every test shares: one thread, no display, no luck."""

import os

# Before NumPy is imported: at these sizes threads of BLAS and OpenMP make a small shared machine ten times slower.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import settings  # noqa: E402

from kernel_cache import remove_stale  # noqa: E402

if "PYTEST_XDIST_WORKER" not in os.environ:  # the first process cleans before it starts the others
    remove_stale()

# The same examples on every machine, and no deadline: a test that fails on a busy machine tells nothing.
settings.register_profile("practicum", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("practicum")
