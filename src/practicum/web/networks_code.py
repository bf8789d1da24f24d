"""An attack or a pruning of the page as Python, as commands, and its training as a settings file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from practicum.disk.texts import plain_toml
from practicum.runs.train_settings import resolve
from practicum.web.trained import SEEN, SHOWN, SPANNED

if TYPE_CHECKING:
    from practicum.runs.training import TrainConfig
    from practicum.web.attack import AttackQuestion
    from practicum.web.prune import PruneQuestion
    from practicum.web.students import StudentQuestion

_FILE, _FOLDER = "student.toml", "student"
_TRAIN = f"practicum train {_FILE} --networks {_FOLDER}"
_NETWORKS = f"""
# First: {_TRAIN}
teacher = load_network("{_FOLDER}/teacher.safetensors").double()
student = load_network("{_FOLDER}/students.safetensors").double()"""
_LAW = f'law = training_configuration(Path("{_FILE}")).inputs\n'
_OUTSIDE = ("revision", "kind")
"""Of a configuration, what its file does not say."""


def toml(config: TrainConfig) -> str:
    """The settings file of a training; ``practicum train`` makes the same run of it."""
    tables: dict[str, dict[str, Any]] = {}

    def sort(place: str, values: dict[str, Any]) -> None:
        mine = tables.setdefault(place, {})
        for name, value in values.items():
            if isinstance(value, dict):
                sort(f"{place}.{name}" if place else name, value)
            elif value is not None and not (isinstance(value, (list, tuple)) and not value):
                mine[name] = value

    content = {name: value for name, value in config.model_dump(mode="json").items() if name not in _OUTSIDE}
    seeds = content.pop("seeds")
    content["seeds"] = config.seeds.list() if isinstance(seeds, dict) else seeds
    for table in ("students", "training"):
        content[table].pop("kind")
    if config.inputs.kind == "images" and content["teacher"]["kind"] == "image":
        del content["inputs"]  # the teacher's
    sort("", content)
    parts = []
    for place, values in tables.items():
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
        parts.append(("" if not place else f"[{place}]\n") + "".join(lines))
    text = "\n".join(parts)
    # TOML has no word for "none", so that a parameter with another default cannot be said to be left out.
    same = resolve(plain_toml(text)).id == config.id
    return text if same else f"# A settings file cannot say all of this training; this one is another run.\n{text}"


def attack_code(config: TrainConfig, question: AttackQuestion) -> dict[str, str]:
    """``{python, command, toml}`` of an attack."""
    law: Any = config.inputs
    box = ((0.0 - law.mean) / law.deviation, (1.0 - law.mean) / law.deviation) if law.kind == "images" else None
    value = question.value(box)
    sided = question.side != "both"
    more = f'subspace=subspace, side="{question.side}", ' if sided else ""
    imports = f"from practicum.robustness import {type(value).__name__}, robust_errors"
    python = f"""\
{_header(config, imports, numpy=sided and law.kind == "images", law=law.kind != "images")}
{_NETWORKS}
{_held_out(config, question.samples)}
{_subspace(law, question.rank) if sided else ""}errors = robust_errors(
    student, inputs, {question.epsilons},
    teacher=teacher, attack={value!r}, {more}clean=True, seed={question.attack_seed},
)
"""
    options = [
        f"--attack {question.attack} --norm {question.norm} --epsilon {','.join(map(str, question.epsilons))}",
        f"--samples {question.samples} --seed {question.attack_seed} --data {_data(config)}",
    ]
    if question.attack in ("pgd", "apgd"):
        options.append(f"--steps {question.steps} --restarts {value.restarts}")  # pyright: ignore[reportAttributeAccessIssue]
    if value.box is not None:
        options.append(f"--box {value.box[0]!r},{value.box[1]!r}")
    files = f"{_FOLDER}/teacher.safetensors {_FOLDER}/students.safetensors"
    command = f"practicum attack {files} {' '.join(options)}"
    if sided and law.kind == "low-rank":
        command += f" --side {question.side} --rank {law.rank} --subspace-seed {law.subspace_seed}"
    elif sided:
        command = f"# Of images the command knows no side; the Python above does.\n{command}"
    return {"python": python, "command": f"{_TRAIN}\n{command}\n", "toml": toml(config)}


def prune_code(config: TrainConfig, question: PruneQuestion) -> dict[str, str]:
    """``{python, command, toml}`` of a pruning; the command shows one size of each selector."""
    from practicum.web.prune import selector_of

    names = question.names
    values = ",\n    ".join(f'"{name}": {selector_of(name)!r}' for name in names)
    kinds = sorted({type(selector_of(name)).__name__ for name in names})
    select, fold = f"select_{question.unit}", question.reweight != "no"
    after = "reweight(network, kept, used)" if fold else "masked(network, kept)"
    place = (question.layer - 1) * (2 if config.students.normalisation is None else 3)
    squares = getattr(config.teacher, "sizes", (10,))[-1] == 1
    wanted, error = ("", "({} - wanted).square()") if squares else (".argmax(-1)", "({}.argmax(-1) != wanted).double()")
    own = [*kinds, "as_module", "reweight" if fold else "masked", select]
    imports = f"from practicum.pruning import {', '.join(own)}"
    seen = f"make_data(law, teacher, {config.seeds.list()}, {min(config.samples, SEEN)}, 1).inputs[0, :{question.used}]"
    python = f"""\
{_header(config, imports, numpy=False, law=True)}
{_NETWORKS}
{_held_out(config, SHOWN)}
{_law(config)}used = {seen}
network, wanted = as_module(student), teacher(inputs)[0]{wanted}
selectors = {{
    {values},
}}
errors = {{}}
for name, selector in selectors.items():
    for fraction in {sorted({float(each) for each in question.fractions})}:
        draws = {question.draws} if selector.drawn else 1
        found = {select}(network, "{place}", fraction, selector, used, seed={question.prune_seed}, draws=draws)
        errors[name, fraction] = [
            float({error.format(f"{after}(inputs)")}.mean())
            for kept in (found if draws > 1 else [found])
        ]
