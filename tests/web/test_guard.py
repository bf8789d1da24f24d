"""What is refused before anybody looks at it: foreign names, pages and paths, wrong tokens, too large bodies."""

import contextlib
import json
import socket

import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum.runs.store import Store
from practicum.web._guard import ANY_ADDRESS
from practicum.web.app import create_app
from practicum.web.limits import Limits
from web.served import raw, served

TOKEN = "a-token-of-some-length"
LIMIT = 64 * 1024


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "secret.js").write_text("secret")
    return Store(folder / "runs")


@pytest.fixture(scope="module")
def client(store):
    with served(create_app(store)) as client:
        yield client


@pytest.fixture(scope="module")
def guarded(store):
    with served(create_app(store, token=TOKEN)) as client:
        yield client


def request(client, line, *headers, body=b"", host=None):
    host = host or f"127.0.0.1:{client.base_url.port}"
    head = "\r\n".join([f"{line} HTTP/1.1", f"Host: {host}", "Connection: close", *headers])
    return raw(client, head.encode("latin-1") + b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../etc/passwd",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/..%5c..%5cetc%5cpasswd",
        "/..\\..\\etc\\passwd",
        "//etc/passwd",
        "/etc/passwd",
        "/%2fetc/passwd",
        "/./app.js",
        "/vendor/../app.js",
        "/vendor//d3.min.js",
        "/app.js%00.html",
        "/app.js%0d%0aX-Evil:%201",
        "/__init__.py",
        "/../app.py",
        "/vendor/d3.LICENSE",
        "/api/jobs/../about",
        "/api/jobs/..%2fabout/events",
        "/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
        "/" + "a" * 9000,
    ],
    ids=lambda path: path[:40],
)
def test_no_path_leads_elsewhere(client, path):
    status, body = request(client, f"GET {path}")
    assert status == 404
    assert json.loads(body)["problem"] == ("There is nothing at this address.")


@pytest.mark.parametrize("path", ["/app.js\0", "/app.js\x7f", "http://evil/\x01", "/ü"])
def test_no_bytes_that_an_address_cannot_have(client, path):
    status, body = request(client, f"GET {path}")
    assert status in (400, 404)
    assert b"import" not in body


def test_an_address_of_a_whole_url_is_still_ours_alone(client):
    assert request(client, "GET file:///etc/passwd")[0] in (400, 404)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", "192.168.0.7", "", "a@b:c@d"]
)
def test_a_foreign_name_is_refused(client, host):
    status, body = request(client, "GET /api/about", host=host or " ")
    assert status in (400, 421)
    assert b"parameters" not in body


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8642"])
def test_a_name_of_this_machine_is_answered(client, host):
    assert request(client, "GET /api/about", host=host)[0] == 200


def test_two_hosts_are_refused(client):
    assert request(client, "GET /api/about", "Host: evil.example")[0] in (400, 421)


def test_where_every_interface_is_bound_numbers_are_answered_and_foreign_names_are_not(store):
    with served(create_app(store, hosts=("localhost", ANY_ADDRESS))) as client:
        assert [request(client, "GET /api/about", host=host)[0] for host in ("192.168.0.7:80", "[fe80::1]")] == [
            200,
            200,
        ]
        assert request(client, "GET /api/about", host="evil.example")[0] == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_another_page_cannot_compute_or_cancel(client, headers):
    for method, path in (("POST", "/api/flow"), ("DELETE", "/api/jobs/x")):
        refused = client.request(method, path, headers=headers)
        assert refused.status_code == 403
        assert refused.json()["problem"].endswith("must come from this server's own page.")


def test_our_own_page_can(client):
    own = str(client.base_url).rstrip("/")
    for headers in ({}, {"origin": own}, {"origin": own, "sec-fetch-site": "same-origin"}):
        assert client.post("/api/code", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "DELETE", "POST"])
def test_other_methods_find_nothing(client, method):
    assert client.request(method, "/api/about").status_code in (404, 405)
    assert client.request(method, "/").status_code in (404, 405)


# --- the token


def test_without_the_token_there_is_nothing(guarded):
    for path in (
        "/",
        "/app.js",
        "/api/about",
        "/?token=",
        "/?token=wrong",
        f"/?token={TOKEN}x",
        f"/?token={TOKEN[:-1]}",
    ):
        refused = guarded.get(path)
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers
    assert guarded.post("/api/flow", json={}).status_code == 401
    assert guarded.get("/?token=%C3%BC").status_code == 401
    assert guarded.get("/", headers={"Cookie": f"other={TOKEN}"}).status_code == 401


