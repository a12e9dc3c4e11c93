"""Reads a prose report (.txt, .md): its front matter, if any, and the text that spans count in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from timeline.domain.ids import GivenReportId
from timeline.errors import InvalidReport
from timeline.filing.documents import PROSE_SUFFIXES, decode_text, load_yaml
from timeline.filing.drafts import Draft

_FRONT_MATTER = re.compile(
    r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_OPENED = re.compile(r"\A\ufeff?---[ \t]*\r?\n[A-Za-z_]+:")
_KEYS = {
    "id": "report_id",
    "url": "url",
    "title": "title",
    "published": "published",
    "date": "published",
    "updated": "updated",
    "language": "language",
}
_VALUE_LENGTH_MAX = 2000
_LENGTHS_MAX = {
    "published": 60,
    "date": 60,
    "updated": 60,
    "language": 35,
    "source": 300,
    "source.name": 300,
    "source.affiliated_with": 300,
}


def read_prose(content: bytes, path: Path) -> Draft:
    """A prose report's draft; its claims are not read yet.

    Spans count in the file exactly as it is, so the text handed to the extractor has the front
    matter blanked out, not cut off.

    Raises:
        InvalidReport: it is no text, or its front matter is no YAML mapping.
    """
    text = decode_text(content, path)
    fields: dict[str, Any] = {}
    notes: list[str] = []
    readable = text
    match = _FRONT_MATTER.match(text)
    if match:
        fields, notes = _front_matter(match.group(1), path)
        readable = re.sub(r"[^\r\n]", " ", text[: match.end()]) + text[match.end() :]
        if not readable.strip():
            raise InvalidReport(str(path), "has front matter but no text")
    elif _OPENED.match(text):
        raise InvalidReport(str(path), "opens front matter and never closes it; add a line of ---")
    return Draft(
        path=str(path),
        content=content,
        media_type=PROSE_SUFFIXES[path.suffix.lower()],
        text=text,
        readable_text=readable,
        notes=tuple(notes),
        **fields,
    )


def _front_matter(block: str, path: Path) -> tuple[dict[str, Any], list[str]]:
    data = load_yaml(block, path)
    if data is None:
        return {}, []
    if not isinstance(data, dict):
        raise InvalidReport(str(path), "front matter must be a mapping of keys to values")
    fields: dict[str, Any] = {}
    notes = []
    for key, value in data.items():
        if key in ("source", "publisher"):
            fields |= _source(value, path)
        elif key in _KEYS and value is not None:
            fields[_KEYS[key]] = _plain(key, value, path)
        elif value is not None:
            notes.append(f"front matter key {str(key)[:50]!r} is not used")
    _check_id(fields.get("report_id"), path)
    return fields, notes


def _plain(key: str, value: object, path: Path) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidReport(str(path), f"front matter: {key} must be text")
    length_max = _LENGTHS_MAX.get(key, _VALUE_LENGTH_MAX)
    if len(str(value)) > length_max:
        raise InvalidReport(
            str(path), f"front matter: {key} is longer than {length_max} characters"
        )
    return str(value)


def _source(value: object, path: Path) -> dict[str, str]:
    if isinstance(value, dict):
        unknown = set(value) - {"name", "affiliated_with"}
        if unknown or "name" not in value:
            raise InvalidReport(
                str(path), "front matter: source has a name and, perhaps, affiliated_with"
            )
        found = {"source_name": _plain("source.name", value["name"], path)}
        if value.get("affiliated_with") is not None:
            affiliated = _plain("source.affiliated_with", value["affiliated_with"], path)
            found["affiliated_with"] = affiliated
        return found
    return {"source_name": _plain("source", value, path)}


def _check_id(report_id: str | None, path: Path) -> None:
    if report_id is None:
        return
    try:
        msgspec.convert(report_id, GivenReportId)
    except msgspec.ValidationError:
        raise InvalidReport(
            str(path),
            f"front matter: id {report_id[:50]!r} may hold only letters, digits and . _ : -",
        ) from None