"""
    files = f"{_FOLDER}/students.safetensors --teacher {_FOLDER}/teacher.safetensors"
    how = "--reweight" if fold else "--no-reweight"
    lines = [
        f"practicum prune {files} --selector {name} --kind {question.unit} --layer {question.layer} --keep 0.5 {how} "
        f"--data {_data(config)} --seed {question.prune_seed}"
        for name in names
    ]
    return {"python": python, "command": "\n".join([_TRAIN, *lines, ""]), "toml": toml(config)}


def committee_code(student: StudentQuestion, question: PruneQuestion) -> dict[str, str]:
    """``{python, command, toml}`` of a committee machine, which neither a command nor a settings file prunes."""
    from practicum.web.committee import DIMENSION, RATE, UNTIL, V_STAR

    M, K, seed = student.teacher_nodes, student.teacher_nodes * student.multiple, student.student_seed
    refit = "none" if question.reweight == "no" else "fuse"
    python = f"""\
import numpy as np

from practicum import Committee, LearningRule, OrderParameters, pruned, simulate

rng = np.random.default_rng({seed})
start = OrderParameters.from_weights(
    rng.standard_normal(({K}, {DIMENSION})) / np.sqrt({DIMENSION}),
    np.linalg.qr(rng.standard_normal(({DIMENSION}, {M})))[0].T,
    v=0.1 * np.abs(rng.standard_normal({K})),
    v_star=np.full({M}, {V_STAR}),
)
rule = LearningRule(learning_rate={RATE}, fan_out_learning_rate={RATE})
machine = Committee(students={K}, teachers={M})
paths = simulate(machine, rule, start, {DIMENSION}, {UNTIL}, seeds=[{seed}], save_at=[{UNTIL}])
theory = pruned.selector_errors(
    paths.isel(alpha=-1, seed=0), range(1, {K + 1}), ["random_node", "importance_node", "dpp_node"], "{refit}",
    kernel="divnet",
)
"""
    return {"python": python, "command": "", "toml": ""}


def _header(config: TrainConfig, own: str, *, numpy: bool, law: bool) -> str:
    """The imports: `own`, and of NumPy if it is used, and of what makes the law of the inputs and draws from it."""
    images = config.inputs.kind == "images"
    others = ["import numpy as np"] * numpy + ["import torch"] * images
    ours = [own, "from practicum.runs import load_network"]
    ours += ["from practicum.data import images"] * images
    if law:
        ours.append("from practicum.networks import make_data")
        ours.append("from practicum.runs.train_settings import training_configuration")
    parts = [["from pathlib import Path"] * law, others, sorted(ours)]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _held_out(config: TrainConfig, samples: int) -> str:
    """The lines that make the held-out inputs; of images the first of the files."""
    law: Any = config.inputs
    if law.kind != "images":
        data = f"make_data(law, teacher, {config.seeds.list()}, 1, {min(config.held_out, SHOWN)})"
        return f"{_LAW}inputs = {data}.held_out[0, :{samples}]"
    pixels = f'images("{law.name}", "{law.held_out.split}").flat()[:{samples}].astype(float)'
    shift = "" if (law.mean, law.deviation) == (0.0, 1.0) else f"\ninputs = (inputs - {law.mean}) / {law.deviation}"
    return f"inputs = torch.from_numpy({pixels}){shift}"


def _law(config: TrainConfig) -> str:
    """The line that names the law, where the held-out inputs have not done so."""
    return _LAW if config.inputs.kind == "images" else ""


def _subspace(law: Any, rank: int) -> str:
    """The lines that make the subspace of the data."""
    if law.kind == "low-rank":
        return "subspace = law.subspace()\n"
    return (
        f'pixels = images("{law.name}", "{law.split}").flat()[:{SPANNED}].astype(float)\n'
        f"subspace = np.linalg.eigh(np.cov(pixels.T))[1][:, ::-1][:, :{rank}].copy()\n"
    )


def _data(config: TrainConfig) -> str:
    law: Any = config.inputs
    return law.name if law.kind == "images" else "gaussian"
