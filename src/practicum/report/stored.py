"""The report of stored runs: one section a run, and their learning curves side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from practicum.citations import bibtex, entries
from practicum.errors import ParameterError, StorageError
from practicum.report import document
from practicum.report.curves import curve_of, learning_curve, side_by_side
from practicum.report.settings import rows, text
from practicum.runs.rows import describe_status

if TYPE_CHECKING:
    import xarray as xr

    from practicum.runs.folder import Folder

_TEMPLATE = "runs.html.j2"
_MOST_TOGETHER = 24
_MOST_STUDENTS = 12


def of_runs(store: Folder, ids: Iterable[str] = (), folder: str | Path | None = None) -> Path:
    """Write ``runs.html``, a page with one section a run, and return its path.

    Main arguments:
        store: where the runs are.
        ids: which, by the first digits of their ids, in the order of the page; all of the store if none is given.

    Other arguments:
        folder: where to write; the folder of the store if not given.

    A run whose file is damaged has a section that says so. Solutions and simulations show their settings, status,
    learning curve and overlaps (those of the first seed), trainings loss and coverage; a part of a study shows its
    settings and what it holds.
    A page that shows the same runs already is left as it is.

    Raises:
        ParameterError: the store holds no run.
        StorageError: there is no such run, or the page cannot be written.
    """
    runs = _loaded(store, ids)
    path = Path(folder or store.folder) / "runs.html"
    digest = _digest(runs)
    if not document.is_current(path, digest):
        document.write_whole(path, document.render(_TEMPLATE, digest, _values(runs)))
    return path


def page_of_runs(store: Folder, ids: Iterable[str]) -> str:
    """The text of the page that :func:`of_runs` writes.

    Raises:
        ParameterError, StorageError: as :func:`of_runs`.
    """
    runs = _loaded(store, ids)
    return document.render(_TEMPLATE, _digest(runs), _values(runs))


def _loaded(store: Folder, ids: Iterable[str]) -> list[Loaded]:
    wanted = list(dict.fromkeys(store.find(prefix) for prefix in ids)) or store.ids()
    if not wanted:
        raise ParameterError(
            f"A report needs at least one run, and {store.folder} holds none; make one with practicum solve."
        )
    return [_load(store, run) for run in wanted]


def _digest(runs: list[Loaded]) -> str:
    return document.digest_of(
        [[run, problem, None if data is None else document.digest_of_data(data)] for run, data, problem in runs]
    )


Loaded = tuple[str, "xr.Dataset | None", str]


def _load(store: Folder, run: str) -> Loaded:
    try:
        return run, store.load(run), ""
    except StorageError as error:
        return run, None, str(error)


def _values(runs: list[Loaded]) -> dict[str, Any]:
    configs = {run: _config(data) for run, data, _ in runs if data is not None}
    keys = [key for _, data, _ in runs if data is not None for key in str(data.attrs.get("cite", "")).split(",")]
    return {
        "title": "One stored run" if len(runs) == 1 else f"{len(runs)} stored runs",
        "together": together(runs, configs),
        "runs": [_section(run, data, problem, configs.get(run, {})) for run, data, problem in runs],
        "citations": bibtex(key for key in keys if key in entries()),
        "command": " ".join(["practicum report", *(run for run, _, _ in runs)]) if len(runs) <= 12 else "",
    }


def _config(data: xr.Dataset) -> dict[str, Any]:
    found = json.loads(data.attrs.get("config", "{}"))
    return found if isinstance(found, dict) else {}


def _section(run: str, data: xr.Dataset | None, problem: str, config: Mapping[str, Any]) -> dict[str, Any]:
    if data is None:
        return {"id": run, "heading": "damaged", "problem": problem, "facts": [], "settings": [], "figures": []}
    facts = [("kind", str(data.attrs.get("kind", "unknown"))), ("status", _status(data))]
    if "alpha_end" in data.coords:
        ends = np.unique(data["alpha_end"].values)
        facts.append(("ended at α", text(float(ends[0])) if ends.size == 1 else f"{ends[0]:g} to {ends[-1]:g}"))
    if "generalization_error" in data:
        _, mean, _ = curve_of(data)
        reached = mean[np.isfinite(mean)]
        facts.append(("last generalization error", text(float(reached[-1])) if reached.size else "none"))
    elif config.get("kind") == "train" and "loss" in data:
        facts += _ends(data)
    else:
        held = ", ".join(f"{name} ({', '.join(map(str, data[name].dims))})" for name in data.data_vars)
        facts.append(("holds", held or "nothing"))
    facts.append(("computed on", str(data.attrs.get("architecture", "unknown"))))
    settings = rows({name: value for name, value in config.items() if name not in ("kind", "revision")})
    return {
        "id": run,
        "heading": _heading(config) or str(data.attrs.get("kind", "run")),
        "problem": "",
        "facts": facts,
        "settings": settings,
        "figures": list(_figures(run, data)),
    }


def _status(data: xr.Dataset) -> str:
    return describe_status(data["status"].values) if "status" in data.variables else "ok"


def _ends(data: xr.Dataset) -> list[tuple[str, str]]:
    """What the seeds of a training came to, those that diverged left out."""
    last = data.isel(step=-1)
    loss = last["loss"].values[np.isfinite(last["loss"].values)]
    found = over_layers(last)["coverage"].values
    found = found[np.isfinite(found)]
    return [
        ("ended after epoch", text(int(last["epoch"]))),
        ("median held-out loss", text(float(np.median(loss))) if loss.size else "none"),
        ("mean coverage", text(float(np.mean(found))) if found.size else "none"),
    ]


def over_layers(data: xr.Dataset) -> xr.Dataset:
    """Coverage as its mean over layers, at its first threshold."""
    coverage = data["coverage"].isel(threshold=0) if "threshold" in data["coverage"].dims else data["coverage"]
    return data.assign(coverage=coverage.mean("layer", skipna=False))


def _heading(config: Mapping[str, Any]) -> str:
    if config.get("kind") == "study":
        return f"{config.get('study')}: {config.get('part')}"
    if config.get("kind") == "train":
        return _heading_of_training(config)
    machine, rule = config.get("machine"), config.get("rule")
    if not (isinstance(machine, Mapping) and isinstance(rule, Mapping)):
        return ""
    words = [
        f"K = {text(machine.get('students'))}",
        f"M = {text(machine.get('teachers'))}",
        f"η = {text(rule.get('learning_rate'))}",
        f"β = {text(rule.get('inverse_temperature'))}",
    ]
    if "dimension" in config:
        words.append(f"N = {text(config['dimension'])}")
    return f"{config.get('kind', 'run')}, {', '.join(words)}"


def _heading_of_training(config: Mapping[str, Any]) -> str:
    teacher, students, training = (config.get(name, {}) for name in ("teacher", "students", "training"))
    widths = students.get("widths")
    wide = f"students {students.get('multiple')}×" if widths is None else f"students of {text(widths)} nodes"
    theirs = teacher.get("hidden", teacher.get("widths"))
    teachers = f"{teacher.get('kind')} teacher of {text(theirs)} nodes"
    return f"train, {teachers}, {wide}, {training.get('optimizer')} η = {text(training.get('learning_rate'))}"


def _figures(run: str, data: xr.Dataset) -> Iterable[dict[str, Any]]:
    from practicum import figures
    from practicum.report.embed import inline

    def item(part: str, caption: str, figure: Any) -> dict[str, Any]:
        name = f"run-{run}-{part}"
        svg = inline(figure, name, f"{part.replace('-', ' ')} of run {run}", f"{name}-caption")
        return {"anchor": name, "caption": caption, "svg": svg, "number": None, "claims": []}

    if "generalization_error" not in data:
        if data.attrs.get("kind") == "train" and data.sizes.get("step", 0) > 1:
            seeds = data.sizes["seed"]
            said = f"Held-out loss and coverage{', mean over layers,' if data.sizes['layer'] > 1 else ''} over epochs"
            said += "." if seeds == 1 else f": median of {seeds} seeds, bands from the 10 % to the 90 % quantile."
            yield item("training", said, figures.training_curves(over_layers(data)))
        return
    curve = learning_curve(data)
    if curve is None:
        return
    seeds = data.sizes.get("seed", 0)
    said = "Learning curve." if not seeds else f"Learning curve: mean over {seeds} seeds, band: one standard error."
    yield item("learning-curve", said, figures.learning_curves(curve))
    one = data.isel(seed=0) if seeds else data
    if "Q" in one and "R" in one and one.sizes.get("student", 0) <= _MOST_STUDENTS:
        whose = f" of seed {one['seed'].item()}" if seeds else ""
        yield item("overlaps", f"Overlaps{whose}.", figures.overlaps(one.drop_vars("seed", errors="ignore")))


def together(runs: list[Loaded], configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """One figure of all learning curves, named by the settings in which the runs differ."""
    from practicum import figures
    from practicum.report.embed import inline

    found = {run: data for run, data, _ in runs if data is not None and learning_curve(data) is not None}
    if not 2 <= len(found) <= _MOST_TOGETHER:
        return None
    names = names_of({run: configs[run] for run in found})
    svg = inline(
        figures.learning_curves(side_by_side({names[run]: data for run, data in found.items()})),
        "together", "learning curves of all runs", "together-caption",
    )  # fmt: skip
    caption = "Learning curves of all runs, named by what they differ in; means over seeds where there are several."
    return {"anchor": "together", "caption": caption, "svg": svg, "number": None, "claims": []}


_SYMBOLS = {
    "rule.learning_rate": "η", "rule.inverse_temperature": "β", "machine.students": "K", "machine.teachers": "M",
    "machine.noise": "σ", "dimension": "N", "rule.weight_decay": "κ", "rule.batch_size": "B",
}  # fmt: skip


def names_of(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """A short name for each run: the settings that not all runs share, or the first digits of its id."""
    tables = {run: dict(rows(config)) for run, config in configs.items()}
    differing = [k for k in ("kind", *_SYMBOLS) if len({table.get(k) for table in tables.values()}) > 1]
    names = {}
    for run, table in tables.items():
        words = [f"{_SYMBOLS[k]} = {table[k]}" if k in _SYMBOLS else table[k] for k in differing if k in table]
        names[run] = ", ".join(words[:4])
    taken = list(names.values())
    return {
        run: name if name and taken.count(name) == 1 else f"{name} {run[:6]}".strip() for run, name in names.items()
    }
