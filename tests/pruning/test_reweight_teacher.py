"""Outgoing weights that are fitted to a teacher: least squares by NumPy, and the errors that theory knows."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from practicum import ParameterError  # noqa: E402
from practicum.networks import Ensemble, SeparatedTeacher  # noqa: E402
from practicum.pruning import reweight  # noqa: E402
from practicum.pruning.kept import Kept  # noqa: E402
from practicum.pruning.sequential import as_module  # noqa: E402
from pruning.to_prune import drawn, edges, nodes, perceptron  # noqa: E402

X = drawn(500, 6, seed=4)
TEACHER = SeparatedTeacher(inputs=6, hidden=4, outputs=3).build([5])
NODES, EDGES = nodes("2.0", 0, 2, 3, of=5), edges("2.0", 5, 9)


def below(network, x, kept):
    """What the outputs are fitted from, with a column of ones for the bias, as arrays."""
    hidden = network[2][1](nn.functional.linear(network[:2](x), weight(network, kept), network[2][0].bias))
    hidden = hidden[:, kept.mask] if kept.kind == "nodes" else hidden
    return np.c_[hidden.detach().numpy(), np.ones(len(x))]


def weight(network, kept):
    old = network[2][0].weight
    return old * kept.mask if kept.kind == "edges" else old


@pytest.mark.parametrize("kept", [NODES, EDGES], ids=repr)
@pytest.mark.parametrize(
    "teacher", [TEACHER, lambda x: TEACHER(x)[0], as_module(TEACHER), as_module(TEACHER).float()], ids=lambda t: type(t)
)
def test_it_is_least_squares_against_the_teacher(kept, teacher):
    network = perceptron()
    found = reweight(network, kept, X, teacher=teacher, ridge=0)
    seen, wanted = below(network, X, kept), TEACHER(X)[0].detach().numpy()
    best = seen @ np.linalg.lstsq(seen, wanted, rcond=None)[0]
    single = isinstance(teacher, nn.Module) and next(teacher.parameters()).dtype == torch.float32
    np.testing.assert_allclose(found(X).detach().numpy(), best, rtol=0, atol=1e-5 if single else 1e-8)
    # Folding, which knows nothing of the teacher, does worse.
    folded = reweight(network, kept, X)(X).detach().numpy()
    assert ((folded - wanted) ** 2).mean() > 1.5 * ((best - wanted) ** 2).mean()


def test_batches_of_the_teacher_do_not_matter():
    network, x = perceptron(), drawn(2500, 6)
    whole = reweight(network, NODES, x, teacher=TEACHER)
    found = reweight(network, NODES, x.split(33), teacher=TEACHER)
    assert torch.equal(found[3].weight, whole[3].weight)


def test_the_ridge_makes_all_outgoing_weights_dear():
    network, kept, ridge = perceptron(), NODES, 0.1
    found = reweight(network, kept, X, teacher=TEACHER, ridge=ridge)
    every = below(network, X, edges("2.0", 5, 9, share=2.0))[:, :-1]
    every = every - every.mean(0)
    penalty = ridge * (every**2).sum() / 5
    rows = np.vstack([every[:, kept.mask], penalty**0.5 * np.eye(3)])
    wanted = TEACHER(X)[0].detach().numpy()
    aims = np.vstack([wanted - wanted.mean(0), np.zeros((3, 3))])
    best = np.linalg.lstsq(rows, aims, rcond=None)[0].T
    np.testing.assert_allclose(found[3].weight[:, kept.mask].detach().numpy(), best, atol=1e-10)
    np.testing.assert_allclose(found(X).mean(0).detach().numpy(), wanted.mean(0), atol=1e-10)


def machine(rows, times):
    """A committee without biases, each of whose nodes is there so many times and sends as large a part of 1."""
    first, last = (
        nn.Linear(n, m, bias=False).double() for n, m in ((rows.shape[1], times * len(rows)), (times * len(rows), 1))
    )
    first.weight.data.copy_(rows.repeat_interleave(times, 0))
    last.weight.data.fill_(1 / times)
    return nn.Sequential(first, nn.Tanh(), last)


@pytest.mark.parametrize("ridge", [0.0, 1e-10])
def test_one_copy_of_each_teacher_node_is_enough(ridge):
    """The error of diverse nodes is (M - k) / M of the signal, so 0 from k = M on; that of edges stays above 0."""
    rows = torch.linalg.qr(drawn(20, 2))[0].T
    teacher, student = machine(rows, 1), machine(rows, 3)
    x = drawn(20_000, 20)
    signal = teacher(x).square().mean()

    def error(kept):
        found = reweight(student, kept, x, teacher=teacher, ridge=ridge)
        return ((found(x) - teacher(x)).square().mean() / signal).item()

    for places in ((0, 3), (2, 4), (0, 1, 5), (0, 1, 2, 3, 4, 5)):
        assert error(nodes("0", *places, of=6)) < 1e-15
    for places in ((0, 1), (3, 4, 5), (5,)):  # one teacher node has no copy left; 20 000 samples know 1/2 to 1 %
        assert error(nodes("0", *places, of=6)) == pytest.approx(0.5, abs=0.02)
    assert error(edges("0", 6, 20, share=0.5)) > 0.02


@pytest.mark.parametrize(
    "change, text",
    [
        ({"kept": nodes("0", 1, of=9)}, r"above '0' must be a Linear that gives the outputs"),
        ({"teacher": 3}, "'teacher' parameter must be a network or a function of a batch. Got int instead"),
        ({"teacher": lambda x: x}, r"teacher must answer with 3 output\(s\).*Got \(500, 6\)"),
        ({"teacher": lambda x: x[:, 0]}, r"Got \(500,\)"),
        ({"teacher": lambda x: x[:7, :3]}, r"Got \(7, 3\)"),
        ({"teacher": lambda x: x[:, :3] / 0}, "must be finite"),
        ({"teacher": SeparatedTeacher(inputs=6, hidden=4, outputs=3).build([0, 1])}, r"Got \(2, 500, 3\)"),
        ({"network": nn.Sequential(*perceptron(), nn.Softmax(1))}, "gives the outputs"),
        ({"teacher": Ensemble([as_module(TEACHER)] * 1, shape=(7,))}, "Inputs of this Ensemble"),
    ],
)
def test_what_does_not_go_is_one_sentence(change, text):
    given = {"network": perceptron(), "kept": NODES, "inputs": X, "teacher": TEACHER, **change}
    with pytest.raises(ParameterError, match=text) as caught:
        reweight(**given)
    assert "\n" not in str(caught.value)


def test_the_teacher_stays_in_its_mode():
    teacher = perceptron().train()
    before = {name: values.clone() for name, values in teacher.state_dict().items()}
    found = reweight(perceptron(seed=9), Kept("2.0", "nodes", NODES.mask), X, teacher=teacher)
    assert all(part.training for part in teacher.modules())
    assert all(torch.equal(before[name], values) for name, values in teacher.state_dict().items())
    assert not found.training
