"""What the phases are defined for, said in one sentence each."""

from __future__ import annotations

from practicum.errors import ParameterError
from practicum.theory.machines import Committee, LearningRule


def check_machine(machine: Committee, what: str) -> None:
    """The machine is an erf committee."""
    if not isinstance(machine, Committee):
        raise ParameterError(f"The 'machine' parameter of {what} must be a Committee. Got {machine!r:.80} instead.")
    if machine.activation != "erf":
        raise ParameterError(
            f"The 'machine' parameter of {what} must have activation='erf', because adaptive back-propagation and its "
            f"phases are defined for erf. Got activation={machine.activation!r} instead; solve() integrates the flow "
            "of any activation."
        )


def check_rule(rule: LearningRule, what: str) -> None:
    """The rule keeps the fan-outs fixed."""
    if not isinstance(rule, LearningRule):
        raise ParameterError(f"The 'rule' parameter of {what} must be a LearningRule. Got {rule!r:.80} instead.")
    if rule.fan_out_learning_rate != 0:
        raise ParameterError(
            f"The 'rule' parameter of {what} must have fan_out_learning_rate=0, because the phases are those of a soft "
            f"committee, whose fan-outs stay 1. Got {rule.fan_out_learning_rate:g} instead; solve() trains both layers."
        )
    if not 1e-12 <= rule.inverse_temperature <= 1e12:
        raise ParameterError(
            f"The 'inverse_temperature' parameter of {what} must lie between 1e-12 and 1e12, because rounding leaves "
            f"no digits of the spectrum outside. Got {rule.inverse_temperature:g} instead; solve() takes any."
        )


def check_plateau(machine: Committee, what: str) -> None:
    """There is something to tell apart, and someone to do it."""
    check_machine(machine, what)
    if machine.students < 2 or machine.teachers < 2:
        raise ParameterError(
            f"The 'machine' parameter of {what} needs at least 2 students and 2 teachers, because a plateau is the "
            "state in which students cannot tell teachers apart. "
            f"Got {machine.students} and {machine.teachers} instead."
        )


def check_convergence(machine: Committee, what: str) -> None:
    """Each student has a teacher of its own."""
    check_machine(machine, what)
    if machine.students != machine.teachers:
        raise ParameterError(
            f"The 'machine' parameter of {what} must have as many students as teachers, because the phase is the "
            f"neighbourhood of Q = R = T. Got {machine.students} students and {machine.teachers} teachers instead; "
            "solve() follows any K and M."
        )
