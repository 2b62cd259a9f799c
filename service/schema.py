"""The wire format: what a request may say, and the answer to it. Knows nothing of HTTP."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from summarizer import Evaluation, InputError, SummaryOptions
from summarizer.options import BUDGETS, Order, Redundancy

IndexUnit = Literal["codepoint", "utf16"]

# As much of a caller's value as an error repeats.
LONGEST_ECHO = 100


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
    sentences: list[str] | None = None
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
            raise BadRequest(error.code, [FieldError(("summary", *error.field), str(error))]) from None


_Count = Annotated[int, Field(strict=False)]
_Share = Annotated[float, Field(strict=False)]


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
    :raises MalformedJson: it is none.
    :raises BadRequest: an unknown field, a wrong type, or not exactly one of text and sentences.
    """
    for name, _ in parameters:
        detail = f"{_echo(name)} is a query parameter; options of a JSON request go into its body"
        raise BadRequest("invalid_request", [FieldError((name,), detail, in_query=True)])
    try:
        content = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedJson(str(error)) from None
    try:
        request = EvaluateRequest.model_validate(content)
    except ValidationError as error:
        raise BadRequest("invalid_request", [_field_error(found) for found in error.errors()]) from None
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
                "invalid_request", [FieldError((name,), f"{_echo(name)} is given more than once")]
            )
        given[name] = value
    try:
        query = _Query.model_validate(given)
    except ValidationError as error:
        raise BadRequest("invalid_request", [_field_error(found) for found in error.errors()]) from None
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


def _field_error(found: ErrorDetails) -> FieldError:
    path = tuple(found["loc"])
    name = path[-1] if path else "the request"
    if found["type"] == "extra_forbidden":
        return FieldError(path, f"{_echo(name)} is not a known field")
    message = found["msg"].removeprefix("Input should be ")
    return FieldError(path, f"{_echo(name)} should be {message}; got {_echo(found['input'])}")


def _echo(value: object) -> str:
    shown = value if isinstance(value, str) else repr(value)
    shown = shown.encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= LONGEST_ECHO else shown[:LONGEST_ECHO] + "…"
