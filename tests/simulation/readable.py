"""The update of the weights, written to be read: plain NumPy, one line a formula, no batch tricks."""

import math

import numpy as np
from scipy.special import erf

from practicum import Committee, LearningRule


def activation(u, kind):
    return {"erf": erf(u / math.sqrt(2)), "relu": np.maximum(u, 0), "linear": u}[kind]


def slope(u, kind, beta):
    return {
        "erf": math.sqrt(2 / math.pi) * np.exp(-beta * u**2 / 2),
        "relu": (u > 0).astype(float),
        "linear": np.ones_like(u),
    }[kind]


def driven_weights(J, B, v, v_star, inputs, noises, machine: Committee, rule: LearningRule):
    """J and v after learning from the given inputs (examples, N); `noises` are standard normal, None for none."""
    J, v, N = np.array(J, dtype=float), np.array(v, dtype=float), J.shape[1]
    zetas = np.zeros(len(inputs)) if noises is None else noises
    eta, eta_v, size = rule.learning_rate, rule.fan_out_learning_rate, rule.batch_size
    for first in range(0, len(inputs) - size + 1, size):
        J_move, v_move = np.zeros_like(J), np.zeros_like(v)
        for x, zeta in zip(inputs[first : first + size], zetas[first : first + size], strict=True):
            h, rho = J @ x, B @ x
            g = activation(h, machine.activation)
            e = v_star @ activation(rho, machine.activation) + machine.noise * zeta - v @ g
            delta = v * slope(h, machine.activation, rule.inverse_temperature) * e
            J_move += np.outer(delta, x) / size
            v_move += g * e / size
        J = (1 - rule.weight_decay / N) * J + eta / N * J_move
        v = v + eta_v / N * v_move
    return J, v
