"""Claims: everybody gets what nobody alive has, once, and nothing is left."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from practicum import StorageError
from practicum.runs import claims as claims_module
from practicum.runs._database import ASIDE, NAME
from practicum.runs.claims import SILENCE, Claims

IDS = [f"{i:016x}" for i in range(200)]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

TAKER = """
import sys
from practicum.runs.claims import Claims
claims = Claims(sys.argv[1])
print(*claims.take(sys.argv[2:]), flush=True)
sys.stdin.read()
"""

GREEDY = """
import random, sys
from practicum.runs.claims import Claims
with Claims(sys.argv[1]) as claims:
    print("ready", flush=True)
    sys.stdin.readline()
    ids = [f"{i:016x}" for i in range(200)]
    random.Random(sys.argv[2]).shuffle(ids)
    print(*[run for start in range(0, 200, 5) for run in claims.take(ids[start:start + 5])], flush=True)
    sys.stdin.readline()
"""


def rows(folder):
    with closing(sqlite3.connect(folder / NAME)) as connection:
        return connection.execute("SELECT (SELECT count(*) FROM claims_1), (SELECT count(*) FROM owners_1)").fetchone()


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip


def test_what_one_has_the_other_does_not_get(tmp_path):
    with Claims(tmp_path) as first, Claims(tmp_path) as second:
        assert first.take(IDS[:3]) == IDS[:3]
        assert second.take(IDS[1:5]) == IDS[3:5]
        assert first.take(IDS[2:4]) == [IDS[2]]  # what is ours stays ours
        first.release([IDS[1], IDS[3]])  # the second id is not ours to give
        assert second.take(IDS[:5]) == [IDS[1], IDS[3], IDS[4]]
        assert rows(tmp_path) == (5, 2)


def test_nothing_is_left(tmp_path):
    with Claims(tmp_path) as claims:
        claims.take(IDS)
    assert rows(tmp_path) == (0, 0)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]  # no log, no lock


def test_a_claim_that_was_never_used_leaves_no_file(tmp_path):
    Claims(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_loses_its_claims_at_once(tmp_path):
    child = start(TAKER, tmp_path, "a", "b")
    assert child.stdout.readline().split() == ["a", "b"]
    with Claims(tmp_path) as claims:
        assert claims.take(["a", "c"]) == ["c"]
        child.send_signal(signal.SIGKILL)
        while claims_module._start(child.pid):
            time.sleep(0.01)
        assert claims.take(["a", "c"]) == ["a", "c"]  # although it is a zombie, for whose end nobody has asked
    child.communicate()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="made for /proc")
def test_another_process_with_the_number_of_a_dead_one_has_not_its_claims(tmp_path, monkeypatch):
    with Claims(tmp_path) as dead, Claims(tmp_path) as claims:
        with monkeypatch.context() as patch:
            patch.setattr(claims_module, "_start", lambda pid: "before")
            dead.take(["a"])
        assert claims.take(["a"]) == ["a"]


def test_on_another_machine_silence_is_death(tmp_path, monkeypatch):
    with Claims(tmp_path) as far, Claims(tmp_path) as near:
        with monkeypatch.context() as patch:
            patch.setattr(claims_module, "_host", lambda: "far")
            assert far.take(["a"]) == ["a"]
        now = time.time()
        for later, taken in ((SILENCE - 5, []), (SILENCE + 5, ["a"])):
            monkeypatch.setattr(claims_module.time, "time", lambda later=later: now + later)
            assert near.take(["a"]) == taken


def test_a_beat_keeps_claims_of_another_machine(tmp_path, monkeypatch):
    with Claims(tmp_path) as far, Claims(tmp_path) as near:
        now = time.time()
        for minutes in range(5):
            monkeypatch.setattr(claims_module.time, "time", lambda minutes=minutes: now + 60 * minutes)
            with monkeypatch.context() as patch:
                patch.setattr(claims_module, "_host", lambda: "far")
                assert far.take(["a"]) == ["a"] if minutes == 0 else far.beat() is None
            assert near.take(["a"]) == []


def test_who_was_taken_for_dead_and_was_not_claims_again(tmp_path, monkeypatch):
    """A laptop slept: what nobody has taken meanwhile is still its own, the rest is lost."""
    with Claims(tmp_path) as sleeper, Claims(tmp_path) as other, monkeypatch.context() as patch:
        patch.setattr(claims_module, "_host", lambda: "far")
        sleeper.take(["a", "b"])
        now = time.time()
        patch.setattr(claims_module.time, "time", lambda: now + 2 * SILENCE)
        patch.setattr(claims_module, "_host", lambda: "near")
        assert other.take(["a"]) == ["a"]
        patch.setattr(claims_module, "_host", lambda: "far")
        sleeper.beat()
        patch.setattr(claims_module, "_host", lambda: "near")
        assert other.take(["a", "b"]) == ["a"]
        patch.setattr(claims_module, "_host", lambda: "far")
        assert sleeper.take(["a", "b"]) == ["b"]


def test_four_processes_share_without_overlap(tmp_path):
    children = [start(GREEDY, tmp_path, i) for i in range(4)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    taken = [child.stdout.readline().split() for child in children]
    for child in children:
        child.communicate("\n")
        assert child.returncode == 0
    assert sorted(run for each in taken for run in each) == IDS
    assert rows(tmp_path) == (0, 0)


def test_threads_may_share_claims(tmp_path):
    with Claims(tmp_path) as claims:
        done = []

        def work(part):
            claims.beat()
            done.extend(claims.take(part))

        threads = [threading.Thread(target=work, args=(IDS[i::8],)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(done) == IDS


@pytest.mark.parametrize("damage", ["random", "text", "truncated", "empty", "removed", "foreign"])
def test_a_damaged_index_is_made_anew_and_who_had_claims_has_them(tmp_path, damage):
    path = tmp_path / NAME
    with Claims(tmp_path) as first:
        first.take(IDS)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for ending in ("-wal", "-shm"):  # what the log holds would repair the file
            (tmp_path / f"{NAME}{ending}").unlink(missing_ok=True)
        if damage == "removed":
            path.unlink()
        elif damage == "foreign":
            path.unlink()
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("CREATE TABLE owners_1 (something TEXT)")
        else:
            whole = path.read_bytes()
            content = {
                "random": os.urandom(9000),
                "text": b"not SQLite" * 99,
                "truncated": whole[: len(whole) // 2],
                "empty": b"",
            }
            path.unlink()
            path.write_bytes(content[damage])
        first.beat()
        with Claims(tmp_path) as second:
            assert second.take(IDS + ["new"]) == ["new"]
        assert (tmp_path / ASIDE).exists() is (damage not in ("empty", "removed"))


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(StorageError, match=r"index\.sqlite cannot be written: .*; choose another folder"):
        Claims(tmp_path / "missing").take(IDS)


def test_the_owner_is_this_process_on_this_machine(tmp_path):
    with Claims(tmp_path) as claims:
        claims.take(["a"])
        with closing(sqlite3.connect(tmp_path / NAME)) as connection:
            ((_, host, pid, started, beat),) = connection.execute("SELECT * FROM owners_1")
    assert host.startswith(socket.gethostname())
    assert (pid, started) == (os.getpid(), claims_module._start(os.getpid()))
    assert abs(beat - time.time()) < 60


def test_the_start_of_a_process_tells_it_from_others():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = claims_module._start(child.pid)
    assert started
    assert started != claims_module._start(os.getpid())
    child.communicate(b"\n")
    assert claims_module._start(child.pid) == ""
