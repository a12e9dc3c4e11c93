"""Reads a report file's bytes and refuses, with one clear sentence, what is no report."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from timeline.errors import InvalidReport
from timeline.settings import REPORT_BYTES_MAX

PROSE_SUFFIXES = {".txt": "text/plain", ".md": "text/markdown"}
CODED_SUFFIXES = {
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".json": "application/json",
}
SUFFIXES = {**PROSE_SUFFIXES, **CODED_SUFFIXES}
NESTING_MAX = 20


def read_bytes(path: Path) -> bytes:
    """A report file's content.

    Raises:
        InvalidReport: it cannot be read, is empty, too large, binary, or of an unknown kind.
    """
    _check_kind(path)
    try:
        with path.open("rb") as file:
            content = file.read(REPORT_BYTES_MAX + 1)
    except OSError as fault:
        raise InvalidReport(str(path), f"cannot be read: {fault.strerror}") from None
    check_content(content, path)
    return content


def check_content(content: bytes, path: Path) -> None:
    """Refuse what cannot be a report.

    Raises:
        InvalidReport: it is empty, too large, or of an unknown kind.
    """
    _check_kind(path)
    if len(content) > REPORT_BYTES_MAX:
        raise InvalidReport(
            str(path),
            f"is larger than {REPORT_BYTES_MAX:,} bytes; split it into single reports",
        )
    if not content.strip():
        raise InvalidReport(str(path), "is empty")


def _check_kind(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise InvalidReport(str(path), f"is no report file; its name must end in one of {known}")


def decode_text(content: bytes, path: Path) -> str:
    """The text of a file.

    Raises:
        InvalidReport: it is binary, or in another encoding than UTF-8.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InvalidReport(str(path), "is UTF-16; save it as UTF-8")
    if b"\x00" in content:
        raise InvalidReport(str(path), "is binary, not text")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise InvalidReport(
            str(path), f"is not UTF-8 (byte {fault.start + 1}); save it as UTF-8"
        ) from None
    control = _control_character(text)
    if control is not None:
        raise InvalidReport(str(path), f"is binary: it holds the control character {control!r}")
    return text


def _control_character(text: str) -> str | None:
    return next((c for c in text if c < " " and c not in "\t\n\r\f"), None)


def _repeated(keys: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None


class _ReportLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without dates (they stay the text that was written) and without repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        repeated = _repeated(k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode))
        if repeated is not None:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {repeated!r} stands twice", node.start_mark
            )
        return dict(super().construct_mapping(node, deep=deep))


_ReportLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(text: str, path: Path) -> Any:  # noqa: ANN401 - YAML may hold anything
    """The content of a YAML text; dates come as text.

    Raises:
        InvalidReport: no YAML, a repeated key, an alias, nested too deeply, or a value that cannot
            be stored.
    """
    loaded = _loaded_yaml(text, path)
    _check_values(loaded, path)
    return loaded


def load_json(text: str, path: Path) -> Any:  # noqa: ANN401 - JSON may hold anything
    """The content of a JSON text; YAML's reader knows no escaped surrogate pairs.

    Raises:
        InvalidReport: no JSON, a repeated key, nested too deeply, or a value that cannot be stored.
    """
    try:
        loaded = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_json_object)
    except json.JSONDecodeError as fault:
        raise InvalidReport(
            str(path),
            f"is not valid JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}",
        ) from None
    except ValueError as fault:
        raise InvalidReport(str(path), f"is not valid JSON: {fault}") from None
    except RecursionError:
        raise InvalidReport(str(path), f"is nested deeper than {NESTING_MAX} levels") from None
    _check_values(loaded, path)
    return loaded


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    repeated = _repeated(key for key, _ in pairs)
    if repeated is not None:
        raise ValueError(f"the key {repeated!r} stands twice")
    return dict(pairs)


def _check_values(loaded: object, path: Path) -> None:
    """Refuse what escapes can bring in and no database or later reader takes."""
    level = [loaded]
    for _ in range(NESTING_MAX + 1):
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below += [*value.keys(), *value.values()]
            elif isinstance(value, list | tuple | set):
                below += value
            elif isinstance(value, str):
                _check_characters(value, path)
            elif isinstance(value, float) and not math.isfinite(value):
                raise InvalidReport(str(path), f"holds {value}, which is no finite number")
        if not below:
            return
        level = below
    raise InvalidReport(str(path), f"is nested deeper than {NESTING_MAX} levels")


def _check_characters(value: str, path: Path) -> None:
    found = _control_character(value)
    if found is not None:
        raise InvalidReport(str(path), f"holds the control character {found!r}; leave it out")
    lone = next((c for c in value if "\ud800" <= c <= "\udfff"), None)
    if lone is not None:
        raise InvalidReport(str(path), f"holds {lone!r}, half of a character; leave it out")


def _loaded_yaml(text: str, path: Path) -> Any:  # noqa: ANN401 - YAML may hold anything
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_ReportLoader):
            if isinstance(event, yaml.AliasEvent):
                raise InvalidReport(str(path), f"YAML aliases (*{event.anchor}) are refused")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > NESTING_MAX:
                raise InvalidReport(str(path), f"is nested deeper than {NESTING_MAX} levels")
        return yaml.load(text, Loader=_ReportLoader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as fault:
        # From 6.0.4 on PyYAML has a bound of its own, met while it looks ahead.
        if "nesting depth" in str(fault):
            raise InvalidReport(str(path), f"is nested deeper than {NESTING_MAX} levels") from None
        raise InvalidReport(str(path), f"is not valid YAML: {_told(fault)}") from None
    except ValueError as fault:
        raise InvalidReport(str(path), f"is not valid YAML: {fault}") from None


def _told(fault: yaml.YAMLError) -> str:
    mark = getattr(fault, "problem_mark", None)
    problem = getattr(fault, "problem", None) or str(fault).splitlines()[0]
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{problem}{where}"
