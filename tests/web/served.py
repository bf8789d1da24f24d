"""A server of the page on a port of its own, in a thread, as clients meet it: over a socket."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from practicum.web.server import bind


@contextmanager
def served(app, **headers) -> Iterator[httpx.Client]:
    """A client of an application that runs until the end of the block."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, lifespan="on", log_level="critical", timeout_graceful_shutdown=0)
    )
    listening = bind("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        port = listening.getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)


def raw(client: httpx.Client, request: bytes) -> tuple[int, bytes]:
    """Status and body of a request of which every byte is ours: libraries would repair or refuse the worst of them."""
    address = client.base_url.host, client.base_url.port
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def events(client: httpx.Client, job: str) -> list[tuple[str, dict]]:
    """All events of a job, in their order."""
    found, name = [], ""
    with client.stream("GET", f"/api/jobs/{job}/events") as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found
