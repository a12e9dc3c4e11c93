"""Decides whether the speaker says that something happened, and who the speaker is.

Climbs from the event's word to the root of its sentence. On the way it meets negation, modals,
verbs of intent, attempt and failure, conditions, purposes and verbs of saying. What is presupposed
inside them ("the villages seized by X") is told as having happened: the climb begins anew there.
"""

from __future__ import annotations

from typing import NamedTuple

from timeline.domain.claims import Certainty, Modality, Polarity
from timeline.extraction import truth
from timeline.extraction.grammar import CLIMB_MAX, Token, arguments, is_first_to
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma

_CLAUSAL = frozenset(
    {"ccomp", "xcomp", "dobj", "advcl", "pcomp", "acl", "prep", "pobj", "attr", "oprd", "nsubj"}
    | {"nsubjpass", "csubj", "parataxis", "dep", "conj", "relcl", "appos", "agent", "acomp"}
)


_CLAIMS = frozenset({"report", "claim", "allegation", "rumour", "rumor", "accusation", "charge"})


class Reading(NamedTuple):
    """How a speaker presents an event."""

    modality: Modality = Modality.ASSERTED
    polarity: Polarity = Polarity.POSITIVE
    certainty: Certainty = Certainty.CERTAIN
    speaker: Token | None = None
    saying: Token | None = None


class _State:
    """What the climb has found so far; the first strong finding stands."""

    def __init__(self) -> None:
        self.modality: Modality | None = None
        self.negated = False
        self.certainty = Certainty.CERTAIN
        self.speaker: Token | None = None
        self.saying: Token | None = None
        self.is_shielded = False

    def set(self, modality: Modality) -> None:
        if self.modality is None and not self.is_shielded:
            self.modality = modality

    def negate(self) -> None:
        if not self.is_shielded:
            self.negated = True


def read_modality(token: Token) -> Reading:
    """Modality, polarity, hedge and speaker of the event that `token` tells."""
    state = _State()
    current = token
    _own(token, state)
    for _ in range(CLIMB_MAX):
        head = current.head
        if head == current or truth.stands_before_colon(current, head):
            break
        _step(current, head, state)
        current = head
    _parenthetical(token, state)
    for verb in truth.happenings_of(token):
        if verb.tag_ == "VBD" and lemma(verb) in ("begin", "start"):
            state.negated, state.modality = False, None  # "no notice of the retreat, which began"
        _own(verb, state)
    if truth.is_called_untrue(token) or truth.falls_short(token) or truth.is_warded_off(token):
        state.negate()
    if state.modality is None and (
        truth.is_awaited(token) or truth.is_habit(token) or truth.is_staged(token)
    ):
        state.modality = Modality.HYPOTHETICAL
    if state.modality is None and not state.is_shielded and truth.is_polar_question(token):
        state.modality = Modality.HYPOTHETICAL
    if state.modality is None and not state.negated and _is_open(token):
        state.modality = Modality.FORECAST
    modality = state.modality or Modality.ASSERTED
    polarity = Polarity.NEGATED if state.negated else Polarity.POSITIVE
    return Reading(modality, polarity, state.certainty, state.speaker, state.saying)


def _own(token: Token, state: _State) -> None:
    """What hangs on the event's own word."""
    words = lexicon()
    for child in token.children:
        low = child.lower_
        if (
            child.dep_ == "neg"
            or low in ("not", "n't", "never")
            or (child.dep_ == "det" and low == "no")
        ):
            state.negate()
        if child.dep_ == "preconj" and low == "neither":
            state.negate()
        preps = [child, *child.children] if child.dep_ == "aux" else [child]
        if any(p.dep_ == "prep" and truth.is_never(p) for p in preps):
            state.negate()
        if child.dep_ == "aux":
            _auxiliary(child, state)
            if low == "had" and child.i == 0 and _is_inverted(child, token):
                state.set(Modality.HYPOTHETICAL)
        if child.dep_ == "advmod" and low in words.lists["near_miss"]:
            state.negate()
        _hedge(low, state)
        if child.dep_ == "mark" and low in words.lists["hypothetical_marks"]:
            state.set(Modality.HYPOTHETICAL)
        if child.dep_ == "amod":
            _attribute(low, state)
    is_open = _is_infinitive(token) and not is_first_to(token)
    if is_open and token.dep_ in ("advcl", "relcl", "acl", "ROOT"):
        _infinitive(token, state)
    _negative_subject(token, state)


