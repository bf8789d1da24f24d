"""Where numbers come from: what is written into every stored run, and nothing that changes by the hour.

No time, host, duration or number of workers is recorded inside the file: the same configuration, seeds,
versions and CPU architecture must give the same bytes. When a run was made is the file's own date.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from practicum import __version__

_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "xarray", "h5netcdf", "h5py", "pydantic")


@cache
def versions(*more: str) -> dict[str, str]:
    """Versions of practicum, Python and the packages that a run's numbers and file depend on.

    Main arguments:
        more: names of other packages that this run depends on, such as "torch".
    """
    found = {"practicum": __version__, "python": platform.python_version()}
    for name in (*_PACKAGES, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def architecture() -> str:
    """Operating system and CPU architecture, such as ``"Linux x86_64"``: floating point may differ between them."""
    return f"{platform.system()} {platform.machine()}"


@cache
def vectors() -> int:
    """Bits of the widest vector registers that compiled code uses here; 0 where that is not known.

    Sums over the inputs of a network (the weights of a simulation, all trainings, the linear algebra of a start) run in
    vector registers, in an order that depends on their width; so their last bits may differ between two processors of
    one architecture.
    """
    from llvmlite import binding

    found = binding.get_host_cpu_features()
    for name, bits in (("avx512f", 512), ("avx2", 256), ("sse2", 128), ("neon", 128)):
        if found.get(name):
            return bits
    return 0
