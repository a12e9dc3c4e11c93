"""Holds what a model says of a report against the report: each claim has its words, or is refused.

A model that writes invents (FINDINGS, Extraction). So a quote has to stand in the passage that was
shown, and actors, place, date and speaker in the sentence of that quote; which actor, place or day
they are is decided by the finders of the rules, never by the model. What the words mean, type,
modality and role, is the model's reading alone: grounding cannot check it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from timeline.domain.actors import ActorMention, ActorRole, ActorTable
from timeline.domain.claims import ClaimType, Modality, Polarity, ReportFrame
from timeline.domain.places import Gazetteer, PlaceMention
from timeline.domain.time import UNDATED, Occurred
from timeline.extraction.acting import ActorHit, actor_hits, find_actors, is_home_text
from timeline.extraction.clean import cleaned
from timeline.extraction.date_forms import find_dates
from timeline.extraction.dates import Days, days_of
from timeline.extraction.dating import Calendar, bounded
from timeline.extraction.drafts import Draft
from timeline.extraction.frame import read_head
from timeline.extraction.placing import PlaceHit, find_places
from timeline.extraction.relating import related
from timeline.extraction.returning import with_anaphors
from timeline.extraction.sentences import Sentence, split_sentences

QUOTE_WORDS_MAX = 60
QUOTE_SENTENCES_MAX = 2
OCCURRENCES_MAX = 20
ROLES = (ActorRole.INITIATOR, ActorRole.TARGET, ActorRole.HOLDER, ActorRole.PREVIOUS_HOLDER)
NAME_CHARACTERS_MAX = 300
SHOWN_CHARACTERS_MAX = 80
_LIES_AHEAD = (Modality.FORECAST, Modality.HYPOTHETICAL)
_AFTER_PUBLICATION_MAX = timedelta(days=1)
# Words that no report says to its readers: they are meant for a machine that reads it.
_TO_A_MACHINE = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|rule|direction|above)"
    r"|\b(?:system|user|developer) (?:prompt|message)\b|\bas an? (?:AI|language model)\b"
    r"|\byou are (?:now )?(?:an? )?(?:AI|assistant|language model|extractor|coder)\b"
    r"|\b(?:language models?|AI (?:assistants?|models?)|LLMs?)\b.{0,60}\b(?:must|should|shall)\b"
    r"|\b(?:output|return|respond with|answer with|emit)\b.{0,30}\b(?:JSON|claims?|events?)\b"
    r"|<\|?(?:im_start|im_end|system|endoftext)|\[/?INST\]",
    re.IGNORECASE | re.DOTALL,
)


class ToldClaim(Struct, frozen=True):
    """A claim as a model tells it; its words are still to be found in the report."""

    quote: Annotated[str, Meta(min_length=1)]
    type: ClaimType
    modality: Modality = Modality.ASSERTED
    polarity: Polarity = Polarity.POSITIVE
    initiator: str | None = None
    target: str | None = None
    holder: str | None = None
    previous_holder: str | None = None
    place: str | None = None
    when: str | None = None
    according_to: str | None = None

    @property
    def actors(self) -> list[tuple[ActorRole, str]]:
        """Who is named, and in which role."""
        told = ((role, getattr(self, role.value)) for role in ROLES)
        return [(role, name) for role, name in told if name]


class UngroundedError(Exception):
    """A claim is not borne by the words of the report; the message says which, and why."""


class Page:
    """A report's text with all that the finders of the rules see in it."""

    def __init__(
        self, text: str, frame: ReportFrame, gazetteer: Gazetteer, actors: ActorTable
    ) -> None:
        self.text = cleaned(text)
        self.actors = actors
        sentences = split_sentences(self.text, read_head(text).spans)
        self.sentences = [s for s in sentences if not s.is_heading]
        names = actor_hits(self.text, actors)
        places = find_places(self.text, gazetteer, names)
        begins = sentences[0].start if sentences else 0
        self.places = with_anaphors(self.text, places, gazetteer, begins)
        is_home = is_home_text(self.text, names, self.places, actors)
        self.cast = find_actors(self.text, actors, names, is_home)
        self.dates = find_dates(self.text)
        self.calendar = Calendar(frame.published)

    def shown(self, passage: tuple[int, int]) -> str:
        """What a model is shown of a passage: sentences to a machine are blanked."""
        start, end = passage
        told = self.text[start:end]
        for s in self.sentences:
            if start <= s.start < end and is_to_a_machine(self.text[s.start : s.end]):
                blank = " " * (s.end - s.start)
                told = told[: s.start - start] + blank + told[s.end - start :]
        return " ".join(told.split())


