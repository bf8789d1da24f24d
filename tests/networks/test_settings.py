"""Training as a value: it comes back from JSON, rates follow its schedule, and what nothing would use is refused."""

import json

import pytest

from practicum.canonical import canonical_json
from practicum.errors import ParameterError
from practicum.networks.settings import Training


def test_it_comes_back_from_a_table():
    value = Training(loss="kl", temperature=2.0, schedule=((5, 0.1), (9, 0.01)), epochs=12, output_noise=0.1)
    again = Training(**json.loads(canonical_json(value.model_dump())))
    assert again == value
    assert hash(again) == hash(value)
    assert [value.rate(epoch) for epoch in (0, 4, 5, 8, 9, 11)] == [0.01, 0.01, 0.1, 0.1, 0.01, 0.01]


def test_updates_of_an_epoch():
    assert Training(batch_size=16).steps(100) == 7
    assert Training(batch_size=16).steps(96) == 6
    assert Training(batch_size=16).steps(3) == 1
    assert Training(batch_size=16, steps_per_epoch=1000).steps(100) == 1000


@pytest.mark.parametrize(
    "bad, match",
    [
        ({"learning_rate": 0}, "'learning_rate' .* must be > 0"),
        ({"learning_rate": float("inf")}, "finite"),
        ({"loss": "hinge"}, "'loss' .* 'mse', 'cross-entropy' or 'kl'"),
        ({"optimizer": "lbfgs"}, "'optimizer'"),
        ({"batch_size": 0}, "'batch_size' .* must be >= 1"),
        ({"batch_size": 2.5}, "whole number"),
        ({"epochs": 0}, "'epochs'"),
        ({"momentum": 1.0}, "'momentum' .* must be < 1"),
        ({"momentum": 0.9, "optimizer": "adam"}, "belongs to 'sgd'"),
        ({"temperature": 2.0}, "unless the loss is 'kl'"),
        ({"temperature": 0.0, "loss": "kl"}, "'temperature'"),
        ({"schedule": ((5, 0.1), (5, 0.01))}, "rising epochs"),
        ({"schedule": ((0, 0.1),)}, "'schedule'"),
        ({"output_noise": -1}, "standard deviation"),
        ({"learningrate": 0.1}, "Did you mean 'learning_rate'"),
    ],
)
def test_what_is_refused(bad, match):
    with pytest.raises(ParameterError, match=match):
        Training(**bad)
