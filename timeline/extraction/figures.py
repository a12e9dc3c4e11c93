"""Reads how many: people killed or hurt and who they were, and "more than 20 villages"."""

from __future__ import annotations

import re

from timeline.domain.claims import (
    CasualtyCount,
    CasualtyGroup,
    Fatalities,
    Harm,
    Qualifier,
    Quantity,
)
from timeline.extraction.date_forms import NUMBERS
from timeline.extraction.grammar import Token, arguments, coordinated
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma

COUNT_MAX = 10_000_000
WORDS_MAX = 300
_WORDS = {word: number for number, word in enumerate(NUMBERS)}
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS |= {word: 10 * n for n, word in enumerate(_TENS, 3)}
_WORDS |= {"hundred": 100, "thousand": 1000, "dozen": 12}
_HARMS = {
    **dict.fromkeys(("kill", "die", "perish", "execute", "behead", "massacre"), Harm.KILLED),
    **dict.fromkeys(("wound", "injure", "hurt", "maim"), Harm.WOUNDED),
    **dict.fromkeys(("abduct", "kidnap", "detain", "arrest", "capture"), Harm.DETAINED),
    **dict.fromkeys(("displace", "uproot"), Harm.DISPLACED),
}
_OF_SUBJECT = frozenset({"die", "perish"})
_NO_HEADCOUNT = frozenset({"people", "crew", "family", "other", "rest", "dead"})
_STATES = {"dead": Harm.KILLED, "wounded": Harm.WOUNDED, "injured": Harm.WOUNDED}
_QUALIFIERS = tuple(
    (re.compile(rf"\b(?:{words})\s*\Z", re.IGNORECASE), qualifier)
    for words, qualifier in (
        ("more than|over|upwards of|exceeding", Qualifier.MORE_THAN),
        ("less than|fewer than|under", Qualifier.LESS_THAN),
        ("at least|no fewer than|no less than", Qualifier.AT_LEAST),
        ("at most|up to|as many as", Qualifier.AT_MOST),
        ("about|around|some|nearly|almost|roughly|approximately", Qualifier.ABOUT),
    )
)
_NUMBER = rf"(?:\d[\d,]*|{'|'.join(sorted(_WORDS, key=len, reverse=True))})"
_RANGE = re.compile(
    rf"\b(?:between )?(?P<low>{_NUMBER}) ?(?:and|to|or|-|–) ?(?P<high>{_NUMBER})\b", re.IGNORECASE
)
_SCALED = re.compile(rf"(?:(?P<times>{_NUMBER}) )?(?P<unit>dozen|hundred|thousand)\Z")
_JOINED = re.compile(rf"\b(?:twenty|{'|'.join(_TENS)}) ?- ?(?:{'|'.join(NUMBERS[1:10])})\Z")
_COUNTED = frozenset(
    {"village", "town", "hill", "hilltop", "point", "position", "checkpoint", "base", "district"}
    | {"neighbourhood", "strike", "airstrike", "raid", "missile", "rocket", "shell", "bomb"}
    | {"barrel", "sortie", "farm", "settlement", "drone", "tank", "vehicle"}
)
Bounds = tuple[int | None, int | None, int | None]


def number_of(token: Token) -> tuple[int, Qualifier] | None:
    """The number before a noun, and how it bounds the true one; `None` when there is none."""
    scales = [
        c for c in token.subtree if c.i < token.i and c.lower_ in ("dozen", "hundred", "thousand")
    ]
    numerals = scales or [c for c in token.children if c.dep_ == "nummod"]
    numerals = numerals or ([token] if token.like_num else [])
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
    """The number that ends with this token ("two dozen", "forty - six")."""
    told = token.doc[max(0, token.i - 2) : token.i + 1].text.lower()
    scaled = _SCALED.search(told)
    if scaled is not None:
        times = _read(scaled["times"]) if scaled["times"] else 1
        return None if times is None else times * _WORDS[scaled["unit"]]
    joined = _JOINED.search(told)
    return _read(joined.group() if joined is not None else token.text)


def _read(text: str) -> int | None:
    """A number in digits or words ("1,200", "forty-six")."""
    bare = text.lower().replace(",", "")
    if bare.isdigit():
        return int(bare)
    pieces = re.split(r"\s*-\s*", bare)
    if not all(p in _WORDS for p in pieces) or len(pieces) > 2:
        return None
    return sum(_WORDS[p] for p in pieces)


