"""Inputs that are named on the command line: a law, an image set, or a file of numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from practicum.disk.arrays import Layout, read_rows
from practicum.disk.paths import expanded
from practicum.errors import ParameterError, StorageError
from practicum.memory import require

SETS = ("mnist", "fashion-mnist", "cifar-10", "digits")
KNOWN = f"gaussian, {', '.join(SETS)}, or a file .npy or .npz"


def read_inputs(name: str, dimension: int, samples: int, scale: float, seed: int) -> np.ndarray:
    """Inputs (samples, dimension) in float64.

    Main arguments:
        name: "gaussian", perhaps with ":" and the dimension; an image set, whose test images are taken; or a file.
        dimension: of the inputs of the networks.
        samples: at most so many; a file or a set may hold fewer.
        scale, seed: of the Gaussian ones.

    Raises:
        ParameterError: an unknown name, inputs of another dimension, or numbers that are not finite.
        StorageError: a file that cannot be read, or an image set that is not to be had.
    """
    law, _, size = name.partition(":")
    if law == "gaussian":
        if size and size != str(dimension):
            raise ParameterError(
                f"The networks have {dimension} inputs. Got --data {name!r:.60} instead; write gaussian:{dimension}, "
                "or gaussian alone."
            )
        require("A set of inputs", _inputs_bytes, samples=samples, inputs=dimension)
        from practicum.networks.inputs import GaussianInputs
        from practicum.networks.randomness import generator

        return GaussianInputs(dimension=dimension, scale=scale).sample(generator(seed, "held-out"), samples)
    if name in SETS:
        from practicum.data import images

        values = images(name, "test").flat()  # pyright: ignore[reportArgumentType]
        _check(name, Layout(values.dtype, values.shape), dimension)
    elif Path(name).suffix in (".npy", ".npz"):
        values = _of_file(name, dimension, samples)
    else:
        raise ParameterError(f"--data must be {KNOWN}. Got {name!r:.60} instead.")
    rows = values.reshape(len(values), -1)[:samples].astype(np.float64)
    if not np.isfinite(rows).all():
        bad = int(np.argwhere(~np.isfinite(rows))[0][0])
        raise ParameterError(f"The inputs in {name} must be finite. Got {rows[bad].min():g} in example {bad}; drop it.")
    return rows


def _check(name: str, layout: Layout, dimension: int) -> None:
    """One sentence if an array holds no examples of this dimension."""
    shape = layout.shape
    if len(shape) < 2 or layout.dtype.kind not in "fiub" or not shape[0]:
        raise ParameterError(
            f"The inputs in {name} must be numbers of shape (samples, {dimension}). Got {layout.dtype!s:.60} of shape "
            f"{shape!s:.60} instead."
        )
    if math.prod(shape[1:]) != dimension:
        raise ParameterError(
            f"The networks have {dimension} inputs, and an example of {name} has {math.prod(shape[1:])} numbers; both "
            "must be the same."
        )


def _of_file(name: str, dimension: int, samples: int) -> np.ndarray:
    """The first rows of an array in a file of NumPy, nothing unpickled; of several arrays the one called "inputs"."""
    path = expanded(name)

    def choose(names: list[str]) -> str:
        if len(names) != 1 and "inputs" not in names:
            raise ParameterError(
                f"The file {path} holds {len(names)} arrays ({', '.join(names[:5]):.60}), and none is called 'inputs'; "
                "save them under that name."
            )
        return "inputs" if "inputs" in names else names[0]

    try:
        return read_rows(path, samples, choose, lambda layout: _check(name, layout, dimension))
    except ParameterError:
        raise
    except OSError as error:
        if error.strerror is None:  # NumPy's own words about what the file is not
            raise _unreadable(path) from None
        raise StorageError(f"The file {path} cannot be read: {error.strerror.lower()}.") from None
    except Exception:  # a damaged archive, or pickled objects, which are not loaded
        raise _unreadable(path) from None


def _unreadable(path: Path) -> StorageError:
    return StorageError(
        f"The file {path} cannot be read: it is damaged, or holds no plain array of numbers; write it with numpy.save "
        "or numpy.savez."
    )


def _inputs_bytes(samples: int, inputs: int) -> int:
    """Of inputs in float64: normal numbers, scaled, and as a tensor."""
    return 3 * 8 * samples * inputs
