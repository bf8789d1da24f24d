"""``practicum specialization`` and ``practicum batchnorm``: questions to networks that are stored in files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from practicum.cli import _terminal

if TYPE_CHECKING:
    import xarray as xr

TEACHER = typer.Argument(
    ..., help="File of the teacher: .safetensors, or a state dict .pt or .pth.", show_default=False
)
STUDENT = typer.Argument(..., help="File of the student, likewise.", show_default=False)
DATA = typer.Option(
    "gaussian",
    "--data",
    help="gaussian, mnist, fashion-mnist, cifar-10, digits, or a file .npy or .npz of shape (samples, d).",
)
SAMPLES = typer.Option(10_000, "--samples", min=2, help="At most so many inputs.")
SCALE = typer.Option(1.0, "--scale", help="Standard deviation of Gaussian inputs.")
SEED = typer.Option(0, "--seed", min=0, help="Of Gaussian inputs.")
THRESHOLD = typer.Option(0.95, "--threshold", help="Of the correlation above which a teacher node is covered.")
ACTIVATION = typer.Option(
    None,
    "--activation",
    help="Of files that do not say: relu, leaky-relu, erf or linear.",
    show_default="relu",
)
ROW = typer.Option(None, "--row", min=0, help="Which network, if a file holds several.", show_default="all")
SOURCE = typer.Argument(
    ..., help="File .safetensors, .pt or .pth, or the name of a known checkpoint such as vgg19-bn.", show_default=False
)
KEY = typer.Option(None, "--key", help="Which state dict of a file that holds several.", show_default=False)


def specialization(
    teacher: Path = TEACHER,
    student: Path = STUDENT,
    data: str = DATA,
    samples: int = SAMPLES,
    scale: float = SCALE,
    seed: int = SEED,
    threshold: float = THRESHOLD,
    activation: str | None = ACTIVATION,
    row: int | None = ROW,
    json: bool = _terminal.JSON,
) -> None:
    """Who resembles whom: each teacher node with the student node that correlates most with it.

    Correlations are centred, over the inputs of --data, layer by layer. The second pair of columns is the best
    assignment in which no student node serves two teacher nodes.
    """
    from practicum.cli import _resemblance
    from practicum.cli._inputs import read_inputs
    from practicum.networks._torch import need_torch

    need_torch()
    from practicum.specialization import compare

    def work(_: _terminal.Report) -> xr.Dataset:
        theirs, ours = (_resemblance.loaded(file, row, activation) for file in (teacher, student))
        inputs = read_inputs(data, theirs.sizes[0], samples, scale, seed)
        return compare(theirs, ours, inputs, threshold=threshold)

    result = _terminal.watched(f"comparing {teacher.name} and {student.name}", work)
    if json:
        facts = {"teacher": str(teacher.resolve()), "student": str(student.resolve()), "data": data}
        _terminal.print_json({**facts, **_resemblance.document(result)})
    else:
        _resemblance.show(result)


def batchnorm(source: str = SOURCE, key: str | None = KEY, json: bool = _terminal.JSON) -> None:
    """The signs of BatchNorm biases in a trained network, layer by layer and by position.

    A mostly negative bias before a ReLU means that nodes fire rarely. The known checkpoints are fetched when asked for.
    """
    from practicum.cli import _biases
    from practicum.specialization.batchnorm import by_position, report

    layers = _terminal.watched(f"reading {source}", lambda _: report(source, key=key))
    if json:
        _terminal.print_json(_biases.document(layers, by_position(layers)))
    else:
        _biases.show(layers, by_position(layers))
