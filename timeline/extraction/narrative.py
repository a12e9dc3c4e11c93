"""Follows the time of the story: what dates what, and where the story then stands."""

from __future__ import annotations

from datetime import date

from timeline.extraction.date_forms import DateExpression, Form
from timeline.extraction.dates import Days, running_days
from timeline.extraction.dating import Calendar, earlier_days, shifted
from timeline.extraction.drafts import Draft, copied, place_key
from timeline.extraction.grammar import is_pluperfect, is_simple_past
from timeline.extraction.parsing import Parse

_ASIDE_MARKS = frozenset({"after", "before", "since", "because"})
_STORY_CLAUSES = frozenset({"ROOT", "conj", "ccomp", "advcl"})
_EDTF_PERIOD_CHARACTERS_MAX = 8


def date_shifted_clauses(
    made: list[Draft], parse: Parse, dates: list[DateExpression], text: str
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
        if after and main is not None and not after[0].has_own_date:
            _shift(expression, main, after[0], of_main=False)
        elif before and after and after[0].has_own_date and not before[0].has_own_date:
            _shift(expression, after[0], before[0], of_main=True)


def _at(draft: Draft, parse: Parse) -> int:
    return parse.offsets[draft.token_index][0]


def _shift(expression: DateExpression, known: Draft, other: Draft, *, of_main: bool) -> None:
    days = days_told(known)
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


def move_story(made: list[Draft], parse: Parse, calendar: Calendar, number: int) -> None:
    """Set the story to the date of an event told in the simple past."""
    for draft in made:
        days = days_told(draft) if draft.has_own_date and draft.is_occurrence else None
        if days is None or draft.type == "ControlStated":
            continue
        verb = parse.doc[draft.verb_index]
        is_aside = any(c.dep_ == "mark" and c.lower_ in _ASIDE_MARKS for c in verb.children)
        tells_on = is_simple_past(verb) and not is_pluperfect(verb)
        moves = tells_on and not is_aside and verb.dep_ in _STORY_CLAUSES
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
            earlier = earlier_days(days, count) if days else None
            if earlier is not None:
                span = (draft.evidence[0], max(expression.end, draft.evidence[1]))
                found.append(copied(draft, occurred=earlier, evidence=span))
        return found
    return []
