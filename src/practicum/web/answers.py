"""What is read from a request and written into an answer: JSON, and one sentence for everything that goes wrong."""

from __future__ import annotations

import json
import math
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from practicum.errors import ParameterError, PracticumError, StorageError
from practicum.web.problems import field_of


class Busy(PracticumError):
    """The server has as much to do as it takes; `retry_after` seconds later there may be room."""

    def __init__(self, sentence: str, retry_after: int = 2) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Misread(ParameterError):
    """A value of an address that cannot be understood, and the name it stands under."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Unknown(PracticumError):
    """What is asked for is not here (any more)."""


def encoded(content: Any) -> bytes:
    """JSON with full doubles; NaN and infinity, which JSON has not, become null."""
    try:
        text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(content), separators=(",", ":"), allow_nan=False)
    return text.encode()


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    return content


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(encoded(content), status, headers, media_type="application/json")


def event_of(name: str, data: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), encoded(data))


def problem(sentence: str, status: int, *, field: str | None = None, headers: dict[str, str] | None = None) -> Response:
    """An answer that is not a result: one sentence, and the parameter it is about."""
    return answer({"problem": sentence, "field": field}, status, headers)


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises:
        ParameterError: the body is none.
    """
    try:
        content = json.loads(await request.body(), parse_constant=_no_number)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, nested too deep, or a number of thousands of digits
        content = None
    if not isinstance(content, dict):
        raise ParameterError(
            'The body of the request must be one JSON object, such as {"students": 3}, whose numbers a double can hold.'
        )
    return content


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def refuse(app: FastAPI) -> None:
    """Answer every expected error by its sentence."""

    @app.exception_handler(ParameterError)
    async def _(_: Request, error: ParameterError) -> Response:
        return problem(str(error), 422, field=error.field if isinstance(error, Misread) else field_of(error))

    @app.exception_handler(Busy)
    async def _(_: Request, error: Busy) -> Response:
        return problem(str(error), 429, headers={"Retry-After": str(error.retry_after)})

    @app.exception_handler(Unknown)
    async def _(_: Request, error: Unknown) -> Response:
        return problem(str(error), 404)

    @app.exception_handler(StorageError)
    async def _(_: Request, error: StorageError) -> Response:
        return problem(str(error), 409)  # the state of the folder, not the request, is what has to change

    @app.exception_handler(HTTPException)
    async def _(_: Request, error: HTTPException) -> Response:
        said = {404: "There is nothing at this address.", 405: "This address does not take that kind of request."}
        return problem(said.get(error.status_code, str(error.detail)), error.status_code)
