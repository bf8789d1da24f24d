"""(d, e) Networks trained here on images, and those of others: their BatchNorms, and how their nodes fire."""

from __future__ import annotations

from typing import Any

import xarray as xr

from practicum.runs.config import StudyConfig

# Mean and standard deviation of the pixels of the training images.
MOMENTS = {"fashion-mnist": (0.2860, 0.3530), "digits": (0.3053, 0.3761)}
SETS = tuple(MOMENTS)
"""Image sets in the order in which they are wanted."""

LAYER = "layer_"
"""Begins the names of what is known of each layer of a checkpoint."""

_LOOKED_AT = 1000
"""Test images on which it is counted which nodes fire together; every position of an image is a sample."""


def image_network(config: StudyConfig) -> xr.Dataset:
    """A CNN trained on labels; parameters: name, seed, widths, normalisation, images, epochs.

    Returns over ``layer`` the overlaps of its nodes and, with BatchNorm, what
    :func:`practicum.specialization.batchnorm.report` says of its biases; ``accuracy``; and ``zero_untrained``, the
    share of biases that are exactly 0 in the same network before it was trained.
    """
    import numpy as np
    import torch

    from practicum.data import images
    from practicum.networks import CNN, ImageInputs, ImageTeacher
    from practicum.specialization.batchnorm import report
    from practicum.studies.luck_matters.overlap import overlaps

    given: Any = config.parameters
    mean, deviation = MOMENTS[given["name"]]
    teacher = ImageTeacher(
        inputs=ImageInputs(name=given["name"], flat=False, mean=mean, deviation=deviation),
        widths=given["widths"],
        normalisation=given["normalisation"],
        images=given["images"],
        epochs=given["epochs"],
    )
    trained = teacher.train([given["seed"]])
    test = images(given["name"], "test").inputs[:_LOOKED_AT]
    pixels = torch.from_numpy((test - np.float32(mean)) / np.float32(deviation))
    found = overlaps(trained.network, pixels.unsqueeze(0).split(100, dim=1)).isel(seed=0)
    found["accuracy"] = float(trained.accuracy[0])
    if given["normalisation"] is not None:
        biases = report(trained.network, keep=("beta", "gamma"))
        named = {"norm": ("layer", biases["layer"].values.astype(str))}
        found = found.merge(biases.drop_vars("layer").assign(named).drop_attrs(), combine_attrs="drop")
        fresh = report(CNN(pixels.shape[1:], given["widths"], normalisation=given["normalisation"]))
        found["zero_untrained"] = float(fresh.zero.mean())
    return found.assign_attrs(cite="tian2019luck", packages="torch")


def checkpoint(config: StudyConfig) -> xr.Dataset:
    """The biases of a trained network by position, see :func:`practicum.specialization.batchnorm.by_position`.

    Parameters: name and digest of the checkpoint, which is fetched unless it is on the machine. What its report says of
    each layer is there, too, by names that begin with LAYER.
    """
    from practicum.specialization.batchnorm import by_position, report

    layers = report(str(config.parameters["name"]), keep=("beta", "gamma"))
    each = layers.rename({name: f"{LAYER}{name}" for name in layers.data_vars})
    return by_position(layers).merge(each, combine_attrs="drop").assign_attrs(cite="tian2019luck", packages="torch")
