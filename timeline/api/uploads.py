"""Reads uploads by the GraphQL multipart request specification, each bounded in size.

A plain HTML form of another site can send multipart, so a request needs a header that no form
sends, for which a browser asks us first: `GraphQL-Require-Preflight`, or `Authorization`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from timeline.api.endpoint import RequestRefused
from timeline.api.limits import BODY_BYTES_MAX, UPLOAD_BYTES_MAX, UPLOADS_MAX
from timeline.settings import REPORT_BYTES_MAX

PREFLIGHT_HEADERS = ("graphql-require-preflight", "authorization")
PATH_PARTS_MAX = 10


@dataclass(frozen=True)
class UploadedFile:
    """A file that came with a request: its name as the client gave it, and its bytes."""

    name: str
    content: bytes


def _parse_upload(value: object) -> UploadedFile:
    if not isinstance(value, UploadedFile):
        raise GraphQLError("an Upload is sent by the GraphQL multipart request specification")
    return value


UPLOAD = strawberry.scalar(
    name="Upload",
    description="A file, sent by the GraphQL multipart request specification; at most 2 MB. Only"
    " ever given as a variable.",
    serialize=str,
    parse_value=_parse_upload,
)


async def read_multipart(request: Request) -> dict[str, object]:
    """The parameters of a GraphQL request, with its files where `map` puts them.

    Raises:
        RequestRefused: it breaks the specification, or a bound.
    """
    if not any(header in request.headers for header in PREFLIGHT_HEADERS):
        raise RequestRefused(403, "multipart needs the header GraphQL-Require-Preflight: 1")
    try:
        parser = MultiPartParser(
            request.headers,
            _bounded(request),
            max_files=UPLOADS_MAX,
            max_fields=2,
            max_part_size=BODY_BYTES_MAX,
        )
        form = await parser.parse()
    except MultiPartException as fault:
        raise RequestRefused(400, f"the multipart body cannot be read: {fault.message}") from None
    except (KeyError, ValueError):
        raise RequestRefused(400, "the multipart body cannot be read") from None
    try:
        given = _json_object(form.get("operations"), "operations")
        for name, paths in _json_object(form.get("map"), "map").items():
            upload = form.get(name)
            if not isinstance(upload, UploadFile) or not isinstance(paths, list) or not paths:
                raise RequestRefused(400, f"map names {name[:50]!r}, and no such file was sent")
            content = await upload.read(REPORT_BYTES_MAX + 1)
            file = UploadedFile(upload.filename or "", content)
            for path in paths:
                _put(given, path, file)
    finally:
        await form.close()
    return given


async def _bounded(request: Request) -> Any:  # noqa: ANN401 - an asynchronous generator
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > UPLOAD_BYTES_MAX:
            text = f"the body is longer than {UPLOAD_BYTES_MAX} bytes"
            raise RequestRefused(413, text, "QUERY_TOO_LARGE")
        yield chunk


def _json_object(text: object, what: str) -> dict[str, Any]:
    try:
        parsed = orjson.loads(text) if isinstance(text, str) else None
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise RequestRefused(400, f"the part {what} must be a JSON object; batches are not taken")
    return parsed


def _put(given: dict[str, Any], path: object, file: UploadedFile) -> None:
    """Put a file at a path such as `variables.input.file`, where null must stand."""
    told = path.split(".") if isinstance(path, str) else []
    wrong = RequestRefused(400, "map must lead to a null in the variables of operations")
    if not 2 <= len(told) <= PATH_PARTS_MAX or told[0] != "variables":
        raise wrong
    at: Any = given
    for part in told[:-1]:
        at = _step(at, part)
    last = told[-1]
    if isinstance(at, list) and last.isascii() and last.isdigit() and int(last[:6]) < len(at):
        if at[int(last)] is not None:
            raise wrong
        at[int(last)] = file
    elif isinstance(at, dict) and last in at and at[last] is None:
        at[last] = file
    else:
        raise wrong


def _step(at: object, part: str) -> object:
    if isinstance(at, dict):
        return at.get(part)
    if isinstance(at, list) and part.isascii() and part.isdigit() and int(part[:6]) < len(at):
        return at[int(part[:6])]
    return None
