"""Which runs: a condition on their settings and on what became of them, ``students > 3 and status == 'ok'``.

It is read with Python's own grammar, of which only comparisons are taken, and never run.
"""

from __future__ import annotations

import ast
import json
import operator
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from practicum.errors import ParameterError
from practicum.values import nearest

if TYPE_CHECKING:
    from practicum.runs.index import Entry

    Settings = Callable[[Entry], dict[str, Any]]

COLUMNS = ("id", "K", "M", "eta", "beta", "N", "until", "status", "size", "time")
"""Names that every run has, beside its settings; of a run that has a setting of the same name, that is meant."""

_LONGEST = 1000
_MISSING = object()
_CONSTANTS = {"true": True, "false": False, "none": None}
_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def settings_of(entry: Entry) -> dict[str, Any]:
    """The settings of a run by dotted name."""
    return json.loads(entry.settings)


def matching(condition: str, entries: Iterable[Entry], settings: Settings = settings_of) -> list[Entry]:
    """The runs of which a condition is true, in their order.

    Main arguments:
        condition: comparisons (also chained, ``2 < students <= 8``, and ``in [2, 3]``, ``'diverged' in status``) of
            names with numbers, texts in quotes, true, false and none; joined by and, or, not and brackets. A name is
            that of a setting, bare (``learning_rate``) or dotted (``rule.learning_rate``), or one of :data:`COLUMNS`.
            A run that has no such setting makes the comparison false.

    Other arguments:
        settings: in place of :func:`settings_of`, for who has them read already.

    Raises:
        ParameterError: the condition is none, or no run has a setting of such a name, or one has several.
    """
    tree = _parsed(condition)
    found = [(entry, settings(entry)) for entry in entries]
    _require_known(_names(tree), {name for _, values in found for name in values})
    return [entry for entry, values in found if _true(tree, partial(_look_up, entry.row, values))]


def sorted_by(name: str, entries: Iterable[Entry], settings: Settings = settings_of) -> list[Entry]:
    """The runs by a column or a setting, the smallest first; those that do not have it come last.

    Main arguments:
        name: as in a condition; with a minus before it the largest comes first.

    Other arguments:
        settings: as of :func:`matching`.

    Raises:
        ParameterError: no run has a setting of such a name, or one has several.
    """
    falling, name = name.startswith("-"), name.removeprefix("-")
    found = [(entry, settings(entry)) for entry in entries]
    _require_known({name}, {known for _, values in found for known in values})
    keyed = [(_look_up(entry.row, values, name), entry) for entry, values in found]
    has = [(value, entry) for value, entry in keyed if value is not _MISSING and value is not None]
    # Numbers stand before texts, which are in no order with them.
    has.sort(key=lambda pair: (isinstance(pair[0], str), pair[0]), reverse=falling)
    return [entry for _, entry in has] + [entry for value, entry in keyed if value is _MISSING or value is None]


