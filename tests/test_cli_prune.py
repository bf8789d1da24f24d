"""``practicum prune``: what is left, what is written, and one sentence for every slip."""

import json

import pytest

torch = pytest.importorskip("torch")

from practicum.cli import main  # noqa: E402
from practicum.networks import SeparatedTeacher, Students  # noqa: E402
from practicum.runs import load_network, save_network  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Eight students of a teacher of four nodes, copies of it twice over, and the teacher."""
    folder = tmp_path_factory.mktemp("networks")
    teacher = SeparatedTeacher(inputs=10, hidden=4, outputs=5).build([0])
    students = Students(multiple=2).build(teacher, [0])
    with torch.no_grad():
        students.weights[0].copy_(teacher.weights[0].repeat(1, 2, 1))
        students.biases[0].copy_(teacher.biases[0].repeat(1, 2))
        students.weights[1].copy_(teacher.weights[1].repeat(1, 1, 2) / 2)
        students.biases[1].copy_(teacher.biases[1])
    save_network(teacher, folder / "teacher.safetensors")
    save_network(students.eval(), folder / "students.safetensors")
    return folder


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["prune", *map(str, arguments)])
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


def test_a_diverse_half_of_copies_answers_like_all(files, capsys):
    arguments = (files / "students.safetensors", "--teacher", files / "teacher.safetensors", "--keep", "4", "--json")
    code, out, _ = run(capsys, *arguments, "--selector", "greedy")
    facts = json.loads(out)
    assert code == 0
    assert (facts["kept"], facts["of"]) == (4, 8)
    assert facts["loss"][0] < 1e-20
    assert facts["loss"][1] < 1e-8  # one copy of each node stays and takes over
    teacher = load_network(files / "teacher.safetensors")
    alone = sum(int(p.count_nonzero()) for p in teacher.parameters())  # some of its weights are 0
    assert facts["parameters"][0] == 8 * 11 + 5 * 9
    assert facts["effective_parameters"] == [2 * (alone - 5) + 5, alone]
    code, out, _ = run(capsys, *arguments, "--selector", "greedy", "--no-reweight")
    assert json.loads(out)["loss"][1] > 1e-3


def test_what_is_written_loads_and_answers_alike(files, capsys, tmp_path):
    from practicum.runs.pruned import load_pruned

    target = tmp_path / "smaller.safetensors"
    code, out, _ = run(capsys, files / "students.safetensors", "--keep", "0.5", "--output", target)
    assert code == 0
    assert str(target) in out
    assert "4 of 8 nodes" in out
    network = load_pruned(target)
    assert [tuple(p.shape) for p in network.parameters()] == [(4, 10), (4,), (5, 4), (5,)]


def test_edges_of_each_node(files, capsys):
    code, out, _ = run(capsys, files / "students.safetensors", "--kind", "edges", "--keep", "3", "--json")
    assert code == 0
    assert json.loads(out)["kept"] == 3 * 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--selector", "ddp"], "Did you mean 'dpp'?"),
        (["--keep", "9"], "from 1 to 8"),
        (["--keep", "many"], "--keep must be a share"),
        (["--keep", "1.5"], "> 0 and <= 1"),
        (["--layer", "2"], "has 1 hidden layer(s)"),
        (["--kind", "edge"], "Did you mean 'edges'?"),
        (["--kind", "edges", "--selector", "importance"], "magnitude for edges"),
        (["--row", "-1"], "--row"),
        (["--data", "nowhere.npy"], "nowhere.npy"),
        (["--output", "network.pickle"], "network.pickle"),
    ],
)
def test_a_slip_is_one_sentence(files, capsys, arguments, said):
    code, _, err = run(capsys, files / "students.safetensors", *arguments)
    assert code != 0
    assert said in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
