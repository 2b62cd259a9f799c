"""A client of the service. Standard library only.

It has the ``evaluate`` methods of :class:`summarizer.Summarizer` and returns the same types. What the service
refuses is a :class:`ServiceError`; in :meth:`Client.evaluate_many` an article that is refused has one in its
place.

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

# Too many requests, no capacity at the moment: the same request may succeed later.
RETRIED_STATUSES = (429, 503)

# The pause before the first repetition; each further one is twice as long.
FIRST_PAUSE_SECONDS = 0.1

_Record = TypeVar("_Record", ModelInfo, ScoredSentence, EvaluationWarning)


class ServiceError(Exception):
    """The service, or something on the way to it, refused a request.

    :ivar status: of HTTP.
    :ivar code: stable name of the error, for programs; ``unknown`` where the answer is not the service's own.
    :ivar detail: what is wrong, the limit or the expected value, and what to do.
    :ivar request_id: under which the service has logged it; empty where it is not known.
    :ivar errors: the fields that are wrong: each a ``detail`` with a ``pointer`` or ``parameter``.
    :ivar retry_after: seconds after which the service would be asked again; None where it did not say.
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
    """No answer came: no connection, one that broke, or none in time."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Client:
    """Asks a service. Thread-safe: each request has a connection of its own.

    A request is repeated after 429 and 503, not before the time that the service gives, and where no
    connection came about or it broke: the service keeps nothing, so asking twice does no harm. It is not
    repeated after a timeout, when the service may be busy with it.

    :param url: as ``http://localhost:8000``, or ``https://``; a path before ``/api`` is kept.
    :param api_key: where the service asks for one. Over plain HTTP, others on the way can read it.
    :param timeout: seconds for connecting, and for the service to say something; longer than its deadline.
    :param attempts: most times that a request is sent, at least 1.
    :param longest_pause: seconds; a service that asks for a longer one is not asked again.
    :raises ValueError: not an address that can be asked, or no attempt at all.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout: float = 35.0,
        attempts: int = 4,
        longest_pause: float = 60.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"url must be as in http://localhost:8000; got {url!r}")
        if attempts < 1:
            raise ValueError(f"attempts must be at least 1; got {attempts}")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip()):
            raise ValueError("api_key must be printable ASCII")  # a header can say nothing else
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

        :raises InvalidText: a lone surrogate in it; it is not sent.
        :raises ServiceError: the service refused it, at last.
        :raises ServiceUnreachable: no answer came.
        """
        check_unicode(text, "text")
        answer = self._ask_json("/api/evaluate", {"text": text, **_as_json(options)})
        return _evaluation(answer, answer, text)

    def evaluate_sentences(
        self, sentences: Sequence[str], options: SummaryOptions = DEFAULT_OPTIONS
    ) -> Evaluation:
        """Score your own sentences as they are; offsets refer to them joined by line feeds.

        :raises InvalidText: a lone surrogate in one of them; they are not sent.
        :raises InputError: a string instead of a list.
        :raises ServiceError: the service refused them, at last.
        :raises ServiceUnreachable: no answer came.
        """
        check_several(sentences, "sentences")
        for position, sentence in enumerate(sentences):
            check_unicode(sentence, "sentences", position)
        answer = self._ask_json("/api/evaluate", {"sentences": list(sentences), **_as_json(options)})
        return _evaluation(answer, answer)

    def evaluate_html(self, page: str, options: SummaryOptions = DEFAULT_OPTIONS) -> Evaluation:
        """Score the main text of an HTML page, to which offsets then refer.

        :raises ServiceError: the service refused it, at last; ``no_article`` where the page has none.
        :raises ServiceUnreachable: no answer came.
        """
        given = {name: getattr(options, name) for name in (*BUDGETS, "order", "redundancy")}
        query = urlencode({name: value for name, value in given.items() if value is not None})
        answer = self._ask(
            "POST", f"/api/evaluate?{query}", page.encode("utf-8", "replace"), "text/html; charset=utf-8"
        )
        return _evaluation(answer, answer)

    def evaluate_many(
        self, texts: Sequence[str], options: SummaryOptions = DEFAULT_OPTIONS
    ) -> list[Evaluation | ServiceError]:
        """Score several articles in one request; :meth:`model` says how many it may hold.

        :returns: in the order of the texts; a ServiceError for each that was refused, alone.
        :raises InvalidText: a lone surrogate in one of them; its position is in a note on the error, and
            none is sent.
        :raises InputError: a string instead of a list.
        :raises ServiceError: the service refused the whole request, at last.
        :raises ServiceUnreachable: no answer came.
        """
        check_several(texts, "texts")
        for position, text in enumerate(texts):
            with in_article(position):
                check_unicode(text, "text")
        articles = [{"id": str(index), "text": text, **_as_json(options)} for index, text in enumerate(texts)]
        answer = self._ask_json("/api/evaluate/batch", {"articles": articles})
        try:
            return [
                _problem(result["error"]) if "error" in result else _evaluation(result, answer, text)
                for text, result in zip(texts, answer["results"], strict=True)
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise _not_ours(error) from error

    def model(self) -> dict[str, Any]:
        """The model with its card, the limits and the options, as ``GET /api/model`` gives them.

        :raises ServiceError: the service refused the request, at last.
        :raises ServiceUnreachable: no answer came.
        """
        return self._ask("GET", "/api/model")

    def _ask_json(self, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        # As \uXXXX, most alphabets take two or three times the bytes, and the service has a limit for them.
        body = json.dumps(content, ensure_ascii=False).encode()
        return self._ask("POST", path, body, "application/json")

    def _ask(
        self, method: str, path: str, body: bytes | None = None, content_type: str | None = None
    ) -> dict[str, Any]:
        """Send a request until it is answered, refused for good, or sent often enough."""
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
                    return _object(answer)
                failure = _refusal(answer)
                if answer.status not in RETRIED_STATUSES:
                    raise failure
                pause = max(pause, failure.retry_after or 0)
            if attempt == self._attempts or pause > self._longest_pause:
                raise failure
            # Clients that were turned away together shall not come back together.
            time.sleep(pause * random.uniform(1, 1.5))  # noqa: S311
        raise AssertionError("there is at least one attempt")

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> _Answer:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        try:
            connection.connect()
            # Refused for its size, a request is answered before all of it is sent, and the connection closed.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._path + path, body, dict(headers))
            answer = connection.getresponse()
            return _Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


def _as_json(options: SummaryOptions) -> dict[str, Any]:
    budget = {name: value for name in BUDGETS if (value := getattr(options, name)) is not None}
    return {"summary": budget, "order": options.order, "redundancy": options.redundancy}


def _object(answer: _Answer) -> dict[str, Any]:
    try:
        content = json.loads(answer.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ServiceError(
            answer.status, "unknown", "the answer is not JSON; is the address that of the service?"
        )
    return content


def _refusal(answer: _Answer) -> ServiceError:
    retry_after = _seconds(answer.headers.get("Retry-After"))
    try:
        return _problem({**json.loads(answer.body), "status": answer.status}, retry_after)
    except (ValueError, KeyError, TypeError):  # from a proxy, or something else that listens there
        reason = http.client.responses.get(answer.status, "no reason was given")
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
    """How long to wait; the header holds seconds or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None


def _evaluation(evaluated: Mapping[str, Any], answer: Mapping[str, Any], text: str = "") -> Evaluation:
    """The library's own type from an answer, or from one result of a batch's.

    :param answer: knows the model.
    :param text: what was sent, where the answer does not repeat it.
    :raises ServiceError: it is not what the service answers.
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
        raise _not_ours(error) from error


def _not_ours(error: Exception) -> ServiceError:
    detail = f"this is not an answer of the service ({error!r}); is the address that of the service?"
    return ServiceError(200, "unknown", detail)


def _record(kind: type[_Record], content: Mapping[str, Any]) -> _Record:
    """What this version knows; a newer service may say more."""
    return kind(**{name: content[name] for name in kind.__slots__})
