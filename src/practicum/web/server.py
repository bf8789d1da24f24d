"""The server behind ``practicum serve``: the socket it listens on, the names it answers to, and how it ends."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import socket
import sys
import threading
import time
import webbrowser
from typing import TYPE_CHECKING

import uvicorn

from practicum.errors import ParameterError
from practicum.web._guard import ANY_ADDRESS
from practicum.web.app import LOOPBACK, create_app

if TYPE_CHECKING:
    from types import FrameType

    from practicum.runs.store import Store

PORT = 8642
_EVERY_INTERFACE = ("0.0.0.0", "::")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
_BACKLOG = 2048
_TAKE_TURNS = 0.0002
"""Seconds after which a thread that computes in Python lets the server go on: every message may wait so long."""


def make_token(given: str | None = None) -> str:
    """A token of 128 random bits, or the one given.

    Raises:
        ParameterError: the one given is easily guessed, or no text for a URL.
    """
    if given is None:
        return secrets.token_urlsafe(16)
    if not _TOKEN.fullmatch(given):
        raise ParameterError(
            "The 'token' of a server must have 16 to 128 letters, digits, '-' or '_', because it is all that keeps "
            f"others out and is part of a URL. Got {len(given)} characters instead; leave it out and one is made."
        )
    return given


def bind(host: str, port: int | None) -> socket.socket:
    """A socket that listens on `port` of `host`; on the usual port, or else on any free one, if no port is asked for.

    Raises:
        ParameterError: the port is taken or forbidden, or the host is no address of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
    except (OSError, UnicodeError):
        raise ParameterError(
            f"The 'host' must be an address or a name of this machine. Got {host!r:.80} instead; only this machine "
            "reaches 127.0.0.1."
        ) from None
    for wanted in (PORT, 0) if port is None else (port,):
        # The protocol is said, because asyncio sends small answers at once on sockets of TCP only.
        listening = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # elsewhere this would let two servers share a port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((address[0], wanted, *address[2:]))
            listening.listen(_BACKLOG)
        except OSError as error:
            listening.close()
            if port is None and wanted == PORT and error.errno == errno.EADDRINUSE:
                continue
            raise ParameterError(_why_not(host, wanted, error)) from None
        return listening
    raise AssertionError("every port is free or refused")


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"The port {port} of {host} is taken; choose another with --port, or leave it out to have a free one."
    if error.errno == errno.EACCES:
        return f"The port {port} is for the system only; choose one above 1023 with --port."
    reason = (error.strerror or str(error)).lower()
    return f"The server cannot listen on {host}, port {port}: {reason}; --host 127.0.0.1 works everywhere."


def names(host: str) -> tuple[str, ...]:
    """The names by which a server that is bound to `host` may be addressed."""
    if host in _EVERY_INTERFACE:
        return (*LOOPBACK, ANY_ADDRESS, socket.gethostname())
    return (*LOOPBACK, host)


def url(host: str, port: int, token: str | None) -> str:
    """The address to open in a browser."""
    name = socket.gethostname() if host in _EVERY_INTERFACE else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + ("" if token is None else f"?token={token}")


class Server(uvicorn.Server):
    """Serves the page on a socket until it is interrupted, and then ends at once, whoever still listens."""

    def __init__(self, store: Store, host: str, token: str | None = None) -> None:
        app = create_app(store, token=token, hosts=names(host))
        config = uvicorn.Config(
            app,
            lifespan="on",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=0,
            h11_max_incomplete_event_size=16 * 1024,
        )
        super().__init__(config)

    def serve_on(self, listening: socket.socket, browse: str | None = None) -> None:
        """Serve until interrupted; `browse` is the address that a browser is sent to once there is an answer.

        Raises:
            KeyboardInterrupt: Ctrl-C, the usual end.
        """
        sys.setswitchinterval(_TAKE_TURNS)
        if browse is not None and _has_browser():
            threading.Thread(target=self._browse, args=(browse,), daemon=True).start()
        self.run(sockets=[listening])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal: pages that follow a job keep their connection open and must not be waited for."""
        self.force_exit = True
        logging.getLogger("uvicorn.error").disabled = True  # what is cut short from now on is no error
        super().handle_exit(sig, frame)

    def _browse(self, address: str) -> None:
        while not self.started and not self.should_exit:
            time.sleep(0.05)
        with contextlib.suppress(webbrowser.Error):  # the address is on the terminal
            webbrowser.open(address)


def _has_browser() -> bool:
    """Whether there is a screen: without one Python would find a browser for the terminal, and take it over."""
    if sys.platform.startswith(("win", "darwin")):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
