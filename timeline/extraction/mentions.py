"""Finds the names of places and actors in a text, and keeps what stands for them apart.

Names are found by their folded words, so that one pass serves every spelling of the gazetteer; a
name written with a capital there needs one in the text. Which place or actor is meant is decided by
the domain (`Gazetteer.mention`, `ActorTable.mention`), never here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from weakref import WeakKeyDictionary

from timeline.domain.actors import ActorTable
from timeline.domain.names import Name, folded_form
from timeline.domain.places import Gazetteer

NAME_WORDS_MAX = 9
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*'?")
_ARTICLE = re.compile(
    r"(?:\b(?:[Aa]l|[Ee]l|[Aa]sh?|[Aa][rztdn]|[Aa]dh|[Uu]l)-|\bA[lsrdtzn] |\bEl )\Z"
)
_POSSESSIVE = re.compile(r"'s?\Z")
_FOLD_ARTICLES = frozenset(
    {"al", "el", "ul", "ar", "as", "ash", "at", "ad", "adh", "az", "an", "the"}
)


class Word(NamedTuple):
    """A word of the text and its folded form; offsets in code points."""

    start: int
    end: int
    folded: str
    is_capitalised: bool


class Hit(NamedTuple):
    """A known name in the text, and the ids that it may mean."""

    start: int
    end: int
    ids: tuple[str, ...]
    is_generic: bool


class Names:
    """Many names, found in running text, the longest first."""

    def __init__(self, entries: Iterable[tuple[str, Iterable[Name]]]) -> None:
        """Index (id, names) pairs; a name without a capital is generic ("rebels")."""
        self._ids: dict[tuple[str, ...], dict[str, tuple[bool, str | None]]] = {}
        for id_, names in entries:
            for name in names:
                key = tuple(folded_form(name.name).split())
                if not key or len(key) > NAME_WORDS_MAX or not _WORD.search(name.name):
                    continue
                bare = re.sub(r"\A(?:the|The) ", "", name.name)
                has_capital = any(c.isupper() for c in bare) or not bare.isascii()
                exact = name.name if name.case_sensitive or bare != name.name else None
                self._ids.setdefault(key, {}).setdefault(id_, (has_capital, exact))
        self._starts = {key[0] for key in self._ids}

    def find(self, text: str) -> list[Hit]:
        """Every name, left to right, without overlap."""
        words, found, i = list(_words(text)), [], 0
        while i < len(words):
            hit = self._longest(text, words, i) if words[i].folded in self._starts else None
            if hit is None:
                i += 1
                continue
            found.append(hit[0])
            i = hit[1]
        return found

    def _longest(self, text: str, words: list[Word], i: int) -> tuple[Hit, int] | None:
        best: tuple[Hit, int] | None = None
        for j in range(i, min(len(words), i + NAME_WORDS_MAX)):
            if j > i and not _joins(text[words[j - 1].end : words[j].start]):
                break
            meant = self._ids.get(tuple(w.folded for w in words[i : j + 1]))
            if not meant:
                continue
            start, end = _with_article(text, words[i].start), words[j].end
            written = _POSSESSIVE.sub("", text[words[i].start : end])
            after_the = text[max(0, start - 4) : start].lower() == "the "
            span = words[i : j + 1]
            ids = tuple(sorted(k for k, v in meant.items() if _allows(v, written, span, after_the)))
            if ids:
                end -= len(text[words[i].start : end]) - len(written)
                generic = not any(meant[k][0] for k in ids)
                best = Hit(start, end, ids, generic), j + 1
        return best


def _words(text: str) -> Iterable[Word]:
    for match in _WORD.finditer(text):
        raw = match.group()
        folded = folded_form(re.sub(r"'s\Z", "", raw))
        if folded and folded not in _FOLD_ARTICLES:
            yield Word(match.start(), match.end(), folded, raw[0].isupper() or raw[0].isdigit())


def _joins(between: str) -> bool:
    """Whether what stands between two words keeps them in one name."""
    bare = between.replace(" ", "").replace("-", "").replace("–", "").replace("\n", "")
    return bare in ("", "(", ")", '"', "the", "al", "el", "Al", "El", ".") or (
        bare.lower() in _FOLD_ARTICLES
    )


def _allows(
    rule: tuple[bool, str | None], written: str, words: list[Word], follows_the: bool
) -> bool:
    has_capital, exact = rule
    if exact is not None and exact.startswith("the "):
        return follows_the and len(words) == len(exact.split()) - 1
    if exact is not None:
        return all(
            w.is_capitalised == part[0].isupper()
            for w, part in zip(words, re.findall(r"\w+", exact), strict=False)
        ) and re.sub(r"\W", "", exact) == re.sub(r"\W", "", written)
    return not has_capital or any(w.is_capitalised for w in words)


def _with_article(text: str, start: int) -> int:
    match = _ARTICLE.search(text, max(0, start - 5), start)
    return match.start() if match else start


_PLACE_NAMES: WeakKeyDictionary[Gazetteer, Names] = WeakKeyDictionary()
_ACTOR_NAMES: WeakKeyDictionary[ActorTable, Names] = WeakKeyDictionary()


def place_names(gazetteer: Gazetteer) -> Names:
    """The names of a gazetteer, indexed once."""
    if gazetteer not in _PLACE_NAMES:
        _PLACE_NAMES[gazetteer] = Names(
            (p.place_id, (Name(name=p.name), *p.names)) for p in gazetteer.places.values()
        )
    return _PLACE_NAMES[gazetteer]


def actor_names(actors: ActorTable) -> Names:
    """The names of an actor table, indexed once."""
    if actors not in _ACTOR_NAMES:
        _ACTOR_NAMES[actors] = Names(
            (a.actor_id, (Name(name=a.name), *a.names, *(Name(name=n) for n in a.acled + a.ucdp)))
            for a in actors.actors.values()
        )
    return _ACTOR_NAMES[actors]
