"""Parses sentences, with every token tied to the code points it stands for.

The parser is given a tidied sentence (no quotation marks, no "(IS)" after a name, "al-Bab" as one
word), because each of these costs it the structure; the tokens keep their place in the report.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from timeline.extraction.lexicon import lexicon
from timeline.extraction.sentences import Sentence

TOKENS_MAX = 220
_GLUED = re.compile(
    r"(?:[A-Za-z]{1,6}-)?\b(?:[Aa]l|[Ee]l|[Aa]sh|[Aa][szrtdn]|[Ee][szdr]|[Rr]e|[Cc]o|[Mm]id|[Nn]orth|[Ss]outh|[Cc]ounter|[Ee]x)"
    r"-[\w']+"
)
_ACRONYM = re.compile(r"\((?:[A-Z]{2,7}|[A-Z][a-z]{1,3}[A-Z]{1,3})\)")
_STAND_IN = "NATO"
# Names that the model has met, for those that it has not: a village's may pass for a verb.
_CITIES = ("Paris", "London", "Berlin", "Rome", "Madrid", "Vienna", "Tokyo", "Boston", "Dublin")
_QUOTES = re.compile(r'"+')


class Parse(NamedTuple):
    """A parsed sentence: spaCy's doc, and the half-open code points of each token."""

    doc: Any
    offsets: tuple[tuple[int, int], ...]
    sentence: Sentence
    words: tuple[str, ...]

    def chars(self, first: int, last: int) -> tuple[int, int]:
        """The code points from token `first` to token `last`, both included."""
        return self.offsets[first][0], self.offsets[last][1]

    def written(self, token: Any) -> str:  # noqa: ANN401 - spaCy's Token
        """The word of a token as the report has it, where the parser is shown another."""
        return self.words[int(token.i)]

    def tokens_in(self, start: int, end: int) -> list[Any]:
        """The tokens that touch a half-open range of code points."""
        return [t for t in self.doc if self.offsets[t.i][0] < end and self.offsets[t.i][1] > start]

    def root_of(self, start: int, end: int) -> Any | None:  # noqa: ANN401 - spaCy's Token
        """The token of a range whose head lies outside it."""
        inside = self.tokens_in(start, end)
        ids = {t.i for t in inside}
        return next((t for t in inside if t.head.i not in ids or t.head.i == t.i), None)


def lemma(token: Any) -> str:  # noqa: ANN401 - spaCy's Token
    """The lemma in lower case, with irregular forms that the model misses mended."""
    low = str(token.doc.user_data.get(token.i) or token.text.lower())
    mended = lexicon().irregular.get(low)
    if mended is None and token.i in token.doc.user_data:
        return lexicon().shown_lemmas.get(low, low)
    return mended if mended is not None else str(token.lemma_).lower()


class Guide(NamedTuple):
    """What the parser is spared: half-open code points of the cleaned text, each list sorted.

    `drop` is left out (a date set off by commas); `names` are shown as names that the model knows;
    after each of `breaks` it is shown a comma ("On Monday, warplanes hit X").
    """

    drop: list[tuple[int, int]]
    names: list[tuple[int, int]]
    breaks: frozenset[int]


