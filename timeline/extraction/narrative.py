"""Follows the time of the story: what dates what, and where the story then stands."""

from __future__ import annotations

from datetime import date
from typing import Any

import pendulum

from timeline.domain.time import Anchor, Occurred, not_later_than
from timeline.extraction.date_forms import DateExpression, Form
from timeline.extraction.dates import Days, days_of, running_days
from timeline.extraction.dating import Calendar, as_occurred, shifted
from timeline.extraction.drafts import Draft, copied, place_key
from timeline.extraction.grammar import governing_verb, is_pluperfect, is_simple_past, tells_when
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import Parse, lemma

_ASIDE_MARKS = frozenset({"after", "before", "since", "because"})
_STORY_CLAUSES = frozenset({"ROOT", "conj", "ccomp", "advcl"})
_EDTF_PERIOD_CHARACTERS_MAX = 8


def date_shifted_clauses(
    made: list[Draft],
    parse: Parse,
    dates: list[DateExpression],
    text: str,
    calendar: Calendar,
) -> None:
    """As in "A, two days after B": whichever of the two is dated dates the other."""
    for expression in dates:
        inside = parse.sentence.start <= expression.start < parse.sentence.end
        if not inside or expression.form is not Form.CLAUSE_SHIFT:
            continue
        after = [d for d in made if _at(d, parse) > expression.end]
        before = [d for d in made if _at(d, parse) < expression.start]
        comma = text.find(",", expression.end, parse.sentence.end)
        if not before and comma > 0:
            before = [d for d in after if _at(d, parse) > comma]
            after = [d for d in after if _at(d, parse) < comma]
        main = next((d for d in reversed(before) if d.has_own_date), None)
        if main is not None and after and _is_apart(after[0], parse):
            shares = after[0].occurred == main.occurred
            after[0].has_own_date = after[0].has_own_date and not shares
        if after and main is not None and not after[0].has_own_date:
            _shift(expression, main, after[0], of_main=False)
            _share(after, parse)
        elif (
            after
            and main is None
            and (
                not after[0].has_own_date
                or _shares_it(expression, after[0], parse, dates, calendar)
            )
        ):
            _shift_from_date(expression, after[0], parse, dates, calendar)
            _share(after, parse)
        elif before and after and after[0].has_own_date and not before[0].has_own_date:
            _shift(expression, after[0], before[0], of_main=True)


def _is_apart(draft: Draft, parse: Parse) -> bool:
    """Whether what stands after "two days after" cannot be of the main clause's day."""
    return draft.is_nominal or is_pluperfect(parse.doc[draft.verb_index])


def _share(drafts: list[Draft], parse: Parse) -> None:
    """As in "a day after B and C": what is coordinated with B is of its date."""
    first = drafts[0]
    for other in drafts[1:]:
        verb = parse.doc[other.verb_index]
        joined = verb.dep_ == "conj" and verb.head.i == first.verb_index
        if joined and first.has_own_date and not other.has_own_date:
            other.occurred, other.has_own_date = first.occurred, True


def _shares_it(
    expression: DateExpression,
    other: Draft,
    parse: Parse,
    dates: list[DateExpression],
    calendar: Calendar,
) -> bool:
    """Whether what stands after "a day after" only bears the date from which it is reckoned."""
    days = _days_before(expression, parse, dates, calendar)
    return days is not None and _is_apart(other, parse) and days_told(other) == days


def _days_before(
    expression: DateExpression, parse: Parse, dates: list[DateExpression], calendar: Calendar
) -> Days | None:
    before = [d for d in dates if parse.sentence.start <= d.start < expression.start]
    told = [days_of(d, calendar.dateline, None) for d in before if not d.is_relative]
    return told[-1] if told else None


def _shift_from_date(
    expression: DateExpression,
    other: Draft,
    parse: Parse,
    dates: list[DateExpression],
    calendar: Calendar,
) -> None:
    """As in "met on Thursday, a day after B", where the meeting is no event of ours."""
    days = _days_before(expression, parse, dates, calendar)
    dating = shifted(expression, days, of_main=False) if days is not None else None
    if dating is not None:
        other.occurred, other.has_own_date = dating.occurred, True


