"""Reads how many: people killed, and quantities such as "more than 20 villages"."""

from __future__ import annotations

import re
from typing import NamedTuple

from timeline.domain.claims import Fatalities, Qualifier, Quantity
from timeline.extraction.date_forms import NUMBERS
from timeline.extraction.grammar import Token, arguments
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma

COUNT_MAX = 10_000_000
_WORDS = {word: number for number, word in enumerate(NUMBERS)}
_WORDS |= {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "thousand": 1000,
    "dozen": 12,
}
_KILLING = frozenset({"kill", "die", "perish", "execute", "behead", "massacre"})
_MORE = re.compile(r"\b(?:more than|over|upwards of|at least)\s*\Z", re.IGNORECASE)
_QUALIFIERS = (
    (
        re.compile(r"\b(?:more than|over|upwards of|exceeding)\s*\Z", re.IGNORECASE),
        Qualifier.MORE_THAN,
    ),
    (re.compile(r"\b(?:less than|fewer than|under)\s*\Z", re.IGNORECASE), Qualifier.LESS_THAN),
    (re.compile(r"\bat least\s*\Z", re.IGNORECASE), Qualifier.AT_LEAST),
    (re.compile(r"\b(?:at most|up to|as many as)\s*\Z", re.IGNORECASE), Qualifier.AT_MOST),
    (
        re.compile(
            r"\b(?:about|around|some|nearly|almost|roughly|approximately)\s*\Z", re.IGNORECASE
        ),
        Qualifier.ABOUT,
    ),
)
_COUNTED = frozenset(
    [
        "village",
        "town",
        "hill",
        "hilltop",
        "point",
        "position",
        "checkpoint",
        "base",
        "district",
        "neighbourhood",
        "strike",
        "airstrike",
        "raid",
        "missile",
        "rocket",
        "shell",
        "bomb",
        "barrel",
        "sortie",
        "farm",
        "settlement",
    ]
)


class Killed(NamedTuple):
    """How many were killed, and the word that says so."""

    fatalities: Fatalities
    token: Token


def number_of(token: Token) -> tuple[int, Qualifier] | None:
    """The number before a noun, and how it bounds the true one; `None` when there is none."""
    numerals = [c for c in token.children if c.dep_ == "nummod"] or (
        [token] if token.like_num else []
    )
    if not numerals:
        single = any(c.dep_ == "det" and c.lower_ in ("a", "an") for c in token.children)
        return (1, Qualifier.EXACTLY) if single else None
    value = _value(numerals[0])
    if value is None or value > COUNT_MAX:
        return None
    before = token.doc[max(0, numerals[0].left_edge.i - 3) : numerals[0].i].text
    for pattern, qualifier in _QUALIFIERS:
        if pattern.search(before):
            return value, qualifier
    return value, Qualifier.EXACTLY


def _value(token: Token) -> int | None:
    text = token.lower_.replace(",", "")
    parts = [c.lower_ for c in token.lefts if c.dep_ == "compound"]
    if text.isdigit():
        return int(text)
    if text in _WORDS:
        base = _WORDS[text]
        if base >= 12 and text in ("hundred", "thousand", "dozen") and parts:
            scale = int(parts[0]) if parts[0].isdigit() else _WORDS.get(parts[0], 1)
            return base * scale
        return base
    pieces = text.split("-")
    if len(pieces) == 2 and all(p in _WORDS for p in pieces):
        return _WORDS[pieces[0]] + _WORDS[pieces[1]]
    return None


def killed_by(verb: Token) -> Killed | None:
    """The people that a verb of killing counts; never vehicles, rockets or kilometres."""
    low = lemma(verb)
    if low not in _KILLING:
        return None
    args = arguments(verb)
    victims = args.subject if low in ("die", "perish") else args.object
    for victim in victims:
        if not _is_people(victim):
            continue
        counted = number_of(victim)
        is_definite = any(c.dep_ in ("det", "poss") for c in victim.children)
        if counted is None:
            singular = (
                victim.tag_ == "NN"
                and is_definite
                and victim.lower_ not in ("people", "crew", "family")
            )
            counted = (1, Qualifier.EXACTLY) if singular else None
        if counted is None:
            continue
        return Killed(_fatalities(*counted), verb)
    return None


def _is_people(token: Token) -> bool:
    classes = lexicon().classes(lemma(token))
    if classes & {"person", "civilian", "force"} and not classes & {"vehicle_or_thing"}:
        return True
    return token.like_num or lemma(token) in (
        "other",
        "pilot",
        "co-pilot",
        "dead",
        "more",
        "passenger",
    )


def _fatalities(value: int, qualifier: Qualifier) -> Fatalities:
    if qualifier in (Qualifier.MORE_THAN, Qualifier.AT_LEAST):
        return Fatalities(low=value + (qualifier is Qualifier.MORE_THAN), best=None, high=None)
    if qualifier in (Qualifier.AT_MOST, Qualifier.LESS_THAN):
        return Fatalities(high=value)
    if qualifier is Qualifier.ABOUT:
        return Fatalities(best=value)
    return Fatalities(low=value, best=value, high=value)


def quantity_of(tokens: list[Token]) -> Quantity | None:
    """The first counted places or weapons among these nouns."""
    for noun in tokens:
        if lemma(noun) not in _COUNTED:
            continue
        if not any(c.dep_ == "nummod" for c in noun.children):
            continue
        counted = number_of(noun)
        if counted is not None:
            return Quantity(value=float(counted[0]), unit=noun.lower_, qualifier=counted[1])
    return None
