"""Perceptrons of two classes on inputs in a subspace: networks, inputs, and what is known of them in closed form."""

import numpy as np
import torch
from scipy.stats import multivariate_normal

from practicum.networks import LowRankInputs
from practicum.networks.mlp import MLP
from practicum.networks.randomness import generator

DIMENSION, RANK, INPUTS = 12, 5, 6000
LAW = LowRankInputs(dimension=DIMENSION, rank=RANK)
SUBSPACE = LAW.subspace()
X = LAW.sample(generator(3, "held-out"), INPUTS)


def unit(*numbers):
    """A unit vector of a seed."""
    found = np.random.default_rng([7, *numbers]).standard_normal(DIMENSION)
    return found / np.linalg.norm(found)


TEACHER = unit(0)
STUDENT = 0.8 * TEACHER + 0.6 * unit(1)
STUDENT /= np.linalg.norm(STUDENT)


def two_classes(*directions, scale=1.0):
    """One network a direction w: outputs scale * (w.x / 2, -w.x / 2), whose margin is scale * |w.x|."""
    weights = np.stack([np.stack([w, -w]) for w in directions]) * scale / 2
    return MLP([torch.from_numpy(weights)], [None])


def one_output(*directions):
    """One network a direction w: the output w.x."""
    return MLP([torch.from_numpy(np.stack(directions)[:, None])], [None])


def dual(norm, w):
    """How far w.x moves within the unit ball of a norm."""
    return np.abs(w).sum() if norm == "linf" else np.linalg.norm(w)


def outside(w):
    """The part of w in the complement of the subspace."""
    return w - SUBSPACE @ (SUBSPACE.T @ w)


def error_of_signs(w, v, reach_w, reach_v):
    """P(not both fields have one sign and are beyond their reach): 1 - 2 Phi_2(-reach_w / s_w, -reach_v / s_v; rho)."""
    inside_w, inside_v = SUBSPACE.T @ w, SUBSPACE.T @ v
    s_w, s_v = np.linalg.norm(inside_w), np.linalg.norm(inside_v)
    rho = inside_w @ inside_v / (s_w * s_v)
    normal = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    return 1 - 2 * normal.cdf([-reach_w / s_w, -reach_v / s_v])


def standard_errors(found, expected, count=INPUTS):
    """How many standard errors of a share of so many inputs lie between the two."""
    return (found - expected) / np.sqrt(expected * (1 - expected) / count)
