"""``practicum prune``: a student from a file, made smaller, and what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from practicum.cli import _terminal
from practicum.cli.resembling import ACTIVATION, DATA, SCALE

NETWORK = typer.Argument(
    ..., help="File of the network: .safetensors, or a state dict .pt or .pth.", show_default=False
)
TEACHER = typer.Option(None, "--teacher", metavar="FILE", help="Compare with this teacher, too.", show_default=False)
LAYER = typer.Option(1, "--layer", min=1, help="Number of the hidden layer, from the lowest.")
KIND = typer.Option("nodes", "--kind", help="nodes, or edges into each node.")
KEEP = typer.Option("0.5", "--keep", help="A number with a decimal point is a share, a whole number a count.")
SELECTOR = typer.Option(
    "dpp", "--selector", help="random, magnitude, soft-magnitude, importance, dpp or greedy (the likeliest of dpp)."
)
REWEIGHT = typer.Option(
    True, "--reweight/--no-reweight", help="Let the weights that stay make up for the others, by least squares."
)
SAMPLES = typer.Option(2000, "--samples", min=2, help="Inputs that select and reweight, and as many that test.")
SEED = typer.Option(0, "--seed", min=0, help="Of Gaussian inputs and of what is drawn.")
ROW = typer.Option(0, "--row", min=0, help="Which network, if a file holds several.")
OUTPUT = typer.Option(
    None, "--output", metavar="FILE", help="Write the pruned network here; nodes are removed for good.",
    show_default=False,
)  # fmt: skip


def prune(
    network: Path = NETWORK,
    teacher: Path | None = TEACHER,
    layer: int = LAYER,
    kind: str = KIND,
    keep: str = KEEP,
    selector: str = SELECTOR,
    reweight: bool = REWEIGHT,
    data: str = DATA,
    samples: int = SAMPLES,
    scale: float = SCALE,
    seed: int = SEED,
    row: int = ROW,
    activation: str | None = ACTIVATION,
    output: Path | None = OUTPUT,
    json: bool = _terminal.JSON,
) -> None:
    """Keep some nodes or edges of a layer, and say what is left of the network and of its answers.

    The file itself is not changed. Half of the inputs choose and reweight, the other half tests.

    Example: practicum prune students.safetensors --keep 0.5 --selector dpp --output smaller.safetensors
    """
    from practicum.cli import _pruning
    from practicum.networks._torch import need_torch

    chosen, amount = _pruning.selector_of(selector), _pruning.amount_of(keep)
    _pruning.check_kind(kind, chosen)
    need_torch()

    def work(_: _terminal.Report) -> dict[str, Any]:
        from practicum.networks._threads import one_thread

        with one_thread():
            given = _pruning.read(network, teacher, layer, row, activation, data, samples, scale, seed)
            return _pruning.pruned(given, kind, amount, chosen, seed, reweight, output)

    facts = _terminal.watched(f"pruning {network.name}", work)
    if json:
        _terminal.print_json(facts)
    else:
        _pruning.show(facts)
