"""Reads a report file's bytes and refuses, with one clear sentence, what is no report."""

from __future__ import annotations

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
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise InvalidReport(str(path), f"is no report file; its name must end in one of {known}")
    try:
        with path.open("rb") as file:
            content = file.read(REPORT_BYTES_MAX + 1)
    except OSError as fault:
        raise InvalidReport(str(path), f"cannot be read: {fault.strerror}") from None
    if len(content) > REPORT_BYTES_MAX:
        raise InvalidReport(
            str(path),
            f"is larger than {REPORT_BYTES_MAX:,} bytes; split it into single reports",
        )
    if not content.strip():
        raise InvalidReport(str(path), "is empty")
    return content


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
    control = next((c for c in text if c < " " and c not in "\t\n\r\f"), None)
    if control is not None:
        raise InvalidReport(str(path), f"is binary: it holds the control character {control!r}")
    return text


class _ReportLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without dates (they stay the text that was written) and without repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        repeated = next((k for k in keys if keys.count(k) > 1), None)
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
    """The content of a YAML (or JSON) text; dates come as text.

    Raises:
        InvalidReport: no YAML, a repeated key, an alias, or nested too deeply.
    """
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
        raise InvalidReport(str(path), f"is not valid YAML: {_told(fault)}") from None
    except ValueError as fault:
        raise InvalidReport(str(path), f"is not valid YAML: {fault}") from None


def _told(fault: yaml.YAMLError) -> str:
    mark = getattr(fault, "problem_mark", None)
    problem = getattr(fault, "problem", None) or str(fault).splitlines()[0]
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{problem}{where}"
