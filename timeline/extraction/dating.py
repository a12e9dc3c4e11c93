"""Decides which date, if any, the report gives an event.

A date belongs to the verb it hangs on. An event without one that moves the story on, in the same
paragraph, is of the story's date; otherwise it is "not later than the dateline", never on it.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import pendulum

from timeline.domain.time import (
    UNDATED,
    Anchor,
    Occurred,
    not_later_than,
    occurred_from_edtf,
    on_day,
)
from timeline.errors import InvalidDate
from timeline.extraction.date_forms import DateExpression, Form
from timeline.extraction.dates import (
    Days,
    clause_shift,
    days_of,
    main_of_clause_shift,
    running_days,
)
from timeline.extraction.grammar import (
    CLIMB_MAX,
    Token,
    governing_verb,
    is_pluperfect,
    is_simple_past,
)
from timeline.extraction.hanging import before_colon, began, tells_of, told_on_from
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma

INHERIT_SENTENCES_MAX = 4
_BEGINS = frozenset({"Agreement", "SiegeBegan", "RouteCut", "Withdrawal", "ControlChanged"})
Dated = list[tuple[DateExpression, Token | None]]


# A report names the same few days again and again, and to read EDTF is slow.
_from_edtf = lru_cache(maxsize=4096)(occurred_from_edtf)
_not_later = lru_cache(maxsize=4096)(not_later_than)
_on_day = lru_cache(maxsize=4096)(on_day)


class Calendar:
    """The dates of a report, and the date at which its story stands."""

    def __init__(self, published: str | None) -> None:
        """`published` is EDTF; only a published day anchors relative dates."""
        self.dateline = _last_day(published)
        self._story: tuple[int, int, Days, str | None] | None = None
        self._told: Days | None = None

    def story(self, paragraph: int, sentence: int, place: str | None) -> Days | None:
        """The date at which the story stands, if it was set in this paragraph and not long ago.

        It does not hold for another place, unless the story has come to the dateline.
        """
        if self._story is None or self._story[0] != paragraph:
            return None
        elsewhere = place and self._story[3] and place != self._story[3]
        if elsewhere and self._story[2].first != self.dateline:
            return None
        return self._story[2] if sentence - self._story[1] <= INHERIT_SENTENCES_MAX else None

    def is_next(self, sentence: int, place: str | None) -> bool:
        """Whether this is told at the same place in the sentence after the dated one."""
        if self._story is None or place is None:
            return False
        return sentence - self._story[1] <= 1 and place == self._story[3]

    @property
    def last_told(self) -> Days | None:
        """The date told last."""
        return self._told

    def base_of(self, expression: DateExpression, paragraph: int) -> Days | None:
        """What a relative date is reckoned from; "the same day" is that of the date told last."""
        if not expression.is_relative:
            return None
        is_same = expression.parts.get("way", "").lower() in ("same", "that")
        return (self._told if is_same else None) or self.reckoned_from(paragraph)

    def reckoned_from(self, paragraph: int) -> Days | None:
        """What "a day earlier" is reckoned from."""
        if self._story is not None and self._story[0] == paragraph:
            return self._story[2]
        return self._told

    def tell(
        self,
        days: Days,
        paragraph: int,
        sentence: int,
        *,
        moves: bool,
        place: str | None = None,
    ) -> None:
        """Note a date that was told; `moves` when the story now stands there, and at that place."""
        self._told = days
        if moves and (self.dateline is None or days.first <= self.dateline):
            self._story = (paragraph, sentence, days, place)

    def undated(self) -> Occurred:
        """What is known of an event without a date: not later than the dateline."""
        return _not_later(self.dateline) if self.dateline else UNDATED


def _last_day(published: str | None) -> date | None:
    if not published:
        return None
    try:
        latest = _from_edtf(published).latest
    except InvalidDate:
        return None
    return date.fromisoformat(latest[:10]) if latest else None


def own_dates(
    token: Token, carrier: Token, dated: list[tuple[DateExpression, Token | None]]
) -> list[DateExpression]:
    """The dates that an event bears itself, or shares with a coordinated verb."""
    direct = [e for e, g in dated if g is not None and g.i in (token.i, carrier.i)]
    direct = direct or [e for e, g in dated if g is not None and _is_within(g, carrier)]
    if direct:
        return direct
    told = [e for e, g in dated if g is not None and g.dep_ == "relcl" and g.head == token]
    told = told or [e for e, g in dated if g is not None and tells_of(g, token)]
    told = told or [e for e, g in dated if g is not None and began(g, token)]
    if told and token.pos_ == "NOUN":  # "the assault, in which 70 died on Tuesday"
        return told
    if (when := _when_clause_of(carrier)) is not None:
        if lemma(when) in lexicon().all_saying:  # "X fell on Monday, he said, when Y left it"
            when = next((c for c in when.children if c.dep_ == "ccomp"), when)
        return [e for e, g in dated if g is not None and g.i == when.i]
    seen, current = {token.i, carrier.i}, carrier
    for _ in range(CLIMB_MAX):
        head = current.head
        if head == current or head.i in seen:
            break
        participle = current.dep_ == "advcl" and current.tag_ == "VBG"
        nominal = current.pos_ in ("NOUN", "PROPN") or current.dep_ in (
            "prep",
            "pobj",
            "pcomp",
            "xcomp",
            "agent",
        )
        if lemma(head) in lexicon().all_saying or not (
            current.dep_ == "conj" or participle or nominal
        ):
            break
        shared = [e for e, g in dated if g is not None and g.i == head.i]
        if any(c.lower_ == "since" and c.dep_ in ("advmod", "prep") for c in current.children):
            return []  # "took X on Monday and has since taken Y"
        if shared:
            return shared
        seen.add(head.i)
        current = head
    told_on = told_on_from(carrier)
    if told_on is None and (before := before_colon(carrier, dated)):
        return before
    return [e for e, g in dated if g is not None and told_on is not None and g.i == told_on.i]


def _is_within(verb: Token, carrier: Token) -> bool:
    """Whether a date hangs on a part of the event: "without a shot on Friday", "was hit when"."""
    if verb.dep_ == "pcomp" and verb.head.lower_ in ("without", "by") and verb.head.head == carrier:
        return True
    return verb.dep_ == "advcl" and verb.head == carrier and _is_temporal(verb)


def _when_clause_of(verb: Token) -> Token | None:
    """The verb whose clause tells when: "on Monday, when it took X"."""
    if verb.dep_ not in ("advcl", "relcl", "ccomp") or not _is_temporal(verb):
        return None
    return governing_verb(verb)


def _is_temporal(verb: Token) -> bool:
    marks = {c.lower_ for c in verb.children if c.dep_ in ("mark", "advmod") and c.i < verb.i}
    return bool(marks & {"when", "as", "while"})


class Dating:
    """A date for an event, and what it implies."""

    def __init__(self, occurred: Occurred, days: Days | None, running: int | None = None) -> None:
        self.occurred = occurred
        self.days = days
        self.running = running


def date_event(
    calendar: Calendar,
    expressions: list[DateExpression],
    verb: Token,
    place_in_text: tuple[int, int],
    *,
    forward: bool,
    type_: str,
    place: str | None = None,
    said: DateExpression | None = None,
) -> Dating:
    """The date of one event.

    Args:
        calendar: The dates of the report so far.
        expressions: The dates that it bears (`own_dates`).
        verb: The verb that tells it, for its tense.
        place_in_text: Paragraph and sentence number.
        forward: Whether it is still to come, so that weekdays resolve forward.
        type_: Its claim type: a `ControlStated` is of the dateline.
        place: Where it was, if known.
        said: When it was said, if that has a date: it was not later.
    """
    paragraph, sentence = place_in_text
    is_state = type_ == "ControlStated"
    told: list[tuple[DateExpression, Days]] = []
    for expression in expressions:
        base = calendar.base_of(expression, paragraph)
        days = days_of(expression, calendar.dateline, base, forward=forward)
        if days is not None:
            told.append((expression, days))
    told = [t for t in told if not t[0].is_hour] or told
    running = next((n for e in expressions if (n := running_days(e))), None)
    if told:
        occurred, days = bounded(told, calendar, type_)
        return Dating(occurred, days, running)
    spoken = days_of(said, calendar.dateline, None) if said is not None and not forward else None
    if spoken is not None and calendar.dateline and spoken.last <= calendar.dateline:
        if not is_state:
            return Dating(_not_later(spoken.last), None)
        if is_simple_past(verb) and spoken.first == spoken.last:  # "said on Monday that it held X"
            return Dating(_on_day(spoken.last, Anchor.DATELINE), None)
    if is_state and calendar.dateline and not is_pluperfect(verb):
        return Dating(_on_day(calendar.dateline, Anchor.DATELINE), None)
    if any(e.form is Form.VAGUE for e in expressions):
        return Dating(UNDATED if forward else calendar.undated(), None)
    if forward:
        return Dating(UNDATED, None)
    if any(e.form in (Form.DAY, Form.ISO) for e in expressions):
        return Dating(calendar.undated(), None, running)  # a day that is none: no other stands in
    is_aside = "relcl" in (verb.dep_, verb.head.dep_ if verb.dep_ == "conj" else "")
    story = None if is_aside else calendar.story(paragraph, sentence, place)
    if story is not None and (is_simple_past(verb)) and (story.last - story.first).days < 3:
        again = lemma(verb) in lexicon().lists["again"]  # what is lost is seldom retaken that day
        is_next = calendar.is_next(sentence, place) and verb.dep_ in _TOLD_ON and not again
        since = _since(story, calendar.dateline, is_next=is_next)
        return Dating(since, None, running)
    return Dating(calendar.undated(), None, running)


_TOLD_ON = frozenset({"ROOT", "conj", "advcl"})


def _since(story: Days, dateline: date | None, *, is_next: bool) -> Occurred:
    """Told after a dated event without a date of its own.

    Of the story's day, if that has come to the dateline or this is the next thing told of the same
    place; else not later than the dateline, since it may lie before or after.
    """
    if dateline is None or story.first == dateline or is_next:
        return as_occurred(story, Anchor.NARRATIVE)
    return _not_later(dateline)


def as_occurred(days: Days, anchor: Anchor) -> Occurred:
    """Days in the domain's form."""
    if days.edtf:
        return _from_edtf(days.edtf, anchor)
    if days.first == days.last:
        return _on_day(days.first, anchor)
    return _from_edtf(f"{days.first}/{days.last}", anchor)


