"""Evens out characters that confuse a parser, without ever moving a code point.

Every replacement is one code point for one, so that offsets into the cleaned text are offsets into
the report as it was filed. Front matter and markup are blanked, not cut.
"""

from __future__ import annotations

import re

_ONE_FOR_ONE = {
    **dict.fromkeys(
        "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", " "
    ),
    **dict.fromkeys("\u202f\u205f\u3000\u200b\u200c\u200d\u2060\ufeff\t\v\f\u00ad", " "),
    **dict.fromkeys("‘’ʼʿʾ`´′‛", "'"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‐‑‒", "-"),
    **dict.fromkeys("\u2028\u2029\u0085\r", "\n"),
}
_TABLE = str.maketrans(_ONE_FOR_ONE)
_FRONT_MATTER = re.compile(r"\A---[ ]*\n.*?\n---[ ]*(?=\n|\Z)", re.DOTALL)
_MARKUP = re.compile(r"^[ ]{0,3}(?:#{1,6}(?=[ ])|>+|[*+-](?=[ ])|\d{1,3}[.)](?=[ ]))", re.MULTILINE)
_EMPHASIS = re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")


def cleaned(text: str) -> str:
    """The text with odd spaces, quotes and hyphens evened out and markup blanked.

    The result has exactly as many code points as `text`, and newlines stay newlines.
    """
    even = text.translate(_TABLE)
    for pattern in (_FRONT_MATTER, _MARKUP, _EMPHASIS):
        even = pattern.sub(_blank, even)
    return even


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())
