"""From a TOML file and ``name=value`` settings to the configuration of a training.

Tables ``[teacher]``, ``[inputs]``, ``[students]``, ``[training]`` and ``[regime]``, and the rest at the top.
``kind`` says which teacher, which input law and which regime; without one there is no regime. The inputs are as many as
the teacher's unless the file says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from practicum.errors import ParameterError
from practicum.networks.inputs import (
    GaussianInputs,
    ImageInputs,
    LowRankInputs,
    PatchInputs,
    TeacherAgnosticInputs,
    TeacherAwareInputs,
    UniformInputs,
)
from practicum.networks.settings import Training
from practicum.networks.students import Students
from practicum.networks.teachers import BalancedTeacher, ImageTeacher, SeparatedTeacher
from practicum.robustness.regimes.kinds import KINDS
from practicum.runs.settings import Tables, locate, parse, read_toml, sort_tables
from practicum.runs.training import TrainConfig
from practicum.values import nearest

_KINDS: dict[str, dict[str, Any]] = {
    "teacher": {
        str(kind.model_fields["kind"].default): kind for kind in (SeparatedTeacher, BalancedTeacher, ImageTeacher)
    },
    "inputs": {
        str(kind.model_fields["kind"].default): kind
        for kind in (
            GaussianInputs,
            UniformInputs,
            LowRankInputs,
            TeacherAwareInputs,
            TeacherAgnosticInputs,
            ImageInputs,
            PatchInputs,
        )
    },
    "regime": {str(kind.model_fields["kind"].default): kind for kind in KINDS},
}
_ATTACK = "regime.attack."
_MOMENTS = {
    "mnist": {"mean": 0.1307, "deviation": 0.3081},
    "cifar-10": {"mean": (0.4914, 0.4822, 0.4465), "deviation": (0.2470, 0.2435, 0.2616)},
    "digits": {"mean": 0.0, "deviation": 1.0},
}
"""Of the training images, by which pixels are normalised; those of Fashion-MNIST are the image teacher's own."""

_OTHERS: dict[str, tuple[str, ...]] = {
    "": tuple(
        name
        for name in TrainConfig.model_fields
        if name not in ("revision", "kind", "teacher", "students", "inputs", "training", "regime")
    ),
    "students": tuple(name for name in Students.model_fields if name != "kind"),
    "training": tuple(name for name in Training.model_fields if name != "kind"),
}


def training_configuration(file: Path | None = None, settings: Iterable[str] = ()) -> TrainConfig:
    """The resolved configuration of a training.

    Main arguments:
        file: a TOML file; settings alone are enough without one.
        settings: ``"name=value"`` texts that go before the file; names are dotted (``training.learning_rate``) or bare
            where only one table knows them.

    Raises:
        ParameterError: the file cannot be read, a name is unknown or ambiguous, a value is out of range, or values do
            not fit each other.
    """
    content = {} if file is None else read_toml(file)
    return resolve(content, [parse(setting) for setting in settings], str(file))


def resolve(
    content: Mapping[str, Any], settings: Iterable[tuple[str, Any]] = (), source: str = "the tables"
) -> TrainConfig:
    """The resolved configuration of tables as a TOML file has them, and of names with values that go before them.

    Main arguments:
        source: what messages call the tables.

    Raises:
        ParameterError: as :func:`training_configuration` does.
    """
    every = {
        table: tuple(dict.fromkeys(n for kind in kinds.values() for n in kind.model_fields))
        for table, kinds in _KINDS.items()
    }
    tables = sort_tables(content, {**_OTHERS, **every}, source)
    given = list(settings)
    for name, value in given:  # kinds first, because they say which other names there are
        table, _, key = name.rpartition(".")
        if key == "kind" and table in _KINDS and value != tables[table].get("kind"):
            tables[table] = {k: v for k, v in tables[table].items() if k in _fields(table, {"kind": value})}
            tables[table]["kind"] = value
    _choose_inputs(tables)
    known = {**_OTHERS, **{table: _fields(table, tables[table]) for table in _KINDS}}
    for name, value in given:
        if name.startswith("regime.") and "kind" not in tables["regime"]:
            raise _no_kind(f"The setting '{name}'")
        if name.startswith(_ATTACK) and "attack" in known["regime"]:
            _inner(tables["regime"])[name.removeprefix(_ATTACK)] = value
            continue
        table, key = locate("train", name, known)
        tables[table][key] = value
    return _build(tables)


