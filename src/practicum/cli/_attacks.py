"""An attack from words on the command line, and robust errors as a table, a document and a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from practicum.cli import _inputs, _terminal
from practicum.disk.paths import expanded
from practicum.errors import ParameterError, StorageError
from practicum.values import nearest

if TYPE_CHECKING:
    import xarray as xr

    from practicum.robustness.attacks.base import Attack

ATTACKS = ("apgd", "pgd", "fgsm", "worst", "noise")
_KNOWS = {"steps": ("apgd", "pgd"), "restarts": ("apgd", "pgd", "noise")}
_USUAL = {"apgd": {"steps": 50, "restarts": 2}, "pgd": {"steps": 40, "restarts": 5}}
_ERROR = "_error"


def attack_of(name: str, *, norm: str, loss: str, steps: int | None, restarts: int | None, box: str | None) -> Attack:
    """The attack that is named, with what it is to differ in from the usual one.

    Raises:
        ParameterError: an unknown name or value, or one that this attack does not know.
    """
    from practicum.robustness.attacks import APGD, FGSM, PGD, RandomNoise, TargetedAPGD, Worst

    if name not in ATTACKS:
        raise ParameterError(
            f"--attack must be one of {', '.join(ATTACKS)}. Got {name!r:.60} instead.{nearest(name, list(ATTACKS))}"
        )
    counts = {key: count for key, count in (("steps", steps), ("restarts", restarts)) if count is not None}
    for key in counts:
        if name not in _KNOWS[key]:
            raise ParameterError(f"--{key} belongs to {', '.join(_KNOWS[key])}. Got it with {name}; leave it out.")
    shared: dict[str, Any] = {"norm": norm, "loss": loss}
    if box is not None:
        shared["box"] = numbers("--box", box)
        if len(shared["box"]) != 2:
            raise ParameterError(f"--box must be two numbers LOW,HIGH, such as 0,1. Got {box!r:.60} instead.")
    if name == "worst":
        first, shared = APGD(**shared), {key: value for key, value in shared.items() if key != "loss"}
        return first if loss == "mse" else Worst(attacks=(first, TargetedAPGD(**shared)))
    if name == "noise":
        return RandomNoise(**shared, tries=restarts or 1)
    kinds = {"apgd": APGD, "pgd": PGD, "fgsm": FGSM}
    return kinds[name](**shared, **{**_USUAL.get(name, {}), **counts})


def numbers(option: str, text: str) -> list[float]:
    """Numbers separated by commas, or one sentence."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise ParameterError(
            f"{option} must be numbers separated by commas, such as 0.1,0.2. Got {text!r:.60} instead."
        ) from None


def kinds_of(oracle: bool | None, attack: Attack, outputs: int) -> list[str] | None:
    """The errors with one judge, or None for all."""
    from practicum.robustness._searches import ERRORS

    if oracle is None:
        return None
    return [
        name
        for name, error in ERRORS.items()
        if error.oracle is oracle and (error.squared or (outputs > 1 and attack.loss != "mse"))
    ]


def read_inputs(
    data: str, dimension: int, samples: int, scale: float, seed: int, rank: int | None, subspace_seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Inputs (samples, dimension), and the subspace (dimension, rank) in which they lie, if there is one.

    Raises:
        ParameterError, StorageError: as :func:`practicum.cli._inputs.read_inputs`; a rank of other inputs.
    """
    inputs = _inputs.read_inputs(data, dimension, samples, scale, seed)
    if rank is None:
        return inputs, None
    if data.partition(":")[0] != "gaussian":
        raise ParameterError(f"--rank makes Gaussian inputs, and --data {data!r:.60} names others; leave out one.")
    from practicum.networks.inputs import LowRankInputs
    from practicum.networks.randomness import generator

    law = LowRankInputs(dimension=dimension, rank=rank, scale=scale, subspace_seed=subspace_seed)
    return law.sample(generator(seed, "held-out"), samples), law.subspace()


def side_of(side: str | None, subspace: np.ndarray | None) -> Any:
    """The side that is asked for, or one sentence if there is no subspace."""
    if side is None:
        return None
    if side not in ("inside", "outside"):
        raise ParameterError(
            f"--side must be inside or outside. Got {side!r:.60} instead.{nearest(side, ['inside', 'outside'])}"
        )
    if subspace is None:
        raise ParameterError(f"--side {side} needs a subspace; give its dimension with --rank.")
    return side


def errors_of(result: xr.Dataset) -> list[str]:
    """Names of the errors in a result."""
    return [str(name) for name in result.data_vars if str(name).endswith(_ERROR)]


def document(result: xr.Dataset) -> dict[str, Any]:
    """Every error of every network at every radius, and what searched for it."""
    gated = result.get("margin_gated_oracle_error")
    return {
        "samples": int(result.attrs["samples"]),
        "norm": str(result.attrs["norm"]),
        "epsilon": result["epsilon"].values.tolist(),
        "margin": None if gated is None else float(gated.attrs["margin"]),
        "errors": {
            name: {
                "mean": result[name].mean("seed").values.tolist(),
                "networks": result[name].transpose("seed", "epsilon").values.tolist(),
                **{key: str(result[name].attrs[key]) for key in ("long_name", "units", "attack")},
            }
            for name in errors_of(result)
        },
    }


def show(result: xr.Dataset) -> None:
    """One line a radius; of several networks their means."""
    facts = document(result)
    names = list(facts["errors"])
    rows = [
        [f"{radius:g}" + ("" if radius else " (clean)"), *(f"{facts['errors'][name]['mean'][i]:.4g}" for name in names)]
        for i, radius in enumerate(facts["epsilon"])
    ]
    _terminal.print_table(
        ["epsilon", *(name.replace("_", " ").replace("margin gated", "margin-gated") for name in names)], rows
    )
    if facts["margin"] is not None:
        typer.echo(f"margin-gated: only where the teacher's largest output exceeds its second by {facts['margin']:.4g}")
    several = result.sizes["seed"]
    typer.echo(
        f"{facts['samples']} inputs, norm {facts['norm']}"
        + (f"; means over {several} networks, --json has each" if several > 1 else "")
    )


def check_savable(path: Path) -> None:
    """One sentence if :func:`save` could not write there; to be said before the work begins.

    Raises:
        ParameterError: another ending.
        StorageError: the folder cannot be made or written.
    """
    from tempfile import TemporaryFile

    path = expanded(path)
    if path.suffix != ".npz":
        raise ParameterError(f"--save writes a file .npz of NumPy. Got {path.name!r:.60} instead.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _not_written(path, error) from None


def save(path: Path, result: xr.Dataset) -> Path:
    """Clean and perturbed inputs, radii and errors as a file of NumPy, written whole or not at all."""
    from io import BytesIO

    from practicum.runs.files import replace_whole

    path, image = expanded(path), BytesIO()
    arrays = {str(name): values.values for name, values in result.variables.items() if str(name) != "seed"}
    np.savez(image, **arrays)  # pyright: ignore[reportArgumentType]
    try:
        replace_whole(path, image.getbuffer())
    except OSError as error:
        raise _not_written(path, error) from None
    return path.resolve()


def _not_written(path: Path, error: OSError) -> StorageError:
    reason = (error.strerror or str(error)).lower()
    return StorageError(f"The perturbed inputs cannot be written to {path}: {reason}; name another file.")