def _negative_subject(token: Token, state: _State) -> None:
    """As in "neither side took X", "nobody entered", "closed no road"."""
    objects = [o for o in token.children if o.dep_ == "dobj"]
    words = [o.lower_ for o in objects] + [c.lower_ for o in objects for c in o.children]
    if {"no", "nothing", "nobody", "none", "neither"} & set(words):
        state.negate()
    for subject in token.children:
        if subject.dep_ in ("nsubj", "nsubjpass") and any(
            c.lower_ in ("no", "neither", "none", "not") for c in subject.children
        ):
            state.negate()
        if subject.dep_ in ("nsubj", "nsubjpass") and subject.lower_ in (
            "nobody",
            "none",
            "neither",
        ):
            state.negate()


def _attribute(low: str, state: _State) -> None:
    """As in "a planned assault", "a failed attack"."""
    lists = lexicon().lists
    if low in lists["unreal_adjectives"]:
        state.set(Modality.FORECAST)
    elif low in lists["attempt_adjectives"]:
        state.set(Modality.ATTEMPTED)


def _is_inverted(aux: Token, verb: Token) -> bool:
    """As in "had the army taken X, ...": a condition without "if"."""
    return any(c.dep_ in ("nsubj", "nsubjpass") and c.i > aux.i for c in verb.children)


def _is_open(token: Token) -> bool:
    """Whether an infinitive hangs on a verb that does not make it a fact ("hopes to")."""
    if not _is_infinitive(token) or is_first_to(token):
        return False
    governor = lemma(token.head)
    if governor == "have" and token.head.tag_ in ("VBD", "VBN"):
        return False  # "had to leave" tells that they left
    return governor not in lexicon().lists["factual"] | {
        "able",
        "use",
        "claim",
        "happen",
        "appear",
        "seem",
    }


def _is_infinitive(token: Token) -> bool:
    return any(c.dep_ == "aux" and c.lower_ == "to" for c in token.children) and not any(
        c.lower_ == "have" for c in token.children
    )


def _infinitive(token: Token, state: _State) -> None:
    """A purpose ("to break the siege"), or, in a headline, what is still to come."""
    if any(c.lower_ == "only" and c.i < token.i for c in token.children):
        return  # "took X, only to lose it again"
    state.set(Modality.FORECAST if token.dep_ == "ROOT" else Modality.HYPOTHETICAL)


def _auxiliary(aux: Token, state: _State) -> None:
    modals = lexicon().modals
    if aux.lower_ in modals["forecast"]:
        state.set(Modality.FORECAST)
    elif aux.lower_ in modals["hypothetical"]:
        perfect = any(c.lower_ == "have" for c in aux.head.children)
        if aux.lower_ == "would" and not perfect:
            state.set(Modality.FORECAST)
        else:
            state.set(Modality.HYPOTHETICAL)


def _hedge(word: str, state: _State) -> None:
    hedges = lexicon().hedges
    if word in hedges["likely"] and state.certainty is Certainty.CERTAIN:
        state.certainty = Certainty.LIKELY
    elif word in hedges["possible"] and state.certainty is Certainty.CERTAIN:
        state.certainty = Certainty.POSSIBLE


