"""From bytes and parameters to a typed request, or to the errors in them. Knows nothing of HTTP."""

import json
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from service.schema import BatchArticle, BatchEnvelope, Budget, EvaluateQuery, EvaluateRequest
from summarizer import InputError, SummaryOptions
from summarizer.options import BUDGETS

# Most characters of a caller's value that an error repeats.
LONGEST_ECHO = 100

# Most fields that an error lists: a small body can be wrong in half a million places.
MOST_ERRORS = 10

_Typed = TypeVar("_Typed", bound=BaseModel)


class FieldError(NamedTuple):
    """One thing that is wrong with a request: where, and why.

    :ivar path: names and positions from the outside in.
    :ivar in_query: whether it is a query parameter rather than a field of the body.
    """

    path: tuple[str | int, ...]
    detail: str
    in_query: bool = False


class BadRequest(Exception):
    """A field or parameter of the request is invalid."""

    def __init__(self, code: str, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(error.detail for error in errors))
        self.code = code
        self.errors = errors


class MalformedJson(Exception):
    """The body is not JSON."""


class RefusedArticle(NamedTuple):
    """An article of a batch that cannot be evaluated.

    :ivar id: as the caller sent it; None if it is missing or not a string.
    :ivar error: its paths are relative to the article.
    """

    id: str | None
    error: BadRequest


def parse_evaluate(body: bytes) -> EvaluateRequest:
    """Read the JSON body of one article.

    :raises MalformedJson: the body is not JSON, or an object contains a name twice.
    :raises BadRequest: an unknown field, a wrong type, or not exactly one of text and sentences.
    """
    return _exactly_one(_typed(EvaluateRequest, _json(body)))


def parse_batch(body: bytes, max_articles: int) -> list[BatchArticle | RefusedArticle]:
    """Read the JSON body of a batch, in which each article may be invalid on its own.

    :param max_articles: most articles in a batch.
    :returns: the articles in the order in which they were sent.
    :raises MalformedJson: the body is not JSON, or an object contains a name twice.
    :raises BadRequest: the list of articles is missing or too long, or there are other fields.
    """
    sent = _typed(BatchEnvelope, _json(body)).articles
    if len(sent) > max_articles:
        detail = f"the batch has {len(sent)} articles; the limit is {max_articles}. Send it in parts"
        raise BadRequest("too_many_articles", [FieldError(("articles",), detail)])
    found: list[BatchArticle | RefusedArticle] = []
    positions: dict[str, int] = {}
    for position, content in enumerate(sent):
        article_id = content.get("id") if isinstance(content, dict) else None
        article_id = article_id if isinstance(article_id, str) else None
        try:
            if article_id is not None and (first := positions.setdefault(article_id, position)) != position:
                detail = f"the article at position {first} has the same id; give each its own"
                raise BadRequest("repeated_id", [FieldError(("id",), detail)])
            found.append(_exactly_one(_typed(BatchArticle, content)))
        except BadRequest as error:
            found.append(RefusedArticle(article_id, error))
    return found


def parse_query(parameters: Iterable[tuple[str, str]], text: str) -> EvaluateRequest:
    """Read the query parameters that accompany a text.

    :param parameters: names and values, including repeated ones.
    :raises BadRequest: an unknown or repeated parameter, or a value of the wrong type.
    """
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in given:
            detail = f"{_echo(name)} is given more than once; give it once"
            raise BadRequest("invalid_request", [FieldError((name,), detail, in_query=True)])
        given[name] = value
    query = _typed(EvaluateQuery, given, in_query=True)
    budget = Budget(**{name: getattr(query, name) for name in BUDGETS})
    return EvaluateRequest(
        text=text,
        sentences=None,
        summary=budget,
        order=query.order,
        redundancy=query.redundancy,
        kind=query.kind,
        index_unit=query.index_unit,
    )


def refuse_query(parameters: Iterable[tuple[str, str]]) -> None:
    """Refuse all query parameters: with JSON, options are in the body.

    :raises BadRequest: there is a query parameter.
    """
    for name, _ in parameters:
        detail = f"{_echo(name)} is a query parameter; put the options of a JSON request into its body"
        raise BadRequest("invalid_request", [FieldError((name,), detail, in_query=True)])


def summary_options(request: EvaluateRequest) -> SummaryOptions:
    """The options as the library expects them.

    :raises BadRequest: a value is out of range, or there is more than one budget.
    """
    try:
        return SummaryOptions(
            **{name: getattr(request.summary, name) for name in BUDGETS},
            order=request.order,
            redundancy=request.redundancy,
            kind=request.kind,
        )
    except InputError as error:
        detail = _shortened(str(error), 2 * LONGEST_ECHO)  # the value is at its end
        raise BadRequest(error.code, [FieldError(("summary", *error.field), detail)]) from None


def _json(body: bytes) -> object:
    """The parsed body. Deep nesting, lone surrogates, NaN and infinities are refused.

    A byte order mark at the beginning is ignored, as RFC 8259 allows: PowerShell writes one.
    """
    body = body.removeprefix(BOM_UTF8)
    try:
        content: object = from_json(body, allow_inf_nan=False)
        json.loads(body, object_pairs_hook=_refuse_repeated)  # pydantic would take the last one
    except ValueError as error:
        raise MalformedJson(str(error)) from None
    return content


def _refuse_repeated(pairs: Sequence[tuple[str, object]]) -> None:
    names = set()
    for name, _ in pairs:
        if name in names:
            raise ValueError(f"an object contains the name {_echo(name)} more than once")
        names.add(name)


def _typed(kind: type[_Typed], content: object, *, in_query: bool = False) -> _Typed:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False)[:MOST_ERRORS]
        raise BadRequest("invalid_request", [_field_error(each, in_query) for each in found]) from None


_Article = TypeVar("_Article", bound=EvaluateRequest)


def _exactly_one(request: _Article) -> _Article:
    if (request.text is None) == (request.sentences is None):
        both = request.text is not None
        detail = f"send either text or sentences; the request has {'both' if both else 'neither'}"
        raise BadRequest("invalid_request", [FieldError(("sentences",) if both else ("text",), detail)])
    return request


def _field_error(found: ErrorDetails, in_query: bool) -> FieldError:
    path = tuple(part if isinstance(part, int) else _echo(part) for part in found["loc"])
    name = path[-1] if path else "the request"
    if found["type"] == "extra_forbidden":
        return FieldError(path, f"{name} is not a known {'parameter' if in_query else 'field'}", in_query)
    if found["type"] == "missing":
        return FieldError(path, f"{name} is missing", in_query)
    message = "an object" if found["type"] == "model_type" else found["msg"].removeprefix("Input should be ")
    if found["type"] == "string_too_long":
        message = f"at most {found['ctx']['max_length']} characters long"
    if found["loc"] == ("sentences",) and found["type"] == "list_type":
        message += " of strings (the number of sentences to select is summary.sentences)"
    return FieldError(path, f"{name} should be {message}; got {_echo(found['input'])}", in_query)


def _echo(value: object) -> str:
    shown = value if isinstance(value, str) else to_json(value).decode()
    return _shortened(shown.encode("utf-8", "backslashreplace").decode(), LONGEST_ECHO)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"