def _fields(table: str, values: dict[str, Any]) -> tuple[str, ...]:
    """The names that a table understands, given its kind."""
    kinds = _KINDS[table]
    if table == "regime" and "kind" not in values:
        if values:
            raise _no_kind("The table [regime]")
        return ("kind",)
    kind = values.get("kind", next(iter(kinds)))
    if not isinstance(kind, str) or kind not in kinds:
        raise ParameterError(
            f"The '{table}.kind' must be one of {', '.join(kinds)}. Got {kind!r:.60} instead."
            f"{nearest(str(kind), list(kinds))}"
        )
    return tuple(kinds[kind].model_fields)


def _no_kind(what: str) -> ParameterError:
    return ParameterError(
        f"{what} needs a kind of regime, because it says which parameters there are: {', '.join(_KINDS['regime'])}; as "
        'in --regime adversarial or kind = "adversarial" under [regime].'
    )


def _inner(regime: dict[str, Any]) -> dict[str, Any]:
    """The table of the attack of a regime, a copy in its place."""
    regime["attack"] = dict(regime["attack"]) if isinstance(regime.get("attack"), dict) else {}
    return regime["attack"]


def _choose_inputs(tables: Tables) -> None:
    """An image teacher comes with images."""
    if tables["teacher"].get("kind") == "image" and "kind" not in tables["inputs"]:
        tables["inputs"]["kind"] = "images"


def _build(tables: Tables) -> TrainConfig:
    teachers, laws = _KINDS["teacher"], _KINDS["inputs"]
    values = dict(tables["teacher"])
    law = dict(tables["inputs"])
    make_teacher = teachers[values.pop("kind", "separated")]
    make_law = laws[law.pop("kind", "gaussian")]
    if make_teacher is ImageTeacher and make_law is ImageInputs:
        # Teacher and students see the same images, wherever they are named.
        seen = _seen({**_table(values.pop("inputs", {})), **law})
        return TrainConfig(**_rest(tables), teacher=ImageTeacher(inputs=seen, **values), inputs=seen)
    if make_teacher is ImageTeacher and make_law is PatchInputs:
        seen = _seen(_table(values.pop("inputs", {})))
        return TrainConfig(
            **_rest(tables), teacher=ImageTeacher(inputs=seen, **values), inputs=PatchInputs(**{**_like(seen), **law})
        )
    teacher = make_teacher(**values)
    if make_law not in (ImageInputs, PatchInputs):
        law.setdefault("dimension", getattr(teacher.inputs, "dimension", teacher.inputs))
    return TrainConfig(**_rest(tables), teacher=teacher, inputs=make_law(**law))


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ParameterError(
            f"The 'inputs' of an image teacher must be a table such as {{name = \"digits\"}}. Got {value!r:.60} "
            "instead."
        )
    return value


def _seen(given: dict[str, Any]) -> ImageInputs:
    """The images of an image teacher, normalised by their own moments unless others are given."""
    default = ImageTeacher.model_fields["inputs"].default
    moments = _MOMENTS.get(given.get("name", default.name), {})
    return ImageInputs(**{**default.model_dump(), **moments, **given})


def _like(images: ImageInputs) -> dict[str, Any]:
    """Parameters of patches that a teacher of these images can take."""
    channels, size, _ = images.replace(flat=False).shape
    same = {name: getattr(images, name) for name in ("flat", "mean", "deviation")}
    return {**same, "size": size, "colour": channels == 3}


def _rest(tables: Tables) -> dict[str, Any]:
    students, training = Students(**tables["students"]), Training(**tables["training"])
    return {**tables[""], "students": students, "training": training, "regime": tables["regime"] or None}


def names_known() -> set[str]:
    """Every name of a table or a parameter that a training of some kind understands."""
    tables = {**_OTHERS, **dict.fromkeys(_KINDS, ())}
    fields = {name for kinds in _KINDS.values() for kind in kinds.values() for name in kind.model_fields}
    return {*tables, *(name for names in tables.values() for name in names), *fields}
