"""What is learnt from whom, and how: the defaults, the names, and what the docstrings promise."""

import pytest

from practicum import Committee, LearningRule


def test_the_defaults_are_the_soft_committee_machine_and_gradient_descent():
    assert Committee(students=3, teachers=2).model_dump() == {
        "students": 3, "teachers": 2, "activation": "erf", "noise": 0.0,
    }  # fmt: skip
    assert LearningRule(learning_rate=0.1).model_dump() == {
        "learning_rate": 0.1, "inverse_temperature": 1.0, "weight_decay": 0.0, "batch_size": 1,
        "fan_out_learning_rate": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize("kind", [Committee, LearningRule])
def test_every_parameter_is_documented_and_every_bound_has_a_remedy(kind):
    for name, field in kind.model_fields.items():
        assert f"{name}: " in kind.__doc__
        if field.metadata and not str(field.annotation).startswith("typing.Literal"):
            assert field.json_schema_extra["remedy"]
