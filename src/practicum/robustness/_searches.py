"""How each robust error is searched for: the attack that is given, with the loss and the judge that fit the error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from practicum.errors import ParameterError
from practicum.robustness.attacks.apgd import APGD, TargetedAPGD
from practicum.robustness.attacks.base import Attack
from practicum.robustness.attacks.worst import Worst

if TYPE_CHECKING:
    from torch import Tensor

    from practicum.robustness.attacks.losses import Objective

THOROUGH = APGD(steps=50, restarts=2)
"""The attack of a measurement if no other is given. On small classifiers it finds what PGD(steps=40, restarts=5) does,
in 60 % of its time, and up to a point less than Worst(); where two boundaries are close, more than PGD."""

_OF_LABELS = ("cross-entropy", "margin", "dlr", "confidence")


class RobustError(NamedTuple):
    """What an error is called, and what decides how it is searched for.

    Main arguments:
        long_name, units: of the labelled array.
        oracle: whether the teacher answers the perturbed input.
        squared: whether outputs are compared instead of classes.
        gated: whether only those perturbed inputs count on which the teacher is sure.
    """

    long_name: str
    units: str
    oracle: bool
    squared: bool = False
    gated: bool = False


ERRORS = {
    "fixed_label_error": RobustError(
        "share of inputs with a perturbation to which the student gives another class than the clean input has",
        "share of inputs",
        oracle=False,
    ),
    "oracle_error": RobustError(
        "share of inputs with a perturbation to which student and teacher give different classes",
        "share of inputs",
        oracle=True,
    ),
    "margin_gated_oracle_error": RobustError(
        "share of inputs with a perturbation to which student and teacher give different classes and on which the "
        "teacher's largest output exceeds its second by the margin or more",
        "share of inputs",
        oracle=True,
        gated=True,
    ),
    "fixed_squared_error": RobustError(
        "mean over inputs of the largest half squared difference of the student's outputs on a perturbed input from "
        "the teacher's on the clean one",
        "outputs squared, summed over outputs, halved",
        oracle=False,
        squared=True,
    ),
    "oracle_squared_error": RobustError(
        "mean over inputs of the largest half squared difference of the student's outputs from the teacher's on the "
        "same perturbed input",
        "outputs squared, summed over outputs, halved",
        oracle=True,
        squared=True,
    ),
}
"""The robust errors by name."""


class Search(NamedTuple):
    """One search: an attack, and the loss that it makes large, if that is none of those with a name."""

    attack: Attack
    objective: Objective | None = None


def searches(name: str, attack: Attack, margin: float = 0.0) -> list[Search]:
    """The searches for an error, of which the worst counts.

    Two networks disagree as soon as one of them leaves the answer of the other. To search for a place where the student
    does is not enough: where the teacher's boundary is nearer than the student's, it must be made to leave. Losses of
    probabilities are worse still: they are large where both networks are sure.
    """
    error = ERRORS[name]
    if error.squared:
        return [Search(adapted(attack, loss="mse", oracle=error.oracle, margin=0.0))]
    if not error.oracle:
        loss = attack.loss if attack.loss in _OF_LABELS else "cross-entropy"
        return [Search(adapted(attack, loss=loss, oracle=False, margin=0.0))]
    gate = margin if error.gated else 0.0
    value = adapted(attack, loss="margin", oracle=True, margin=gate)
    return [Search(value, student_leaves(gate)), Search(value, teacher_leaves)]


def student_leaves(margin: float) -> Objective:
    """The loss (S, R) that is positive where the student is wrong and the teacher sure by more than the margin.

    The lesser of two: by how much the student prefers another class than the teacher's, and by how much the teacher is
    surer than it must be. Their sum would be positive where only one of them is.
    """

    def loss(outputs: Tensor, theirs: Tensor | None, labels: Tensor | None) -> Tensor:
        assert theirs is not None
        theirs = theirs.expand(outputs.shape)
        right = theirs.argmax(-1, keepdim=True)
        others = outputs.scatter(-1, right, float("-inf")).amax(-1)
        return (others - outputs.gather(-1, right).squeeze(-1)).minimum(_surplus(theirs) - margin)

    return loss


def teacher_leaves(outputs: Tensor, theirs: Tensor | None, labels: Tensor | None) -> Tensor:
    """The loss (S, R) that is the teacher's margin, negative where its class is the student's."""
    assert theirs is not None
    theirs = theirs.expand(outputs.shape)
    sure = _surplus(theirs)
    return sure.where(theirs.argmax(-1) != outputs.argmax(-1), -sure)


def _surplus(outputs: Tensor) -> Tensor:
    """The largest output minus the second largest."""
    two = outputs.topk(2, -1).values
    return two[..., 0] - two[..., 1]


def adapted(attack: Attack, **changes: Any) -> Attack:
    """The attack with some parameters changed; of several attacks, each of them.

    Raises:
        ParameterError: a squared difference is to be made large by an attack that aims at classes.
    """
    if not isinstance(attack, Attack):
        raise ParameterError(
            f"The 'attack' must be a value such as PGD(norm='l2'). Got {attack!r:.60} instead; a new kind of attack is "
            "a subclass of practicum.robustness.attacks.base.Attack."
        )
    if isinstance(attack, Worst):
        kept = [each for each in attack.attacks if not _aims_at_classes(each, changes)]
        if not kept:
            raise _no_squares(attack)
        return Worst(attacks=tuple(adapted(each, **changes) for each in kept))  # pyright: ignore[reportArgumentType]
    if _aims_at_classes(attack, changes):
        raise _no_squares(attack)
    if isinstance(attack, TargetedAPGD):
        changes.pop("loss", None)
    return attack.replace(**changes)


def judged(attack: Attack | None, side: str | None = None) -> Attack:
    """The attack to measure with: the given one without a judge of its own, and on a side of a subspace."""
    sides = {} if side is None else {"side": side}
    return adapted(THOROUGH if attack is None else attack, oracle=False, margin=0.0, **sides)


def takes_squares(attack: Attack) -> bool:
    """Whether an attack can make a squared difference large."""
    each = attack.attacks if isinstance(attack, Worst) else (attack,)
    return any(not isinstance(one, TargetedAPGD) for one in each)


def _aims_at_classes(attack: Attack, changes: dict[str, Any]) -> bool:
    return changes.get("loss") == "mse" and isinstance(attack, TargetedAPGD)


def _no_squares(attack: Attack) -> ParameterError:
    return ParameterError(
        f"A squared error needs an attack that can make any loss large. Got {attack!r:.60} instead, which aims at "
        "classes; take PGD or APGD."
    )