def parse_sentences(
    nlp: Any,  # noqa: ANN401 - spaCy's Language
    text: str,
    sentences: Iterable[Sentence],
    guide: Guide = Guide([], [], frozenset()),  # noqa: B008 - immutable
) -> Iterator[Parse]:
    """Parse sentences of a cleaned text; one of more than TOKENS_MAX tokens is skipped.

    Args:
        nlp: The model.
        text: The cleaned text.
        sentences: Which stretches to parse.
        guide: What the parser is spared.
    """
    from spacy.tokens import Doc

    prepared, kept = [], []
    for sentence in sentences:
        tokens = _tokens(nlp, text, sentence, guide)
        if not tokens or len(tokens) > TOKENS_MAX:
            continue
        words = [lexicon().shown.get(word.lower(), word) for word, _, _ in tokens]
        gaps = [b[1] > a[2] for a, b in pairwise(tokens)]
        doc = Doc(nlp.vocab, words=words, spaces=[*gaps, False])
        for token in doc[1:]:
            token.is_sent_start = False
        told = enumerate(word.lower() for word, _, _ in tokens)
        originals: dict[Any, str] = {i: word for i, word in told if word in lexicon().shown}
        doc.user_data.update(originals)
        prepared.append(doc)
        written = tuple(text[a:b] if w in (_STAND_IN, *_CITIES) else w for w, a, b in tokens)
        kept.append((tuple((a, b) for _, a, b in tokens), sentence, written))
    disabled = [name for name in ("ner",) if name in nlp.pipe_names]
    parsed = nlp.pipe(prepared, disable=disabled)
    for doc, (offsets, sentence, written) in zip(parsed, kept, strict=True):
        yield Parse(doc, offsets, sentence, written)


def _tokens(
    nlp: Any,  # noqa: ANN401 - spaCy's Language
    text: str,
    sentence: Sentence,
    guide: Guide,
) -> list[tuple[str, int, int]]:
    """(word, start, end) of each token that the parser shall see."""
    start, end = sentence.start, sentence.end
    body = list(text[start:end])
    for a, b in _within(guide.drop, start, end):
        for k in range(max(a, start), min(b, end)):
            body[k - start] = " "
    even = _QUOTES.sub(lambda m: " " * len(m.group()), "".join(body))
    even = _ACRONYM.sub(_unbracketed, even).replace("\n", " ")
    made = nlp.make_doc(even)
    found: list[tuple[str, int, int]] = []
    glued = [m.span() for m in _GLUED.finditer(even)]
    for token in made:
        if token.is_space:
            continue
        a, b = token.idx, token.idx + len(token.text)
        whole = next((g for g in glued if g[0] <= a and b <= g[1]), None)
        if whole and found and found[-1][2] > start + whole[0]:
            _, first, _ = found.pop()
            found.append((even[first - start : b], first, start + b))
        else:
            found.append((_shown(token.text, even), start + a, start + b))
    named = _with_known_names(found, _within(guide.names, start, end))
    return _with_breaks(named, guide.breaks)


def _within(spans: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    first = max(0, bisect_left(spans, (start, 0)) - 1)
    last = bisect_left(spans, (end, 0))
    return [s for s in spans[first:last] if s[1] > start]


def _with_known_names(
    tokens: list[tuple[str, int, int]], names: list[tuple[int, int]]
) -> list[tuple[str, int, int]]:
    """The tokens of a place's name as one, which bears the name of a city that the model knows."""
    found: list[tuple[str, int, int]] = []
    inside: tuple[int, int] | None = None
    used = 0
    for word, a, b in tokens:
        name = next((n for n in names if n[0] <= a and b <= n[1]), None)
        if name is None:
            found.append((word, a, b))
        elif name == inside and found[-1][2] > name[0]:
            found[-1] = (found[-1][0], found[-1][1], b)
        else:
            found.append((_CITIES[used % len(_CITIES)], a, b))
            used += 1
        inside = name
    return found


def _with_breaks(
    tokens: list[tuple[str, int, int]], breaks: frozenset[int]
) -> list[tuple[str, int, int]]:
    found = []
    for token in tokens:
        found.append(token)
        if token[2] in breaks:
            found.append((",", token[2], token[2]))
    return found


def _shown(word: str, sentence: str) -> str:
    """The word as the parser shall see it: it takes "IS" for a verb, so it gets a name it knows."""
    return _STAND_IN if word == "IS" and not sentence.isupper() else word


def _unbracketed(match: re.Match[str]) -> str:
    """Drop "(IS)" after a name of which it is the short form; else drop the brackets alone."""
    before = match.string[: match.start()].rstrip()
    word = before.rsplit(" ", 1)[-1] if before else ""
    if word[:1].isupper() and word.lower() not in ("the", "of"):
        return " " * len(match.group())
    return " " + match.group()[1:-1] + " "
