"""What the page is made of, without a browser."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.page import CONTENT_TYPES, FOLDER, create_page

NAMES = sorted(file.name for file in FOLDER.iterdir())


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("page", static_folder=None)
    app.register_blueprint(create_page())
    return app.test_client()


def paths() -> list[str]:
    return ["/", *(f"/page/{name}" for name in NAMES)]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_the_page_is_served_as_what_it_is(client, name):
    answer = client.get(f"/page/{name}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == CONTENT_TYPES[f".{name.rpartition('.')[2]}"]
    assert answer.data == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("path", paths())
def test_every_file_comes_with_a_policy_that_allows_only_this_service(client, path):
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", paths())
def test_a_browser_that_has_the_file_is_told_so_and_asks_each_time(client, path):
    first = client.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/page/page.py", "/page/..%2fpage.py", "/page/../page.py", "/page/", "/page/app.js/x"]
)
def test_nothing_else_on_disk_can_be_asked_for(client, path):
    assert client.get(path).status_code == 404


def test_the_page_names_no_address_outside_the_service():
    for name in NAMES:
        found = re.findall(r"https?://[^\s\"'`]+|[\"'(]//\w", (FOLDER / name).read_text(encoding="utf-8"))
        assert set(found) <= {"http://www.w3.org/2000/svg"}, name


def test_nothing_in_the_page_makes_html_or_code_of_a_string():
    forbidden = r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function"
    for name in NAMES:
        assert not re.search(forbidden, (FOLDER / name).read_text(encoding="utf-8")), name


def test_the_document_has_no_inline_script_style_or_handler():
    document = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", document)
