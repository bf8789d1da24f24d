"""The index: always what a fresh look at the files would say, whatever happens to it or to them."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from made_up import compute, simulate_config, solve_config
from made_up_stores import age, fail_small, flip, nothing_may_be_written, small_config, store_small
from practicum import StorageError
from practicum.runs import Store, _database, index
from practicum.runs._database import ASIDE, NAME, Database, filesystem_of
from practicum.runs.index import Index
from practicum.runs.rows import described, settings_of

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "runs"
    path.mkdir()
    return path


@pytest.fixture
def looked(monkeypatch):
    """Names of the files that were opened."""
    names = []
    look = index.look
    monkeypatch.setattr(index, "look", lambda path: names.append(path.name) or look(path))
    return names


def statuses(folder):
    return {entry.row["id"]: entry.row["status"] for entry in Index(folder).entries()}


def readable(entries, folder):
    """Entries as they would be in any folder: sentences name the file."""
    text = json.dumps([[row, json.loads(settings)] for row, settings in entries])
    return json.loads(text.replace(str(folder), "FOLDER"))


def fresh(folder, elsewhere):
    """What a look without any index says."""
    shutil.copytree(folder, elsewhere, ignore=shutil.ignore_patterns(f"{NAME}*"))  # the times are copied too
    entries = readable(Index(elsewhere).entries(), elsewhere)
    shutil.rmtree(elsewhere)
    return entries


def test_only_new_and_changed_files_are_read(folder, looked):
    ids = store_small(folder, 1, 2, 3)
    failed = fail_small(folder, 4)
    age(folder)
    first = Index(folder).entries()
    assert sorted(looked) == sorted([*(f"{run}.nc" for run in ids), f"{failed}.failed"])
    looked.clear()
    assert Index(folder).entries() == first
    assert looked == []
    (new,) = store_small(folder, 5)
    (folder / f"{ids[0]}.nc").unlink()
    flip(folder / f"{ids[1]}.nc")
    assert statuses(folder) == {ids[1]: "damaged", ids[2]: "ok", failed: "failed", new: "ok"}
    assert sorted(looked) == sorted([f"{new}.nc", f"{ids[1]}.nc"])


def test_rows_say_what_the_runs_say(folder):
    store = Store(folder)
    for config in (solve_config(), simulate_config()):
        store.put(config, compute(config))
    run = fail_small(folder, 7)
    age(folder)
    for _ in range(2):  # from the files, from the index
        rows = {row["id"]: row for row in store.table()}
        assert rows[solve_config().id]["status"] == "ok"
        assert (rows[simulate_config().id]["seeds"], rows[simulate_config().id]["eta"]) == ("0-2", 0.5)
        assert (rows[run]["status"], rows[run]["kind"], rows[run]["N"]) == ("failed", "simulate", 50)
        assert rows[run]["problem"] == "The seed 7 divided by zero."


def test_a_failure_of_a_run_that_is_stored_is_no_row(folder):
    (run,) = store_small(folder, 1)
    fail_small(folder, 1)
    assert statuses(folder) == {run: "ok"}


def test_storing_a_run_forgets_its_failure(folder):
    run = fail_small(folder, 1)
    assert statuses(folder) == {run: "failed"}
    store_small(folder, 1)
    assert [path.name for path in folder.iterdir() if not path.name.startswith(NAME)] == [f"{run}.nc"]


def test_settings_are_the_scalars_of_the_configuration(folder):
    store_small(folder, 1)
    (entry,) = Index(folder).entries()
    found, config = json.loads(entry.settings), json.loads(small_config(1).canonical())
    assert found["rule.learning_rate"] == config["rule"]["learning_rate"]
    assert (found["machine.students"], found["dimension"], found["seeds"], found["kind"]) == (3, 50, 1, "simulate")
    assert not any(isinstance(value, list | dict) for value in found.values())


def happen(folder, rng):
    """One random event in a folder: to its runs, or to its index."""
    files = sorted(path for path in folder.iterdir() if index._NAME.fullmatch(path.name))
    event = rng.choice(["store", "store", "fail", "remove", "flip", "cut", "rename", "age", "spoil the index"])
    path = rng.choice(files) if files else None
    if event == "store":
        run = small_config(rng.randrange(12)).id
        if f"{run}.nc" not in {file.name for file in files}:
            store_small(folder, *[seed for seed in range(12) if small_config(seed).id == run])
    elif event == "fail":
        fail_small(folder, rng.randrange(12))
    elif event == "age":
        age(folder, rng.random())
    elif event == "spoil the index":
        spoil(folder / NAME, rng)
    elif path is None:
        pass
    elif event == "remove":
        path.unlink()
    elif event == "flip":
        flip(path, -rng.randrange(1, 300))
    elif event == "cut":
        path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size or 1)])
    elif event == "rename":
        shutil.copy(path, folder / f"{rng.getrandbits(64):016x}{path.suffix}")
    return event


def spoil(path, rng):
    """Something that must never happen to an index, and does."""
    if not path.exists():
        return
    content = bytearray(path.read_bytes())
    how = rng.choice(["remove", "flip", "flip", "cut", "overwrite"])
    if how == "remove":
        path.unlink()
    elif how == "overwrite":
        path.write_bytes(b"This is no database.\n" * 500)
    elif how == "cut":
        path.write_bytes(content[: rng.randrange(len(content) or 1)])
    elif content:
        for _ in range(20):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)


def check_events(folder, elsewhere, seed, count):
    rng, seen = random.Random(seed), set()
    for step in range(count):
        event = happen(folder, rng)
        now = Index(folder).entries()
        assert readable(now, folder) == fresh(folder, elsewhere), (seed, step, event)
        seen |= {entry.row["status"] for entry in now}
    return seen


@pytest.mark.parametrize("seed", range(3))
def test_it_is_a_fresh_look_after_random_events(folder, tmp_path, seed):
    assert check_events(folder, tmp_path / "fresh", seed, 25) >= {"ok", "failed"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_it_is_a_fresh_look_after_many_random_events(folder, tmp_path, seed):
    assert check_events(folder, tmp_path / "fresh", seed, 150) == {"ok", "failed", "damaged"}


def test_power_an_index_that_is_never_compared_is_found_out(folder, tmp_path, monkeypatch):
    scan = index.signatures
    monkeypatch.setattr(index, "signatures", lambda folder: dict.fromkeys(scan(folder), (0, 0)))  # all files look alike
    monkeypatch.setattr(index, "_settled", lambda changed: True)
    with pytest.raises(AssertionError):
        check_events(folder, tmp_path / "fresh", 0, 25)


def change_within_a_tick(folder):
    """Damage a run so soon after it was written that neither its size nor its time of change shows it."""
    (run,) = store_small(folder, 1)
    path = folder / f"{run}.nc"
    assert statuses(folder) == {run: "ok"}
    times = path.stat()
    flip(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return statuses(folder)[run]


def test_a_change_within_the_tick_of_the_clock_is_noticed(folder):
    assert change_within_a_tick(folder) == "damaged"


def test_power_young_files_that_are_believed_hide_a_change(folder, monkeypatch):
    monkeypatch.setattr(index, "_settled", lambda changed: True)
    assert change_within_a_tick(folder) == "ok"


def change_a_row(folder):
    """Change a stored row and nothing else of it."""
    store_small(folder, 1)
    age(folder)
    statuses(folder)
    with closing(sqlite3.connect(folder / NAME)) as connection, connection:
        connection.execute("UPDATE files_1 SET status = 'diverged'")
    return [*statuses(folder).values()]


def test_a_row_with_a_changed_bit_is_not_believed(folder):
    assert change_a_row(folder) == ["ok"]


def test_power_without_checksums_a_changed_bit_is_believed(folder, monkeypatch):
    monkeypatch.setattr(index, "_checksum", lambda row: 0)
    assert change_a_row(folder) == ["diverged"]


def test_damage_is_looked_at_again(folder):
    """It may be repaired without a trace in size or time: a permission, a disk that answers again."""
    (run,) = store_small(folder, 1)
    path = folder / f"{run}.nc"
    flip(path)
    age(folder)
    times = path.stat()
    assert statuses(folder) == {run: "damaged"}
    flip(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert statuses(folder) == {run: "ok"}


def test_rows_of_files_that_are_gone_are_dropped(folder):
    store_small(folder, 1, 2)
    age(folder)
    statuses(folder)
    for path in folder.glob("*.nc"):
        path.unlink()
    assert statuses(folder) == {}
    with closing(sqlite3.connect(folder / NAME)) as connection:
        assert connection.execute("SELECT count(*) FROM files_1").fetchone() == (0,)


def test_a_rebuild_reads_every_file(folder, looked):
    ids = store_small(folder, 1, 2, 3)
    age(folder)
    before = Index(folder).entries()
    looked.clear()
    assert Index(folder).rebuild() == before
    assert sorted(looked) == sorted(f"{run}.nc" for run in ids)


def test_who_interrupts_the_first_look_keeps_what_was_read(folder, looked, monkeypatch):
    store_small(folder, *range(6))
    age(folder)
    monkeypatch.setattr(index, "_BATCH", 2)

    def stop(fraction):
        if fraction > 0.8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Index(folder).entries(stop)
    looked.clear()
    assert len(Index(folder).entries()) == 6
    assert len(looked) == 2


def test_looking_leaves_nothing_where_there_is_nothing(folder):
    assert Index(folder / "missing").entries() == []
    (folder / "notes.nc").write_text("mine")
    (folder / "aaaa.failed").write_text("mine")
    assert Index(folder).entries() == []
    assert Index(folder).rebuild() == []
    assert sorted(path.name for path in folder.iterdir()) == ["aaaa.failed", "notes.nc"]


def test_a_run_that_another_process_removes_meanwhile_is_no_error(folder, monkeypatch):
    ids = store_small(folder, 1, 2, 3)
    fail_small(folder, 4)
    look = index.look

    def remove_first(path):
        path.unlink()
        return look(path)

    monkeypatch.setattr(index, "look", remove_first)
    assert Index(folder).entries() == []
    assert len(ids) == 3

    store_small(folder, 1)
    listed = index.listed

    def list_and_remove(path):
        files = listed(path)
        for run in path.glob("*.nc"):
            run.unlink()
        return files

    monkeypatch.setattr(index, "listed", list_and_remove)
    assert Store(folder).table() == []


def test_strange_values_are_stored_as_they_can_be(folder, monkeypatch):
    """A whole number of more than 64 bits, and text that is no Unicode."""
    run = fail_small(folder, 1)
    age(folder)
    facts = {"kind": "simulate", "N": 10**30, "M": 2**63 - 1, "status": "failed", "problem": "a \ud800 b"}
    with monkeypatch.context() as patch:
        patch.setattr(index, "look", lambda path: (facts, "{}"))
        first = Index(folder).entries()
    assert Index(folder).entries() == first
    (row,) = [entry.row for entry in first]
    assert (row["id"], row["N"], row["M"], row["problem"]) == (run, str(10**30), 2**63 - 1, "a ? b")


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", "3", "{}", '{"kind":3}', '{"kind":"solve"}', '{"kind":"train","seeds":[]}']
)
def test_a_configuration_that_is_none_gives_a_row_all_the_same(text):
    assert set(described(text).values()) <= {None, "solve", "train"}
    assert set(settings_of(text)) <= {"kind"}


SCRIPT = """
import sys
from practicum.runs.index import Index
from practicum.runs.rows import described, settings_of
from pathlib import Path
print("ready", flush=True)
sys.stdin.readline()
for _ in range(15):
    for entry in Index(Path(sys.argv[1])).entries():
        assert entry.row["status"] == "ok", entry
