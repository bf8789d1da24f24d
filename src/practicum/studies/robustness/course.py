"""(c) The robust error while a student learns: what the flow predicts, and what an attack finds of trained students."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from practicum.runs.config import StudyConfig


def course(config: StudyConfig) -> xr.Dataset:
    """On-line learning of erf committees on low-rank inputs; parameters: those of
    :class:`practicum.studies.robustness.settings.Course`.

    Every update sees a fresh example, and both layers learn, from fan-outs of 1. Returns over ``alpha`` and ``seed``:
    ``measured``, the robust error outside the subspace by an attack on the networks, ``lower`` and ``upper``, its
    bounds by the flow of the order parameters from the same start, ``first_order`` and ``first_order_predicted``, what
    the mean square of the gradient outside says at the weights and by the flow, and ``generalization_error`` with
    ``generalization_error_predicted``.
    """
    import torch

    from practicum import Committee, LearningRule, subspace
    from practicum.networks import MLP, LowRankInputs, Training, fit, from_arrays, make_data
    from practicum.networks.randomness import generator

    given: Any = config.parameters
    N, rank, K, M = (int(given[name]) for name in ("dimension", "rank", "students", "teachers"))
    seeds = list(range(int(given["seeds"])))
    law = LowRankInputs(dimension=N, rank=rank)
    U = law.subspace()
    teachers = np.stack([_teacher(generator(seed, "teacher"), M, N, U) for seed in seeds])
    deviation = np.sqrt(float(given["variance"]) / N)
    drawn = np.stack([deviation * generator(seed, "student").standard_normal((K, N)) for seed in seeds])
    teacher = from_arrays([teachers, np.ones((len(seeds), 1, M))], activation="erf")
    students = MLP(
        [torch.from_numpy(drawn), torch.ones((len(seeds), 1, K), dtype=torch.float64)], [None, None], activation="erf"
    )
    looks = int(given["looks"])
    steps = round(float(given["until"]) * N / (looks - 1))
    training = Training(
        learning_rate=float(given["learning_rate"]) / N, batch_size=1, epochs=looks - 1, regenerate=True
    )
    data = make_data(law, teacher, seeds, steps, 500)
    observer = _Robustness(U, float(given["epsilon"]))
    history = fit(teacher, students, data, training, seeds=seeds, observers=[observer])
    alpha = history["step"].values / N
    blocks = [subspace.blocks_from_weights(W, V, U) for W, V in zip(drawn, teachers)]
    rate = float(given["learning_rate"])
    machine, rule = Committee(students=K, teachers=M), LearningRule(learning_rate=rate, fan_out_learning_rate=rate)
    flows = [
        subspace.solve_blocks(machine, rule, start, float(alpha[-1]), share=rank / N, save_at=alpha) for start in blocks
    ]
    epsilon = float(given["epsilon"])
    bounds = [subspace.linearised_bounds(flow, epsilon) for flow in flows]
    predicted = {
        "lower": [low for low, _ in bounds],
        "upper": [high for _, high in bounds],
        "first_order_predicted": [subspace.first_order_error(flow, epsilon) for flow in flows],
        "generalization_error_predicted": [flow["generalization_error"] for flow in flows],
    }
    dims = ("alpha", "seed")
    seen = {name: (dims, history[name].values) for name in ("measured", "first_order")}
    seen["generalization_error"] = (dims, 0.5 * history["loss"].values)
    theory = {name: (dims, np.stack([one.values for one in each], axis=-1)) for name, each in predicted.items()}
    attributes = {"cite": "yang2021robustness", "packages": "torch", "epsilon": epsilon}
    return xr.Dataset({**seen, **theory}, {"alpha": alpha, "seed": seeds}, attributes)


def _teacher(rng: np.random.Generator, nodes: int, dimension: int, subspace: np.ndarray) -> np.ndarray:
    """Orthonormal directions within the subspace: T = I."""
    directions, _ = np.linalg.qr(rng.standard_normal((subspace.shape[1], nodes)))
    return np.ascontiguousarray((subspace @ directions).T)


class _Robustness:
    """An observer of the robust error outside the subspace, by attack and by theory at the weights as they are."""

    def __init__(self, subspace: np.ndarray, epsilon: float) -> None:
        self.subspace, self.epsilon = subspace, epsilon

    def __call__(self, teacher: Any, students: Any, inputs: Any) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        from practicum import subspace as theory
        from practicum.robustness import PGD

        attack = PGD(norm="l2", loss="mse", oracle=True, side="outside")
        found = attack(students, inputs, self.epsilon, teacher=teacher, subspace=self.subspace)
        W, v = (w[0].detach().numpy() for w in students.weights)  # observers are called seed by seed
        V, v_star = (w[0].detach().numpy() for w in teacher.weights)
        blocks = theory.blocks_from_weights(W, V, self.subspace, v[0], v_star[0])
        return {
            "measured": (("seed",), found.loss.double().mean(-1)[0].numpy()),
            "first_order": (("seed",), np.array([theory.first_order_error(blocks, self.epsilon, "erf")])),
        }