def _anchor(expression: DateExpression) -> Anchor:
    if expression.is_relative:
        return Anchor.NARRATIVE
    return (
        Anchor.UNANCHORED
        if "year" in expression.parts or expression.form is Form.ISO
        else Anchor.DATELINE
    )


def bounded(
    told: list[tuple[DateExpression, Days]], calendar: Calendar, type_: str
) -> tuple[Occurred, Days]:
    """Apply "since", "by", "between" and the like."""
    is_state = type_ == "ControlStated"
    (expression, days), *rest = sorted(told, key=lambda t: t[1].last - t[1].first)
    word, anchor, line = expression.preposition, _anchor(expression), calendar.dateline
    one = pendulum.duration(days=1)
    pair = next(
        (d for e, d in rest if word in ("between", "from") and e.start > expression.start), None
    )
    if pair is None and rest and rest[0][0].preposition in ("between", "from"):
        pair, days = days, rest[0][1]
        word = "between"
    if pair is not None and word in ("between", "from") and pair.last >= days.first:
        whole = Days(days.first, pair.last)
        return as_occurred(whole, anchor), whole
    twin = next((d for e, d in rest if 0 < abs(e.start - expression.end) < 12), None)
    if (
        twin is not None
        and word in ("", "on", "of", "from")
        and 0 < abs((twin.first - days.first).days) < 7
    ):
        whole = Days(min(days.first, twin.first), max(days.last, twin.last))
        return as_occurred(whole, anchor), whole
    if is_state and line and word in ("since", "from"):
        return _on_day(line, Anchor.DATELINE), days
    if is_state and word == "by":
        return as_occurred(days, anchor), days
    if word in ("by", "until", "till"):
        return _not_later(days.last, anchor), days
    if word == "before":
        return _not_later(days.first - one, anchor), days
    if word == "after" and line and days.last < line and expression.form is not Form.MONTH:
        whole = Days(days.last + one, line)
        return as_occurred(whole, anchor), whole
    if word == "since" and line and days.first < line and type_ not in _BEGINS:
        whole = Days(days.first, line)
        return as_occurred(whole, anchor), whole
    return as_occurred(days, anchor), days


def shifted(expression: DateExpression, main: Days, *, of_main: bool) -> Dating | None:
    """The date of the other side of "two days after"."""
    days = main_of_clause_shift(expression, main) if of_main else clause_shift(expression, main)
    return Dating(as_occurred(days, Anchor.NARRATIVE), days) if days else None
