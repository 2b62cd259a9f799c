import io
import json
import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from service.logs import LONGEST_PATH, OUR_LOGGERS, QUOTING_LOGGERS, JsonFormatter, JsonLogger
from service.record import record_of
from summarizer.html_article import main_text


@pytest.fixture
def lines(monkeypatch):
    """A logger as gunicorn creates it, and what it has written."""
    former = logging.getLogger().handlers, logging.getLogger().level
    logger = JsonLogger(Config())
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    for log in (logger.error_log, logger.access_log):
        monkeypatch.setattr(log, "handlers", [handler])
    monkeypatch.setattr(logger, "_access_log_enabled", True)
    yield logger, lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.getLogger().handlers, level = former
    logging.getLogger().setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def all_lines(monkeypatch):
    """Everything that a process with log level ``debug`` writes, from any package."""
    former = {name: logging.getLogger(name).level for name in ("", *OUR_LOGGERS, *QUOTING_LOGGERS)}
    handlers = logging.getLogger().handlers
    config = Config()
    config.set("loglevel", "debug")
    JsonLogger(config)
    written = io.StringIO()
    logging.getLogger().handlers = [logging.StreamHandler(written)]
    yield lambda: written.getvalue().splitlines()
    logging.getLogger().handlers = handlers
    for name, level in former.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(False)


def environ(**others: object) -> dict[str, object]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/evaluate",
        "QUERY_STRING": "api_key=secret&words=5",
        "HTTP_AUTHORIZATION": "Bearer secret",
        "CONTENT_LENGTH": "12",
        **others,
    }


ANSWER = SimpleNamespace(status="200 OK", sent=345, headers=[])


def test_a_request_is_one_line_with_its_sizes_times_and_id_and_nothing_else(lines):
    logger, written = lines
    request = environ()
    record = record_of(request)
    record.request_id, record.route = "abc", "/api/evaluate"
    record.articles, record.sentences, record.cached = 1, 7, False
    record.add("split", 0.25)
    logger.access(ANSWER, None, request, timedelta(seconds=1.5))
    (line,) = written()
    assert line.pop("time").endswith("+00:00")
    assert line.pop("process") > 0
    assert line == {
        "level": "info",
        "message": "request",
        "request_id": "abc",
        "method": "POST",
        "route": "/api/evaluate",
        "path": "/api/evaluate",
        "status": 200,
        "bytes_in": 12,
        "bytes_out": 345,
        "articles": 1,
        "sentences": 7,
        "seconds": 1.5,
        "stages": {"split": 0.25},
        "cached": False,
        "rejected": None,
    }


def test_a_path_cannot_begin_a_line_and_is_cut_off(lines):
    logger, written = lines
    logger.access(ANSWER, None, environ(PATH_INFO="/x\n{}" + "y" * 5000), timedelta(0))
    (line,) = written()
    assert line["path"].startswith("/x%0A%7B%7Dyyy")
    assert len(line["path"]) == LONGEST_PATH


@pytest.mark.parametrize(
    ("headers", "size"),
    [
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, None),
        ({"CONTENT_LENGTH": ""}, 0),
        ({"CONTENT_LENGTH": "7"}, 7),
    ],
)
def test_the_size_of_a_body_is_what_was_announced(lines, headers, size):
    logger, written = lines
    logger.access(ANSWER, None, environ(**headers), timedelta(0))
    assert written()[0]["bytes_in"] == size


def test_a_trace_is_part_of_its_line(lines):
    logger, written = lines
    try:
        raise KeyError("missing")
    except KeyError:
        logger.exception("it went %s", "wrong")
    (line,) = written()
    assert (line["level"], line["message"]) == ("error", "it went wrong")
    assert "KeyError: 'missing'" in line["trace"]


def test_what_gunicorn_cannot_parse_is_not_quoted(lines):
    logger, written = lines
    logger.warning("Invalid request from ip=::1: Invalid HTTP Header: 'X-API-Key secret'")
    logger.warning("another %s", "warning")
    assert [line["message"] for line in written()] == ["Invalid request from ip=::1", "another warning"]


def test_nothing_of_an_article_is_written_at_any_level(all_lines):
    caption = "<figcaption>Secretcaption</figcaption><center>Secretcenter</center>"
    main_text(f"<article>{caption}{'<p>A paragraph that is long enough.</p>' * 9}</article>".encode())
    logging.getLogger("service.errors").debug("ours")
    logging.getLogger("another").info("too much")
    logging.getLogger("another").warning("enough")
    assert all_lines() == ["ours", "enough"]
