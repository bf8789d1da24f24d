"""Fan-outs and couplings against the Jacobian of the outputs, sample by sample, by automatic differentiation."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum import ParameterError  # noqa: E402
from practicum.specialization import coupling as module  # noqa: E402
from practicum.specialization.coupling import couplings, fan_outs  # noqa: E402
from practicum.specialization.propagation import layered  # noqa: E402
from specialization.made import inputs, network  # noqa: E402


def jacobians(network, x, layer):
    """V_l(x) = d outputs / d f_l for one sample of seed 0, (C, n_l): the upper layers run as the network runs them."""
    values = network.layers(x[None]).post[layer].detach()[0, 0]

    def above(value):
        for k in range(layer + 1, network.depth + 1):
            value = network.weights[k][0] @ value + (0 if network.biases[k] is None else network.biases[k][0])
            if k < network.depth:
                value = torch.nn.functional.leaky_relu(value, network.slope)
        return value

    return torch.autograd.functional.jacobian(above, values)


TEACHER, STUDENT = network([6, 5, 7, 6, 4], 1, slope=0.0), network([6, 9, 11, 8, 4], 2, slope=0.2)


def test_fan_outs_are_column_norms_of_jacobians():
    x = inputs()
    found = fan_outs(STUDENT, x, TEACHER, samples=None)
    for layer in range(3):
        V = torch.stack([jacobians(STUDENT, sample, layer) for sample in x])
        V_star = torch.stack([jacobians(TEACHER, sample, layer) for sample in x])
        beta = torch.einsum("xck,xck->k", V, V) / len(x)
        alpha = torch.einsum("xcj,xck->jk", V_star, V) / len(x)
        f = STUDENT.layers(x).post[layer].detach()[0]
        assert found.fan_out[layer][0] == pytest.approx(beta.sqrt().numpy(), rel=1e-12)
        assert found.alpha[layer][0] == pytest.approx(alpha.numpy(), abs=1e-12)
        assert found.contribution[layer][0] == pytest.approx((beta.sqrt() * (f**2).mean(0).sqrt()).numpy(), rel=1e-12)
        if layer < 2:  # power: the next layer's weights alone are not the fan-out, nor is the gate forgotten
            naive = STUDENT.weights[layer + 1][0].detach().norm(dim=0).numpy()
            assert np.abs(found.fan_out[layer][0] / naive - 1).max() > 0.1
            linear = fan_outs(network([6, 9, 11, 8, 4], 2, slope=1.0), x, samples=None).fan_out[layer][0]
            assert np.abs(found.fan_out[layer][0] / linear - 1).max() > 0.1


def test_two_layers_need_no_sample():
    student = network([6, 9, 4], 2, seeds=3)
    found = fan_outs(student, inputs(seeds=3))
    assert found.fan_out[0] == pytest.approx(student.weights[1].detach().norm(dim=1).numpy())
    assert found.alpha is None
    f = student.layers(inputs(seeds=3)).post[0].detach()
    assert found.contribution[0] == pytest.approx(found.fan_out[0] * (f**2).mean(1).sqrt().numpy())
    one = couplings(student, inputs(seeds=3), samples=1)[0]
    assert one[0] == pytest.approx(found.fan_out[0] ** 2)


def test_seeds_side_by_side_are_seeds_alone(monkeypatch):
    students, x = network([6, 9, 8, 4], 3, seeds=3), inputs(seeds=3)
    teacher = network([6, 5, 6, 4], 1)
    together = fan_outs(students, x, teacher, samples=None)
    monkeypatch.setattr(module, "_ENTRIES", 1)  # one sample at a time
    for s in range(3):
        alone = fan_outs(students.select([s]), x[s], teacher, samples=None)
        for a, b in zip([*together.fan_out, *together.alpha], [*alone.fan_out, *alone.alpha]):
            assert a[s] == pytest.approx(b[0], rel=1e-12)


def test_batchnorm_is_folded_as_the_network_runs():
    student = network([6, 9, 8, 4], 3, normalisation="after")
    for _ in range(3):
        student(1 + 3 * inputs())
    student.eval()
    folded = layered(student)
    values = folded.hidden(inputs()[None])[1][-1]
    outputs = values @ folded.weights[-1].mT + folded.biases[-1].unsqueeze(1)
    assert torch.allclose(outputs, student(inputs()), atol=1e-12)


def test_a_subsample_of_the_inputs_gives_the_same_to_its_standard_error():
    """Of 100 in 4000 samples, 5 standard errors over 9 nodes; another network is not taken for it."""
    x = inputs(4000)
    exact = couplings(STUDENT, x, samples=None)[0][0][0]
    few = couplings(STUDENT, x, samples=100)[0][0][0]
    chosen = x[torch.arange(100) * 40]
    each = torch.stack([(jacobians(STUDENT, sample, 0) ** 2).sum(0) for sample in chosen]).numpy()
    error = each.std(axis=0, ddof=1) / 10
    assert few == pytest.approx(each.mean(axis=0))
    assert (np.abs(few - exact) < 5 * error).all()
    other = couplings(network([6, 9, 11, 8, 4], 3, slope=0.2), x, samples=None)[0][0][0]
    assert (np.abs(few - other) > 5 * error).any()


def test_what_has_no_fan_out():
    with pytest.raises(ParameterError, match="linear piece by piece"):
        fan_outs(network([6, 5, 4], activation="erf"), inputs())
    with pytest.raises(ParameterError, match="as many hidden layers"):
        fan_outs(STUDENT, inputs(), network([6, 5, 4]))
    with pytest.raises(ParameterError, match="at least one sample"):
        fan_outs(STUDENT, inputs(0))
    with pytest.raises(ParameterError, match="Inputs must be finite"):
        fan_outs(STUDENT, inputs() / 0)
    with pytest.raises(ParameterError, match="'samples' parameter must be a whole number >= 1"):
        fan_outs(STUDENT, inputs(), samples=0)
