"""The flow of a committee whose sites come in a few interchangeable groups, at a cost independent of K and M.

A *site* carries a student node, a teacher node, or one of each; a *group* is a number of interchangeable sites.
An overlap then depends only on the groups of its two sites and on whether the sites are the same. Every sum over
fields of the flow becomes a sum over a handful of representatives with multiplicities ("the site i itself", "one
of the n other sites of that group", "an ordered pair of different ones", of which there are n(n - 1)), so K = 1000
costs what K = 2 costs, and K need not be whole.

Everything is an analytic function of the overlaps: a complex step of 1e-30 gives derivatives to machine precision.

Source: the flow is that of Saad & Solla, Phys. Rev. E 52, 4225 (1995), with the inverse temperature of West & Saad,
Phys. Rev. E 56, 3426 (1997); the integrals over tilted Gaussians are those of :mod:`practicum.theory.integrals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from practicum.theory.machines import Committee, LearningRule

STUDENT, TEACHER = 0, 1
_SIGN = np.array([-1.0, 1.0])  # the error is teacher minus student


@dataclass(frozen=True)
class Group:
    """`size` interchangeable sites (any real number > 0), each with a student, a teacher, or both."""

    size: float
    student: bool = True
    teacher: bool = True


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Overlaps of grouped sites; any leading axes are a batch.

    `same[..., f, g, a]` is the overlap of the fields f and g (STUDENT or TEACHER) of one site of group a;
    `other[..., f, g, a, b]` that of field f of a site in group a and field g of a different site in group b.
    """

    groups: tuple[Group, ...]
    same: np.ndarray
    other: np.ndarray


@dataclass(frozen=True)
class _Layout:
    """The representatives of a sum: which fields, how many of each, and of each ordered pair."""

    site: np.ndarray
    kind: np.ndarray
    group: np.ndarray
    sign: np.ndarray
    single: np.ndarray
    pair: np.ndarray


@lru_cache(maxsize=512)
def _layout(groups: tuple[Group, ...], explicit: tuple[int, ...]) -> _Layout:
    """Representatives when the (different) sites `explicit`, given by their groups, are singled out."""
    sites: list[tuple[int, float, bool]] = [(a, 1.0, False) for a in explicit]
    for a, group in enumerate(groups):
        rest = group.size - explicit.count(a)
        if rest != 0:
            sites.append((a, rest, False))
        if rest not in (0, 1):
            sites.append((a, rest - 1, True))  # the partner of the one before: another site of its group
    fields = [
        (n, f, a)
        for n, (a, _, _) in enumerate(sites)
        for f, present in ((STUDENT, groups[a].student), (TEACHER, groups[a].teacher))
        if present
    ]
    site, kind, group = (np.array(column) for column in zip(*fields, strict=True))
    count = np.array([sites[n][1] for n in site])
    partner = np.array([sites[n][2] for n in site])
    sign = _SIGN[kind]
    single = np.where(partner, 0.0, count) * sign
    # Two different sites: the product of their numbers. One site twice: its number. A partner meets its own only.
    pair = np.where(site[:, None] == site, count, count[:, None] * count)
    pair = np.where(partner, np.where((site[:, None] == site - 1), pair, 0.0), pair)
    pair = np.where(partner[:, None], 0.0, pair)
    return _Layout(site, kind, group, sign, single, pair * sign[:, None] * sign)


def _covariance(state: Overlaps, layout: _Layout) -> np.ndarray:
    f, g = layout.kind[:, None], layout.kind[None, :]
    a, b = layout.group[:, None], layout.group[None, :]
    return np.where(layout.site[:, None] == layout.site, state.same[..., f, g, a], state.other[..., f, g, a, b])


