"""The files of the page: sent compressed, sent once, and no other file with them."""

import gzip

import pytest

pytest.importorskip("fastapi", reason="the page needs the extra [web]")

from practicum.runs.store import Store
from practicum.web.app import create_app
from practicum.web.assets import assets
from web.served import served

FRONT = "<!doctype html><title>front</title>" + "<p>again and again</p>" * 100
SCRIPT = "export const answer = 42;\n" * 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    static = root / "static"
    (static / "vendor").mkdir(parents=True)
    (static / "index.html").write_text(FRONT)
    (static / "app.js").write_text(SCRIPT)
    (static / "vendor" / "d3.min.js").write_text("// d3")
    (static / "vendor" / "d3.LICENSE").write_text("licence")
    (root / "outside.js").write_text("outside")
    return static


@pytest.fixture(scope="module")
def client(folder, tmp_path_factory):
    with served(create_app(Store(tmp_path_factory.mktemp("runs")), static=folder)) as client:
        yield client


def test_the_table_holds_the_folder_and_nothing_else(folder):
    assert set(assets(folder)) == {"", "app.js", "vendor/d3.min.js"}


@pytest.mark.parametrize("path, text, kind", [("/", FRONT, "text/html"), ("/app.js", SCRIPT, "text/javascript")])
def test_a_file_is_sent_compressed_where_it_can_be(client, path, text, kind):
    for encoding, size in (("gzip, br", len(gzip.compress(text.encode(), 9))), ("identity", len(text))):
        sent = client.get(path, headers={"accept-encoding": encoding})
        assert sent.text == text
        assert int(sent.headers["content-length"]) == size
        assert sent.headers["content-type"].startswith(kind)
        assert sent.headers["vary"] == "Accept-Encoding"
        assert sent.headers["cache-control"] == "no-cache"
        assert ("content-encoding" in sent.headers) == (encoding != "identity")


def test_a_file_that_is_known_is_not_sent_again(client):
    tag = client.get("/app.js").headers["etag"]
    again = client.get("/app.js", headers={"if-none-match": tag})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == tag
    assert client.get("/app.js", headers={"if-none-match": '"other"'}).status_code == 200
    # The same file in another encoding is not the one that the client has.
    assert client.get("/app.js", headers={"if-none-match": tag, "accept-encoding": "identity"}).status_code == 200


def test_a_changed_file_has_another_tag(folder):
    before = assets(folder)["app.js"].tag
    (folder / "app.js").write_text(SCRIPT + "//")
    try:
        assert assets(folder)["app.js"].tag != before
    finally:
        (folder / "app.js").write_text(SCRIPT)
    assert assets(folder)["app.js"].tag == before


@pytest.mark.parametrize(
    "path", ["/index.html", "/vendor/d3.LICENSE", "/vendor", "/vendor/", "/outside.js", "/app.js/"]
)
def test_what_is_not_in_the_table_is_not_there(client, path):
    assert client.get(path).status_code == 404


def test_a_picture_is_not_compressed_twice(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG" * 100)
    assert not assets(tmp_path)["a.png"].compressible