def _step(current: Token, head: Token, state: _State) -> None:
    """One step up: what the head makes of what hangs on it."""
    dep = current.dep_
    if dep in ("relcl", "acl") and _is_presupposed(current):
        state.is_shielded = True
        return
    if dep == "conj" or dep not in _CLAUSAL:
        if dep == "conj" and head.pos_ in ("VERB", "AUX"):
            _shared(current, head, state)
        return
    low = lemma(head)
    if head.pos_ in ("NOUN", "PROPN"):
        _noun_head(current, low, state)
        return
    if dep == "advcl" and not _is_infinitive(current):
        if any(c.dep_ == "mark" and c.lower_ in ("before", "without") for c in current.children):
            return
        if current.tag_ == "VBG":
            _scope(head, state, nominal=False)
        else:
            state.is_shielded = state.is_shielded or state.modality is None
        return
    if head.pos_ == "ADP" and head.lower_ in ("without", "instead", "despite_no"):
        state.negate()
        return
    if head.pos_ in ("VERB", "AUX", "ADJ"):
        _verb_head(current, head, low, state)


def _is_presupposed(clause: Token) -> bool:
    """Whether a clause on a noun tells of something done ("seized by X", "which it took")."""
    if _is_infinitive(clause) or any(c.dep_ == "mark" for c in clause.children):
        return False
    marks = {c.lower_ for c in clause.children if c.dep_ == "aux"}
    modals = lexicon().modals
    if marks & (modals["forecast"] | modals["hypothetical"]):
        return False
    return clause.dep_ == "relcl" or (clause.tag_ in ("VBN", "VBG", "VBD") and clause.dep_ == "acl")


def _shared(current: Token, head: Token, state: _State) -> None:
    """A coordinated verb without its own subject shares the modal and the negation of the first."""
    if any(c.dep_ in ("nsubj", "nsubjpass") for c in current.children):
        return
    if current.tag_ in ("VB", "VBG", "VBN") and head.tag_ == current.tag_:
        for child in head.children:
            if child.dep_ == "aux":
                _auxiliary(child, state)
            if child.dep_ == "neg" and not any(c.lower_ == "but" for c in head.children):
                state.negate()
        if _is_infinitive(head) and head.dep_ in ("advcl", "acl", "relcl"):
            _infinitive(head, state)


def _scope(head: Token, state: _State, *, nominal: bool) -> None:
    """Negation and modals of a verb reach what it governs."""
    for child in head.children:
        if child.dep_ == "aux":
            _auxiliary(child, state)
        if child.dep_ == "neg":
            state.negate()
        if child.dep_ == "mark" and child.lower_ in lexicon().lists["hypothetical_marks"]:
            state.set(Modality.HYPOTHETICAL)
        _hedge(child.lower_, state)
        if child.dep_ in ("nsubj", "nsubjpass") and any(c.lower_ == "no" for c in child.children):
            state.negate()
        if nominal and child.dep_ == "advmod" and child.lower_ in lexicon().lists["near_miss"]:
            state.negate()
    if _is_infinitive(head) and head.dep_ in ("advcl", "relcl", "acl", "ROOT"):
        _infinitive(head, state)


def _noun_head(current: Token, low: str, state: _State) -> None:
    words = lexicon().lists
    if current.dep_ in ("prep", "acl", "appos", "relcl", "ccomp", "compound"):
        if any(c.lower_ == "no" for c in current.head.lefts):
            state.negate()  # "no reports of shelling"
        if low in words["attempt_nouns"] and low != "bid":
            state.set(Modality.ATTEMPTED)
        elif low in words["intent_nouns"]:
            state.set(Modality.FORECAST)
        elif low in ("failure", "refusal", "inability", "denial", "absence", "lack"):
            state.negate()
        elif low in ("ability", "order", "need", "capacity", "history"):
            state.set(Modality.HYPOTHETICAL)
        elif low in _CLAIMS and truth.is_rejected(current.head):
            state.set(Modality.DENIED)  # "the claim that X shelled Y was rejected"
        elif (
            low in ("report", "claim", "allegation", "rumour", "rumor", "accusation")
            and state.certainty is Certainty.CERTAIN
        ):
            state.certainty = Certainty.POSSIBLE


