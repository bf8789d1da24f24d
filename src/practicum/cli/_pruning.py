"""What ``practicum prune`` does: read, choose, reweight, measure, write, and tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from practicum.cli import _terminal
from practicum.disk.paths import expanded
from practicum.errors import ParameterError
from practicum.values import nearest

if TYPE_CHECKING:
    from torch import Tensor, nn

_KINDS = ("nodes", "edges")


class Given(NamedTuple):
    """A network as a module, the name of the layer in it, and inputs to choose with and to test on."""

    network: nn.Module
    layer: str
    teacher: nn.Module | None
    inputs: Tensor
    test: Tensor
    file: Path


def selector_of(name: str) -> Any:
    """A selector by its name on the command line."""
    from practicum import pruning

    known = {
        "random": pruning.Random,
        "magnitude": pruning.Magnitude,
        "soft-magnitude": pruning.SoftMagnitude,
        "importance": pruning.Importance,
        "dpp": pruning.DPP,
        "greedy": pruning.GreedyMAP,
    }
    if name not in known:
        raise ParameterError(
            f"--selector must be one of {', '.join(known)}. Got {name!r:.60} instead.{nearest(name, list(known))}"
        )
    return known[name]()


def amount_of(text: str) -> int | float:
    """A count, or with a decimal point a share."""
    try:
        return float(text) if "." in text or "e" in text.lower() else int(text)
    except ValueError:
        raise ParameterError(
            f"--keep must be a share such as 0.5, or a whole number of nodes or edges. Got {text!r:.60} instead."
        ) from None


def check_kind(kind: str, selector: Any) -> None:
    """One sentence for an unknown kind, or a selector that is not for it."""
    if kind not in _KINDS:
        raise ParameterError(f"--kind must be nodes or edges. Got {kind!r:.60} instead.{nearest(kind, list(_KINDS))}")
    if kind == "edges" and selector.reads == "outgoing":
        raise ParameterError(
            "--selector importance is for nodes, because an edge has no outgoing weights; take magnitude for edges."
        )


def read(
    file: Path,
    teacher: Path | None,
    layer: int,
    row: int,
    activation: str | None,
    data: str,
    samples: int,
    scale: float,
    seed: int,
) -> Given:
    """Networks and inputs, checked."""
    import torch
    from torch import nn

    from practicum.cli import _resemblance
    from practicum.cli._inputs import read_inputs
    from practicum.pruning import as_module

    student = _resemblance.loaded(file, row, activation)
    theirs = None if teacher is None else _resemblance.loaded(teacher, row, activation)
    if layer > student.depth:
        raise ParameterError(
            f"The network in {file} has {student.depth} hidden layer(s), and outputs cannot be pruned. Got --layer "
            f"{layer} instead."
        )
    if theirs is not None and (theirs.sizes[0], theirs.sizes[-1]) != (student.sizes[0], student.sizes[-1]):
        raise ParameterError(
            f"The teacher in {teacher} has {theirs.sizes[0]} inputs and {theirs.sizes[-1]} outputs, and the network "
            f"{student.sizes[0]} and {student.sizes[-1]}; both must be the same."
        )
    module = as_module(student)
    names = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    values = torch.from_numpy(read_inputs(data, student.sizes[0], 2 * samples, scale, seed)).to(student.dtype)
    half = len(values) // 2
    return Given(
        module, names[layer - 1], None if theirs is None else as_module(theirs), values[:half], values[half:], file
    )


def pruned(
    given: Given, kind: str, amount: int | float, selector: Any, seed: int, reweighted: bool, output: Path | None
) -> dict[str, Any]:
    """What is left, as a document."""
    import torch

    from practicum.pruning import compact, compare_counts, masked, reweight, select_edges, select_nodes
    from practicum.runs.pruned import save_pruned

    select = select_nodes if kind == "nodes" else select_edges
    kept: Any = select(given.network, given.layer, amount, selector, given.inputs, seed=seed)
    after = reweight(given.network, kept, given.inputs) if reweighted else masked(given.network, kept)
    counts = compare_counts(given.network, after, given.test.shape[1])
    with torch.no_grad():
        old, new = given.network(given.test), after(given.test)
        facts: dict[str, Any] = {
            "file": str(given.file.resolve()),
            "kind": kind,
            "layer": given.layer,
            "selector": repr(selector),
            "seed": seed,
            "reweighted": reweighted,
            "kept": kept.count,
            "of": kept.mask.numel(),
            "parameters": [int(counts.parameters.sel(network=n).sum()) for n in ("before", "after")],
            "effective_parameters": [
                int(counts.effective_parameters.sel(network=n).sum()) for n in ("before", "after")
            ],
            "multiply_adds": [int(counts.effective_multiply_adds.sel(network=n).sum()) for n in ("before", "after")],
            "tested": len(given.test),
            "change": float((new - old).square().mean()),
            "agreement": float((new.argmax(-1) == old.argmax(-1)).double().mean()) if old.shape[-1] > 1 else None,
        }
        if given.teacher is not None:
            wanted = given.teacher(given.test)
            facts["loss"] = [float((answers - wanted).square().mean()) for answers in (old, new)]
    if output is not None:
        written = compact(after, kept) if kind == "nodes" else after
        facts["output"] = str(save_pruned(written, expanded(output)).resolve())
    return facts


def show(facts: dict[str, Any]) -> None:
    """The same as a table and two lines."""
    rows = [
        [name.replace("_", " "), *(f"{number:,}".replace(",", " ") for number in facts[key]), _share(facts[key])]
        for name, key in (
            ("parameters that are not 0", "effective_parameters"),
            ("multiply-adds of them", "multiply_adds"),
        )
    ]
    if "loss" in facts:
        rows.append(["mean squared difference from the teacher", *(f"{x:.4g}" for x in facts["loss"]), ""])
    _terminal.print_table(["whole network", "before", "after", "left"], rows)
    how = "reweighted" if facts["reweighted"] else "not reweighted"
    typer.echo(
        f"{facts['kept']} of {facts['of']} {facts['kind']} of layer {facts['layer']} stay, chosen by "
        f"{facts['selector']}, {how}."
    )
    same = "" if facts["agreement"] is None else f", the same largest output on {100 * facts['agreement']:.1f} %"
    typer.echo(f"Answers change by {facts['change']:.4g} in the mean square of {facts['tested']} inputs{same}.")
    if "output" in facts:
        typer.echo(f"network: {facts['output']}")


def _share(pair: list[int]) -> str:
    return f"{100 * pair[1] / pair[0]:.1f} %" if pair[0] else ""
