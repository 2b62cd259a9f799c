"""A client of the service. Standard library only.

It has the ``evaluate`` methods of :class:`summarizer.Summarizer` and returns the same types. A request
that is refused raises :class:`ServiceError`; in the result of :meth:`Client.evaluate_many`, a ServiceError
takes the place of each refused article.

::

    client = Client("http://localhost:8000")
    print(client.evaluate(article, SummaryOptions(sentences=3)).summary)
"""

import contextlib
import email.utils
import http.client
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from summarizer.document import Evaluation, EvaluationWarning, ModelInfo, ScoredSentence
from summarizer.options import BUDGETS, DEFAULT_OPTIONS, SummaryOptions
from summarizer.texts import check_several, check_unicode, in_article

# Too many requests, or no capacity at the moment: the same request may succeed later.
RETRIED_STATUSES = (429, 503)

# Pause before the first retry; each later one is twice as long.
FIRST_PAUSE_SECONDS = 0.1

_Record = TypeVar("_Record", ModelInfo, ScoredSentence, EvaluationWarning)


class ServiceError(Exception):
    """The service, or something on the way to it, refused a request.

    :ivar status: the HTTP status.
    :ivar code: stable, machine-readable name of the error; ``unknown`` if the answer is not the service's.
    :ivar detail: what is wrong, the limit or the expected value, and what to do.
    :ivar request_id: the id under which the service logged the request; empty if unknown.
    :ivar errors: the invalid fields, each a ``detail`` with a ``pointer`` or ``parameter``.
    :ivar retry_after: seconds to wait before a retry; None if the service did not say.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        request_id: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id
        self.errors = tuple(errors)
        self.retry_after = retry_after


class ServiceUnreachable(Exception):
    """No answer arrived: the connection failed, broke or timed out."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Client:
    """Sends requests to a service. Thread-safe: each request has its own connection.

    A request is retried after 429 and 503, no sooner than the service allows, and after a connection that
    failed or broke: requests change nothing in the service, so sending one twice does no harm. It is not
    retried after a timeout, because the service may still be working on it.

    :param url: such as ``http://localhost:8000``, or with ``https``; a path before ``/api`` is kept.
    :param api_key: if the service requires one. Over plain HTTP it can be read in transit.
    :param timeout: seconds to wait for the connection, and for each piece of the answer; should exceed the
        service's deadline.
    :param attempts: how often a request is sent at most, at least 1.
    :param longest_pause: in seconds; a request that would have to wait longer is not retried.
    :raises ValueError: ``url``, ``api_key`` or ``attempts`` is invalid.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout: float = 35.0,
        attempts: int = 7,
        longest_pause: float = 60.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"url must look like http://localhost:8000; got {url!r}")
        if attempts < 1:
            raise ValueError(f"attempts must be at least 1; got {attempts}")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip()):
            raise ValueError("api_key must be printable ASCII")  # nothing else fits into a header
        self._tls = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json, application/problem+json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._timeout = timeout
        self._attempts = attempts
        self._longest_pause = longest_pause

    def evaluate(self, text: str, options: SummaryOptions = DEFAULT_OPTIONS) -> Evaluation:
        """Score every sentence of an article and choose its summary.

        :raises InvalidText: the text contains a lone surrogate; nothing is sent.
        :raises ServiceError: the service refused it, after any retries.
        :raises ServiceUnreachable: no answer arrived.
        """
        check_unicode(text, "text")
        answer = self._post_json("/api/evaluate", {"text": text, **_as_json(options)})
        return _evaluation(answer, answer, text)

    def evaluate_sentences(
        self, sentences: Sequence[str], options: SummaryOptions = DEFAULT_OPTIONS
    ) -> Evaluation:
        """Score your own sentences as they are; offsets refer to them joined by line feeds.

        :raises InvalidText: one of them contains a lone surrogate; nothing is sent.
        :raises InputError: a string was given instead of a list.
        :raises ServiceError: the service refused them, after any retries.
        :raises ServiceUnreachable: no answer arrived.
        """
        check_several(sentences, "sentences")
        for index, sentence in enumerate(sentences):
            check_unicode(sentence, "sentences", index)
        answer = self._post_json("/api/evaluate", {"sentences": list(sentences), **_as_json(options)})
        return _evaluation(answer, answer)

    def evaluate_html(self, page: str, options: SummaryOptions = DEFAULT_OPTIONS) -> Evaluation:
        """Score the main text of an HTML page; offsets refer to that text.

        :raises ServiceError: the service refused it, after any retries; ``no_article`` if the page has none.
        :raises ServiceUnreachable: no answer arrived.
        """
        given = {name: getattr(options, name) for name in (*BUDGETS, "order", "redundancy", "kind")}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        answer = self._request(
            "POST", f"/api/evaluate?{query}", page.encode("utf-8", "replace"), "text/html; charset=utf-8"
        )
        return _evaluation(answer, answer)

    def evaluate_many(
        self, texts: Sequence[str], options: SummaryOptions = DEFAULT_OPTIONS
    ) -> list[Evaluation | ServiceError]:
        """Score several articles in one request; :meth:`model` returns the limit on their number.

        :returns: one entry per text, in order: its evaluation, or a ServiceError if it alone was refused.
        :raises InvalidText: one of them contains a lone surrogate; a note on the error gives its index, and
            nothing is sent.
        :raises InputError: a string was given instead of a list.
        :raises ServiceError: the service refused the whole request, after any retries.
        :raises ServiceUnreachable: no answer arrived.
        """
        check_several(texts, "texts")
        for index, text in enumerate(texts):
            with in_article(index):
                check_unicode(text, "text")
        articles = [{"id": str(index), "text": text, **_as_json(options)} for index, text in enumerate(texts)]
        answer = self._post_json("/api/evaluate/batch", {"articles": articles})
        try:
            return [
                _problem(result["error"]) if "error" in result else _evaluation(result, answer, text)
                for text, result in zip(texts, answer["results"], strict=True)
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise _unexpected(error) from error

    def model(self) -> dict[str, Any]:
        """The model with its card, the limits and the options, as ``GET /api/model`` returns them.

        :raises ServiceError: the service refused the request, after any retries.
        :raises ServiceUnreachable: no answer arrived.
        """
        return self._request("GET", "/api/model")

    def _post_json(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        # Escaped as \uXXXX, most alphabets take two or three times the bytes, which the service limits.
        body = json.dumps(content, ensure_ascii=False).encode()
        return self._request("POST", path, body, "application/json")

    def _request(
        self, method: str, path: str, body: bytes | None = None, content_type: str | None = None
    ) -> dict[str, Any]:
        """Send a request until it is answered, refused for good, or out of attempts."""
        headers = self._headers if content_type is None else {**self._headers, "Content-Type": content_type}
        for attempt in range(1, self._attempts + 1):
            pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
            failure: ServiceError | ServiceUnreachable
            try:
                answer = self._send(method, path, body, headers)
            except TimeoutError as error:
                raise ServiceUnreachable(f"no answer from {self._host} in {self._timeout} s") from error
            except (OSError, http.client.HTTPException) as error:
                failure = ServiceUnreachable(
                    f"no answer from {self._host} in {attempt} attempts: {error or type(error).__name__}"
                )
                failure.__cause__ = error
            else:
                if answer.status == 200:
                    return _json_object(answer)
                failure = _refusal(answer)
                if answer.status not in RETRIED_STATUSES:
                    raise failure
                pause = max(pause, failure.retry_after or 0)
            if attempt == self._attempts or pause > self._longest_pause:
                raise failure
            # Random, so that clients that were refused together do not return together.
            time.sleep(pause * random.uniform(1, 1.5))  # noqa: S311
        raise AssertionError("attempts is at least 1")

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> _Answer:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            connection.connect()
            # A request that is too large is answered, and the connection closed, before all of it is sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._path + path, body, dict(headers))
            answer = connection.getresponse()
            return _Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


def _as_json(options: SummaryOptions) -> dict[str, Any]:
    budget = {name: value for name in BUDGETS if (value := getattr(options, name)) is not None}
    kind = {} if options.kind is None else {"kind": options.kind}
    return {"summary": budget, "order": options.order, "redundancy": options.redundancy, **kind}


def _json_object(answer: _Answer) -> dict[str, Any]:
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ServiceError(
            answer.status, "unknown", "the answer is not a JSON object; check that url is the service's"
        )
    return content


def _refusal(answer: _Answer) -> ServiceError:
    retry_after = _seconds(answer.headers.get("Retry-After"))
    try:
        return _problem({**json.loads(answer.body), "status": answer.status}, retry_after)
    except (ValueError, KeyError, TypeError):  # from a proxy, or another server at that address
        reason = http.client.responses.get(answer.status, "no reason given")
        request_id = answer.headers.get("X-Request-ID", "")
        return ServiceError(answer.status, "unknown", reason, request_id, retry_after=retry_after)


def _problem(content: Mapping[str, Any], retry_after: float | None = None) -> ServiceError:
    return ServiceError(
        content["status"],
        content["code"],
        content["detail"],
        content["request_id"],
        content.get("errors", ()),
        retry_after,
    )


def _seconds(retry_after: str | None) -> float | None:
    """How long to wait; the header contains seconds or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None


def _evaluation(evaluated: Mapping[str, Any], answer: Mapping[str, Any], text: str = "") -> Evaluation:
    """The library's own type, from an answer or from one result of a batch.

    :param answer: the whole answer, which names the model.
    :param text: what was sent, in case the answer does not repeat it.
    :raises ServiceError: the answer does not have the service's format.
    """
    try:
        return Evaluation(
            evaluated.get("text", text),
            tuple(_record(ScoredSentence, sentence) for sentence in evaluated["sentences"]),
            tuple(evaluated["summary"]["indices"]),
            _record(ModelInfo, answer["model"]),
            tuple(_record(EvaluationWarning, warning) for warning in evaluated["warnings"]),
        )
    except (KeyError, TypeError) as error:
        raise _unexpected(error) from error


def _unexpected(error: Exception) -> ServiceError:
    detail = f"this is not an answer of the service ({error!r}); check that url is the service's"
    return ServiceError(200, "unknown", detail)


def _record(kind: type[_Record], content: Mapping[str, Any]) -> _Record:
    """The fields that this version knows; a newer service may send more."""
    return kind(**{name: content[name] for name in kind.__slots__})
