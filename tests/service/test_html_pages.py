import pytest

from tests.summarizer.test_html_article import FIRST, PAGE, SECOND


def post(client, page: str | bytes, query: str = ""):
    return client.post(f"/api/evaluate{query}", data=page, content_type="text/html; charset=utf-8")


@pytest.mark.parametrize("index_unit", ["codepoint", "utf16"])
def test_offsets_refer_to_the_text_that_is_returned(client, index_unit):
    found = post(client, PAGE, f"?index_unit={index_unit}").get_json()
    assert found["text"] == f"{FIRST}\n\n{SECOND}"
    encoding, width = ("utf-16-le", 2) if index_unit == "utf16" else ("utf-32-le", 4)
    units = found["text"].encode(encoding)
    for sentence in found["sentences"]:
        piece = units[width * sentence["start"] : width * sentence["end"]]
        assert piece.decode(encoding) == sentence["text"]


def test_the_page_and_its_text_get_the_same_scores(client):
    page = post(client, PAGE, "?sentences=1").get_json()
    text = client.post("/api/evaluate?sentences=1", data=page.pop("text").encode(), content_type="text/plain")
    assert page == text.get_json()


@pytest.mark.parametrize(
    "page",
    ["", " ", "<!-- nothing -->", "<!doctype html>", "<html></html>", "<p></p>", "<div>" * 3000],
)
def test_a_page_without_an_article_is_a_422_that_says_what_to_do(client, page):
    answer = post(client, page)
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "no_article"
    assert answer.get_json()["detail"].endswith("send the text of the article instead, as plain text")


def test_bad_options_are_refused_before_the_page_is_read(client, monkeypatch):
    monkeypatch.setattr("service.api.main_text", lambda _: 1 / 0)
    assert post(client, PAGE, "?words=0").status_code == 422
