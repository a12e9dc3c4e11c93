"""Loads the words that tell of events, speech and modality; they are data, not code."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, convert

DATA = Path(__file__).parent / "data"


class VerbRule(Struct, frozen=True, forbid_unknown_fields=True):
    """When a verb tells of an event, and who its subject and object then are."""

    lemma: list[str]
    type: str
    roles: dict[str, str]
    prt: str | list[str] | None = None
    obj: list[str] = []
    subj: list[str] = []
    prep: dict[str, list[str]] = {}
    needs: dict[str, list[str]] = {}
    not_obj: list[str] = []
    not_: list[str] = []
    with_text: list[str] = []
    intransitive: bool = False
    present: bool = False

    @property
    def particles(self) -> tuple[str, ...]:
        """The particles of which the verb needs one; empty when it needs none."""
        if self.prt is None:
            return ()
        return (self.prt,) if isinstance(self.prt, str) else tuple(self.prt)


class NounRule(Struct, frozen=True, forbid_unknown_fields=True):
    """When a noun tells of an event; `with_` are words that must stand before it."""

    lemma: list[str]
    type: str
    when: str
    with_: list[str] = []
    of: list[str] = []
    air: bool = False


class Lexicon:
    """Every word list, looked up by lemma."""

    def __init__(self) -> None:
        words, triggers = _read("words.yaml"), _read("triggers.yaml")
        self.nouns: dict[str, frozenset[str]] = _sets(words["nouns"])
        self.irregular: dict[str, str] = words["irregular"]
        self.shown: dict[str, str] = {w: told[0] for w, told in words["shown"].items()}
        self.shown_lemmas: dict[str, str] = {w: told[1] for w, told in words["shown"].items()}
        self.saying: dict[str, frozenset[str]] = _sets(words["saying"])
        self.casualty_groups: dict[str, frozenset[str]] = _sets(words["casualty_groups"])
        self.modals: dict[str, frozenset[str]] = _sets(words["modals"])
        self.hedges: dict[str, frozenset[str]] = _sets(words["hedges"])
        self.lists: dict[str, frozenset[str]] = _sets(
            {k: v for k, v in words.items() if isinstance(v, list)}
        )
        self.verbs: dict[str, list[VerbRule]] = {}
        for entry in triggers["verbs"]:
            rule = convert({("not_" if k == "not" else k): v for k, v in entry.items()}, VerbRule)
            for lemma in rule.lemma:
                self.verbs.setdefault(lemma, []).append(rule)
        self.noun_rules: dict[str, list[NounRule]] = {}
        for entry in triggers["nouns"]:
            noun = convert({("with_" if k == "with" else k): v for k, v in entry.items()}, NounRule)
            for lemma in noun.lemma:
                self.noun_rules.setdefault(lemma, []).append(noun)
        self.types: dict[str, dict[str, str | None]] = _read("types.yaml")
        self.all_saying = frozenset().union(*self.saying.values())

    def classes(self, lemma: str) -> frozenset[str]:
        """The noun classes a lemma belongs to."""
        return frozenset(name for name, members in self.nouns.items() if lemma in members)


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DATA / name).read_text(encoding="utf-8"))
    return loaded


def _sets(lists: dict[str, list[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(str(word).lower() for word in words) for name, words in lists.items()}


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The word lists, read once."""
    return Lexicon()
