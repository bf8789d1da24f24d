"""How much memory there is, from what the system and its control groups say, and the sentence if it is not enough."""

import re
import time

import pytest

from practicum import ParameterError, memory
from practicum.memory import available, gibibytes, largest, require

GIB = 2**30


@pytest.fixture
def four_gibibytes(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 4 * GIB)


def table(rows: int, columns: int) -> int:
    return 8 * rows * columns


def test_what_fits_is_let_through_and_the_next_is_not(four_gibibytes):
    require("A table", table, rows=2**19, columns=1024)
    with pytest.raises(ParameterError) as caught:
        require("A table", table, rows=2**19 + 1, columns=1024)
    assert str(caught.value) == (
        "A table (rows = 524289, columns = 1024) needs 4.00 GiB of memory, and 4 GiB are available; the largest "
        "'rows' that fits, the others kept, is 524288."
    )


def test_the_dearest_size_is_the_one_that_saves_most(four_gibibytes):
    # Columns enter squared, so that one column leaves less than one row does, although there are fewer.
    with pytest.raises(ParameterError, match=r"the largest 'columns' that fits, the others kept, is 518\."):
        require("A table", lambda rows, columns: 8 * rows * columns**2, rows=2000, columns=1000)


def test_where_nothing_fits_several_are_to_be_lowered(four_gibibytes):
    with pytest.raises(ParameterError, match=r"not even 1 as 'rows' fits, the others kept, so lower several of them\."):
        require("A table", table, rows=10**400, columns=10**300)
    with pytest.raises(ParameterError, match=r"not even 1 as 'rows' fits\."):
        require("A table", lambda rows: 10**12 * rows, rows=3)


def test_numbers_of_any_length_are_compared_and_printed(four_gibibytes):
    begin = time.process_time()
    with pytest.raises(ParameterError, match=r"rows = 1\.00e\+5000.*needs 7\.45e\+4991 GiB"):
        require("A table", table, rows=10**5000, columns=1)
    assert time.process_time() - begin < 1


def test_nothing_is_said_where_the_system_says_nothing(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: None)
    require("A table", table, rows=10**30, columns=1)


def test_small_requests_do_not_look(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: pytest.fail("it looked"))
    require("A table", table, rows=2**10, columns=2**13)
    with pytest.raises(pytest.fail.Exception, match="it looked"):
        require("A table", table, rows=2**10, columns=2**13 + 1)


def test_the_largest_is_found_among_all(four_gibibytes):
    for limit in (0, 7, 8, 79, 80, 81, 10**6):
        found = largest(lambda n: 8 * n, "n", {"n": 50}, limit)
        assert found == max((n for n in range(1, 51) if 8 * n <= limit), default=0)


def test_amounts_are_readable():
    amounts = {2**20: "1 MiB", 87 * 2**20: "87 MiB", 412 * GIB: "412 GiB", 4470 * GIB: "4470 GiB"}
    assert {number: gibibytes(number) for number in amounts} == amounts
    assert gibibytes(10**30) == "9.31e+20 GiB"


def test_this_machine_says_something():
    free = available()
    assert free is None or 2**26 < free < 2**50


def groups(tmp_path, lines: str, files: dict[str, str]) -> list[int]:
    """What is left by control groups of these files."""
    (tmp_path / "cgroup").write_text(lines)
    for name, content in files.items():
        path = tmp_path / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return list(memory._groups(tmp_path / "cgroup", tmp_path / "sys"))


def test_version_two_counts_the_limits_of_all_ancestors(tmp_path):
    files = {
        "memory.max": "max\n",
        "memory.current": "123\n",
        "jobs/memory.max": f"{8 * GIB}\n",
        "jobs/memory.current": f"{3 * GIB}\n",
        "jobs/memory.stat": f"anon {2 * GIB}\ninactive_file {GIB}\n",
        "jobs/seven/memory.max": f"{6 * GIB}\n",
        "jobs/seven/memory.current": f"{GIB}\n",
    }
    assert groups(tmp_path, "0::/jobs/seven\n", files) == [6 * GIB, 5 * GIB]


def test_version_one_has_other_names(tmp_path):
    files = {
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": "5\n",
        "memory/job/memory.limit_in_bytes": f"{2 * GIB}\n",
        "memory/job/memory.usage_in_bytes": f"{2 * GIB}\n",
        "memory/job/memory.stat": f"inactive_file 7\ntotal_inactive_file {GIB // 2}\n",
    }
    assert groups(tmp_path, "5:cpu:/job\n4:memory:/job\n0::/\n", files) == [GIB // 2]


def test_inside_a_container_only_the_root_is_there(tmp_path):
    files = {"memory.max": f"{GIB}\n", "memory.current": "0\n"}
    assert groups(tmp_path, "0::/docker/0123abcd\n", files) == [GIB]


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert list(memory._groups(tmp_path / "missing", tmp_path)) == []
    assert groups(tmp_path, "nonsense\n\n0::/x\n", {}) == []


def test_the_smallest_of_all_counts(monkeypatch):
    monkeypatch.setattr(memory, "_machine", lambda: 8 * GIB)
    monkeypatch.setattr(memory, "_groups", lambda: iter([2 * GIB, 3 * GIB]))
    assert available() == int(0.95 * 2 * GIB)
    monkeypatch.setattr(memory, "_groups", lambda: iter([-5]))  # more is used than allowed, for a moment
    assert available() == 0
    monkeypatch.setattr(memory, "_groups", lambda: iter(()))
    monkeypatch.setattr(memory, "_machine", lambda: None)
    assert available() is None


def test_the_sentence_is_one_line(four_gibibytes):
    with pytest.raises(ParameterError) as caught:
        require("A table", table, rows=10**18, columns=3)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))
