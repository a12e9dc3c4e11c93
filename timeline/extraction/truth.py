"""Finds what a sentence says of an event as such: that it took place or not, that it is untrue.

"The raid, which never took place" and "reports of the raid were false" presuppose nothing.
"""

from __future__ import annotations

from timeline.extraction.grammar import CLIMB_MAX, Token
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma

_PREDICATE_STEPS_MAX = 3
_ASKING = frozenset(
    {"did", "do", "does", "has", "have", "had", "is", "are", "was", "were"}
    | {"will", "would", "can", "could", "may", "might", "should", "shall"}
)
_SHORT_OF = frozenset({("close", "to"), ("short", "of"), ("far", "from"), ("instead", "of")})
_POINTING = frozenset({"that", "this", "which", "it"})
_REPORTS = frozenset({"report", "claim", "news", "allegation", "rumour", "rumor"})


_DONE = frozenset(
    {"capture", "recapture", "seizure", "takeover", "conquest", "liberation", "fall", "loss"}
    | {"killing", "death", "downing", "arrest", "lifting", "destruction", "retreat"}
)


def is_to_come(noun: Token) -> bool:
    """Whether what is announced is still to come: an offensive is, the capture of X is not."""
    return noun.pos_ == "NOUN" and lemma(noun) not in _DONE


def is_rejected(noun: Token) -> bool:
    """As in "the claim that X shelled Y was rejected"."""
    denial = lexicon().saying["denial"]
    return noun.dep_ == "nsubjpass" and lemma(noun.head) in denial


def is_polar_question(event: Token) -> bool:
    """Whether the sentence only asks if it happened ("Did X take Y?").

    "Who bombed the camp?" asks for something else, and presupposes that somebody did.
    """
    words = [t for t in event.sent if t.is_alpha and t.lower_ not in ("and", "but", "so", "or")]
    asks = any(t.text == "?" for t in event.sent)
    return asks and bool(words) and words[0].lower_ in _ASKING


def happenings_of(event: Token) -> list[Token]:
    """The verbs of relative clauses by which an event "took place", or did not."""
    return [v for v in _relative_verbs(event) if _happens(v)]


def is_called_untrue(event: Token) -> bool:
    """Whether a relative clause, or the predicate over the event, calls it made up."""
    words = lexicon().lists
    if any(_is_denied_truth(v, words["untrue"], words["made_up"]) for v in _relative_verbs(event)):
        return True
    if _is_taken_back(event, words["untrue"], words["made_up"]):
        return True
    head = event.head
    for _ in range(_PREDICATE_STEPS_MAX):
        subject = next((c for c in head.children if c.dep_ in ("nsubj", "nsubjpass")), None)
        if subject is not None and event in subject.subtree and event != head:
            is_about = subject == event or lemma(subject) in _REPORTS
            return is_about and _is_denied_truth(head, words["untrue"], words["made_up"])
        head = head.head
    return False


def falls_short(event: Token) -> bool:
    """As in "came close to taking X", "stopped short of", "far from leaving X"."""
    if event.dep_ not in ("pcomp", "pobj"):
        return False
    before = event.doc[event.head.i - 1].lower_ if event.head.i else ""
    return (before, event.head.lower_) in _SHORT_OF


def _is_taken_back(event: Token, untrue: frozenset[str], made_up: frozenset[str]) -> bool:
    """As in "X claimed to have taken Y, but that proved false"."""
    later = [v for v in event.doc[event.i + 1 :] if v.pos_ in ("VERB", "AUX")]
    return any(
        _is_denied_truth(verb, untrue, made_up)
        and any(c.dep_ in ("nsubj", "nsubjpass") and c.lower_ in _POINTING for c in verb.children)
        for verb in later
    )


def _relative_verbs(event: Token) -> list[Token]:
    verbs = [v for v in event.doc if v.pos_ in ("VERB", "AUX") and v != event]
    relative = [
        v for v in verbs if any(c.dep_ == "nsubj" and c.tag_ in ("WDT", "WP") for c in v.children)
    ]
    return [v for v in relative if _is_about(v.head, event)]


def _is_about(noun: Token, event: Token) -> bool:
    """Whether a clause on a noun is about this event: no other event's word stands between."""
    words, current = lexicon(), noun
    for _ in range(CLIMB_MAX):
        if current == event:
            return True
        low = lemma(current)
        if low in words.verbs or low in words.noun_rules or current.head == current:
            return False
        current = current.head
    return False


def _happens(verb: Token) -> bool:
    low = lemma(verb)
    return low in lexicon().lists["happening"] or (
        low == "take" and any(c.lower_ == "place" for c in verb.children)
    )


def _is_denied_truth(verb: Token, untrue: frozenset[str], made_up: frozenset[str]) -> bool:
    if any(c.dep_ == "neg" for c in verb.children):
        return False
    if lemma(verb) in made_up:
        return True
    return lemma(verb) in ("be", "prove", "turn") and any(
        c.dep_ in ("acomp", "attr", "oprd") and c.lower_ in untrue
        for word in (verb, *(x for x in verb.children if x.dep_ == "xcomp"))
        for c in (word, *word.children)
    )


def stands_before_colon(current: Token, head: Token) -> bool:
    """As in "X was bombed: Moscow denies it": what comes after the colon does not govern it."""
    return head.i > current.i and any(t.text == ":" for t in current.doc[current.i : head.i])
