"""Finds the words of a parsed sentence that tell of an event, and of which kind.

Which words these are is data (`data/triggers.yaml`); here is only how a rule is held against a
parse. A first look by plain words spares the parse where there is nothing to find.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from timeline.extraction.grammar import Arguments, Token, arguments, is_passive
from timeline.extraction.lexicon import NounRule, VerbRule, lexicon
from timeline.extraction.lookalikes import HARM, harms_next, is_outcome, only_looks_like_a_verb
from timeline.extraction.parsing import Parse, lemma

Classes = Callable[[Token], frozenset[str]]
_COUNTERS = frozenset(
    {"dozen", "hundred", "score", "series", "number", "wave", "round", "string", "spate", "barrage"}
    | {"set", "pair", "process", "kind", "campaign", "hour", "day", "night", "week", "month"}
)
_CARRIED = frozenset({"carry", "launch", "conduct", "mount", "stage", "begin", "start"})
_TELLING = frozenset({"agent", "prep", "npadvmod"})
_OPENS_WITH = frozenset({"join", "respond", "retaliate", "react", "open", "begin"})
_ONE_BLOW = frozenset({"attack", "assault", "raid"})  # "the offensive" is never one bombing
_PERSONS = frozenset({"them", "him", "they", "who"})
_PRONOUNS = frozenset({"it", "them", "that", "this", "which", "both"})


class Trigger(NamedTuple):
    """A word that tells of an event: its type, its arguments and the verb that carries it.

    `carrier` is the light verb of a nominal event ("carried out strikes"), else the word itself.
    """

    token: Token
    type: str
    roles: dict[str, str]
    arguments: Arguments
    carrier: Token
    is_nominal: bool


@lru_cache(maxsize=1)
def _spotter() -> re.Pattern[str]:
    words = lexicon()
    stems = {*words.verbs, *words.noun_rules, *words.irregular, *words.lists["light"]}
    stems |= {
        "died",
        "dead",
        "left",
        "came",
        "laid",
        "lay",
        "fled",
        "won",
        "held",
        "under",
        "hand",
        "hands",
        "siege",
        "deni",
        "reject",
        "blame",
        "responsib",
    }
    stems = {re.escape(s.rstrip("e").removesuffix("y")) for s in stems if len(s) > 2}
    return re.compile(
        r"\b(?:re-?)?(?:" + "|".join(sorted(stems, key=len, reverse=True)) + ")", re.IGNORECASE
    )


def may_tell(sentence: str) -> bool:
    """Whether a sentence has a word that could tell of an event, so that a parse may pay."""
    return _spotter().search(sentence) is not None


def find_triggers(parse: Parse, classes: Classes, last_kind: str | None = None) -> list[Trigger]:
    """The event words of a sentence, left to right.

    Args:
        parse: The sentence.
        classes: The noun classes of a token, names of places and actors included.
        last_kind: Type of the last incident told before, which "the attack" then means.
    """
    found: list[Trigger] = []
    for token in parse.doc:
        trigger = None
        if token.pos_ in ("VERB", "AUX") or token.tag_.startswith("VB"):
            trigger = _verb(token, classes)
        if trigger is None and (token.pos_ in ("NOUN", "PROPN") or token.tag_ in ("VBG", "NN")):
            trigger = _noun(token, classes, last_kind)
        if trigger is not None:
            found.append(trigger)
    warded = {n.i for t in found if t.roles.get("obj") == "assault" for n in t.arguments.object}
    found = [t for t in found if not (t.is_nominal and t.token.i in warded)]
    found = [t for t in found if not _is_told_by(t, found)]
    carried = {t.carrier.i for t in found if t.is_nominal}
    return [t for t in found if t.is_nominal or t.token.i not in carried or t.type == "SiegeBegan"]


def _is_told_by(trigger: Trigger, others: list[Trigger]) -> bool:
    """As in "shells fired from there hit a school": the firing is part of the hit."""
    if trigger.token.dep_ != "acl":
        return False
    same = [t for t in others if t.type == trigger.type and t is not trigger]
    return any(trigger.token.head in t.arguments.subject for t in same)


def _verb(token: Token, classes: Classes) -> Trigger | None:
    low = lemma(token)
    rules = lexicon().verbs.get(low)
    if not rules or only_looks_like_a_verb(token, low):
        return None
    args = arguments(token)
    if low in ("fight", "battle") and token.dep_ == "acl" and not args.after("with", "against"):
        return None  # "volunteers fighting alongside the army" tells who they are
    for rule in rules:
        if low not in rule.not_ and _fits(rule, low, token, args, classes):
            kind = rule.type
            if kind == "FromSubject":
                return None
            by_air = kind == "Airstrike" and token.dep_ == "advcl" and is_passive(token.head)
            if low == "kill" and (by_air or kind[:8] == "Violence") and is_outcome(token):
                kind = "Casualties"
            carrier = token.head if token.dep_ == "csubj" else token
            return Trigger(token, kind, rule.roles, args, carrier, is_nominal=False)
    return None


def is_overtaken(trigger: Trigger, others: list[Trigger]) -> bool:
    """Whether a state is of a place that changes hands here: "rebel-held X fell to Y"."""
    if trigger.type == "OtherIncident" and trigger.token.dep_ in ("acl", "relcl"):
        harms = [t for t in others if t.type == "Bombing"]  # "bombs planted there killed four"
        return any(trigger.token.head in t.arguments.subject for t in harms)
    if trigger.type != "ControlStated" or trigger.token.dep_ not in ("amod", "acl", "relcl"):
        return False
    taken = [t for t in others if t.type in ("ControlChanged", "Withdrawal")]
    if trigger.token.dep_ == "relcl":  # "X, the last town that they held"
        return trigger.token.tag_ == "VBD" and any(t.token.i < trigger.token.i for t in taken)
    return any(trigger.token.head in t.arguments.object + t.arguments.subject for t in taken)


def _fits(rule: VerbRule, low: str, token: Token, args: Arguments, classes: Classes) -> bool:
    if (
        rule.particles
        and not args.particles & set(rule.particles)
        and not any(word in rule.particles and word != "in" for word, _ in args.preps)
    ):
        return False
    if not rule.particles and "up" in args.particles and low == "blow":
        return False
    if rule.needs.get(low) and not set(rule.needs[low]) & {
        t.lower_.rstrip("s") for t in token.sent
    }:
        return False
    if rule.type == "Bombing" and any("air_arm" in classes(s) for s in args.subject):
        return False  # "glide bombs hit X"
    if rule.present and token.tag_ not in ("VBP", "VBZ"):
        return False
    if rule.with_text and not {t.lower_ for t in token.doc} & set(rule.with_text):
        return False
    if rule.type == "Withdrawal" and any(_never_withdraws(s, classes) for s in args.subject):
        return False
    if rule.obj and not _any(args.object, rule.obj, classes):
        return False
    if rule.subj and not _has_subject(rule.subj, args, classes):
        return False
    if rule.intransitive and (args.object or any(c.lower_ == "behind" for c in token.children)):
        return False
    return not (rule.not_obj and _any(args.object, rule.not_obj, classes)) and _fits_preps(
        rule, args, classes
    )


def _fits_preps(rule: VerbRule, args: Arguments, classes: Classes) -> bool:
    return not rule.prep or any(
        _any([noun for word, noun in args.preps if word == preposition], wanted, classes)
        for preposition, wanted in rule.prep.items()
    )


def _has_subject(wanted: list[str], args: Arguments, classes: Classes) -> bool:
    is_party = "actor" in wanted and any(_is_party(s) for s in args.subject)
    return is_party or _any(args.subject, wanted, classes)


def _is_party(noun: Token) -> bool:
    """Whether an unknown name is rather that of a party: "the Taliban", "TPLF", "M23"."""
    if noun.pos_ != "PROPN" or noun.dep_ not in ("nsubj", "pobj"):
        return False
    return bool(noun.text[1:].isupper() or noun.text[-1:].isdigit())


def _never_withdraws(noun: Token, classes: Classes) -> bool:
    """Whether a subject is a weapon, or people who flee and hold nothing that they could leave."""
    held = classes(noun)
    is_unarmed = "noncombatant" in held and "force" not in held
    return is_unarmed or bool(held & {"munition", "raid", "bomb"})


def lasts(trigger: Trigger) -> bool:
    """Whether a siege is told as a state ("cut off for more than a year") and not as begun."""
    args = trigger.arguments
    if trigger.type != "SiegeBegan" or trigger.is_nominal:
        return False
    return any(lemma(n) in ("day", "week", "month", "year") for n in args.after("for"))


def _any(tokens: list[Token], wanted: list[str], classes: Classes) -> bool:
    names = {"hands": "hand"}
    for token in tokens:
        held = classes(token)
        for want in wanted:
            if want == "place" and "name" in held:
                return True
            if want in held or (
                want not in ("place", "actor") and lemma(token) == names.get(want, want)
            ):
                return True
            if want == "place" and token.lower_ in _PRONOUNS:
                return True
            if want in ("actor", "force") and token.lower_ in _PERSONS:
                return True
    return False


def _noun(token: Token, classes: Classes, last_kind: str | None) -> Trigger | None:
    low = lemma(token)
    rules = lexicon().noun_rules.get(low) or lexicon().noun_rules.get(token.lower_)
    if not rules or (token.pos_ == "VERB" and token.tag_ != "VBG"):
        return None
    if token.dep_ in ("compound", "amod", "nmod", "poss") and not harms_next(token):
        return None
    before = {lemma(c) for c in token.lefts} | {lemma(g) for c in token.lefts for g in c.children}
    for rule in rules:
        if rule.with_ and not before & set(rule.with_):
            continue
        if rule.air and any("irregular" in classes(c) for c in token.lefts):
            continue
        nouns = [
            n for c in token.children if c.lower_ == "of" for n in c.children if n.dep_ == "pobj"
        ]
        if rule.of and not _any(nouns, rule.of, classes):
            continue
        carrier = token.doc[token.i + 1] if harms_next(token) else _carrier(token)
        if not _stands(rule, token, carrier, classes):
            continue
        return _nominal(token, rule, carrier, last_kind)
    return None


def _nominal(token: Token, rule: NounRule, carrier: Token | None, last_kind: str | None) -> Trigger:
    is_definite = any(
        c.dep_ == "det" and c.lower_ in ("the", "that", "this") for c in token.children
    )
    kind = rule.type
    is_open = (kind == "Clash" and lemma(token) in _ONE_BLOW) or token.lower_ == "bombing"
    if is_definite and last_kind in ("Airstrike", "Shelling", "Bombing") and is_open:
        kind = last_kind
    verb = carrier if carrier is not None else token
    args = arguments(verb) if verb != token else Arguments([], [], [], frozenset(), False)
    low = lemma(verb)
    roles: dict[str, str] = {}
    if carrier is not None and (low in lexicon().lists["undergo"] or low in ("repel", "repulse")):
        roles["subj"] = "target"
    elif carrier is not None and (
        low in lexicon().lists["light"] | _OPENS_WITH | {"claim"} or token.head.lower_ == "behind"
    ):
        roles["subj"] = "holder" if kind == "ControlChanged" else "initiator"
    return Trigger(token, kind, roles, args, verb, is_nominal=True)


def _carrier(token: Token) -> Token | None:
    """The verb that makes an event of a noun: light, of happening, of undergoing or reporting."""
    words = lexicon()
    head, low = token.head, lemma(token.head)
    if token.dep_ in ("pobj", "pcomp") and head.lower_ == "of" and lemma(head.head) in _COUNTERS:
        counter = head.head
        is_subject = counter.dep_ in ("nsubj", "nsubjpass")
        acts = _tolls(counter.head) or lemma(counter.head) in HARM
        return counter.head if is_subject and acts else _carrier(counter)
    if token.dep_ == "dobj" and low == "claim" and any(c.dep_ == "nummod" for c in token.children):
        return head
    if token.dep_ == "pobj" and head.lower_ == "with" and lemma(head.head) in _OPENS_WITH:
        return head.head
    if token.dep_ == "conj":
        return _carrier(head) if head.pos_ in ("NOUN", "PROPN") else None
    done = [c for c in token.children if c.dep_ == "acl" and lemma(c) in _CARRIED]
    if done and (token.dep_ == "attr" or any(c.dep_ in _TELLING for c in done[0].children)):
        return done[
            0
        ]  # "what X said was an attack carried out by Y", "an assault launched on Monday"
    if (
        token.dep_ in ("dobj", "nsubjpass", "oprd", "acl")
        and low in words.lists["light"] | words.lists["undergo"]
    ):
        return head
    if token.dep_ in ("nsubj", "nsubjpass", "csubj") and low in words.lists["aspect"]:
        return head
    if (
        token.dep_ in ("attr", "nsubj")
        and low == "be"
        and any(c.dep_ == "expl" for c in head.children)
    ):
        return head
    if token.dep_ == "pobj" and head.lower_ == "behind" and lemma(head.head) == "be":
        return head.head
    if token.dep_ == "pobj":
        verb = head.head
        if head.lower_ in ("under", "in", "to") and lemma(verb) in (
            "come",
            "be",
            "remain",
            "take",
            "participate",
            "engage",
            "fall",
            "stay",
            "join",
        ):
            return (
                verb
                if head.lower_ != "in" or lemma(verb) in ("participate", "engage", "take", "join")
                else None
            )
    return None


def _stands(rule: NounRule, token: Token, carrier: Token | None, classes: Classes) -> bool:
    """Whether a noun tells of an event here, or only names one as background."""
    if rule.when == "always" or harms_next(token):
        return True
    if rule.when == "since":
        return any(c.lower_ == "since" for c in token.children) or (
            token.dep_ == "pobj"
            and token.head.lower_ == "under"
            and any(c.lower_ == "since" for c in token.head.head.children)
        )
    reported = token.dep_ in ("dobj", "conj") and lemma(token.head) in lexicon().saying["plain"]
    if carrier is not None or (reported and token.dep_ == "dobj"):
        return True
    told = rule.type in ("Clash", "Shelling", "Airstrike")
    if told and token.dep_ in ("nsubj", "nsubjpass") and _tolls(token.head):
        return True
    causes = (
        rule.type not in ("Withdrawal", "ControlChanged")
        and token.dep_ == "pobj"
        and token.head.lower_ in ("in", "by", "during", "from")
        and lemma(token.head.head) in ("kill", "wound", "injure", "die", "destroy", "damage", "hit")
    )
    if causes:
        return True
    told_by = [c for c in token.children if c.dep_ == "relcl" and lemma(c) in HARM]
    if rule.when == "actor" and any(n.tag_ == "WDT" for c in told_by for n in c.children):
        return True  # "a day after an air strike that killed 70"
    harms = token.dep_ == "nsubj" and lemma(token.head) in HARM
    if harms and (
        rule.when != "light"
        or rule.type == "Bombing"
        or any(
            c.dep_ in ("poss", "amod", "compound") and "actor" in classes(c) for c in token.children
        )
    ):
        return True
    if rule.when != "actor":
        return False
    return any(_names_doer(c, classes) for c in token.children) or any(
        c.dep_ in ("prep", "agent") and c.lower_ == "by" for c in token.children
    )


def _tolls(verb: Token) -> bool:
    """As in "clashes have killed 30", "fighting left 40 dead"."""
    return lemma(verb) in ("kill", "wound", "injure", "leave", "displace", "cost")


def _names_doer(child: Token, classes: Classes) -> bool:
    if child.dep_ in ("poss", "compound", "amod", "nmod", "nsubj"):
        return bool({"actor"} & classes(child)) or bool(
            {"actor", "force"} & classes(child) and child.dep_ == "poss"
        )
    if child.dep_ == "prep" and child.lower_ in ("of", "on", "by", "from"):
        return any({"actor", "place"} & classes(n) for n in child.children)
    return False
