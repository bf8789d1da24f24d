"""Training of one perceptron on a CPU, compiled: forward, backward and update, batch after batch.

Everything about a seed lies in the same few arrays while its turn lasts, in the cache of the processor. So a seed costs
the same alone as among others and, since nothing of the others is anywhere near, ends with the same bits.

Activations are stored node by node, (n, B). The weights of a layer have the biases as a last column, (n_out, n_in + 1),
and below the activations that they are applied to stands a row of ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from practicum.networks._blas import multiply
from practicum.networks._compiled import loop
from practicum.networks._elementwise import activate, compare, derive, normalise, normalised_back

BEFORE, AFTER = 1, 2
MOMENTUM, ADAM = 1, 2


class Shape(NamedTuple):
    """What the perceptrons of a training have in common.

    Main arguments:
        widths: (d, n_1, ..., C).
        biased: 1 for a layer with biases, else 0; likewise one number a layer in:
        weights: the place of a layer's weights among the parameters.
        norms: the place of a hidden layer's scales among the parameters, its shifts coming next.
        nodes: the nodes of the hidden layers below.
        rows: the rows of activations below, rows of ones included.
        activation, normalisation, loss: numbers, see the kernels that know them.
        slope, temperature: of activation and loss.
        running, epsilon: momentum of the running moments of a hidden layer, and what is added to its variances.
    """

    widths: np.ndarray
    biased: np.ndarray
    weights: np.ndarray
    norms: np.ndarray
    nodes: np.ndarray
    rows: np.ndarray
    activation: int
    normalisation: int
    loss: int
    slope: float
    temperature: float
    running: np.ndarray
    epsilon: np.ndarray


class Seed(NamedTuple):
    """One perceptron and its optimizer, flat.

    Main arguments:
        parameters: (P,).
        moments: running means and variances, (2, hidden nodes).
        velocity, square: (P,), or (0,) where the rule has none.
    """

    parameters: np.ndarray
    moments: np.ndarray
    velocity: np.ndarray
    square: np.ndarray


class Room(NamedTuple):
    """Memory for a batch.

    Main arguments:
        inputs: (B (d + 1),).
        pre, hat, post, error: of all layers, one after the other: what the activations see, what BatchNorm makes
            without scale and shift, what the next layer sees, and the gradient.
        inverse: 1 / standard deviation of each hidden node.
        gradient: (P,).
        passed: see :func:`practicum.networks._blas.multiply`.
    """

    inputs: np.ndarray
    pre: np.ndarray
    hat: np.ndarray
    post: np.ndarray
    error: np.ndarray
    inverse: np.ndarray
    gradient: np.ndarray
    passed: tuple[np.ndarray, np.ndarray, np.ndarray]


class Rule(NamedTuple):
    """How the parameters move: numbers of the arrays' precision.

    Main arguments:
        kind: 0, MOMENTUM or ADAM.
        rate, momentum, decay: as in :class:`practicum.networks.settings.Training`.
        updates: done so far.
    """

    kind: int
    rate: float
    momentum: float
    decay: float
    updates: int


@loop
def train(shape, rule, seed, room, inputs, wanted, rows, losses):
    """One update a batch.

    Main arguments:
        inputs, wanted: (N, d), and (N, C), or (N, 1) for the numbers of classes.
        rows: of the examples, (steps, B).
        losses: (steps,), filled with the loss of each batch before its update.
    """
    size = rows.shape[1]
    one = inputs.dtype.type(1.0)
    for layer in range(shape.rows.size - 1):
        first = (shape.rows[layer] + shape.widths[layer + 1]) * size
        room.post[first : first + size] = one
    # Plain descent adds the product of matrices that is the gradient to the weights themselves.
    target, alpha, beta = room.gradient, one / size, inputs.dtype.type(0.0)
    if rule.kind == MOMENTUM:
        target, beta = seed.velocity, inputs.dtype.type(rule.momentum)
    elif rule.kind != ADAM:
        target, beta = seed.parameters, inputs.dtype.type(1.0 - rule.rate * rule.decay)
        alpha = inputs.dtype.type(-rule.rate / size)
    place = shape.rows[-1] * size
    for step in range(rows.shape[0]):
        gather(shape, inputs, rows[step], room.inputs)
        forward(shape, seed, room, size)
        losses[step] = compare(shape, room.pre[place:], room.error[place:], wanted, rows[step])
        backward(shape, seed, room, size, target, alpha, beta)
        if rule.kind == MOMENTUM:
            move(seed, rule)
        elif rule.kind == ADAM:
            adapt(seed, room.gradient, rule, rule.updates + step + 1)


@loop
def gather(shape, table, rows, inputs):
    """Examples one after the other, each with a one behind it if the first layer has biases."""
    d = shape.widths[0]
    length = d + shape.biased[0]
    for b in range(rows.size):
        example = table[rows[b]]
        target = inputs[b * length : (b + 1) * length]
        for j in range(d):
            target[j] = example[j]
        if length > d:
            target[d] = 1.0


@loop
def forward(shape, seed, room, size):
    """Leave the outputs in the last part of `pre`."""
    last = shape.widths.size - 2
    for layer in range(last + 1):
        n, length = shape.widths[layer + 1], shape.widths[layer] + shape.biased[layer]
        place = shape.rows[layer] * size
        below, first, row, turned = room.inputs, 0, length, 1
        if layer > 0:
            below, first, row, turned = room.post, shape.rows[layer - 1] * size, size, 0
        multiply(
            room.passed, n, size, length, 1.0, seed.parameters, shape.weights[layer], length, 0,
            below, first, row, turned, 0.0, room.pre, place, size,
        )  # fmt: skip
        if layer == last:
            return
        pre, post = room.pre[place : place + n * size], room.post[place : place + n * size]
        if shape.normalisation == BEFORE:
            normalise(shape, seed, room, layer, size, pre, pre)
        activate(shape.activation, shape.slope, pre, post)
        if shape.normalisation == AFTER:
            normalise(shape, seed, room, layer, size, post, post)


@loop
def backward(shape, seed, room, size, target, alpha, beta):
    """From the gradient with respect to the outputs: ``target <- beta target + alpha gradient``."""
    for layer in range(shape.widths.size - 2, -1, -1):
        n, width = shape.widths[layer + 1], shape.widths[layer]
        length = width + shape.biased[layer]
        place = shape.rows[layer] * size
        below, first, row, turned = room.inputs, 0, length, 0
        if layer > 0:
            below, first, row, turned = room.post, shape.rows[layer - 1] * size, size, 1
            multiply(
                room.passed, width, size, n, 1.0, seed.parameters, shape.weights[layer], length, 1,
                room.error, place, size, 0, 0.0, room.error, first, size,
            )  # fmt: skip
        multiply(
            room.passed, n, length, size, alpha, room.error, place, size, 0,
            below, first, row, turned, beta, target, shape.weights[layer], length,
        )  # fmt: skip
        if layer > 0:
            error, pre = room.error[first : first + width * size], room.pre[first : first + width * size]
            if shape.normalisation == AFTER:
                normalised_back(shape, seed, room, layer - 1, size, error, target, alpha, beta)
            derive(shape.activation, shape.slope, pre, error)
            if shape.normalisation == BEFORE:
                normalised_back(shape, seed, room, layer - 1, size, error, target, alpha, beta)


@loop
def move(seed, rule):
    """``v <- v + decay w, w <- w - rate v``; v already holds momentum v + gradient."""
    velocity, parameters = seed.velocity, seed.parameters
    rate, decay = velocity.dtype.type(rule.rate), velocity.dtype.type(rule.decay)
    for i in range(parameters.size):
        v = velocity[i] + decay * parameters[i]
        velocity[i] = v
        parameters[i] -= rate * v


@loop
def adapt(seed, gradient, rule, updates):
    """Adam with betas 0.9 and 0.999 and epsilon 1e-8, the defaults of PyTorch and of Kingma and Ba, arXiv:1412.6980."""
    velocity, square, parameters = seed.velocity, seed.square, seed.parameters
    number = velocity.dtype.type
    first, second, epsilon, decay = number(0.1), number(0.001), number(1e-8), number(rule.decay)
    keep = number(0.999)
    rate = number(rule.rate / (1.0 - 0.9**updates))
    unbias = number(1.0 / math.sqrt(1.0 - 0.999**updates))
    for i in range(parameters.size):
        g = gradient[i] + decay * parameters[i]
        m = velocity[i] + first * (g - velocity[i])
        v = keep * square[i] + second * g * g
        velocity[i], square[i] = m, v
        parameters[i] -= rate * m / (np.sqrt(v) * unbias + epsilon)