def harmed_by(verb: Token) -> list[CasualtyCount]:
    """The people that a verb of harm counts, by who they were; never vehicles or rockets."""
    harm = _HARMS.get(lemma(verb))
    if harm is None or verb.pos_ not in ("VERB", "AUX"):
        return _left_in_a_state(verb)
    args = arguments(verb)
    victims = args.subject if lemma(verb) in _OF_SUBJECT else args.object
    if not victims and verb.dep_ == "acl" and verb.head.like_num:
        victims = [verb.head]  # "left 10 dead and 25 injured"
    nouns = [n for victim in victims for n in coordinated(victim) if _is_people(n)]
    return [count for n in nouns if (count := _counted(n, harm)) is not None]


def _left_in_a_state(word: Token) -> list[CasualtyCount]:
    """As in "left 12 people dead", "280 dead": the state tells what was done."""
    harm = _STATES.get(word.lower_)
    if harm is None:
        return []
    nouns = [word] if any(c.dep_ == "nummod" for c in word.children) else []
    nouns = nouns or [c for c in word.children if c.dep_ == "nsubj"]
    if not nouns and word.dep_ in ("oprd", "acomp") and lemma(word.head) == "leave":
        nouns = [c for c in word.head.children if c.dep_ == "dobj"]
    if not nouns and word.dep_ == "acl" and word.head.like_num:
        nouns = [word.head]
    if not nouns and word.dep_ in ("amod", "oprd", "advmod") and word.i > word.head.i:
        nouns = [word.head]
    before = word.doc[word.i - 1] if word.i else word
    if not nouns and before.like_num and before.dep_ != "pobj":
        nouns = [before]
    people = [n for n in nouns if n is word or _is_people(n)]
    return [count for n in people if (count := _counted(n, harm)) is not None]


def _counted(noun: Token, harm: Harm) -> CasualtyCount | None:
    bounds = bounds_of(noun)
    if bounds is None:
        return None
    low, best, high = bounds
    first = noun.left_edge.i
    words = " ".join(noun.doc[first : noun.i + 1].text.split())[:WORDS_MAX]
    return CasualtyCount(
        harm=harm, group=group_of(noun), low=low, best=best, high=high, as_named=words or None
    )


def group_of(noun: Token) -> CasualtyGroup:
    """Who people were, by the noun for them; `unknown` where it does not tell."""
    groups = lexicon().casualty_groups
    names = {lemma(noun), noun.lower_}
    if names & groups["civilians"]:
        return CasualtyGroup.CIVILIANS
    return CasualtyGroup.COMBATANTS if names & groups["combatants"] else CasualtyGroup.UNKNOWN


def bounds_of(noun: Token) -> Bounds | None:
    """Low, best and high of the number before a noun of people."""
    first = min(t.i for t in (noun, *(x for c in noun.lefts for x in c.subtree)))
    told = _RANGE.search(noun.doc[first : noun.i + 1].text)
    if told is not None:
        low, high = _read(told["low"]), _read(told["high"])
        if low is not None and high is not None and low < high <= COUNT_MAX:
            return low, None, high
    counted = number_of(noun)
    if counted is None:
        is_one = any(c.dep_ in ("det", "poss") for c in noun.children)
        is_one = is_one and noun.tag_ == "NN" and noun.lower_ not in _NO_HEADCOUNT
        if not is_one:
            return None
        counted = (1, Qualifier.EXACTLY)
    value, qualifier = counted
    if qualifier in (Qualifier.MORE_THAN, Qualifier.AT_LEAST):
        return value + (qualifier is Qualifier.MORE_THAN), None, None
    if qualifier in (Qualifier.AT_MOST, Qualifier.LESS_THAN):
        return None, None, max(0, value - (qualifier is Qualifier.LESS_THAN))
    return (None, value, None) if qualifier is Qualifier.ABOUT else (value, value, value)


def killed_in_all(counts: list[CasualtyCount]) -> Fatalities | None:
    """The sum of those killed, as far as each part tells a bound; `None` when nobody was."""
    killed = [c for c in counts if c.harm is Harm.KILLED]
    if not killed:
        return None
    sums = [
        None if any(n is None for n in part) else sum(n for n in part if n is not None)
        for part in zip(*((c.low, c.best, c.high) for c in killed), strict=True)
    ]
    if all(n is None for n in sums):  # "more than 20 soldiers and about 5 civilians"
        sums[0] = sum(next((n for n in (c.low, c.best) if n is not None), 0) for c in killed)
    low, best, high = sums
    return Fatalities(low=low, best=best, high=high)


def _is_people(token: Token) -> bool:
    classes = lexicon().classes(lemma(token))
    if classes & {"person", "civilian", "noncombatant", "force"}:
        return not classes & {"vehicle_or_thing"}
    groups = lexicon().casualty_groups
    return token.like_num or lemma(token) in groups["unknown"] | groups["combatants"]


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
