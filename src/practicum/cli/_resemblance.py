"""A comparison of teacher and student as a table, and as a document for scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from practicum.cli import _terminal
from practicum.errors import ParameterError

if TYPE_CHECKING:
    import xarray as xr

    from practicum.networks.mlp import MLP


def loaded(file: Path, row: int | None, activation: str | None) -> MLP:
    """The networks of a file in float64; `activation` is for files that do not say their own."""
    from practicum.runs.checkpoints import about_network, load_network

    asked: Any = None if about_network(file) else activation
    return one_row(load_network(file, activation=asked).double(), row, file)


def one_row(network: MLP, row: int | None, file: Path) -> MLP:
    """One network of a file; a file that holds one network only serves every row."""
    if row is None or network.seeds == 1:
        return network
    if row >= network.seeds:
        raise ParameterError(
            f"The file {file} holds {network.seeds} networks, rows 0 to {network.seeds - 1}. Got --row {row} instead."
        )
    return network.select([row])


def document(result: xr.Dataset) -> dict[str, Any]:
    """Every node of every layer of every network."""
    networks = [result.isel(seed=i) for i in range(result.sizes["seed"])] if "seed" in result.dims else [result]
    return {
        "samples": int(result.attrs["samples"]),
        "threshold": float(result["threshold"]),
        "networks": [[_layer(one.isel(layer=i)) for i in range(one.sizes["layer"])] for one in networks],
    }


def _layer(one: xr.Dataset) -> dict[str, Any]:
    teachers = one.isel(teacher=slice(0, int(one["teachers"])))
    students = one.isel(student=slice(0, int(one["students"])))

    def rows(part: xr.Dataset, axis: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
        columns = {name: part[name].values.tolist() for name in names}
        return [{axis: i, **{name: columns[name][i] for name in names}} for i in range(part.sizes[axis])]

    names = ("best_student", "best_correlation", "assigned_student", "assigned_correlation")
    return {
        "layer": int(one["layer"]),
        "coverage": float(one["coverage"]),
        "mean_best_correlation": float(one["mean_best_correlation"]),
        "teachers": rows(teachers, "teacher", (*names, "teacher_activity", "constant_teacher")),
        "students": rows(students, "student", ("alignment", "aligned", "activity", "dead", "linear")),
    }


def show(result: xr.Dataset) -> None:
    """One line a teacher node; of several networks, one line a layer."""
    facts = document(result)
    networks, threshold = facts["networks"], facts["threshold"]
    if len(networks) > 1:
        rows = [
            [str(row), str(layer["layer"]), f"{layer['mean_best_correlation']:.4f}", f"{layer['coverage']:.3f}"]
            for row, layers in enumerate(networks)
            for layer in layers
        ]
        _terminal.print_table(["row", "layer", "mean best correlation", "coverage"], rows)
        typer.echo(
            f"{facts['samples']} inputs; covered: correlation above {threshold:g}. --row shows the nodes of one."
        )
        return
    rows = [
        [
            str(layer["layer"]),
            str(node["teacher"]),
            str(node["best_student"]),
            f"{node['best_correlation']:.4f}",
            *_assigned(node),
        ]
        for layer in networks[0]
        for node in layer["teachers"]
    ]
    _terminal.print_table(["layer", "teacher", "best student", "correlation", "assigned", "correlation"], rows)
    for layer in networks[0]:
        students = layer["students"]
        counts = {name: sum(node[name] for node in students) for name in ("aligned", "dead", "linear")}
        typer.echo(
            f"layer {layer['layer']}: coverage {layer['coverage']:.3f} at {threshold:g}, mean best correlation "
            f"{layer['mean_best_correlation']:.4f}; of {len(students)} students {counts['aligned']} are aligned, "
            f"{counts['dead']} never fire, {counts['linear']} always do"
        )
    typer.echo(f"{facts['samples']} inputs")


def _assigned(node: dict[str, Any]) -> list[str]:
    if node["assigned_student"] < 0:
        return ["none", ""]
    return [str(node["assigned_student"]), f"{node['assigned_correlation']:.4f}"]
