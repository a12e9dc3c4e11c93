"""Decides what of a text is worth a parse: most of a mixed folder of news tells of no war.

A text that names a place of the casebook or an armed actor is read whole. Of any other only those
paragraphs are read that have a word of war (`data/gate.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import yaml

from timeline.domain.actors import ActorKind, ActorTable
from timeline.domain.places import Gazetteer
from timeline.extraction.lexicon import DATA
from timeline.extraction.mentions import Hit, place_names
from timeline.extraction.sentences import Sentence

# A shorter word is no beginning: "war" is not that of "warm".
SHORT_LETTERS_MAX = 4
_ARMED = (ActorKind.STATE_FORCES, ActorKind.NON_STATE_ARMED_GROUP, ActorKind.COALITION)


@lru_cache(maxsize=1)
def _war() -> re.Pattern[str]:
    words = yaml.safe_load((DATA / "gate.yaml").read_text(encoding="utf-8"))["war"]
    whole = "|".join(re.escape(w) for w in words if len(w) <= SHORT_LETTERS_MAX)
    begun = "|".join(re.escape(w) for w in words if len(w) > SHORT_LETTERS_MAX)
    return re.compile(rf"\b(?:(?:{whole})(?:s|d|ed|ing)?\b|{begun})", re.IGNORECASE)


def is_about_war(text: str, hits: Iterable[Hit], actors: ActorTable, gazetteer: Gazetteer) -> bool:
    """Whether a cleaned text names a place of the casebook or an armed actor.

    Args:
        text: The cleaned text.
        hits: Names of actors in it.
        actors: Whose names they are.
        gazetteer: The places of the casebook's theatre.
    """
    named = (actors.get(id_) for hit in hits if not hit.is_generic for id_ in hit.ids)
    if any(a is not None and a.kind in _ARMED for a in named):
        return True
    return bool(place_names(gazetteer).find(text))


def paragraphs_of_war(text: str, sentences: Iterable[Sentence]) -> frozenset[int]:
    """The paragraphs of a cleaned text that have a word of war."""
    return frozenset(s.paragraph for s in sentences if _war().search(text, s.start, s.end))
