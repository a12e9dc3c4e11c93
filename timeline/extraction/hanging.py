"""Hangs a date that a parse gave to a word of no event on the event that it tells of.

"Shells fired by rebels landed there on Sunday", with Sunday on the firing: the date goes up to the
first event above, but never past a verb of saying or one with a subject of its own.
"""

from __future__ import annotations

from timeline.extraction.date_forms import DateExpression
from timeline.extraction.grammar import (
    CLIMB_MAX,
    Token,
    governing_verb,
    is_garden_path,
    is_pluperfect,
    is_simple_past,
)
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import Parse, lemma

Dated = list[tuple[DateExpression, Token | None]]
_OPENING = frozenset({"while", "when", "as", "after", "because", "although", "though", "where"})
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})


def governors(
    parse: Parse, expressions: list[DateExpression]
) -> list[tuple[DateExpression, Token | None]]:
    """Each date of a sentence with the verb or event noun that it hangs on."""
    found = []
    inside = {
        t.i
        for e in expressions
        if e.start < parse.sentence.end and e.end > parse.sentence.start
        for t in parse.tokens_in(e.start, e.end)
    }
    for expression in expressions:
        if expression.end <= parse.sentence.start or expression.start >= parse.sentence.end:
            continue
        root = parse.root_of(expression.start, expression.end)
        if root is None:
            found.append((expression, _nearest_verb(parse, expression.start)))
            continue
        verb = _climb(root, inside) or _nearest_verb(parse, expression.start)
        if verb is not None and opens_after(verb, expression, parse):
            verb = _nearest_verb(parse, expression.start)
        verb = _of_saying(parse, expression, _above_state(verb))
        found.append((expression, verb))
    return [(e, _nearest_of_coordinated(parse, e, g, found)) for e, g in found]


def _above_state(verb: Token | None) -> Token | None:
    """As in "the houses held by X on Monday": a day is of the verb above, not of the holding."""
    if verb is None or verb.dep_ not in ("acl", "amod"):
        return verb
    lasts = verb.dep_ == "acl" and verb.tag_ == "VBG"  # "people leaving a mosque on Friday"
    if not lasts and not any(
        rule.type == "ControlStated" for rule in lexicon().verbs.get(lemma(verb), [])
    ):
        return verb
    above = governing_verb(verb)
    return above if above is not None else verb


def _nearest_of_coordinated(
    parse: Parse, expression: DateExpression, verb: Token | None, found: Dated
) -> Token | None:
    """As in "took X on Monday and Y fell on Tuesday": of two dates each has the verb before it."""
    if verb is None or sum(g is not None and g.i == verb.i for _, g in found) < 2:
        return verb
    joined = [v for v in verb.children if v.dep_ == "conj" and v.pos_ == "VERB"]
    before = [v for v in joined if parse.offsets[v.i][0] < expression.start]
    first = next((c for c in verb.children if c.dep_ == "ccomp" and c.i < verb.i), None)
    is_first = expression == next((e for e, g in found if g is not None and g.i == verb.i), None)
    if first is not None and is_first and lemma(verb) not in lexicon().all_saying:
        return first  # "X stormed Y on Thursday and by Friday had taken it"
    return before[-1] if before else verb


def _of_saying(parse: Parse, expression: DateExpression, verb: Token | None) -> Token | None:
    """As in "X said on Monday they had left": the date is of the saying, though it hangs below."""
    if verb is not None and lemma(verb) in lexicon().all_saying:
        return _of_what_is_said(parse, expression, verb)
    if verb is None or verb.head == verb or lemma(verb.head) not in lexicon().all_saying:
        return verb
    subjects = [
        parse.offsets[c.left_edge.i][0] for c in verb.children if c.dep_ in ("nsubj", "nsubjpass")
    ]
    between = parse.offsets[verb.head.i][1] <= expression.start
    return verb.head if between and subjects and expression.end <= min(subjects) else verb


def _of_what_is_said(parse: Parse, expression: DateExpression, saying: Token) -> Token:
    """As in "they took X, in Y, on Monday, X said": the day is of what stands before it."""
    starts = [
        parse.offsets[c.left_edge.i][0] for c in saying.children if c.dep_ in ("nsubj", "nsubjpass")
    ]
    told = [c for c in saying.children if c.dep_ == "ccomp" and c.pos_ in ("VERB", "AUX")]
    told += [saying.head] if saying.dep_ == "parataxis" else []
    told = [c for c in told if parse.offsets[c.i][1] <= expression.start]
    if not told or not starts or expression.end > min(starts) or not _is_closed(parse, expression):
        return saying
    joined = [c for c in told[-1].children if c.dep_ == "conj" and c.pos_ in ("VERB", "AUX")]
    joined = [c for c in joined if parse.offsets[c.i][1] <= expression.start]
    return joined[-1] if joined else told[-1]


