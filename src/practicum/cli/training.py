"""``practicum train``: a TOML file and settings in, a stored training and a short table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from practicum.cli import _terminal
from practicum.cli.computing import SET
from practicum.disk.paths import expanded

if TYPE_CHECKING:
    import xarray as xr

    from practicum.networks.state import State
    from practicum.runs.config import RunConfig
    from practicum.runs.store import Store
    from practicum.runs.training import TrainConfig

FILE = typer.Argument(
    None,
    help="TOML file with tables teacher, students, inputs, training and regime; what it leaves out has a default.",
    show_default=False,
)
REGIME = typer.Option(
    None,
    "--regime",
    metavar="NAME",
    help="Learn from changed batches: adversarial, trades, ccat (each needs epsilon), noise (scale), or standard.",
    show_default=False,
)
NETWORKS = typer.Option(
    None,
    "--networks",
    help="Folder for teacher.safetensors and students.safetensors, for practicum specialization and other programs.",
    show_default=False,
)


def train(
    file: Path | None = FILE,
    settings: list[str] | None = SET,
    regime: str | None = REGIME,
    store: Path | None = _terminal.STORE,
    networks: Path | None = NETWORKS,
    json: bool = _terminal.JSON,
) -> None:
    """Train students of a teacher network, many seeds side by side, and follow who comes to resemble whom.

    A training that was interrupted or killed goes on from its last checkpoint when the same command is given again.

    Example: practicum train --set hidden=10 --set multiple=2 --set epochs=20 --set inputs.scale=1.5

    Example: practicum train --regime adversarial --set epsilon=0.1 --set regime.attack.norm=l2
    """
    from time import perf_counter

    from practicum.cli import _training
    from practicum.networks._torch import need_torch
    from practicum.runs.checkpoints import check_savable
    from practicum.runs.store import Store
    from practicum.runs.train_settings import training_configuration

    kind = [] if regime is None else [f"regime.kind={regime}"]
    config = training_configuration(file, [*(settings or []), *kind])
    need_torch()
    if networks is not None:
        check_savable(config, expanded(networks))
    place = Store(store)
    known = config in place
    began = perf_counter()
    done = _terminal.watched(_label(config), lambda report: _train(config, place, networks, report))
    path = place.path(config)
    if json:
        facts = _training.document(config.id, path, done["dataset"])
        files = [str(found.resolve()) for found in done["files"]]
        _terminal.print_json({**facts, "from_store": known, "resumed_at": done["resumed"], "networks": files})
        return
    _training.show(done["dataset"])
    origin = "read from the store" if known else f"computed in {perf_counter() - began:.1f} s and stored"
    if done["resumed"]:
        origin += f", after the {done['resumed']} epoch(s) of a checkpoint"
    typer.echo(f"run {config.id}, {origin}: {path}")
    for found in done["files"]:
        typer.echo(f"networks: {found}")
    if networks is not None:
        left = len(done["saved"])
        if left < len(config.seeds):
            typer.echo(f"Only {left} of {len(config.seeds)} seeds are in the files: the others diverged.")


def _train(config: TrainConfig, store: Store, networks: Path | None, report: _terminal.Report) -> dict[str, Any]:
    """The dataset, and what was written besides."""
    from practicum.runs.checkpoints import save_trained
    from practicum.runs.execute import execute

    found: dict[str, Any] = {"resumed": 0, "files": [], "saved": []}
    last: list[State] = []

    def compute(config: RunConfig, *, save: Any, resume: State | None) -> xr.Dataset:
        if resume is not None:
            found["resumed"] = resume.epoch
            last[:] = [resume]

        def both(state: State) -> None:
            if networks is not None:
                last[:] = [state]
            save(state)

        return execute(config, progress=lambda fraction: report(_label(config), fraction), save=both, resume=resume)

    found["dataset"] = store.run(config, compute)
    if networks is not None:
        if not last:  # the run was stored already, and the store keeps no weights: train again, to the same bits
            store.compute(config, compute)
            store.checkpoint(config).remove()
        found["files"], found["saved"] = save_trained(config, last[0], networks)
    return found


def _label(config: Any) -> str:
    widths = "-".join(map(str, config.student_widths))
    theirs = "-".join(map(str, config.teacher_widths))
    return f"training {widths} students of {theirs} teachers, {len(config.seeds)} seed(s)"
