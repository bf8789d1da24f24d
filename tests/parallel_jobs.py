"""Functions that another process can import, for the tests of runs in parallel."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr

from practicum import ParameterError


def where(config):
    """Which process computed it, with which limits."""
    print("a word on standard output")
    time.sleep(config.parameters.get("seconds", 0.0))
    limits = [os.environ[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")]
    return xr.Dataset(
        {"number": config.parameters["number"], "process": os.getpid()}, attrs={"limits": ",".join(limits)}
    )


def draws(config):
    """Numbers that depend on the configuration alone."""
    return xr.Dataset({"x": ("i", np.random.default_rng(config.parameters["number"]).normal(size=5))})


def fails(config):
    if config.parameters["number"] == 1:
        raise ParameterError("The number must not be 1.")
    return where(config)


def breaks(config):
    return 1 / 0


class Odd(Exception):
    """An exception that cannot be pickled back."""

    def __init__(self, one, two):
        super().__init__("odd")


def breaks_oddly(config):
    raise Odd(1, 2)


def dies(config):
    os._exit(7)


def waits(config):
    Path(config.parameters["file"]).write_text(str(os.getpid()))
    time.sleep(600)
    sys.exit("never reached")
