"""``practicum serve`` as a process: what it prints, where it listens, how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum import ParameterError
from practicum.web import server
from practicum.web._guard import ANY_ADDRESS


@contextmanager
def running(store, *options):
    """The process and the URL that it printed."""
    command = [sys.executable, "-m", "practicum", "serve", "--no-open", "--store", str(store), *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            lines = []
            while not (lines and lines[-1].startswith("Ctrl-C")):
                lines.append(process.stdout.readline())
                assert lines[-1], process.stderr.read()
            yield process, re.search(r"http://\S+", "".join(lines))[0], "".join(lines)
        finally:
            if process.poll() is None:
                process.kill()


def answered(url):
    """The front page, once the server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_ctrl_c_ends_it_at_once_whoever_listens(tmp_path):
    with running(tmp_path) as (process, url, _):
        assert answered(url).status_code == 200
        assert re.match(r"http://127\.0\.0\.1:\d+/$", url)
        assert not tmp_path.joinpath("runs").exists()
        long = {"students": 2, "teachers": 2, "until": 100, "dimension": 10**6, "seeds": 30}
        job = httpx.post(f"{url}api/chain", json=long, timeout=60).json()["job"]
        with httpx.stream("GET", f"{url}api/jobs/{job}/events", timeout=60) as stream:
            assert stream.status_code == 200
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert err == "practicum: Interrupted; runs stored before are safe.\n"
        assert out == ""


def test_another_port_is_found_where_the_usual_one_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", server.PORT))
            taken.listen()
        except OSError:
            pass  # by somebody else, which is as good
        with running(tmp_path) as (_, url, said):
            assert f":{server.PORT}/" not in url
            assert said.startswith(f"Port {server.PORT} is taken, so another one was chosen.\nThe page is at http://")
            assert answered(url).status_code == 200


def test_a_host_that_others_reach_needs_a_token(tmp_path):
    with running(tmp_path, "--host", "0.0.0.0", "--port", "0") as (_, url, _):
        port, token = re.search(r":(\d+)/\?token=(\S+)$", url.strip()).groups()
        assert len(token) == 22
        local = f"http://127.0.0.1:{port}/"
        assert answered(local).status_code == 401
        assert httpx.get(f"{local}?token={token}").status_code == 200
        assert httpx.get(f"{local}api/about", headers={"Cookie": f"practicum-{port}={token}"}).status_code == 200
        assert httpx.get(f"{local}?token={token}", headers={"Host": "evil.example"}).status_code == 421


def test_a_port_that_was_asked_for_and_is_taken_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ParameterError, match=f"The port {port} of 127.0.0.1 is taken; choose another with --port"):
            server.bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "256.1.1.1", "a b", "\0"])
def test_a_host_that_is_none_is_one_sentence(host):
    with pytest.raises(ParameterError, match=r"'host' must be an address|cannot listen on"):
        server.bind(host, 0)


def test_an_address_of_another_machine_is_one_sentence():
    with pytest.raises(ParameterError, match=r"cannot listen on 192\.0\.2\.1, port"):
        server.bind("192.0.2.1", 0)


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 15, "with spaces in between", "newline-in-the-end\n", "ü" * 20, "a" * 129]
)
def test_a_token_that_is_easily_guessed_is_refused(token):
    with pytest.raises(ParameterError, match="'token' of a server must have 16 to 128"):
        server.make_token(token)


def test_tokens_are_made_and_kept():
    assert server.make_token("my-own-token-1234") == "my-own-token-1234"
    assert len({server.make_token() for _ in range(50)}) == 50


def test_names_and_addresses():
    assert ANY_ADDRESS in server.names("0.0.0.0")
    assert ANY_ADDRESS not in server.names("192.168.0.7")
    assert "192.168.0.7" in server.names("192.168.0.7")
    assert server.url("127.0.0.1", 80, None) == "http://127.0.0.1:80/"
    assert server.url("::1", 80, "t") == "http://[::1]:80/?token=t"
    assert server.url("0.0.0.0", 80, "t") == f"http://{socket.gethostname()}:80/?token=t"


def test_no_browser_is_looked_for_where_there_is_no_screen(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not server._has_browser()
    monkeypatch.setenv("DISPLAY", ":0")
    assert server._has_browser()