def _force(C: np.ndarray, layout: _Layout, u: int, v: int, beta: float) -> np.ndarray:
    """``<delta_u f_v> = sum_w s_w I3(u; v, w)``."""
    variances = np.diagonal(C, axis1=-2, axis2=-1)
    tilt = 1 + beta * C[..., u, u, None]
    top = C[..., v, :] * tilt - beta * C[..., u, v, None] * C[..., u, :]
    bottom = tilt * np.sqrt(tilt * (1 + variances) - beta * C[..., u, :] ** 2)
    return (2 / np.pi) * (top / bottom) @ layout.single


def _diffusion(C: np.ndarray, layout: _Layout, u: int, v: int, beta: float, noise: float) -> np.ndarray:
    """``<delta_u delta_v>`` with output noise: ``sum_wz s_w s_z I4(u, v; w, z) + sigma^2 J2(u, v)``."""
    tu, tv, cuv = 1 + beta * C[..., u, u], 1 + beta * C[..., v, v], C[..., u, v]
    D = (tu * tv - beta**2 * cuv**2)[..., None, None]
    cu, cv = C[..., u, :], C[..., v, :]
    cross = cu[..., :, None] * cv[..., None, :]
    downdate = (
        tv[..., None, None] * cu[..., :, None] * cu[..., None, :]
        + tu[..., None, None] * cv[..., :, None] * cv[..., None, :]
        - beta * cuv[..., None, None] * (cross + np.swapaxes(cross, -1, -2))
    )
    tilted = C - (beta / D) * downdate
    scale = np.sqrt(1 + np.diagonal(tilted, axis1=-2, axis2=-1))
    angles = np.arcsin(tilted / (scale[..., :, None] * scale[..., None, :]))
    error_squared = (2 / np.pi) * (angles * layout.pair).sum(axis=(-2, -1)) + noise**2
    return (2 / np.pi) * error_squared / np.sqrt(D[..., 0, 0])


def _single_out(state: Overlaps, a: int, b: int | None, f: int) -> tuple[np.ndarray, _Layout, int, int]:
    """Covariance and indices of the student of a site in group `a` and field `f` of one in `b` (None: that site)."""
    layout = _layout(state.groups, (a,) if b is None else (a, b))
    other_site = 0 if b is None else 1
    u = int(np.flatnonzero((layout.site == 0) & (layout.kind == STUDENT))[0])
    v = int(np.flatnonzero((layout.site == other_site) & (layout.kind == f))[0])
    return _covariance(state, layout), layout, u, v


def student_drift(state: Overlaps, machine: Committee, rule: LearningRule, a: int, b: int | None = None) -> np.ndarray:
    """``dQ_ik / d alpha`` for student i in group `a` and another k in group `b`, or ``dQ_ii`` if `b` is None."""
    C, layout, u, v = _single_out(state, a, b, STUDENT)
    eta, beta = rule.learning_rate, rule.inverse_temperature
    force = _force(C, layout, u, v, beta) + _force(C, layout, v, u, beta)
    diffusion = _diffusion(C, layout, u, v, beta, machine.noise)
    return eta * force + eta**2 / rule.batch_size * diffusion - 2 * rule.weight_decay * C[..., u, v]


def teacher_drift(state: Overlaps, rule: LearningRule, a: int, b: int | None = None) -> np.ndarray:
    """``dR_in / d alpha`` for student i in group `a` and teacher n of another site in group `b`, or of its own site."""
    C, layout, u, v = _single_out(state, a, b, TEACHER)
    return rule.learning_rate * _force(C, layout, u, v, rule.inverse_temperature) - rule.weight_decay * C[..., u, v]


def generalization_error(state: Overlaps) -> np.ndarray:
    """``eps_g`` = half the mean squared error without noise, ``(1/2) sum_wz s_w s_z I2(w, z)``."""
    layout = _layout(state.groups, ())
    C = _covariance(state, layout)
    scale = np.sqrt(1 + np.diagonal(C, axis1=-2, axis2=-1))
    angles = np.arcsin(C / (scale[..., :, None] * scale[..., None, :]))
    return (angles * layout.pair).sum(axis=(-2, -1)) / np.pi
