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
_AWAITING = frozenset({"once", "before", "until", "till", "when", "after", "soon", "if"})
_OCCASIONS = frozenset(
    {"point", "time", "stage", "moment", "occasion", "way", "circumstance", "case"}
)
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


def is_premature(saying: Token) -> bool:
    """As in "announced the fall of X too soon", "falsely claimed to have taken X"."""
    for word in saying.subtree:
        if word.lower_ in ("prematurely", "falsely", "wrongly", "erroneously", "mistakenly"):
            return bool(word.head == saying)
        if word.lower_ in ("soon", "early") and any(c.lower_ == "too" for c in word.children):
            return True
    return False


def is_never(preposition: Token) -> bool:
    """As in "at no point did X withdraw"."""
    nouns = [n for n in preposition.children if n.dep_ == "pobj"]
    return any(lemma(n) in _OCCASIONS and any(c.lower_ == "no" for c in n.children) for n in nouns)


def is_awaited(event: Token) -> bool:
    """As in "once the army takes X", "before the rebels leave": it has not happened yet."""
    if event.tag_ not in ("VBZ", "VBP") and not any(
        c.dep_ in ("aux", "auxpass") and c.tag_ in ("VBZ", "VBP") for c in event.children
    ):
        return False
    opening = [c for c in event.children if c.dep_ in ("mark", "advmod") and c.i < event.i]
    return event.dep_ in ("advcl", "ROOT", "ccomp") and any(c.lower_ in _AWAITING for c in opening)


def is_habit(event: Token) -> bool:
    """As in "militants often attack convoys", "anyone who bombs": no single event is told."""
    auxiliaries = [c for c in event.children if c.dep_ in ("aux", "auxpass")]
    if event.tag_ not in ("VBZ", "VBP") or auxiliaries:
        return False
    words = lexicon().lists
    if any(c.dep_ == "advmod" and c.lower_ in words["habitual"] for c in event.children):
        return True
    return event.dep_ == "relcl" and event.head.lower_ in (
        "anyone",
        "anybody",
        "whoever",
        "everyone",
    )


def is_staged(event: Token) -> bool:
    """As in "in the film, rebels storm a base", "during the exercise jets bombed targets"."""
    staged, current = lexicon().lists["staged"], event
    for _ in range(CLIMB_MAX):
        if current.pos_ in ("NOUN", "PROPN") and current != event and lemma(current) in staged:
            return True
        if current.pos_ in ("VERB", "AUX") and any(
            _sets_stage(c, staged) for c in current.children
        ):
            return True
        if current.head == current:
            return False
        current = current.head
    return False


def _sets_stage(child: Token, staged: frozenset[str]) -> bool:
    if child.dep_ == "nsubj":
        return lemma(child) in staged
    if child.dep_ == "prep" and child.lower_ in ("in", "during", "as", "at"):
        nouns = [n for n in child.subtree if n.dep_ == "pobj"]
        return any(lemma(n) in staged for n in nouns)
    return False


def is_warded_off(event: Token) -> bool:
    """As in "was defused before it exploded": before that, it was made impossible."""
    if event.dep_ != "advcl" or not any(
        c.lower_ == "before" and c.dep_ == "mark" for c in event.children
    ):
        return False
    above = [event.head, *(c for c in event.head.children if c.dep_ == "conj")]
    above += [event.head.head] if event.head.dep_ == "conj" else []
    return any(lemma(v) in lexicon().lists["warding"] for v in above)


def is_what_is_aimed_at(current: Token, verb: Token) -> bool:
    """As in "the goal is the capture of X", "the talks are about a withdrawal"."""
    if lemma(verb) != "be" or current.dep_ not in ("attr", "prep", "ccomp", "xcomp"):
        return False
    if current.dep_ == "prep" and current.lower_ not in ("about", "on", "over"):
        return False
    subjects = [c for c in verb.children if c.dep_ == "nsubj"]
    return any(lemma(s) in lexicon().lists["intent_nouns"] for s in subjects)


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
    if low in ("begin", "start") and verb.tag_ == "VBD":
        return True
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