def _parsed(condition: str) -> ast.expr:
    """The condition as a tree that holds nothing but what is allowed."""
    condition = condition.strip()
    if len(condition) > _LONGEST:
        raise ParameterError(f"A condition has {_LONGEST} characters at most. Got {len(condition)} instead.")
    try:
        with warnings.catch_warnings():  # which Python gives to who programs, such as of 3and
            warnings.simplefilter("ignore")
            tree = ast.parse(condition, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = " Equality is written ==." if "=" in condition and "==" not in condition else ""
        raise ParameterError(
            f"A condition must read like \"students > 3 and status == 'ok'\". Got {condition!r:.80} instead.{hint}"
        ) from None
    stranger = _stranger(tree)
    if stranger is not None:
        raise ParameterError(
            "A condition compares settings with numbers, texts in quotes, lists, true, false and none, and joins "
            f"comparisons by and, or and not. Got {ast.get_source_segment(condition, stranger)!r:.80} instead."
        )
    return tree


def _stranger(node: ast.expr) -> ast.expr | None:
    """The first part that is no truth value made of comparisons and names; None if all are."""
    if isinstance(node, ast.BoolOp):
        return next(filter(None, map(_stranger, node.values)), None)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _stranger(node.operand)
    if not isinstance(node, ast.Compare):
        return None if _name(node) else node
    values = [node.left, *node.comparators]
    for left, compared, right in zip(values, node.ops, values[1:]):
        belongs = isinstance(compared, (ast.In, ast.NotIn))
        several = right.elts if isinstance(right, (ast.List, ast.Tuple, ast.Set)) else None
        # After "in" stands a list or the name of a text, and a list stands nowhere else.
        fits = belongs == (several is not None) or (belongs and _name(right))
        if not fits or isinstance(compared, (ast.Is, ast.IsNot)):
            return node
        for value in (left, *([right] if several is None else several)):
            if not _name(value) and _constant(value) is _MISSING:
                return value
    return None


def _name(node: ast.expr) -> str:
    """The name, dotted or bare, that a node is; nothing for another node."""
    if isinstance(node, ast.Name) and node.id.lower() not in _CONSTANTS:
        return node.id
    if isinstance(node, ast.Attribute) and (before := _name(node.value)):
        return f"{before}.{node.attr}"
    return ""


def _constant(node: ast.expr) -> Any:
    """The value that a node is; `_MISSING` for another node."""
    if isinstance(node, ast.Name):
        return _CONSTANTS.get(node.id.lower(), _MISSING)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value: Any = node.operand.value if isinstance(node.operand, ast.Constant) else None
        return _MISSING if not _numbers(value) else -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, (bool, int, float, str))):
        return node.value
    return _MISSING


def _names(tree: ast.expr) -> set[str]:
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    found = {_name(node) for node in ast.walk(tree) if isinstance(node, ast.expr) and id(node) not in inner}
    return found - {""}


def _require_known(names: set[str], settings: set[str]) -> None:
    bare = {name.rpartition(".")[2] for name in settings}
    for name in sorted(names if settings else ()):  # without any run that can be read, nobody knows
        if name in COLUMNS or name in settings or any(known.endswith(f".{name}") for known in settings):
            continue
        hint = nearest(name, sorted(settings) if "." in name else sorted({*COLUMNS, *bare}))
        raise ParameterError(
            f"No run here has a setting '{name}'.{hint or ' practicum runs show ID prints those of a run.'} "
            "Text stands in quotes: status == 'ok'."
        )


def _look_up(row: dict[str, Any], settings: dict[str, Any], name: str) -> Any:
    """What a name means for one run: a setting of this name, a column, or the setting that ends in it."""
    if name in settings:
        return settings[name]
    if name in COLUMNS:
        return _MISSING if row[name] is None else row[name]
    homes = sorted(known for known in settings if known.endswith(f".{name}"))
    if len(homes) > 1:
        raise ParameterError(f"The name '{name}' is ambiguous: write {' or '.join(homes)}.")
    return settings[homes[0]] if homes else _MISSING


def _true(node: ast.expr, look_up: Callable[[str], Any]) -> bool:
    if isinstance(node, ast.BoolOp):
        return (all if isinstance(node.op, ast.And) else any)(_true(part, look_up) for part in node.values)
    if isinstance(node, ast.UnaryOp):
        return not _true(node.operand, look_up)
    if isinstance(node, ast.Compare):
        values = [_value(part, look_up) for part in (node.left, *node.comparators)]
        return all(_compared(op, left, right) for left, op, right in zip(values, node.ops, values[1:]))
    return look_up(_name(node)) is True


def _value(node: ast.expr, look_up: Callable[[str], Any]) -> Any:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [_value(part, look_up) for part in node.elts]
    name = _name(node)
    return look_up(name) if name else _constant(node)


def _compared(op: ast.cmpop, left: Any, right: Any) -> bool:
    if left is _MISSING or right is _MISSING:
        return False
    if isinstance(op, (ast.In, ast.NotIn)):
        inside = left in right if isinstance(right, list) or _texts(left, right) else False
        return inside is isinstance(op, ast.In)
    if isinstance(op, (ast.Eq, ast.NotEq)):
        return (left == right) is isinstance(op, ast.Eq)
    # Different kinds of value, such as the widths "20-10" of a network and a number, are in no order.
    return (_texts(left, right) or _numbers(left, right)) and _ORDERS[type(op)](left, right)


def _texts(*values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