def _is_closed(parse: Parse, expression: DateExpression) -> bool:
    """Whether a comma parts a date from the speaker who follows it."""
    after = parse.tokens_in(expression.start, expression.end)
    return bool(after) and after[-1].i + 1 < len(parse.doc) and parse.doc[after[-1].i + 1].is_punct


def _nearest_verb(parse: Parse, start: int) -> Token | None:
    verbs = [t for t in parse.doc if t.pos_ == "VERB" and (t.dep_ != "amod" or is_garden_path(t))]
    before = [t for t in verbs if parse.offsets[t.i][0] < start]
    return before[-1] if before else next(iter(verbs), None)


def _climb(token: Token, skipped: set[int]) -> Token | None:
    nouns = lexicon().noun_rules
    current = token
    for _ in range(CLIMB_MAX):
        if (
            current != token
            and current.i not in skipped
            and (current.pos_ in ("VERB", "AUX") or lemma(current) in nouns)
        ):
            return current
        if current.head == current:
            return current if current.pos_ in ("VERB", "AUX") else None
        current = current.head
    return None


def attached(dated: Dated, words: set[int]) -> Dated:
    """The dates, each with the event word it belongs to where there is one.

    Args:
        dated: The dates of a sentence with what the parse hangs them on.
        words: Token indices of the event words and of the verbs that carry them.
    """
    return [(e, g if _holds(g, words) else _above(g, words) or g) for e, g in dated]


def _holds(governor: Token | None, words: set[int]) -> bool:
    return governor is None or governor.i in words or lemma(governor) in lexicon().all_saying


def _above(governor: Token | None, words: set[int]) -> Token | None:
    current = governor
    for _ in range(CLIMB_MAX):
        if current is None or current.head == current:
            return None
        has_subject = any(c.dep_ in _SUBJECTS for c in current.children)
        if has_subject and current.dep_ in ("conj", "ccomp", "relcl", "advcl", "parataxis"):
            return None
        current = current.head
        if current.i in words:
            return current
        if lemma(current) in lexicon().all_saying:
            return None
    return None


def opens_after(verb: Token, expression: DateExpression, parse: Parse) -> bool:
    """As in "bombed X on Tuesday while an office was opened": the clause opens after the date."""
    before = any(t.pos_ == "VERB" and parse.offsets[t.i][0] < expression.start for t in parse.doc)
    opening = [c for c in verb.children if c.lower_ in _OPENING and c.dep_ in ("mark", "advmod")]
    return before and any(parse.offsets[c.i][0] >= expression.end for c in opening if c.i < verb.i)


def tells_of(verb: Token, noun: Token) -> bool:
    """As in "the assault on X, in which 70 died on Tuesday", whatever the parse hangs it on."""
    which = [n for c in verb.children if c.lower_ == "in" for n in c.children if n.tag_ == "WDT"]
    return bool(which) and noun.i < verb.i and verb.doc[which[0].i - 2].text == ","


def began(verb: Token, noun: Token) -> bool:
    """As in "the withdrawal from the edge of the city, which began on Thursday"."""
    if verb.dep_ != "relcl" or lemma(verb) not in ("begin", "start") or noun.pos_ != "NOUN":
        return False
    return noun.i < verb.i and verb.head in noun.subtree


def before_colon(verb: Token, dated: Dated) -> list[DateExpression]:
    """As in "on Monday X came under attack: its camp was overrun": of the day before the colon."""
    colon = next((t.i for t in reversed(verb.doc[: verb.i]) if t.text == ":"), None)
    if colon is None or not is_simple_past(verb) or verb.dep_ == "relcl":
        return []
    if any(g is not None and g.i > colon for _, g in dated):
        return []
    return [e for e, g in dated if g is not None and g.pos_ == "VERB" and is_simple_past(g)][-1:]


def told_on_from(verb: Token) -> Token | None:
    """As in "shelled X on Tuesday, which Y then left": the verb whose story it carries on."""
    clause = verb.head if verb.dep_ == "conj" else verb
    which = [c for c in clause.children if c.i < clause.i and c.tag_ in ("WDT", "WP", "WRB")]
    if clause.dep_ != "relcl" or not which or not is_simple_past(verb) or is_pluperfect(verb):
        return None
    first = which[0].left_edge.i
    return governing_verb(clause) if first and verb.doc[first - 1].text == "," else None
