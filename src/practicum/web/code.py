"""A problem as Python, as commands and as a settings file: three spellings of the same runs."""

from __future__ import annotations

from typing import Any

from practicum.web.problems import Problem


def code(problem: Problem) -> dict[str, str]:
    """``{python, command, toml}``; what has its default is left out, except in the start, where it is worth seeing."""
    machine, rule = (value.model_dump(exclude_defaults=True) for value in (problem.machine, problem.rule))
    return {
        "python": _python(problem, machine, rule),
        "command": _command(problem, machine, rule),
        "toml": _toml(problem, machine, rule),
    }


def _python(problem: Problem, machine: dict[str, Any], rule: dict[str, Any]) -> str:
    recipe = {**problem.recipe}
    build = {"random": "random", "near-symmetric": "near_symmetric"}[recipe.pop("kind")]
    return f"""\
from practicum import Committee, LearningRule, OrderParameters, simulate, solve

machine = Committee({_arguments(machine)})
rule = LearningRule({_arguments(rule)})
start = OrderParameters.{build}({problem.students}, {problem.teachers}, {_arguments(recipe)})

theory = solve(machine, rule, start, until={problem.until!r})
paths = simulate(machine, rule, start, dimension={problem.dimension}, until={problem.until!r}, seeds={problem.seeds})
"""


def _command(problem: Problem, machine: dict[str, Any], rule: dict[str, Any]) -> str:
    shared = {**machine, **rule, **{f"start.{name}": value for name, value in problem.recipe.items()}}
    shared["until"] = problem.until
    settings = " ".join(f"--set {name}={value}" for name, value in shared.items())
    return (
        f"practicum solve {settings}\n"
        f"practicum simulate {settings} --set dimension={problem.dimension} --set seeds={problem.seeds}\n"
    )


def _toml(problem: Problem, machine: dict[str, Any], rule: dict[str, Any]) -> str:
    simulate = {"dimension": problem.dimension, "seeds": problem.seeds}
    tables = {"machine": machine, "rule": rule, "start": problem.recipe, "simulate": simulate}
    parts = [f"until = {problem.until!r}\n"]
    for name, values in tables.items():
        lines = [f"{key} = {_quoted(value)}\n" for key, value in values.items()]
        parts.append(f"[{name}]\n{''.join(lines)}")
    return "\n".join(parts)


def _arguments(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
