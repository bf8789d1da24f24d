"""Images that fool a student: the perturbation, split into its part inside the data subspace and the rest."""

import numpy as np
import torch
import xarray as xr

from practicum import figures
from practicum.data import images
from practicum.networks import ImageInputs, ImageTeacher, Students, Training, fit, make_data
from practicum.robustness import APGD
from practicum.runs import Store, StudyConfig


def compute(config):
    """A student of a classifier of digits, attacked where both were right."""
    law = ImageInputs(name="digits")
    teacher = ImageTeacher(inputs=law, widths=(64, 32), normalisation=None, epochs=30, learning_rate=0.002).build([0])
    data = make_data(law, teacher, [0], samples=1000, held_out=300, dtype="float32")
    student = Students(multiple=1).build(teacher, [0], dtype="float32")
    training = Training(loss="cross-entropy", learning_rate=0.1, momentum=0.9, epochs=20)
    fit(teacher, student, data, training, seeds=[0])
    clean = torch.as_tensor(images("digits", "test").inputs[:200].reshape(200, 64))
    attack = APGD(norm="l2", loss="margin", oracle=True, steps=40, box=(0.0, 1.0))
    found = attack(student, clean, 0.8, teacher=teacher)
    moved = found.inputs[0, 0]
    pixels = data.inputs[0].numpy()
    U = np.linalg.svd(pixels - pixels.mean(0), full_matrices=False)[2][:20].T
    shift = (moved - clean).numpy()
    with torch.no_grad():
        labels = [network(points)[0].argmax(-1) for points in (clean, moved) for network in (teacher, student)]
    chosen = np.flatnonzero(((labels[0] == labels[1]) & (labels[2] != labels[3])).numpy())[:3]
    shown = {"input": clean.numpy(), "inside": shift @ U @ U.T, "perturbed": moved.numpy()}
    shown["outside"] = shift - shown["inside"]
    names = ("teacher_before", "student_before", "teacher_after", "student_after")
    return xr.Dataset(
        {name: (("example", "height", "width"), values[chosen].reshape(-1, 8, 8)) for name, values in shown.items()}
        | {name: ("example", [str(int(label[k])) for k in chosen]) for name, label in zip(names, labels)}
    )


data = Store().run(StudyConfig(study="gallery", part="examples"), compute)
picture = figures.adversarial_examples(data)
