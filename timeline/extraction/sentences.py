"""Cuts a report into sentences that a parser can be trusted with.

Headings run into the next sentence wreck a parse, so a newline ends a sentence, unless the text is
hard-wrapped; so do `;` and sentence stops. What the head of the report used is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

WRAP_WIDTH_MIN, WRAP_WIDTH_MAX = 60, 130
HEADING_WORDS_MAX = 16
SENTENCE_CHARACTERS_MAX = 1200

_ABBREVIATED = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Gen|Col|Lt|Maj|Brig|Sgt|Capt|Adm|Gov|Sen|Rep|St|No|vs|approx|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|km|e\.g|i\.e)|\b[A-Z](?:\.[A-Z])*)\.\Z"
)
_STOP = re.compile(r"[.!?…]+[\"')\]]*(?=\s|\Z)|;")


class Sentence(NamedTuple):
    """A stretch of the text: half-open code points, and which paragraph it stands in."""

    start: int
    end: int
    paragraph: int
    is_heading: bool


def split_sentences(text: str, leave_out: Iterable[tuple[int, int]] = ()) -> list[Sentence]:
    """The sentences of a cleaned text, in order, none longer than SENTENCE_CHARACTERS_MAX.

    A longer one is cut at a comma or space: its parse could not be trusted, nor its cost bounded.
    """
    blanked = list(text)
    for start, end in leave_out:
        blanked[start:end] = [" " if c != "\n" else c for c in blanked[start:end]]
    body = "".join(blanked)
    paragraphs = list(_paragraphs(body))
    has_prose = any(re.search(r"[.!?]['\")]*\s*\Z", body[a:b]) for a, b in paragraphs)
    found: list[Sentence] = []
    for number, (start, end) in enumerate(paragraphs):
        heading = has_prose and _is_heading(body[start:end])
        for a, b in _stops(body, start, end):
            found.extend(Sentence(x, y, number, heading) for x, y in _bounded(body, a, b))
    return found


def _paragraphs(text: str) -> Iterable[tuple[int, int]]:
    """Lines, joined where they are one hard-wrapped paragraph."""
    for block in re.finditer(r"(?:[^\n]+\n?)+", text):
        lines = [m.span() for m in re.finditer(r"[^\n]+", block.group())]
        spans = [(block.start() + a, block.start() + b) for a, b in lines]
        width = max(b - a for a, b in spans)
        start = spans[0][0]
        for (a, b), following in zip(spans, [*spans[1:], None], strict=True):
            if following is None or not _wraps(text[a:b], text[slice(*following)], width):
                if text[start:b].strip():
                    yield start, b
                start = following[0] if following else b


def _wraps(line: str, following: str, width: int) -> bool:
    bare, after = line.strip(), following.split()
    if not bare or not after:
        return False
    is_filled = (
        WRAP_WIDTH_MIN <= width <= WRAP_WIDTH_MAX and len(line.rstrip()) + 1 + len(after[0]) > width
    )
    return is_filled or after[0][0].islower()


def _is_heading(text: str) -> bool:
    bare = text.strip()
    return len(bare.split()) <= HEADING_WORDS_MAX and not re.search(r"[.!?;,][\"')]*\Z", bare)


def _stops(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    begin = start
    for match in _STOP.finditer(text, start, end):
        after = text[match.end() : end].lstrip(" \n\"'([")[:1]
        is_short_form = _ABBREVIATED.search(text[max(start, match.start() - 12) : match.end()])
        if match.group() != ";" and (after.islower() or (is_short_form and after)):
            continue
        yield from _trimmed(text, begin, match.end())
        begin = match.end()
    yield from _trimmed(text, begin, end)


def _trimmed(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    while start < end and not (text[start].isalnum() or text[start] in "\"'(["):
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if any(c.isalnum() for c in text[start:end]):
        yield start, end


def _bounded(text: str, start: int, end: int) -> Iterable[tuple[int, int]]:
    while end - start > SENTENCE_CHARACTERS_MAX:
        window = text[start : start + SENTENCE_CHARACTERS_MAX]
        cut = max(window.rfind(", "), window.rfind(" "), SENTENCE_CHARACTERS_MAX // 2)
        yield from _trimmed(text, start, start + cut)
        start += cut
    yield from _trimmed(text, start, end)