def test_with_the_token_once_a_cookie_is_enough(guarded):
    found = guarded.get(f"/?token={TOKEN}")
    assert found.status_code == 200
    name, _, rest = found.headers["set-cookie"].partition("=")
    assert rest == f"{TOKEN}; Path=/; HttpOnly; SameSite=Strict"
    cookie = {"Cookie": f"a=b; {name}={TOKEN}; c=d"}
    guarded.cookies.clear()
    assert guarded.get("/api/about").status_code == 401
    assert guarded.get("/api/about", headers=cookie).status_code == 200
    assert guarded.post("/api/code", json={}, headers=cookie).status_code == 200
    # Another port is another server, though the browser sends it the same cookies.
    assert guarded.get("/api/about", headers={"Cookie": f"practicum-1={TOKEN}"}).status_code == 401


def test_a_token_does_not_excuse_another_page(guarded):
    refused = guarded.post(f"/api/code?token={TOKEN}", json={}, headers={"origin": "http://evil.example"})
    assert refused.status_code == 403
    assert guarded.get(f"/?token={TOKEN}", headers={"host": "evil.example"}).status_code == 421


def test_every_answer_has_the_headers_of_security(client, guarded):
    answers = [client.get(path) for path in ("/", "/app.js", "/api/about", "/nothing")]
    answers += [client.post("/api/flow", content=b"no"), guarded.get("/"), client.get("/", headers={"host": "evil"})]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers or answer.headers["server"] == "uvicorn"


# --- bodies


def padded(size):
    """A body of exactly `size` bytes that is a problem."""
    return b"{" + b" " * (size - 2) + b"}"


def test_a_body_at_the_limit_is_read_and_one_beyond_it_is_not(client):
    assert client.post("/api/code", content=padded(LIMIT)).status_code == 200
    refused = client.post("/api/code", content=padded(LIMIT + 1))
    assert refused.status_code == 413
    assert refused.json()["problem"] == "The body of a request may have 65536 bytes at most."


def chunked(size, piece=1000):
    """A body in pieces, whose length nobody has declared."""
    body = padded(size)
    return iter([body[i : i + piece] for i in range(0, size, piece)])


def test_a_body_in_pieces_is_counted(client):
    assert client.post("/api/code", content=chunked(LIMIT)).status_code == 200
    assert client.post("/api/code", content=chunked(LIMIT + 1)).status_code == 413


def test_a_body_is_refused_before_it_has_arrived(client):
    """Of gigabytes announced, or sent without end, no more is read than the limit."""
    head = f"POST /api/code HTTP/1.1\r\nHost: 127.0.0.1:{client.base_url.port}\r\n"
    assert raw(client, f"{head}Content-Length: 10000000000\r\nConnection: close\r\n\r\n".encode())[0] == 413
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=30) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        pieces = 0
        with contextlib.suppress(OSError):  # the server closes while we would go on for ever
            while pieces < 2**16:
                connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
                pieces += 1
        assert pieces < 2**14  # what the sockets hold between us; without a limit all of it would be read


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999999999999999999999"])
def test_a_length_that_is_none_is_refused(client, length):
    head = f"POST /api/code HTTP/1.1\r\nHost: 127.0.0.1:{client.base_url.port}\r\nConnection: close\r\n"
    assert raw(client, f"{head}Content-Length: {length}\r\n\r\n{{}}".encode())[0] in (400, 413)


def test_a_smaller_limit_holds_too(store):
    with served(create_app(store, limits=Limits(body=1024))) as client:
        assert client.post("/api/code", content=padded(1025)).status_code == 413
        assert client.post("/api/code", content=padded(1024)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"students"',
        b"{",
        b"{'students': 3}",
        b'{"students": 3}}',
        b"\xff\xfe{}",
        b"[" * 60000,
        b'{"a":' * 10000,
        b'{"learning_rate": NaN}',
        b'{"learning_rate": -Infinity}',
        b'{"students": ' + b"9" * 50000 + b"}",
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
def test_a_body_that_is_no_object_is_refused(client, body):
    refused = client.post("/api/flow", content=body)
    assert refused.status_code == 422
    assert refused.json()["problem"].startswith("The body of the request must be one JSON object")
