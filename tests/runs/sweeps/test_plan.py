"""A grid of cells from what a person writes: the same runs that the verbs would compute one by one."""

from itertools import product

import pytest

from made_up import simulate_config, solve_config
from practicum import OrderParameters, ParameterError, StorageError
from practicum.runs import Store, TrainConfig
from practicum.runs.settings import configuration
from practicum.runs.sweeps.axes import axis
from practicum.runs.sweeps.plan import Sweep, from_config, from_tables
from practicum.runs.sweeps.sweeping import plan_of
from practicum.runs.train_settings import training_configuration

SIZES = ["teachers=2", "learning_rate=0.5", "until=10"]


def test_cells_stand_in_c_order_and_are_the_runs_of_the_verb():
    plan = plan_of(None, [*SIZES, "students=2..3", "noise=0,0.1,0.2"])
    assert plan.sweep.kind == "solve"
    assert plan.sweep.shape == (2, 3)
    for (students, noise), config in zip(product((2, 3), (0, 0.1, 0.2)), plan.configs, strict=True):
        alone = configuration("solve", None, [*SIZES, f"students={students}", f"noise={noise}"])
        assert config == alone
    assert plan.sweep.cells == tuple(config.id for config in plan.configs)


def test_a_file_with_a_table_sweep(tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text(
        'until = 10.0\n[machine]\nstudents = 2\nteachers = 2\n[rule]\nlearning_rate = 0.5\n[start]\nkind = "random"\n'
        '[simulate]\ndimension = 100\n[sweep]\nnoise = [0, 0.1]\nrule.inverse_temperature = "linspace(1, 2, 3)"\n'
    )
    plan = plan_of(file, [], seeds="4")
    assert plan.sweep.kind == "simulate"
    assert [(a.name, a.values) for a in plan.sweep.axes] == [
        ("noise", (0, 0.1)),
        ("rule.inverse_temperature", (1, 1.5, 2)),
    ]
    assert {str(config.seeds) for config in plan.configs} == {"0-3"}
    # A setting goes before the file's grid, whether it has one value or several.
    assert plan_of(file, ["noise=0.3", "dimension=200"], kind="simulate").sweep.shape == (3,)
    assert plan_of(file, ["noise=0,0.3,0.4"]).sweep.axes[-1] == ("noise", (0, 0.3, 0.4))
    assert plan_of(file, [], kind="solve").sweep.kind == "solve"


def test_seeds_are_a_setting_of_simulations_and_cells_of_random_starts():
    simulated = plan_of(None, [*SIZES, "students=2,3", "dimension=50"], seeds="3..5")
    assert [config.seeds.list() for config in simulated.configs] == [[3, 4, 5]] * 2
    solved = plan_of(None, [*SIZES, "students=2,3", "kind=random"], seeds="3", kind="solve")
    assert solved.sweep.shape == (2, 3)
    assert len(set(solved.configs)) == 6
    each = plan_of(None, [*SIZES, "students=2", "dimension=50", "seed=0..3"])
    assert [config.seeds.list() for config in each.configs] == [[0], [1], [2], [3]]


def test_trainings_are_recognised_and_are_the_runs_of_train():
    settings = ["hidden=4", "teacher.inputs=8", "epochs=2"]
    plan = plan_of(None, [*settings, "multiple=1,2"], seeds="2")
    assert plan.sweep.kind == "train"
    alone = training_configuration(None, [*settings, "multiple=2", "seeds=2"])
    assert isinstance(plan.configs[1], TrainConfig)
    assert plan.configs[1] == alone


def test_a_configuration_is_swept_with_all_else_kept():
    base = simulate_config(until=3.0)
    plan = from_config(base, [axis("learning_rate", [0.1, 0.2]), axis("dimension", [50, 60, 70])])
    assert plan.configs[4] == base.replace(rule=base.rule.replace(learning_rate=0.2), dimension=60)
    longer = from_config(base, [axis("until", [1.0, 2.0])]).configs
    assert [config.save_at[-1] for config in longer] == [1.0, 2.0]  # the default grid follows
    chosen = from_config(base.replace(save_at=[0.0, 1.0]), [axis("until", [1.0, 2.0])]).configs
    assert [config.save_at for config in chosen] == [(0.0, 1.0)] * 2
    assert [c.seeds.list() for c in from_config(base, [axis("seed", [4, 7])]).configs] == [[4], [7]]
    starts = [OrderParameters.near_symmetric(3, 2, split=split).to_dict() for split in (0.1, 0.2)]
    assert len({config.id for config in from_config(solve_config(), [axis("start", starts)]).configs}) == 2


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (["students=2"], "needs a parameter with several values"),
        (["students=2,3", "nois=0,1"], "noise"),
        (["students=2,3", "noise=0.1,-1"], r"In the cell students = 2, noise = -1: The 'noise' parameter of Committee"),
        (["students=2,3", "students=4,5"], "swept twice"),
        (["students=1..2000", "noise=linspace(0,1,1000)"], "1000000 cells at most, and 2000 x 1000 are 2000000"),
    ],
)
def test_a_bad_cell_is_refused_before_anything_is_computed(settings, match):
    with pytest.raises(ParameterError, match=match):
        plan_of(None, [*SIZES, *settings])


def test_kinds_and_tables_that_are_none(tmp_path):
    with pytest.raises(ParameterError, match=r"must be one of solve, simulate, train\. Got 'solv' instead\. Did you"):
        plan_of(None, [*SIZES, "students=2,3"], kind="solv")
    file = tmp_path / "x.toml"
    file.write_text("sweep = 3\n")
    with pytest.raises(ParameterError, match=r"must be a table: write \[sweep\]"):
        plan_of(file, [])
    with pytest.raises(ParameterError, match="no parameter 'learning_rat'"):
        from_config(solve_config(), [axis("learning_rat", [1, 2])])


def test_a_stored_sweep_is_read_back_and_a_damaged_one_is_refused(tmp_path):
    plan = from_tables(
        "solve", {"machine": {"teachers": 2}, "rule": {"learning_rate": 1}}, (), [axis("students", [2, 3])]
    )
    path = plan.sweep.write(tmp_path)
    assert path.name == f"{plan.sweep.id}.sweep"
    assert Sweep.read(path) == plan.sweep
    before = path.read_bytes()
    plan.sweep.write(tmp_path)
    assert path.read_bytes() == before
    path.write_bytes(before.replace(b"students", b"teachers"))
    with pytest.raises(StorageError, match=str(path)):
        Sweep.read(path)
    other = tmp_path / "0123456789abcdef.sweep"
    other.write_bytes(before)
    with pytest.raises(StorageError, match="another sweep"):
        Sweep.read(other)
    assert Store(tmp_path).ids() == []