"""


def test_processes_that_look_at_once_do_not_disturb_each_other(folder, tmp_path):
    """Two look again and again while a third stores runs, makes the index anew and removes it."""
    store_small(folder, *range(5))
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    others = [subprocess.Popen(command, **pipes, text=True, env=ENVIRONMENT) for _ in range(2)]
    for other in others:
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("\n")
        other.stdin.flush()
    seed = 5
    while any(other.poll() is None for other in others):
        store_small(folder, seed)
        age(folder, 0.2)
        Index(folder).rebuild()
        if seed % 4 == 0:
            (folder / NAME).unlink(missing_ok=True)
        seed += 1
    for other in others:
        assert (other.communicate()[1], other.returncode) == ("", 0)
    assert readable(Index(folder).entries(), folder) == fresh(folder, tmp_path / "fresh")
    assert len(Index(folder).entries()) == seed


@pytest.mark.parametrize("state", ["indexed", "without", "in use"])
def test_a_folder_that_can_only_be_read(folder, looked, state):
    """What the index knows is taken from it, the rest is read, and nothing is written."""
    old = store_small(folder, 1, 2)
    age(folder)
    if state != "without":
        Index(folder).entries()
    (new,) = store_small(folder, 3)
    age(folder, pattern=f"{new}.nc")
    user = Database(folder, index._LAYOUT)
    if state == "in use":  # with a log that is not yet part of the file
        user.write(lambda connection: connection.execute("DELETE FROM files_1 WHERE name = ?", [f"{old[0]}.nc"]))
    looked.clear()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".sqlite-shm"}
    with nothing_may_be_written(folder):
        for _ in range(2):
            assert statuses(folder) == dict.fromkeys([*old, new], "ok")
        with pytest.raises(StorageError, match="cannot be written"):
            Index(folder).rebuild()
    expected = {"indexed": [new], "without": [*old, new], "in use": [old[0], new]}[state]
    assert sorted(looked) == sorted(f"{run}.nc" for run in expected * 2)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert {path.name for path in folder.iterdir()} >= before.keys()
    user.close()


def test_power_that_folder_could_really_not_be_written(folder):
    with nothing_may_be_written(folder), pytest.raises(PermissionError):
        (folder / "new").write_text("")
    (folder / "new").write_text("")


def test_a_full_disk_is_no_error_for_who_looks(folder, monkeypatch):
    store_small(folder, 1, 2)
    age(folder)

    def full(self, work):
        raise StorageError("full")

    monkeypatch.setattr(Database, "write", full)
    assert len(statuses(folder)) == 2


def test_an_index_that_another_process_keeps_locked_is_no_error_for_who_looks(folder, monkeypatch):
    store_small(folder, 1, 2)
    age(folder)
    monkeypatch.setattr(_database, "_PATIENCE", 0.1)
    Index(folder).rebuild()
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        store_small(folder, 3)
        age(folder)
        assert len(statuses(folder)) == 3
        with pytest.raises(StorageError, match="is locked"):
            Index(folder).rebuild()
    assert len(statuses(folder)) == 3


def journal(folder):
    with closing(sqlite3.connect(folder / NAME)) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]


def test_on_a_network_the_journal_is_one_that_needs_no_shared_memory(folder, monkeypatch):
    for network, mode in ((False, "wal"), (True, "delete"), (False, "wal")):
        monkeypatch.setattr(_database, "on_a_network", lambda folder, network=network: network)
        Index(folder).rebuild() if (folder / NAME).exists() else None
        store_small(folder, *range(3))
        age(folder)
        assert len(statuses(folder)) == 3
        assert journal(folder) == mode


MOUNTS = """\
/dev/vda1 / ext4 rw,relatime 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
/dev/vdb1 /home/scratch xfs rw 0 0
//box/share /mnt/my\\040share cifs rw 0 0
host /media/far fuse.sshfs rw 0 0
lustre@tcp:/fs /lustre lustre rw 0 0
"""


@pytest.mark.parametrize(
    "place, kind",
    [
        ("/tmp/runs", "ext4"), ("/home/me/runs", "nfs4"), ("/home", "nfs4"), ("/homes/me", "ext4"),
        ("/home/scratch/runs", "xfs"), ("/mnt/my share/runs", "cifs"), ("/media/far/x", "fuse.sshfs"),
        ("/lustre/x", "lustre"),
    ],
)  # fmt: skip
def test_what_a_folder_lies_on(place, kind):
    assert filesystem_of(place, MOUNTS) == kind
    assert kind.startswith(_database._ON_A_NETWORK) is (kind not in ("ext4", "xfs"))


def test_a_damaged_index_is_set_aside_and_made_anew(folder, looked):
    store_small(folder, 1, 2)
    age(folder)
    statuses(folder)
    (folder / NAME).write_bytes(b"no database" * 1000)
    assert len(statuses(folder)) == 2
    assert (folder / ASIDE).read_bytes() == b"no database" * 1000
    looked.clear()
    assert len(statuses(folder)) == 2
    assert looked == []


def test_an_index_from_elsewhere_with_the_same_name_is_set_aside(folder):
    store_small(folder, 1)
    age(folder)
    with closing(sqlite3.connect(folder / NAME)) as connection, connection:
        connection.execute("CREATE TABLE files_1 (something TEXT)")
    assert [*statuses(folder).values()] == ["ok"]
    assert (folder / ASIDE).exists()


def test_a_group_may_write_where_the_folder_says_so(folder):
    before = os.umask(0o002)
    try:
        store_small(folder, 1)
        age(folder)
        statuses(folder)
    finally:
        os.umask(before)
    assert (folder / NAME).stat().st_mode & 0o060 == 0o060


def test_a_list_of_known_runs_loads_nothing_heavy(folder):
    store_small(folder, 1, 2)
    age(folder)
    statuses(folder)
    code = (
        f"import sys; from pathlib import Path; from practicum.runs.index import Index\n"
        f"assert len(Index(Path({str(folder)!r})).entries()) == 2\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert not {"numpy", "xarray", "h5py", "pandas", "pydantic", "scipy"} & set(run.stdout.split())
