"""From what a person writes, a TOML file and ``name=value`` settings, to a resolved configuration of theory or chain.

One file serves both verbs: ``until`` and ``save_at`` at the top, the tables ``[machine]``, ``[rule]`` and
``[start]``, and what only one verb needs under ``[solve]`` and ``[simulate]``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from practicum.disk.regular import read_bounded
from practicum.disk.texts import plain_toml
from practicum.errors import ParameterError
from practicum.runs.config import SimulateConfig, SolveConfig
from practicum.runs.starts import RECIPES, start_from
from practicum.theory.machines import Committee, LearningRule
from practicum.values import nearest

Kind = Literal["solve", "simulate"]
Tables = dict[str, dict[str, Any]]
Known = Mapping[str, tuple[str, ...]]

LARGEST = 2**22
"""Most bytes of a TOML file; order parameters of a hundred nodes, written out, take a tenth."""

_TOP = ("until", "save_at")
_SHARED = {"revision", "kind", "machine", "rule", "start", *_TOP}
KNOWN: dict[str, tuple[str, ...]] = {
    "": _TOP,
    "machine": tuple(Committee.model_fields),
    "rule": tuple(LearningRule.model_fields),
    "start": ("kind", *dict.fromkeys(name for names in RECIPES.values() for name in names)),
    "solve": tuple(name for name in SolveConfig.model_fields if name not in _SHARED),
    "simulate": tuple(name for name in SimulateConfig.model_fields if name not in _SHARED),
}
"""Table names ("" is the top of the file) and the names each understands."""

SHARED_TABLES = ("", "machine", "rule", "start")
"""What both verbs read; the others are named after the verb."""

_EXAMPLES = {"students": "3", "teachers": "3", "learning_rate": "0.1", "dimension": "1000"}


def configuration(kind: Kind, file: Path | None = None, settings: Iterable[str] = ()) -> SolveConfig | SimulateConfig:
    """The resolved configuration of a run.

    Main arguments:
        kind: the verb, ``"solve"`` or ``"simulate"``.
        file: a TOML file; settings alone are enough without one.
        settings: ``"name=value"`` texts that go before the file; a name may be dotted (``rule.learning_rate``) or
            bare where only one table knows it, a value is written as in TOML (quotes around text may be left out).

    Raises:
        ParameterError: the file cannot be read, a name is unknown or ambiguous, a value is missing or out of range.
    """
    content = {} if file is None else read_toml(file)
    return resolve(kind, content, [parse(setting) for setting in settings], str(file))


def resolve(
    kind: Kind, content: Mapping[str, Any], settings: Iterable[tuple[str, Any]] = (), source: str = "the tables"
) -> SolveConfig | SimulateConfig:
    """The resolved configuration of tables as a TOML file has them, and of names with values that go before them.

    Main arguments:
        source: what messages call the tables.

    Raises:
        ParameterError: as :func:`configuration` does.
    """
    tables = sort_tables(content, KNOWN, source)
    for name, value in settings:
        table, key = _locate(kind, name)
        tables[table][key] = value
        if (table, key) == ("start", "kind"):  # another recipe makes the file's numbers for the old one void
            known = ("kind", *RECIPES.get(str(value).replace("_", "-"), KNOWN["start"]))
            tables["start"] = {name: kept for name, kept in tables["start"].items() if name in known}
    return _build(kind, tables)


def read_toml(file: Path) -> dict[str, Any]:
    """What a TOML file says, its names unchecked.

    Raises:
        ParameterError: the file is missing or not TOML.
    """
    try:
        return plain_toml(read_bounded(file, LARGEST).decode())
    except OSError as error:
        raise ParameterError(f"The file {file} cannot be read: {(error.strerror or str(error)).lower()}.") from None
    except UnicodeDecodeError:
        raise ParameterError(f"The file {file} is not text in UTF-8, as TOML must be.") from None
    except ValueError as error:
        raise ParameterError(f"The file {file} is not valid TOML: {error}.") from None


def sort_tables(content: Mapping[str, Any], known: Known, source: str) -> Tables:
    """The tables of a TOML file, copied, every name checked; what stands at the top is the table "".

    Main arguments:
        known: names of tables ("" is the top of the file) and the names each understands.
        source: what messages call the file.

    Raises:
        ParameterError: a name is unknown, or a table is none.
    """
    tables: Tables = {name: {} for name in known}
    for name, value in content.items():
        if name and name in known and isinstance(value, dict):
            tables[name] = dict(value)
        elif name in known and name:
            raise ParameterError(
                f"The name '{name}' in {source} must be a table: write [{name}]. Got {value!r:.60} instead."
            )
        else:
            tables[""][name] = value
    for table, values in tables.items():
        for name in values:
            if name not in known[table]:
                where = f"The table [{table}]" if table else "The top"
                raise ParameterError(f"{where} of {source} has no parameter '{name}'.{_hint(table, name, known)}")
    return tables


def _hint(table: str, name: str, known: Known) -> str:
    if not table and name in ("kind", "sweep"):
        return " Files with 'kind' or a table [sweep] are for practicum sweep."
    homes = [other for other, names in known.items() if name in names]
    if homes:
        return " It belongs " + " or ".join(f"under [{home}]" if home else "at the top" for home in homes) + "."
    tables = [other for other in known if other] if not table else []
    return nearest(name, [*known[table], *tables]) or f" It knows {', '.join([*known[table], *tables])}."


def parse(setting: str) -> tuple[str, Any]:
    """The name and the value of a ``name=value`` text.

    Raises:
        ParameterError: it is none, or the value is a list without brackets.
    """
    name, equals, text = (part.strip() for part in setting.partition("="))
    if not equals or not name or not text:
        raise ParameterError(
            f"A setting must read name=value, such as --set learning_rate=0.5. Got {setting!r:.80} instead."
        )
    try:
        document = plain_toml(f"value = {text}")
    except tomllib.TOMLDecodeError:  # a word without quotes
        document = {}
    except ValueError:
        raise ParameterError(
            f"The value of --set {name:.60} must be a whole number below 2^64, a number with a decimal point, or lists "
            f"of them that are not nested deeply. Got {text!r:.80} instead."
        ) from None
    if list(document) == ["value"]:
        return name, document["value"]
    if text[0] in "[{\"'":
        raise ParameterError(
            f"The value of --set {name} is not valid TOML. Got {text!r:.80} instead; inside brackets write 0.5, not "
            ".5, and put text in quotes."
        )
    if "," in text:
        raise ParameterError(
            f"The setting '{name}' takes one value a run. Got the list {text!r:.80} instead; practicum sweep takes "
            f"such lists, and for a parameter that is itself a list write --set '{name}=[{text:.80}]'."
        )
    return name, text


def locate(verb: str, name: str, known: Known) -> tuple[str, str]:
    """The table and the name in it that a dotted or bare name means.

    Main arguments:
        verb: for the sentence, such as "solve".
        known: the tables that the verb has.

    Raises:
        ParameterError: the name is unknown or ambiguous.
    """
    table, dot, key = name.rpartition(".")
    if dot:
        if table in known and table and key in known[table]:
            return table, key
    else:
        homes = [table for table, names in known.items() if name in names]
        if len(homes) == 1:
            return homes[0], name
        if homes:
            candidates = " or ".join(f"{home}.{name}" if home else name for home in homes)
            raise ParameterError(f"The name '{name}' is ambiguous: write {candidates}.")
    bare = [key for names in known.values() for key in names]
    dotted = [f"{table}.{key}" if table else key for table, names in known.items() for key in names]
    hint = nearest(name, dotted if dot else bare) or f" It knows {', '.join(dotted)}."
    raise ParameterError(f"{verb} has no parameter '{name}'.{hint}")


def _locate(kind: Kind, name: str) -> tuple[str, str]:
    other = "simulate" if kind == "solve" else "solve"
    table, _, key = name.rpartition(".")
    if key in KNOWN[other] and table in ("", other) and not (not table and key in KNOWN[kind]):
        raise ParameterError(f"The parameter '{name}' belongs to practicum {other}, not to practicum {kind}.")
    return locate(kind, name, {table: names for table, names in KNOWN.items() if table != other})


def _build(kind: Kind, tables: Tables) -> SolveConfig | SimulateConfig:
    required = [("machine", "students"), ("machine", "teachers"), ("rule", "learning_rate")]
    if kind == "simulate":
        required.append(("simulate", "dimension"))
    for table, name in required:
        if name not in tables[table]:
            example = f"{name}={_EXAMPLES[name]}"
            raise ParameterError(
                f"{kind} needs the parameter '{name}', which was not given: add --set {example}, "
                f"or {example.replace('=', ' = ')} under [{table}] of a TOML file."
            )
    machine, rule = Committee(**tables["machine"]), LearningRule(**tables["rule"])
    recipe = dict(tables["start"])
    recipe.setdefault("kind", "explicit" if isinstance(recipe.get("Q"), list) else "random")
    start = start_from(recipe, machine.students, machine.teachers)
    build = SolveConfig if kind == "solve" else SimulateConfig
    return build(machine=machine, rule=rule, start=start, **tables[""], **tables[kind])
