"""Chooses the words that show an event: its clause, at most EVIDENCE_WORDS_MAX, at least three."""

from __future__ import annotations

from timeline.extraction.grammar import Arguments, Token, left_edge
from timeline.extraction.parsing import Parse

EVIDENCE_WORDS_MAX, EVIDENCE_WORDS_MIN = 25, 3


def evidence_span(
    parse: Parse, token: Token, args: Arguments, text: str, until: int = 0
) -> tuple[int, int]:
    """Half-open code points of the words that tell an event.

    Args:
        parse: The sentence.
        token: The word of the event.
        args: Its arguments; what lies too far off is left out.
        text: The report, to keep the span off line breaks.
        until: A code point, of the place or date, that the span should reach where it can.
    """
    low = high = token.i
    for noun in (*args.object, *args.subject):
        first, last = min(low, left_edge(noun)), max(high, noun.i)
        if last - first + 1 <= EVIDENCE_WORDS_MAX:
            low, high = first, last
    for child in token.children:
        near = child.dep_ in ("prt", "neg", "aux", "auxpass", "prep", "agent", "dobj")
        edge = max((t.i for t in child.subtree if t.i - child.i < 6), default=child.i)
        if near and edge - low + 1 <= EVIDENCE_WORDS_MAX and child.i > token.i:
            high = max(high, edge)
        elif near and child.i < token.i and high - child.i + 1 <= EVIDENCE_WORDS_MAX:
            low = min(low, child.i)
    if until:
        reach = [i for i, (a, _) in enumerate(parse.offsets) if a < until and i > token.i]
        if reach and reach[-1] - low + 1 <= EVIDENCE_WORDS_MAX:
            high = max(high, reach[-1])
    return widened(parse, low, high, text)


def widened(parse: Parse, low: int, high: int, text: str) -> tuple[int, int]:
    """The span of tokens `low` to `high`, grown to at least three words of the text."""
    last = len(parse.offsets) - 1
    while low < high and parse.doc[low].is_punct:
        low += 1
    while high > low and parse.doc[high].is_punct:
        high -= 1
    start, end = parse.chars(low, high)
    while len(text[start:end].split()) < EVIDENCE_WORDS_MIN and (low > 0 or high < last):
        if high < last:
            high += 1
        if len(text[start : parse.offsets[high][1]].split()) < EVIDENCE_WORDS_MIN and low > 0:
            low -= 1
        start, end = parse.chars(low, high)
    if len(text[start:end].split()) < EVIDENCE_WORDS_MIN:
        start, end = parse.sentence.start, parse.sentence.end
    return start, end
