"""Simulation at finite N: :func:`simulate` checks the request, picks a method and labels what comes back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from practicum.errors import ParameterError
from practicum.simulation._needs import check_simulation
from practicum.simulation._saving import Ledger
from practicum.simulation.inputs import BlockIsotropic, Gaussian
from practicum.simulation.starts import Weights
from practicum.simulation.state import State, check_state
from practicum.theory._until import points, positive
from practicum.theory.flow import LARGEST_NORM, beyond_critical, check_pair
from practicum.theory.labelled import attributes, trajectories
from practicum.theory.machines import Committee, LearningRule
from practicum.theory.overlaps import OrderParameters
from practicum.values import Value, nearest, threads, whole

if TYPE_CHECKING:
    import xarray as xr

_LARGEST_DIMENSION = 10**15
_MOST_EXAMPLES = 10**18
_LARGEST_SEED = 2**63 - 1

Start = OrderParameters | tuple[OrderParameters, OrderParameters] | Weights


def simulate(
    machine: Committee,
    rule: LearningRule,
    start: Start,
    dimension: int,
    until: float = 1000.0,
    *,
    seeds: int | Iterable[int] = 1,
    save_at: ArrayLike | None = None,
    method: Literal["chain", "weights"] = "chain",
    inputs: Any = None,
    dtype: Literal["float64", "float32"] = "float64",
    largest_norm: float = LARGEST_NORM,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
    save: Callable[[State], object] | None = None,
    resume: State | None = None,
) -> xr.Dataset:
    """On-line learning at finite N, one path a seed; arrays of the same shape as :func:`~practicum.solve` returns.

    Main arguments:
        machine, rule, start: as for :func:`~practicum.solve`. With block-isotropic inputs `start` may be a pair of
            order parameters, inside and outside the data subspace; one alone is spread evenly over all inputs. Explicit
            ``Weights(J, B)`` (from ``practicum.simulation``) are a start for method="weights", the same for every seed.
        dimension: N, the number of inputs.
        until: alpha = updates / N at which every path ends.
        seeds: how many paths (seeds 0, 1, ...), or which. A path depends on its seed alone: not on the other seeds,
            on the points that are kept, or on `workers`.

    Other arguments:
        save_at: increasing values of alpha to keep; 201 points if not given. A point is read after
            ``round(alpha N)`` updates (coordinate ``step``) and carries the alpha that was asked for as its label, so
            that theory and simulation align: ``theory - paths.mean("seed")``.
        method: ``"chain"`` is exact in law for Gaussian inputs at a cost independent of N; ``"weights"`` moves the
            weights themselves, for any law of inputs, at a cost proportional to N.
        inputs: ``None`` for isotropic Gaussian inputs; ``BlockIsotropic``; for the weights any law, see
            :mod:`practicum.simulation.inputs`.
        dtype: precision of the weights; the chain is always float64.
        largest_norm: a path in which some ``Q_ii`` exceeds this value ends as diverged; the chain looks at the points
            that are kept and at the end, the weights every N / 4 updates too.
        workers: threads; as many as processors if not given.
        progress: called now and then with the fraction done.
        save: called now and then with a :class:`~practicum.simulation.state.State`, from the threads, one at a time.
            If it has an attribute ``due``, only while that is true, which is looked up some tens of times a second.
        resume: a State to go on from, bitwise as if nothing had happened, with any `workers`.

    Returns:
        A Dataset with the leading dimension ``seed``. ``status`` (per seed) is ``"ok"`` or ``"diverged"``; points after
        a divergence are NaN. With block-isotropic inputs Q, R and T are overlaps of the whole weights, ``Q_outside``,
        ``R_outside`` and ``T_outside`` their parts outside the data subspace, and the generalization error is that on
        the law of the inputs.

    Raises:
        ParameterError: something does not fit together or is outside its range, N too small for the chain included, or
            there is not enough memory.

    Source: the update of Saad & Solla, Phys. Rev. E 52, 4225 (1995); the chain is derived in the documentation.
    """
    if isinstance(until, str):
        raise ParameterError(
            f"simulate needs a number as 'until', because paths that end apart have no common alpha. Got {until!r} "
            "instead; solve takes conditions."
        )
    end = positive("until", until)
    positive("largest_norm", largest_norm)
    N = whole("dimension", dimension, 1)
    if N > _LARGEST_DIMENSION:
        raise ParameterError(
            f"The 'dimension' parameter must be <= {_LARGEST_DIMENSION:g}, because updates are counted exactly. "
            f"Got {N:.3g} instead; solve is the limit of infinitely many inputs."
        )
    workers = threads(workers)
    if isinstance(start, Weights):
        if method == "chain":
            raise ParameterError(
                "The chain starts from overlaps: pass start=weights.overlaps, or use method='weights' instead."
            )
        begin, total, outside = start, start.overlaps, None
        if isinstance(inputs, BlockIsotropic):
            beyond = start.B[:, inputs.dimension :]
            outside = beyond @ beyond.T
        parts = [total]
    else:
        parts = _parts(start, inputs, N)
        begin, total = parts, parts[0] if len(parts) == 1 else _sum(parts)
        outside = parts[1].T if len(parts) == 2 else None
    check_pair(machine, rule, total)
    if dtype not in ("float64", "float32"):
        raise ParameterError(f"The 'dtype' parameter must be 'float64' or 'float32'. Got {dtype!r} instead.")
    alpha = points(save_at, end)
    count = _count(seeds)
    last = round(end * N)
    if last * rule.batch_size * count >= _MOST_EXAMPLES:
        raise ParameterError(
            f"The run asks for until * dimension * batch_size * seeds = {end * N * rule.batch_size * count:.3g} "
            f"examples, which must be fewer than {_MOST_EXAMPLES:.3g}, because they are taken one by one; lower "
            "'until', 'dimension' or 'batch_size', or use solve for the limit of infinitely many inputs."
        )
    if last < 1:
        raise ParameterError(
            f"The 'until' parameter must allow at least one update: alpha = {end:g} at dimension {N} is "
            f"{end * N:.3g} of one. Use until >= {1 / N:g}."
        )
    check_simulation(
        machine, rule, N, count, alpha.size, method=method, dtype=dtype, workers=workers,
        blocks=2 if isinstance(inputs, BlockIsotropic) else 1, drawn=not isinstance(start, Weights),
        saved=save is not None,
    )  # fmt: skip
    chosen = _seeds(seeds)
    steps = np.rint(alpha * N).astype(np.int64)
    origin: dict[str, Any] = {"until": end, "dimension": N, "method": method, "largest_norm": float(largest_norm)}
    origin["dtype"] = "float64" if method == "chain" else dtype  # the chain knows no other
    origin["inputs"] = _described(inputs)
    if len(parts) == 2:
        origin["start_outside"] = parts[1].to_dict()
    attrs = attributes("simulate", machine, rule, total, **origin)
    if resume is not None:
        check_state(resume, attrs["config"], chosen, steps)
    ledger = Ledger(attrs["config"], chosen, steps, last, save, resume)
    if method == "chain":
        from practicum.simulation.chain import Block, simulate_chain

        if not isinstance(inputs, BlockIsotropic | Gaussian | None):
            raise ParameterError(
                f"The chain is exact for Gaussian inputs only (isotropic, or BlockIsotropic). Got {inputs!r:.80} "
                "instead; use method='weights'."
            )
        sizes, scales = [N], [1.0]
        if isinstance(inputs, BlockIsotropic):
            sizes, scales = [inputs.dimension, N - inputs.dimension], [1.0, inputs.scale]
        blocks = [Block(*block) for block in zip(sizes, scales, parts, strict=True)]
        paths = simulate_chain(
            machine, rule, blocks, steps, last, seeds=chosen, largest_norm=largest_norm, workers=workers,
            progress=progress, ledger=ledger,
        )  # fmt: skip
    elif method == "weights":
        from practicum.simulation.weights import simulate_weights

        paths = simulate_weights(
            machine, rule, begin, N, steps, last, seeds=chosen, inputs=inputs, dtype=dtype,
            largest_norm=largest_norm, workers=workers, progress=progress, ledger=ledger,
        )  # fmt: skip
    else:
        raise ParameterError(
            f"The 'method' parameter of simulate must be 'chain' or 'weights'. Got {method!r} instead."
            f"{nearest(str(method), ['chain', 'weights'])}"
        )
    status = paths.status
    # The critical learning rate is known for isotropic inputs.
    if isinstance(inputs, Gaussian | None) and beyond_critical(machine, rule, total):
        status = ["diverged"] * len(chosen)
    dataset = trajectories(
        alpha, paths.Q.sum(2), paths.R.sum(2), paths.v, paths.generalization_error, total.T, total.v_star,
        status=status, alpha_end=paths.alpha_end, leading={"seed": np.array(chosen)},
        coordinates={"step": ("alpha", steps, {"long_name": "updates"})},
        attrs=attrs,
    )  # fmt: skip
    if outside is not None:
        names = (("seed", "alpha", "student", "student_"), ("seed", "alpha", "student", "teacher"))
        dataset["Q_outside"] = (names[0], paths.Q[:, :, 1])
        dataset["R_outside"] = (names[1], paths.R[:, :, 1])
        dataset["T_outside"] = (("teacher", "teacher_"), outside)
    return dataset


def _described(inputs: Any) -> str | None:
    """The law of inputs in words that do not change from run to run, as the repr of a function would."""
    if isinstance(inputs, Value) or inputs is None:
        return None if inputs is None else repr(inputs)
    return getattr(inputs, "__qualname__", f"{type(inputs).__name__} of shape {np.shape(inputs)}")


def _count(seeds: Any) -> int:
    """How many seeds there are, without listing them; 1 for what is no list, of which more is said later."""
    if isinstance(seeds, int | np.integer):
        return whole("seeds", seeds, 1)
    try:
        return max(1, len(seeds))
    except TypeError:
        return 1
    except OverflowError:  # a range of more than 2^63
        return sys.maxsize


def _seeds(seeds: Any) -> list[int]:
    if isinstance(seeds, int | np.integer):
        return list(range(whole("seeds", seeds, 1)))
    try:
        chosen = [whole("seeds", seed, 0) for seed in seeds]
    except TypeError:
        raise ParameterError(
            f"The 'seeds' parameter must be a number of seeds >= 1 or a list of seeds. Got {seeds!r:.80} instead."
        ) from None
    if chosen and max(chosen) > _LARGEST_SEED:
        raise ParameterError(f"The 'seeds' parameter must list seeds below 2^63. Got {max(chosen)} instead.")
    if not chosen or len(set(chosen)) < len(chosen):
        raise ParameterError(
            f"The 'seeds' parameter must list different seeds, at least one. Got {seeds!r:.80} instead."
        )
    return chosen


def _parts(start: Any, inputs: Any, N: int) -> list[OrderParameters]:
    """The start by blocks of inputs: one, or inside and outside the data subspace."""
    pair = isinstance(start, tuple | list)
    if not isinstance(inputs, BlockIsotropic):
        if pair:
            raise ParameterError("A pair of starts needs inputs=BlockIsotropic(...), which has two blocks of inputs.")
        return [start]
    if not inputs.dimension < N:
        raise ParameterError(
            f"The data subspace has dimension {inputs.dimension}, which must be smaller than N = {N}; leave 'inputs' "
            "out for isotropic inputs."
        )
    if pair:
        if len(start) != 2 or not all(isinstance(part, OrderParameters) for part in start):
            raise ParameterError(
                "The 'start' parameter must be one OrderParameters or a pair of them, inside and outside the data "
                f"subspace. Got {start!r:.80} instead."
            )
        return list(start)
    if not isinstance(start, OrderParameters):
        raise ParameterError(f"The 'start' parameter must be an OrderParameters. Got {start!r:.80} instead.")
    share = inputs.dimension / N
    return [OrderParameters(f * start.Q, f * start.R, f * start.T, start.v, start.v_star) for f in (share, 1 - share)]


def _sum(parts: list[OrderParameters]) -> OrderParameters:
    inside, outside = parts
    if (inside.students, inside.teachers) != (outside.students, outside.teachers):
        raise ParameterError(
            f"The two starts must have the same students and teachers. Got {inside.R.shape} inside and "
            f"{outside.R.shape} outside."
        )
    if not (np.array_equal(inside.v, outside.v) and np.array_equal(inside.v_star, outside.v_star)):
        raise ParameterError(
            "The two starts must have the same fan-outs v and v_star, because a node has one weight to the output, "
            "wherever its inputs lie."
        )
    return OrderParameters(inside.Q + outside.Q, inside.R + outside.R, inside.T + outside.T, inside.v, inside.v_star)
