"""Networks (PyTorch, extra ``networks``): teachers, students and their training, many seeds side by side.

Names are resolved on first use. Teachers, students and input laws are values that can be written, checked and stored
without PyTorch; building and training need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "BalancedTeacher": "teachers",
    "CNN": "cnn",
    "Data": "training",
    "Ensemble": "ensemble",
    "GaussianInputs": "inputs",
    "ImageInputs": "inputs",
    "ImageTeacher": "teachers",
    "LowRankInputs": "inputs",
    "MLP": "mlp",
    "PatchInputs": "inputs",
    "SeparatedTeacher": "teachers",
    "Students": "students",
    "TeacherAgnosticInputs": "inputs",
    "TeacherAwareInputs": "inputs",
    "Training": "settings",
    "UniformInputs": "inputs",
    "fit": "training",
    "from_arrays": "teachers",
    "from_module": "teachers",
    "make_data": "training",
}

__all__ = [
    "CNN",
    "MLP",
    "BalancedTeacher",
    "Data",
    "Ensemble",
    "GaussianInputs",
    "ImageInputs",
    "ImageTeacher",
    "LowRankInputs",
    "PatchInputs",
    "SeparatedTeacher",
    "Students",
    "TeacherAgnosticInputs",
    "TeacherAwareInputs",
    "Training",
    "UniformInputs",
    "fit",
    "from_arrays",
    "from_module",
    "make_data",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module 'practicum.networks' has no attribute '{name}'")
    try:
        module = import_module(f"practicum.networks.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        from practicum.networks._torch import missing

        raise missing(error) from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


if TYPE_CHECKING:
    from practicum.networks.cnn import CNN as CNN
    from practicum.networks.ensemble import Ensemble as Ensemble
    from practicum.networks.inputs import GaussianInputs as GaussianInputs
    from practicum.networks.inputs import ImageInputs as ImageInputs
    from practicum.networks.inputs import LowRankInputs as LowRankInputs
    from practicum.networks.inputs import PatchInputs as PatchInputs
    from practicum.networks.inputs import TeacherAgnosticInputs as TeacherAgnosticInputs
    from practicum.networks.inputs import TeacherAwareInputs as TeacherAwareInputs
    from practicum.networks.inputs import UniformInputs as UniformInputs
    from practicum.networks.mlp import MLP as MLP
    from practicum.networks.settings import Training as Training
    from practicum.networks.students import Students as Students
    from practicum.networks.teachers import BalancedTeacher as BalancedTeacher
    from practicum.networks.teachers import ImageTeacher as ImageTeacher
    from practicum.networks.teachers import SeparatedTeacher as SeparatedTeacher
    from practicum.networks.teachers import from_arrays as from_arrays
    from practicum.networks.teachers import from_module as from_module
    from practicum.networks.training import Data as Data
    from practicum.networks.training import fit as fit
    from practicum.networks.training import make_data as make_data
