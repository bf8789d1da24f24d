"""What cannot fit into the memory is refused before it is drawn; devices and precisions are checked likewise."""

import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from practicum.errors import ParameterError  # noqa: E402
from practicum.networks import BalancedTeacher, GaussianInputs, SeparatedTeacher, Students, from_arrays  # noqa: E402
from practicum.networks.cnn import CNN, cnn_students  # noqa: E402
from practicum.networks.data import make_data  # noqa: E402

LAW = GaussianInputs(dimension=20)
TEACHER = SeparatedTeacher(inputs=20, hidden=3, outputs=2)
HUGE = 10**11


@pytest.mark.parametrize(
    "make",
    [
        lambda: Students(widths=(HUGE,)).build((100, 20, 50), [0]),
        lambda: Students(multiple=HUGE).build(TEACHER.build([0]), [0]),
        lambda: SeparatedTeacher(inputs=10**7, hidden=10**7).build([0]),
        lambda: BalancedTeacher(samples=HUGE).build([0], law=LAW),
        lambda: make_data(LAW, TEACHER.build([0]), [0], HUGE, 5),
        lambda: make_data(LAW, TEACHER.build([0]), [0], 5, HUGE),
        lambda: CNN((1, 8, 8), (10**6, 10**6)),
        lambda: cnn_students(Students(multiple=10**9), CNN((1, 8, 8), (4,)), [0]),
    ],
)
def test_what_does_not_fit_is_refused_at_once(make):
    begin = time.process_time()
    with pytest.raises(ParameterError, match=r"needs [0-9.e+]+ GiB of memory, and [0-9.]+ [GM]iB are available; the "):
        make()
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    "make",
    [
        lambda device: TEACHER.build([0], device=device),
        lambda device: BalancedTeacher(samples=2).build([0], law=LAW, device=device),
        lambda device: Students().build((3, 2, 1), [0], device=device),
        lambda device: cnn_students(Students(), CNN((1, 8, 8), (4,)), [0], device=device),
        lambda device: from_arrays([np.ones((2, 3)), np.ones((1, 2))], device=device),
        lambda device: make_data(LAW, TEACHER.build([0]), [0], 5, 5, device=device),
    ],
)
def test_a_device_that_is_not_there(make):
    for device in ("gpu7", "cuda:97", 3.5):
        with pytest.raises(
            ParameterError, match=r"'device' parameter must be one that PyTorch can compute on here"
        ) as e:
            make(device)
        assert "\n" not in str(e.value)
    make(torch.device("cpu"))


def test_more_seeds_than_anybody_trains():
    with pytest.raises(ParameterError, match="at most 100000"):
        Students().build((3, 2, 1), range(10**9))
