"""What stands between the matrix products of a perceptron, compiled: activations, BatchNorm, losses, their gradients.

Flat arrays hold activations node by node: B entries of the first node, B of the second, and so on.
"""

from __future__ import annotations

import math

from practicum.networks._compiled import loop

RELU, LEAKY, ERF = 0, 1, 2
SQUARES, CLASSES = 0, 1
_ROOT_HALF = math.sqrt(0.5)
_STEEPEST = math.sqrt(2 / math.pi)


@loop
def activate(kind, slope, pre, post):
    """See :func:`practicum.networks.mlp.activate`."""
    zero, down = pre.dtype.type(0.0), pre.dtype.type(slope)
    if kind == RELU:
        for i in range(pre.size):
            # The order of the two keeps a NaN.
            post[i] = zero if pre[i] <= zero else pre[i]
    elif kind == LEAKY:
        for i in range(pre.size):
            post[i] = pre[i] if pre[i] > zero else down * pre[i]
    elif kind == ERF:
        for i in range(pre.size):
            post[i] = math.erf(pre[i] * pre.dtype.type(_ROOT_HALF))
    else:
        for i in range(pre.size):
            post[i] = pre[i]


@loop
def derive(kind, slope, pre, error):
    """Multiply the gradient by the derivative of the activation."""
    zero, down = pre.dtype.type(0.0), pre.dtype.type(slope)
    if kind == RELU:
        for i in range(pre.size):
            error[i] = error[i] if pre[i] > zero else zero
    elif kind == LEAKY:
        for i in range(pre.size):
            error[i] = error[i] if pre[i] > zero else down * error[i]
    elif kind == ERF:
        half, steepest = pre.dtype.type(0.5), pre.dtype.type(_STEEPEST)
        for i in range(pre.size):
            error[i] *= steepest * math.exp(-half * pre[i] * pre[i])


@loop
def normalise(shape, seed, room, layer, size, values, out):
    """BatchNorm of a hidden layer over the batch, which moves the running moments, too."""
    node, place, scale = shape.nodes[layer], shape.rows[layer] * size, shape.norms[layer]
    shift = scale + shape.widths[layer + 1]
    for i in range(shape.widths[layer + 1]):
        row, hat = values[i * size : (i + 1) * size], room.hat[place + i * size : place + (i + 1) * size]
        mean = row.dtype.type(0.0)
        for b in range(size):
            mean += row[b]
        mean /= size
        variance = row.dtype.type(0.0)
        for b in range(size):
            variance += (row[b] - mean) ** 2
        variance /= size
        inverse = 1.0 / math.sqrt(variance + shape.epsilon[layer])
        room.inverse[node + i] = inverse
        factor, offset = seed.parameters[scale + i], seed.parameters[shift + i]
        target = out[i * size : (i + 1) * size]
        for b in range(size):
            hat[b] = (row[b] - mean) * inverse
            target[b] = factor * hat[b] + offset
        moments = seed.moments
        moments[0, node + i] += shape.running[layer] * (mean - moments[0, node + i])
        moments[1, node + i] += shape.running[layer] * (variance * size / max(size - 1, 1) - moments[1, node + i])


@loop
def normalised_back(shape, seed, room, layer, size, error, target, alpha, beta):
    """Through BatchNorm: the gradient with respect to what it was given, and those of scales and shifts."""
    node, place, scale = shape.nodes[layer], shape.rows[layer] * size, shape.norms[layer]
    shift = scale + shape.widths[layer + 1]
    for i in range(shape.widths[layer + 1]):
        row, hat = error[i * size : (i + 1) * size], room.hat[place + i * size : place + (i + 1) * size]
        total, along = row.dtype.type(0.0), row.dtype.type(0.0)
        for b in range(size):
            total += row[b]
            along += row[b] * hat[b]
        factor = seed.parameters[scale + i] * room.inverse[node + i]
        mean, slope = total / size, along / size
        for b in range(size):
            row[b] = factor * (row[b] - mean - hat[b] * slope)
        target[scale + i] = beta * target[scale + i] + alpha * along
        target[shift + i] = beta * target[shift + i] + alpha * total


@loop
def compare(shape, outputs, error, wanted, rows):
    """The mean loss of a batch; in `error` the gradient of each example's loss with respect to its outputs."""
    if shape.loss == SQUARES:
        return _squares(outputs, error, wanted, rows)
    return _surprises(shape, outputs, error, wanted, rows)


@loop
def _squares(outputs, error, wanted, rows):
    size, classes = rows.size, wanted.shape[1]
    for b in range(size):
        answer = wanted[rows[b]]
        for c in range(classes):
            error[c * size + b] = answer[c]
    total = outputs.dtype.type(0.0)
    for i in range(classes * size):
        difference = outputs[i] - error[i]
        error[i] = difference
        total += difference * difference
    return float(total) / (size * classes)


@loop
def _surprises(shape, outputs, error, wanted, rows):
    size, classes = rows.size, shape.widths[-1]
    total, heat = 0.0, 1.0 / shape.temperature
    for b in range(size):
        answer = wanted[rows[b]]
        largest, norm = -math.inf, 0.0
        for c in range(classes):
            largest = max(largest, outputs[c * size + b] * heat)
        for c in range(classes):
            norm += math.exp(outputs[c * size + b] * heat - largest)
        surprise = largest + math.log(norm)
        for c in range(classes):
            logarithm = outputs[c * size + b] * heat - surprise
            if shape.loss == CLASSES:
                share = 1.0 if answer[0] == c else 0.0
                total -= share * logarithm
            else:
                share = float(answer[c])
                if share > 0.0:
                    total += shape.temperature**2 * share * (math.log(share) - logarithm)
            error[c * size + b] = shape.temperature * (math.exp(logarithm) - share)
    return total / size
