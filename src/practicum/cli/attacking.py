"""``practicum attack``: robust errors of a student from a file, with its teacher as the judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from practicum.cli import _terminal
from practicum.cli.resembling import ACTIVATION, DATA, ROW, SCALE, STUDENT, TEACHER

if TYPE_CHECKING:
    import xarray as xr

SAMPLES = typer.Option(1000, "--samples", min=1, help="At most so many inputs.")
SEED = typer.Option(0, "--seed", min=0, help="Of Gaussian inputs, and of the attack's random starts.")
RANK = typer.Option(
    None, "--rank", min=1, help="Gaussian inputs in a random subspace of that dimension.", show_default="full"
)
SUBSPACE_SEED = typer.Option(0, "--subspace-seed", min=0, help="Which subspace.")
SIDE = typer.Option(
    None, "--side", help="Keep perturbations inside or outside the subspace of --rank.", show_default="anywhere"
)
ATTACK = typer.Option("apgd", "--attack", help="apgd, pgd, fgsm, worst (of several; slow) or noise (to compare with).")
NORM = typer.Option("linf", "--norm", help="linf: the largest change of an input; l2: the length of the perturbation.")
EPSILON = typer.Option("0.1", "--epsilon", help="Radii, separated by commas, in the units of the inputs.")
ORACLE = typer.Option(
    None,
    "--oracle/--labels",
    help="Only errors where the teacher answers the perturbed input, or only where the clean input's label stays.",
    show_default="both",
)
STEPS = typer.Option(None, "--steps", min=1, help="Of apgd and pgd.", show_default="50 and 40")
RESTARTS = typer.Option(
    None, "--restarts", min=1, help="Random starts of apgd and pgd, points of noise.", show_default="2, 5 and 1"
)
LOSS = typer.Option(
    "cross-entropy",
    "--loss",
    help="What is made large for fixed labels: cross-entropy, margin, dlr or confidence; mse: only squared errors.",
)
MARGIN = typer.Option(
    None,
    "--margin",
    help="By how much the teacher's largest output must exceed its second for the margin-gated error.",
    show_default="half its median",
)
BOX = typer.Option(
    None, "--box", metavar="LOW,HIGH", help="Range of the inputs, such as 0,1 of pixels.", show_default="none"
)
SAVE = typer.Option(
    None, "--save", metavar="FILE", help="Write the perturbed inputs to this .npz file.", show_default=False
)


def attack(
    teacher: Path = TEACHER,
    student: Path = STUDENT,
    data: str = DATA,
    samples: int = SAMPLES,
    scale: float = SCALE,
    rank: int | None = RANK,
    subspace_seed: int = SUBSPACE_SEED,
    seed: int = SEED,
    attack: str = ATTACK,
    norm: str = NORM,
    epsilon: str = EPSILON,
    oracle: bool | None = ORACLE,
    side: str | None = SIDE,
    steps: int | None = STEPS,
    restarts: int | None = RESTARTS,
    loss: str = LOSS,
    margin: float | None = MARGIN,
    box: str | None = BOX,
    activation: str | None = ACTIVATION,
    row: int | None = ROW,
    save: Path | None = SAVE,
    json: bool = _terminal.JSON,
) -> None:
    """How wrong a student can be made: its robust errors, by name, at each radius and at the clean inputs.

    Classes are compared by the largest output: with the label of the clean input, with the teacher's answer to the
    perturbed one, and with that answer where the teacher is sure. Outputs are compared by half their squared
    difference.

    Example: practicum attack t.safetensors s.safetensors --rank 10 --norm l2 --epsilon 0.1,0.5 --side outside
    """
    from practicum.cli import _attacks, _resemblance
    from practicum.networks._torch import need_torch

    value = _attacks.attack_of(attack, norm=norm, loss=loss, steps=steps, restarts=restarts, box=box)
    radii = _attacks.numbers("--epsilon", epsilon)
    if save is not None:
        _attacks.check_savable(save)
    need_torch()
    from practicum.networks._threads import one_thread
    from practicum.robustness.errors import robust_errors

    def work(_: _terminal.Report) -> xr.Dataset:
        with one_thread():
            theirs, ours = (_resemblance.loaded(file, row, activation) for file in (teacher, student))
            inputs, subspace = _attacks.read_inputs(data, theirs.sizes[0], samples, scale, seed, rank, subspace_seed)
            found = robust_errors(
                ours, inputs, radii, teacher=theirs, attack=value, margin=margin, clean=True, seed=seed,
                side=_attacks.side_of(side, subspace), subspace=subspace if side else None,
                kinds=_attacks.kinds_of(oracle, value, ours.sizes[-1]), perturbed=save is not None,
            )  # fmt: skip
            return found.assign(inputs=(("sample", "input"), inputs))

    result = _terminal.watched(f"attacking {student.name}", work)
    saved = None if save is None else _attacks.save(save, result)
    if json:
        facts = {"teacher": str(teacher.resolve()), "student": str(student.resolve()), "data": data}
        _terminal.print_json({**facts, **_attacks.document(result), "saved": saved})
        return
    _attacks.show(result)
    if saved is not None:
        typer.echo(f"perturbed inputs: {saved}")