def is_to_a_machine(sentence: str) -> bool:
    """Whether a sentence speaks to a model that reads it, and not to people."""
    return _TO_A_MACHINE.search(sentence) is not None


def grounded(told: ToldClaim, page: Page, passage: tuple[int, int]) -> Draft:
    """A told claim with the words, names and days of the report in place of the model's.

    Where the quote stands several times in the passage, the first that bears the claim is taken.

    Raises:
        UngroundedError: the report does not have those words, or not together.
    """
    if told.type is ClaimType.STATEMENT:
        raise UngroundedError("statements are not asked for")
    reason: UngroundedError | None = None
    for span in _spans(told.quote, page.text, passage):
        try:
            return _borne(told, page, span)
        except UngroundedError as fault:
            reason = reason or fault
    raise reason or UngroundedError("the quote does not stand in the report")


def _spans(quote: str, text: str, passage: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Where a quote stands word for word; white space may differ, and marks around it."""
    words = cleaned(quote).strip("\"'“”.,;:… ").split()
    if not words:
        return
    if len(words) > QUOTE_WORDS_MAX:
        raise UngroundedError(f"the quote has more than {QUOTE_WORDS_MAX} words")
    for number, match in enumerate(_pattern(words).finditer(text, *passage)):
        if number >= OCCURRENCES_MAX:
            return
        yield match.span()


def _pattern(words: list[str], flags: int = 0) -> re.Pattern[str]:
    """Whole words one after the other."""
    return re.compile(r"(?<!\w)" + r"\s+".join(map(re.escape, words)) + r"(?!\w)", flags)


def _borne(told: ToldClaim, page: Page, span: tuple[int, int]) -> Draft:
    around = [s for s in page.sentences if s.start < span[1] and span[0] < s.end]
    if not around:
        raise UngroundedError("the quote is of the head of the report, which tells no event")
    if len(around) > QUOTE_SENTENCES_MAX:
        raise UngroundedError(f"the quote runs over more than {QUOTE_SENTENCES_MAX} sentences")
    if any(is_to_a_machine(page.text[s.start : s.end]) for s in around):
        raise UngroundedError("the quote is of a sentence that speaks to a machine")
    if not told.actors and not told.place:
        raise UngroundedError("it names neither an actor nor a place")
    sentence = (around[0].start, around[-1].end)
    named = [_actor(role, name, page, sentence) for role, name in told.actors]
    actors = [a for a in named if a is not None]
    _require_apart(actors)
    place = _place(told.place, page, sentence) if told.place else None
    speaker = None
    if told.according_to:
        a, b = _found("the speaker", told.according_to, page, sentence)
        speaker = " ".join(page.text[a:b].split())[:NAME_CHARACTERS_MAX]
    occurred = _occurred(told, page, sentence, around[0])
    return Draft(
        type=told.type.value,
        token_index=0,
        sentence=page.sentences.index(around[0]),
        paragraph=around[0].paragraph,
        evidence=span,
        modality=told.modality,
        polarity=told.polarity,
        actors=list(dict.fromkeys(actors)),
        place=place,
        occurred=occurred,
        attributed_to=speaker,
    )


def _found(what: str, words: str, page: Page, sentence: tuple[int, int]) -> tuple[int, int]:
    """Where words stand in a sentence; "the" before a name need not stand there."""
    bare = re.sub(r"\A(?:the|an?)\s+", "", cleaned(words).strip("\"' .,;:"), flags=re.IGNORECASE)
    match = None
    if 0 < len(bare) <= NAME_CHARACTERS_MAX:
        match = _pattern(bare.split(), re.IGNORECASE).search(page.text, *sentence)
    if match is None:
        raise UngroundedError(f"{what} {_short(words)!r} does not stand in the quoted sentence")
    return match.span()


def _short(words: str) -> str:
    plain = " ".join(words.split())
    return plain if len(plain) <= SHOWN_CHARACTERS_MAX else plain[:SHOWN_CHARACTERS_MAX] + "…"


def _actor(
    role: ActorRole, name: str, page: Page, sentence: tuple[int, int]
) -> ActorMention | None:
    """The actor that words name; `None` for a target that is a place, which `place` tells."""
    start, end = _found(f"the {role.value}", name, page, sentence)
    hits = [h for h in page.cast if h.start < end and start < h.end]
    if not hits and any(p.start < end and start < p.end for p in page.places):
        if role is ActorRole.TARGET:
            return None
        raise UngroundedError(f"the {role.value} {_short(name)!r} is a place")
    named = " ".join(page.text[start:end].split())[:NAME_CHARACTERS_MAX]
    if hits:
        best = max(hits, key=lambda h: _overlap(h, start, end))
        mention = ActorMention(as_named=best.as_named, role=role, actor_id=best.actor_id)
        if best.actor_id is None and best.is_generic:
            return mention  # "rebels" in a text about another theatre are not ours
        return page.actors.mention(mention)
    return page.actors.mention(ActorMention(as_named=named, role=role))


def _place(words: str, page: Page, sentence: tuple[int, int]) -> PlaceMention:
    start, end = _found("the place", words, page, sentence)
    hits = [h for h in page.places if h.start < end and start < h.end]
    if hits:
        return max(hits, key=lambda h: _overlap(h, start, end)).mention
    named = PlaceMention(as_named=" ".join(page.text[start:end].split())[:NAME_CHARACTERS_MAX])
    return related(page.text, start, named)[0]


def _require_apart(actors: list[ActorMention]) -> None:
    """Nobody does something to himself, or takes from himself what he holds."""
    names = {a.role: a.actor_id or a.as_named.lower() for a in actors}
    for one, other in (ROLES[:2], ROLES[2:]):
        if one in names and names[one] == names.get(other):
            raise UngroundedError(f"it names the same {one.value} and {other.value}")


def _overlap(hit: ActorHit | PlaceHit, start: int, end: int) -> int:
    return min(hit.end, end) - max(hit.start, start)


def _occurred(told: ToldClaim, page: Page, sentence: tuple[int, int], first: Sentence) -> Occurred:
    """The days that the told words mean by the rules; without any, not later than the dateline."""
    calendar, dates = page.calendar, []
    forward = told.modality in _LIES_AHEAD
    if told.when:
        start, end = _found("the date", told.when, page, sentence)
        for e in (e for e in page.dates if e.start < end and start < e.end):
            base = calendar.reckoned_from(first.paragraph) if e.is_relative else None
            days: Days | None = None
            if base is not None or not e.is_relative:
                days = days_of(e, calendar.dateline, base, forward=forward)
            if days is not None:
                dates.append((e, days))
    if not dates:
        return UNDATED if forward else calendar.undated()
    occurred, days = bounded(dates, calendar, told.type.value)
    line = calendar.dateline
    is_told = told.modality is Modality.ASSERTED and told.polarity is Polarity.POSITIVE
    if line is not None and is_told and days.first > line + _AFTER_PUBLICATION_MAX:
        raise UngroundedError("it is told as having happened after the report came out")
    calendar.tell(days, first.paragraph, page.sentences.index(first), moves=not forward)
    return occurred
