"""The wire format: what a request may say, and the answer to it. Knows nothing of HTTP."""

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from summarizer import Evaluation, InputError, SummaryOptions
from summarizer.options import BUDGETS, Order, Redundancy

IndexUnit = Literal["codepoint", "utf16"]

# As much of a caller's value as an error repeats.
LONGEST_ECHO = 100

# As many wrong fields as an error lists: a small body can be wrong in half a million places.
MOST_ERRORS = 10


class FieldError(NamedTuple):
    """One thing that is wrong with a request: where, and why.

    :ivar path: names and positions from the outside in.
    :ivar in_query: whether it is a query parameter, and not in the body.
    """

    path: tuple[str | int, ...]
    detail: str
    in_query: bool = False


class BadRequest(Exception):
    """The request cannot be answered as it was sent."""

    def __init__(self, code: str, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(error.detail for error in errors))
        self.code = code
        self.errors = errors


class MalformedJson(Exception):
    """The body is not JSON."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Budget(_Strict):
    """Length of the summary: at most one of the four."""

    sentences: int | None = None
    words: int | None = None
    ratio: float | None = None
    threshold: float | None = None


class EvaluateRequest(_Strict):
    """An article, or the caller's own sentences, with the options. Ranges are the library's to check."""

    text: str | None = None
    sentences: Annotated[list[str], Field(fail_fast=True)] | None = None
    summary: Budget = Field(default_factory=Budget)
    order: Order = "document"
    redundancy: Redundancy = "trigram"
    index_unit: IndexUnit = "codepoint"

    def options(self) -> SummaryOptions:
        """The same options as the library takes them.

        :raises BadRequest: a value out of its range, or two budgets.
        """
        try:
            return SummaryOptions(
                **{name: getattr(self.summary, name) for name in BUDGETS},
                order=self.order,
                redundancy=self.redundancy,
            )
        except InputError as error:
            detail = _shortened(str(error), 2 * LONGEST_ECHO)  # the value is at its end
            raise BadRequest(error.code, [FieldError(("summary", *error.field), detail)]) from None


def _number(value: str) -> object:
    """A number as JSON writes it. All else stays a string, which is then of the wrong type."""
    try:
        return from_json(value, allow_inf_nan=False) if value == value.strip() else value
    except ValueError:
        return value


_Count = Annotated[int, BeforeValidator(_number)]
_Share = Annotated[float, BeforeValidator(_number)]


class _Query(_Strict):
    """The options as query parameters: numbers come as strings."""

    sentences: _Count | None = None
    words: _Count | None = None
    ratio: _Share | None = None
    threshold: _Share | None = None
    order: Order = "document"
    redundancy: Redundancy = "trigram"
    index_unit: IndexUnit = "codepoint"


def parse_json(body: bytes, parameters: Iterable[tuple[str, str]] = ()) -> EvaluateRequest:
    """Read a JSON body.

    :param parameters: of the query; with JSON there may be none, its options are in the body.
    :raises MalformedJson: it is none, or an object has a name twice.
    :raises BadRequest: an unknown field, a wrong type, or not exactly one of text and sentences.
    """
    for name, _ in parameters:
        detail = f"{_echo(name)} is a query parameter; options of a JSON request go into its body"
        raise BadRequest("invalid_request", [FieldError((name,), detail, in_query=True)])
    try:
        content = from_json(body, allow_inf_nan=False)
        json.loads(body, object_pairs_hook=_refuse_repeated)  # pydantic would take the last one
    except ValueError as error:
        raise MalformedJson(str(error)) from None
    try:
        request = EvaluateRequest.model_validate(content)
    except ValidationError as error:
        raise BadRequest("invalid_request", _field_errors(error)) from None
    if (request.text is None) == (request.sentences is None):
        both = request.text is not None
        detail = f"send either text or sentences; the request has {'both' if both else 'neither'}"
        raise BadRequest("invalid_request", [FieldError(("sentences",) if both else ("text",), detail)])
    return request


def parse_query(parameters: Iterable[tuple[str, str]], text: str) -> EvaluateRequest:
    """Read query parameters that go with a text.

    :param parameters: names and values, as often as they were sent.
    :raises BadRequest: an unknown or repeated parameter, or a value of the wrong type.
    """
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in given:
            raise BadRequest(
                "invalid_request",
                [FieldError((name,), f"{_echo(name)} is given more than once", in_query=True)],
            )
        given[name] = value
    try:
        query = _Query.model_validate(given)
    except ValidationError as error:
        raise BadRequest("invalid_request", _field_errors(error, in_query=True)) from None
    budget = Budget(**{name: getattr(query, name) for name in BUDGETS})
    return EvaluateRequest(
        text=text, summary=budget, order=query.order, redundancy=query.redundancy, index_unit=query.index_unit
    )


def response(evaluation: Evaluation, request: EvaluateRequest) -> dict[str, Any]:
    """The answer to a request, ready for JSON.

    Offsets are in the unit that was asked for. The text is added where the caller did not send it: joined
    from its own sentences.
    """
    answer = evaluation.as_dict()
    if request.index_unit == "utf16":
        _to_utf16(answer["sentences"], evaluation.text)
    if request.sentences is not None:
        answer["text"] = evaluation.text
    return answer


def option_choices() -> dict[str, Any]:
    """The options and what they may be, for ``/api/model``."""
    return {
        "summary": list(BUDGETS),
        "order": list(get_args(Order)),
        "redundancy": list(get_args(Redundancy)),
        "index_unit": list(get_args(IndexUnit)),
    }


def _to_utf16(sentences: Sequence[dict[str, Any]], text: str) -> None:
    """Count as JavaScript does: characters beyond U+FFFF are two units. One pass over the text."""
    position, units = 0, 0
    for sentence in sentences:  # ascending and disjoint
        for name in ("start", "end"):
            piece = text[position : sentence[name]]
            position = sentence[name]
            units += len(piece.encode("utf-16-le")) // 2
            sentence[name] = units


def _refuse_repeated(pairs: Sequence[tuple[str, object]]) -> None:
    names = set()
    for name, _ in pairs:
        if name in names:
            raise ValueError(f"an object has the name {_echo(name)} more than once")
        names.add(name)


def _field_errors(error: ValidationError, *, in_query: bool = False) -> list[FieldError]:
    return [_field_error(found, in_query) for found in error.errors()[:MOST_ERRORS]]


def _field_error(found: ErrorDetails, in_query: bool) -> FieldError:
    path = tuple(part if isinstance(part, int) else _echo(part) for part in found["loc"])
    name = path[-1] if path else "the request"
    if found["type"] == "extra_forbidden":
        return FieldError(path, f"{name} is not a known {'parameter' if in_query else 'field'}", in_query)
    message = found["msg"].removeprefix("Input should be ")
    return FieldError(path, f"{name} should be {message}; got {_echo(found['input'])}", in_query)


def _echo(value: object) -> str:
    shown = value if isinstance(value, str) else repr(value)
    return _shortened(shown.encode("utf-8", "backslashreplace").decode(), LONGEST_ECHO)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"