def _verb_head(current: Token, head: Token, low: str, state: _State) -> None:
    words = lexicon().lists
    dep = current.dep_
    is_subject = dep in ("nsubj", "nsubjpass", "csubj")
    complement = dep in ("ccomp", "xcomp", "dobj", "pcomp", "prep", "oprd", "acomp", "attr")
    if low in lexicon().all_saying and complement:
        _said(current, head, low, state)
        return
    if low in ("prevent", "avert", "avoid", "thwart", "foil", "forestall") and (
        complement or dep == "advcl"
    ):
        state.negate() if dep != "advcl" else None
    elif low == "rule" and complement:
        state.set(Modality.HYPOTHETICAL)
    elif low in words["attempt"] and dep in ("xcomp", "dobj", "ccomp"):
        state.set(Modality.FORECAST if _is_present_seek(head, low) else Modality.ATTEMPTED)
    elif low in words["negative"] and (
        dep in ("xcomp", "pcomp", "prep", "ccomp")
        or (dep == "dobj" and low not in ("halt", "stop", "suspend", "delay", "decline"))
    ):
        state.negate()
    elif low in words["negative"] and dep == "dobj":
        state.set(Modality.HYPOTHETICAL)
    elif (
        low in words["intent"]
        and complement
        and not (low in ("agree", "decide") and dep in ("dobj", "prep"))
    ):
        if not (low in ("let", "help") and not _modal_above(head)):
            state.set(Modality.FORECAST)
    elif head.pos_ == "ADJ" and dep in ("xcomp", "prep", "ccomp", "advcl"):
        _adjective(low, state)
    elif truth.is_what_is_aimed_at(current, head):
        state.set(Modality.FORECAST)
    if complement or is_subject:
        _scope(head, state, nominal=True)


def _modal_above(head: Token) -> bool:
    return any(c.dep_ == "aux" and c.tag_ == "MD" for c in head.children)


def _is_present_seek(head: Token, low: str) -> bool:
    return low == "seek" and _modal_above(head)


def _adjective(low: str, state: _State) -> None:
    if low == "able":
        return
    if low in ("unable", "unwilling", "reluctant"):
        state.negate()
    elif low in lexicon().lists["open_adjectives"]:
        state.set(Modality.FORECAST)


def _said(current: Token, head: Token, low: str, state: _State) -> None:
    saying = lexicon().saying
    speakers = arguments(head).subject
    if state.speaker is None and speakers:
        state.speaker, state.saying = speakers[0], head
    negated = any(c.dep_ == "neg" for c in head.children)
    if truth.is_premature(head):
        state.negate()
    if low in saying["denial"] and current.dep_ in ("ccomp", "xcomp", "dobj", "pcomp", "prep"):
        state.set(Modality.DENIED)
    elif low in saying["forecast"] or (low in ("tell", "consider") and current.dep_ == "xcomp"):
        state.set(Modality.FORECAST)
    elif low in saying["opinion"] and state.certainty is Certainty.CERTAIN:
        state.certainty = Certainty.LIKELY
    elif low in ("announce", "declare") and current.dep_ == "dobj" and truth.is_to_come(current):
        state.set(Modality.FORECAST)  # "announced an offensive"
    negated = negated or any(s.lower_ in ("nobody", "none", "neither") for s in speakers)
    if low not in saying["denial"] and negated:
        state.certainty = Certainty.DOUBTFUL
        state.set(Modality.HYPOTHETICAL)
    if low in ("confirm", "rule") and negated:
        state.set(Modality.HYPOTHETICAL)
    for child in head.children:
        if child.dep_ == "aux" and child.tag_ == "MD":
            _auxiliary(child, state)


def _parenthetical(token: Token, state: _State) -> None:
    """As in "According to X", "X said", after or before the clause."""
    if state.speaker is not None:
        return
    for other in token.doc:
        if other.lower_ == "according" and any(c.lower_ == "to" for c in other.children):
            nouns = [n for c in other.children for n in c.children if n.dep_ == "pobj"]
            if nouns:
                state.speaker, state.saying = nouns[0], other
                return
        if other.lower_ in ("reportedly", "allegedly") and other.head in (token, token.head):
            _hedge(other.lower_, state)
