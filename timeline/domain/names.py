"""Decides which name a spelling means: exactly, by alias, folded, by consonants, or nearly.

Transliterated names come in dozens of spellings. The tiers below are tried in order and the first
that answers is kept with its score, so that a reader sees how sure the match was. Measured on 102
spellings of 24 places: exact 5, alias 55, folded 70, skeleton 95 (FINDINGS, Places).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache

from anyascii import anyascii
from msgspec import Struct
from rapidfuzz import fuzz, process

from timeline.errors import InvalidEvent

SKELETON_SCORE_MIN = 70.0
FUZZY_SCORE_MIN = 84.0
SKELETON_CONSONANTS_MIN = 3
SUGGESTIONS_MAX = 5

_ARTICLES = frozenset({"al", "el", "ul", "ar", "as", "ash", "at", "ad", "adh", "az", "an", "the"})
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_OVERRIDES = frozenset({"LRO", "RLO"})
_DIGRAPHS = (("kh", "x"), ("gh", "g"), ("sh", "c"), ("ch", "c"), ("dh", "z"), ("th", "t"))
_ARABIC_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ـ": None})


class Tier(StrEnum):
    """How a spelling was matched, surest first."""

    ID = "id"
    EXACT = "exact"
    ALIAS = "alias"
    FOLDED = "folded"
    SKELETON = "skeleton"
    FUZZY = "fuzzy"


# Tiers on which a name in a report is taken as resolved. A fuzzy match is only ever suggested.
RESOLVING_TIERS = frozenset({Tier.ID, Tier.EXACT, Tier.ALIAS, Tier.FOLDED, Tier.SKELETON})


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a name was matched: the tier, and how alike the spellings are (0 to 1)."""

    tier: Tier
    score: float


class Name(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One spelling of a name, with its language (BCP 47) and whether its case matters."""

    name: str
    language: str | None = None
    case_sensitive: bool = False


def require_legible(names: Iterable[str]) -> None:
    """Hold names to be text on one line, which can be shown and asked for.

    Raises:
        InvalidEvent: one is blank, or holds a control character or one that turns the writing.
    """
    for name in names:
        if not name.strip() or any(
            unicodedata.category(c) in _CONTROLS or unicodedata.bidirectional(c) in _OVERRIDES
            for c in name
        ):
            raise InvalidEvent(f"{name!a} is no name: it must be text on one line")


@lru_cache(maxsize=65536)
def exact_form(name: str) -> str:
    """A spelling with case, white space, quotes' shape and Arabic letter variants evened out."""
    even = unicodedata.normalize("NFKC", name).translate(_ARABIC_LETTERS)
    even = "".join(c for c in even if unicodedata.category(c) != "Mn")
    even = re.sub(r"[‘’ʿʾʼ`´′]", "'", even)
    return " ".join(re.sub(r"[\s\-‐‑–—_]+", " ", even).casefold().split())


@lru_cache(maxsize=65536)
def folded_form(name: str) -> str:
    """Latin letters and digits alone, articles and punctuation dropped."""
    plain = anyascii(unicodedata.normalize("NFKC", name)).casefold()
    words = re.findall(r"[a-z0-9]+", re.sub(r"['`\"]", "", plain))
    kept = [word for word in words if word not in _ARTICLES]
    return " ".join(kept or words)


@lru_cache(maxsize=65536)
def skeleton_form(name: str) -> str:
    """The consonants of the folded form: what transliterations agree on."""
    form = folded_form(name).replace(" ", "")
    for written, letter in _DIGRAPHS:
        form = form.replace(written, letter)
    form = form.replace("q", "k").replace("x", "k")
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiouywh]", "", form))


class NameIndex:
    """Spellings of many things, each thing known by an id, searchable by tier."""

    def __init__(
        self,
        entries: Iterable[tuple[str, str, Iterable[Name]]],
        former_ids: Mapping[str, str] | None = None,
    ) -> None:
        """Index (id, primary name, other spellings) triples; the order does not matter.

        `former_ids` mean others of the ids: they are aliases of those.
        """
        self._primary: dict[str, set[str]] = defaultdict(set)
        self._alias: dict[str, set[str]] = defaultdict(set)
        self._sensitive: dict[str, set[str]] = defaultdict(set)
        self._folded: dict[str, set[str]] = defaultdict(set)
        self._skeleton: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._ids: set[str] = set()
        self._former_ids: Mapping[str, str] = former_ids or {}
        for id_, primary, others in entries:
            self._ids.add(id_)
            self._primary[exact_form(primary)].add(id_)
            self._add_loose(id_, primary)
            for other in others:
                if other.case_sensitive:
                    self._sensitive[other.name].add(id_)
                    continue
                self._alias[exact_form(other.name)].add(id_)
                self._add_loose(id_, other.name)

    def _add_loose(self, id_: str, name: str) -> None:
        folded = folded_form(name)
        if folded:
            self._folded[folded].add(id_)
        skeleton = skeleton_form(name)
        if len(skeleton) >= SKELETON_CONSONANTS_MIN:
            self._skeleton[skeleton].add((id_, folded))

    def find(self, name: str) -> tuple[tuple[str, ...], Match | None]:
        """The ids a spelling may mean, at the surest tier that knows it, best first.

        More than one id means that the spelling is ambiguous at that tier; none and `None` mean
        that nothing is near.
        """
        if name in self._ids:
            return (name,), Match(tier=Tier.ID, score=1.0)
        if self._former_ids.get(name) in self._ids:
            return (self._former_ids[name],), Match(tier=Tier.ALIAS, score=1.0)
        form = exact_form(name)
        for tier, index, key in (
            (Tier.EXACT, self._primary, form),
            (Tier.ALIAS, self._sensitive, name.strip()),
            (Tier.ALIAS, self._alias, form),
            (Tier.FOLDED, self._folded, folded_form(name)),
        ):
            if key and key in index:
                return tuple(sorted(index[key])), Match(tier=tier, score=1.0)
        return self._find_loosely(name)

    def _find_loosely(self, name: str) -> tuple[tuple[str, ...], Match | None]:
        folded, skeleton = folded_form(name), skeleton_form(name)
        near = {
            id_: max(fuzz.ratio(folded, f) for i, f in self._skeleton[skeleton] if i == id_)
            for id_, _ in self._skeleton.get(skeleton, ())
        }
        near = {id_: score for id_, score in near.items() if score >= SKELETON_SCORE_MIN}
        if near:
            best = max(near.values())
            ids = tuple(sorted(near, key=lambda i: (-near[i], i)))
            return ids, Match(tier=Tier.SKELETON, score=round(best / 100, 3))
        return self._find_fuzzily(folded)

    def _find_fuzzily(self, folded: str) -> tuple[tuple[str, ...], Match | None]:
        if len(folded) < 4:
            return (), None
        hits = process.extract(
            folded,
            list(self._folded),
            scorer=fuzz.ratio,
            score_cutoff=FUZZY_SCORE_MIN,
            limit=SUGGESTIONS_MAX,
        )
        ids = dict.fromkeys(id_ for form, _, _ in hits for id_ in sorted(self._folded[form]))
        if not hits:
            return (), None
        return tuple(ids), Match(tier=Tier.FUZZY, score=round(hits[0][1] / 100, 3))

    def resolve(self, name: str) -> tuple[str | None, Match | None]:
        """The one id that a name in a report means; `None` unless a resolving tier has just one."""
        ids, match = self.find(name)
        if match is not None and match.tier in RESOLVING_TIERS and len(ids) == 1:
            return ids[0], match
        return None, None
