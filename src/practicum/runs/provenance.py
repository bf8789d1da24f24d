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