def _at(draft: Draft, parse: Parse) -> int:
    return parse.offsets[draft.token_index][0]


def _shift(expression: DateExpression, known: Draft, other: Draft, *, of_main: bool) -> None:
    days = days_told(known)
    if days and "hours" in expression.parts and other.is_reported:
        other.occurred = not_later_than(days.last)  # "hours after it said that they had left"
        return
    dating = shifted(expression, days, of_main=of_main) if days else None
    if dating is not None:
        other.occurred, other.has_own_date = dating.occurred, True


def days_told(draft: Draft) -> Days | None:
    """The days of a draft that is bounded on both sides."""
    first, last, edtf = draft.occurred.earliest, draft.occurred.latest, draft.occurred.edtf or ""
    if first is None or last is None:
        return None
    is_period = 0 < len(edtf) <= _EDTF_PERIOD_CHARACTERS_MAX
    start, end = date.fromisoformat(first[:10]), date.fromisoformat(last[:10])
    return Days(start, end, edtf if is_period else None)


def bound_by_main(made: list[Draft], parse: Parse) -> None:
    """As in "entered X on Thursday, after jets had bombed Y": the bombing was not later."""
    for draft in made:
        verb = parse.doc[draft.verb_index]
        is_prior = verb.dep_ == "advcl" and any(c.lower_ == "after" for c in verb.children)
        is_prior = is_prior or (verb.dep_ in ("relcl", "advcl") and is_pluperfect(verb))
        if not is_prior or draft.has_own_date or not draft.is_occurrence:
            continue
        above = governing_verb(verb)
        main = [d for d in made if above is not None and d.verb_index == above.i and d.has_own_date]
        days = days_told(main[0]) if main else None
        if days is not None:
            draft.occurred = not_later_than(days.last)


def move_story(made: list[Draft], parse: Parse, calendar: Calendar, number: int) -> None:
    """Set the story to the date of an event told in the simple past."""
    for draft in made:
        days = days_told(draft) if draft.has_own_date and draft.is_occurrence else None
        if days is None or draft.type == "ControlStated":
            continue
        verb = parse.doc[draft.verb_index]
        is_aside = any(c.dep_ == "mark" and c.lower_ in _ASIDE_MARKS for c in verb.children)
        head = verb.head  # "began to leave" tells on as "left" does
        begins = verb.dep_ == "xcomp" and lemma(head) in lexicon().lists["factual"]
        verb = head if begins else verb
        tells_on = is_simple_past(verb) and not is_pluperfect(verb)
        moves = tells_on and not is_aside and (verb.dep_ in _STORY_CLAUSES or tells_when(verb))
        where = place_key(draft.place)
        calendar.tell(days, parse.sentence.paragraph, number, moves=moves, place=where)


def earlier_of_running(made: list[Draft], parse: Parse, dates: list[DateExpression]) -> list[Draft]:
    """As in "For the fourth day running": the days before are told of too."""
    for expression in dates:
        count = running_days(expression)
        if count is None or not parse.sentence.start <= expression.start < parse.sentence.end:
            continue
        found = []
        for draft in (d for d in made if d.is_occurrence and d.has_own_date):
            days = days_told(draft)
            earlier = _earlier_days(days, count) if days else None
            if earlier is not None:
                span = (draft.evidence[0], max(expression.end, draft.evidence[1]))
                found.append(copied(draft, occurred=earlier, evidence=span))
        return found
    return []


def _earlier_days(days: Days, running: int) -> Occurred | None:
    """The days before, of something that goes on "for the fourth day running"."""
    if running < 2:
        return None
    first: Any = days.first - pendulum.duration(days=running - 1)
    last: Any = days.first - pendulum.duration(days=1)
    return as_occurred(Days(first, last), Anchor.DATELINE)
