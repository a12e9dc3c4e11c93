"""Reads who does what to whom from a dependency parse.

Passives, shared subjects of coordinated verbs, participles, relative clauses and infinitives all
come out as one set of arguments, so that the rules need not know how it was put.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from timeline.extraction.parsing import lemma

Token = Any
CLIMB_MAX = 25
_WAYS = frozenset({"north", "south", "east", "west"})
_MEASURES = frozenset(
    {"most", "all", "much", "some", "many", "half", "dozens", "hundreds", "thousands", "scores"}
    | {"several", "parts", "part", "rest", "bulk", "string", "handful", "number", "dozen", "couple"}
    | {"series", "tonnes", "tons", "cluster", "swathe", "swathes", "sack", "sacks", "loads"}
)
_SUBJECT = frozenset({"nsubj", "csubj"})
_PASSIVE = frozenset({"nsubjpass", "csubjpass"})
_PARTICLES = frozenset({"out", "off", "back", "up", "down", "over", "through"})
_OBJECT_CONTROL = frozenset(
    [
        "force",
        "oblige",
        "allow",
        "permit",
        "enable",
        "help",
        "ask",
        "order",
        "tell",
        "urge",
        "see",
        "watch",
        "let",
        "make",
        "lead",
        "leave",
    ]
)


_TIMES = frozenset(
    {"morning", "afternoon", "evening", "night", "monday", "tuesday", "wednesday", "thursday"}
    | {"friday", "saturday", "sunday", "week", "weekend", "month"}
)
# Forms of the past tense that are no participles, so that no "had" before them reaches them.
_ONLY_PAST = frozenset(
    {"took", "withdrew", "fell", "began", "gave", "drove", "broke", "went", "threw", "tore", "blew"}
    | {"flew", "came", "ran", "saw", "rose", "hid"}
)
_BLAMING = frozenset({"accuse", "suspect", "convict"})


class Arguments(NamedTuple):
    """Subject and object as in the active voice; prepositions with their nouns."""

    subject: list[Token]
    object: list[Token]
    preps: list[tuple[str, Token]]
    particles: frozenset[str]
    is_passive: bool

    def after(self, *prepositions: str) -> list[Token]:
        """The nouns after any of these prepositions."""
        return [noun for word, noun in self.preps if word in prepositions]


def coordinated(token: Token) -> list[Token]:
    """A noun and those coordinated with it."""
    found: list[Token] = []
    queue = [token]
    while queue and len(found) < CLIMB_MAX:
        current = queue.pop(0)
        found.append(current)
        joined = [c for c in current.children if c.dep_ == "conj" and c.pos_ != "VERB"]
        queue.extend(c for c in joined if not is_stolen(c))
    return found


def is_stolen(noun: Token) -> bool:
    """As in "took X and Y flew in", read as "took (X and Y)": Y is the subject of what follows."""
    if noun.i + 1 >= len(noun.doc):
        return False
    verb = noun.doc[noun.i + 1]
    is_bare = verb.dep_ == "conj" and not any(c.dep_ in _SUBJECT | _PASSIVE for c in verb.children)
    return is_bare and verb.tag_ == "VBD" and not any(c.dep_ == "aux" for c in verb.children)


def is_garden_path(verb: Token) -> bool:
    """Whether the parse took a verb for a participle: "a jet bombed X", read as "bombed X".

    A participle never stands right after a noun, and none is in the past tense.
    """
    if verb.dep_ not in ("amod", "compound") or verb.head.i < verb.i or verb.i == 0:
        return False
    before = verb.doc[verb.i - 1]
    if verb.tag_ == "VBN" and verb.head.dep_ == "dobj" and before == verb.head.head:
        return bool(before.lower_ in ("have", "has", "had"))  # "they have controlled parts of X"
    if verb.tag_ == "VBD":
        return before.pos_ in ("NOUN", "PROPN", "PRON", "CCONJ", "ADV")
    is_way = before.lower_ in _WAYS
    is_noun = before.pos_ in ("NOUN", "PROPN") and (is_way or before.dep_ != "npadvmod")
    return verb.tag_ == "VBN" and is_noun


def is_split_off(verb: Token) -> bool:
    """As in "forces left on Monday, officials said", read as "forces (that were) left"."""
    noun = verb.head
    if verb.dep_ != "acl" or verb.i != noun.i + 1 or noun.dep_ != "nsubj":
        return False
    rivals = [c for c in noun.head.children if c.dep_ == "nsubj" and c.i > verb.i]
    return bool(rivals) and verb.tag_ in ("VBN", "VBD")


def _of_garden_path(verb: Token) -> Arguments:
    """Subject and object by their place: the noun before, or that of the verb before; the next."""
    before = verb.doc[verb.i - 1]
    subject = [before]
    if before.lower_ in _WAYS:  # "a column coming from the north seized X"
        lefts = reversed(verb.doc[: verb.i - 1])
        nouns = (t for t in lefts if t.pos_ == "NOUN" and t.dep_ not in ("pobj", "compound"))
        subject = [next(nouns, before)]
    elif before.pos_ not in ("NOUN", "PROPN", "PRON"):
        upper = governing_verb(verb)
        subject = arguments(upper).subject if upper is not None and upper != verb else []
    after = [verb.head, *(c for c in verb.head.children if c.i > verb.i)]
    preps = [(p.lower_, n) for p in after if p.dep_ == "prep" for n in _nouns_of(p)]
    return Arguments(subject, [verb.head], preps, frozenset(), False)


def arguments(verb: Token) -> Arguments:
    """The arguments of a verb, wherever the sentence puts them."""
    if is_garden_path(verb):
        return _of_garden_path(verb)
    passive = is_passive(verb)
    own_subject = [c for c in verb.children if c.dep_ in _SUBJECT | _PASSIVE]
    doers = [c for c in verb.children if c.dep_ == "agent"]
    agents = [n for by in doers for n in by.children if n.dep_ == "pobj"]
    objects = [c for c in verb.children if c.dep_ in ("dobj", "dative", "oprd") and c.pos_ != "ADP"]
    objects = [_counted(o) for o in (objects[:2] if len(objects) > 1 else objects)]
    subjects = [_counted(_doer_of_story(s, verb) or _antecedent(s, verb)) for s in own_subject]
    if not own_subject:
        subjects = _inherited_subject(verb, passive)
    preps = [(prep.lower_, noun) for prep in _prepositions(verb) for noun in _nouns_of(prep)]
    particles = frozenset(
        c.lower_
        for c in verb.children
        if c.dep_ in ("prt", "advmod") or (c.dep_ == "prep" and c.lower_ in _PARTICLES)
    )
    if passive and verb.dep_ == "advcl" and (noun := _set_off(verb)) is not None:
        subjects = [noun]
    if passive:
        by = agents or [n for p, n in preps if p == "by"]
        if verb.dep_ == "amod":
            by = by or [c for c in verb.children if c.dep_ == "npadvmod"]
        return Arguments(by, subjects or objects, preps, particles, True)
    doing = [n for p, n in preps if p == "by"]
    if verb.tag_ == "VBG" and not own_subject and doing:
        subjects = doing
    objects = [_antecedent(o, verb) for o in objects] or _relative_object(verb)
    objects = objects or _shared_object(verb)
    return Arguments(subjects, objects, preps, particles, False)


def _set_off(participle: Token) -> Token | None:
    """As in "Under the deal, signed in X, ...": the noun before the comma was signed."""
    if participle.i < 2 or participle.doc[participle.i - 1].text != ",":
        return None
    noun = participle.doc[participle.i - 2]
    has_own = any(c.dep_ in _SUBJECT | _PASSIVE for c in participle.children)
    return noun if noun.dep_ == "pobj" and not has_own else None


def _shared_object(verb: Token) -> list[Token]:
    """As in "shelled and then attacked X": X is the object of both."""
    for other in (c for c in verb.children if c.dep_ == "conj" and c.tag_ == verb.tag_):
        between = verb.doc[verb.i + 1 : other.i]
        if all(t.pos_ in ("CCONJ", "ADV") for t in between):
            return [c for c in other.children if c.dep_ == "dobj"]
    return []


def _counted(noun: Token) -> Token:
    """Of what there is "most", "all", "dozens": the noun itself is but a measure."""
    if noun.lower_ not in _MEASURES and not noun.like_num:
        return noun
    of = [n for c in noun.children if c.lower_ == "of" for n in c.children if n.dep_ == "pobj"]
    return of[0] if of else noun


def is_passive(verb: Token) -> bool:
    """Whether a verb is in the passive, or a past participle on its noun."""
    if any(c.dep_ in ("auxpass", "nsubjpass") for c in verb.children):
        return True
    if verb.tag_ != "VBN" or is_garden_path(verb):
        return False
    if any(c.dep_ == "nsubj" for c in verb.children):
        return False  # "after they left", with the tag of a participle
    if any(c.dep_ == "aux" for c in verb.children):
        return False
    if is_split_off(verb):
        return False
    if verb.dep_ in ("acl", "ROOT", "ccomp") and any(c.dep_ == "dobj" for c in verb.children):
        return False  # "jets carried out raids", read as "jets (that were) carried out"
    if verb.dep_ == "conj" and not any(c.dep_ == "nsubj" for c in verb.children):
        has_object = any(c.dep_ == "dobj" for c in verb.children)
        return is_passive(verb.head) and not has_object
    return verb.dep_ in ("acl", "amod", "advcl", "pcomp", "ROOT", "ccomp", "dep", "appos")


def _prepositions(verb: Token) -> list[Token]:
    found = []
    for child in verb.children:
        if child.dep_ in ("prep", "prt", "dative", "agent", "advmod") and child.pos_ in (
            "ADP",
            "SCONJ",
            "ADV",
        ):
            found.append(child)
            found.extend(
                c for c in child.children if c.dep_ in ("prep", "conj") and c.pos_ == "ADP"
            )
    return found


def _nouns_of(prep: Token) -> list[Token]:
    return [n for c in prep.children if c.dep_ == "pobj" for n in coordinated(c)]


def _antecedent(noun: Token, verb: Token) -> Token:
    """What "who", "which" and "that" stand for in a relative clause."""
    if noun.tag_ in ("WDT", "WP") or noun.lower_ in ("who", "which", "that"):
        clause = verb
        for _ in range(CLIMB_MAX):
            if clause.dep_ in ("relcl", "acl"):
                return _thing_at(clause.head)
            if clause.dep_ not in ("conj", "xcomp", "ccomp") or clause.head is clause:
                break
            clause = clause.head
    return noun


def _doer_of_story(noun: Token, verb: Token) -> Token | None:
    """As in "X fell to Y on 24 June, which cut the road": "which" is the whole, and Y did it."""
    if noun.tag_ != "WDT" or noun.dep_ != "nsubj" or verb.dep_ != "relcl":
        return None
    day = verb.head
    is_date = day.lower_ in _TIMES or (day.dep_ == "pobj" and any(c.like_num for c in day.children))
    above = governing_verb(verb) if is_date and day.lower_ not in ("troops", "men") else None
    if above is None or noun.i < 1 or verb.doc[noun.i - 1].text != ",":
        return None
    told = arguments(above)
    doers = told.after("to") if lemma(above) == "fall" else told.subject
    return doers[0] if doers else None


def _thing_at(noun: Token) -> Token:
    """As in "a missile on Saturday evening which X had fired": the missile, not the evening."""
    if noun.lower_ not in _TIMES or noun.dep_ != "pobj":
        return noun
    verb = governing_verb(noun)
    things = [c for c in verb.children if c.dep_ == "dobj"] if verb is not None else []
    return things[0] if things else noun


def _relative_object(verb: Token) -> list[Token]:
    has_subject = any(c.dep_ == "nsubj" for c in verb.children)
    if any(c.tag_ == "WRB" for c in verb.children):
        return []  # "June 2014, when the army fled", "X, where they fled"
    return [verb.head] if verb.dep_ == "relcl" and has_subject else []


def _inherited_subject(verb: Token, passive: bool) -> list[Token]:
    head = verb.head
    if verb.dep_ == "pcomp" and head.lower_ == "of" and lemma(head.head) in _BLAMING:
        return [c for c in head.head.children if c.dep_ in ("dobj", "nsubjpass")]
    if head == verb:  # "X stormed Y and by Friday had taken it", with the storming below
        told = [c for c in verb.children if c.dep_ == "ccomp" and c.i < verb.i]
        # Without a subject of its own, the storming would ask back for that of the taking.
        has_own = told and any(c.dep_ in _SUBJECT for c in told[-1].children)
        return arguments(told[-1]).subject if has_own and not passive else []
    if is_first_to(verb):
        return arguments(head.head).subject
    if verb.dep_ in ("acl", "relcl") and head.pos_ in ("NOUN", "PROPN", "PRON"):
        return [head]
    if verb.dep_ == "amod" and head.pos_ in ("NOUN", "PROPN"):
        return [head]
    if verb.dep_ == "conj":
        return _subject_of_joined(verb, passive)
    if verb.dep_ in ("xcomp", "advcl", "ccomp", "pcomp") and head.pos_ in (
        "VERB",
        "AUX",
        "ADJ",
        "ADP",
    ):
        governor = head.head if head.pos_ in ("ADP", "ADJ") else head
        if governor.pos_ not in ("VERB", "AUX") or governor == verb:
            return []
        if verb.tag_ == "VBG" and lemma(governor) in ("report", "deny", "confirm", "announce"):
            return upper_subject_of_denial(governor) if lemma(governor) == "deny" else []
        upper = arguments(governor)
        if verb.dep_ == "xcomp" and lemma(governor) in _OBJECT_CONTROL and upper.object:
            return upper.object
        return upper.object if upper.is_passive and not upper.subject else upper.subject
    return []


def _subject_of_joined(verb: Token, passive: bool) -> list[Token]:
    """Whose a coordinated verb without a subject of its own is: as a rule, that of the first."""
    head, before = verb.head, verb.doc[verb.i - 1] if verb.i else None
    if before is not None and before.dep_ == "conj" and is_stolen(before):
        return [before]
    if resumes_main(verb):
        return arguments(head.head).subject
    upper = arguments(head) if head.pos_ in ("VERB", "AUX") else None
    if upper is None:
        return []
    return upper.object if passive and upper.is_passive else upper.subject


def is_first_to(verb: Token) -> bool:
    """As in "X was the first to fall", which fell."""
    head = verb.head
    is_one = head.lower_ in ("first", "last", "latest", "next") and head.dep_ == "attr"
    return verb.dep_ in ("relcl", "acl", "xcomp") and is_one and head.head.lower_ in ("was", "were")


def upper_subject_of_denial(governor: Token) -> list[Token]:
    """Who denies doing something is who would have done it."""
    return arguments(governor).subject


def left_edge(token: Token) -> int:
    """The first token of a noun phrase, without what hangs on its right."""
    lefts = (c.left_edge.i for c in token.lefts if c.dep_ not in ("relcl", "punct"))
    first: int = min([token.i, *lefts])
    return first


def governing_verb(token: Token) -> Token | None:
    """The nearest verb above a token, itself excluded."""
    current = token
    for _ in range(CLIMB_MAX):
        if current.head == current:
            return None
        current = current.head
        if current.pos_ in ("VERB", "AUX"):
            return current
    return None


def tells_when(verb: Token) -> bool:
    """As in "The tide turned on Friday, when X took Y": what the sentence is there to tell."""
    return verb.dep_ in ("relcl", "advcl") and any(
        c.lower_ == "when" and c.i < verb.i and c.i > 0 and verb.doc[c.i - 1].text == ","
        for c in verb.children
    )


def resumes_main(verb: Token) -> bool:
    """As in "X moved in after Y had left and withdrew again": X did, as no "had withdrew" is."""
    clause = verb.head
    if verb.dep_ != "conj" or clause.dep_ != "advcl" or verb.lower_ not in _ONLY_PAST:
        return False
    return clause.head.pos_ == "VERB" and is_pluperfect(clause)


def is_pluperfect(verb: Token) -> bool:
    """Whether a verb is told as earlier than its story ("had crashed")."""
    if any(c.dep_ in ("aux", "auxpass") and c.lower_ == "had" for c in verb.children):
        return True
    return (
        verb.dep_ == "conj"
        and verb.lower_ not in _ONLY_PAST
        and verb.tag_ in ("VBN", "VBD")
        and verb.head.pos_ == "VERB"
        and (is_pluperfect(verb.head) and not any(c.dep_ == "nsubj" for c in verb.children))
    )


def is_simple_past(verb: Token) -> bool:
    """Whether a verb moves its story on ("took", "was taken")."""
    if is_garden_path(verb):
        return True
    if verb.tag_ == "VBD" or (lemma(verb) != verb.lower_ and verb.tag_ in ("VBP", "VBN")):
        auxiliaries = {c.lower_ for c in verb.children if c.dep_ in ("aux", "auxpass")}
        if verb.tag_ == "VBD" or not auxiliaries or auxiliaries <= {"was", "were"}:
            return not auxiliaries & {"had", "has", "have", "will", "would", "be"} and (
                verb.dep_ not in ("acl", "amod")
            )
    return False
