"""Turns report prose into proposed claims: the stages in order, behind the domain's protocol."""

from __future__ import annotations

import re

from timeline.domain.actors import ActorKind, ActorTable
from timeline.domain.claims import Extraction, ProposedClaim, ReportFrame
from timeline.domain.places import Gazetteer
from timeline.errors import InvalidReport
from timeline.extraction.acting import (
    HOME_ARMY,
    ActorHit,
    Cast,
    actor_hits,
    find_actors,
    is_home_text,
)
from timeline.extraction.advancing import with_those_who_advance
from timeline.extraction.clean import cleaned
from timeline.extraction.consolidate import consolidated, with_candidates
from timeline.extraction.date_forms import find_dates
from timeline.extraction.dating import Calendar
from timeline.extraction.drafts import Draft, as_claim
from timeline.extraction.events import Reader
from timeline.extraction.frame import read_head
from timeline.extraction.gate import is_about_war, paragraphs_of_war
from timeline.extraction.guiding import guide_of, titles_in
from timeline.extraction.language import language_of
from timeline.extraction.model import load_model, model_name
from timeline.extraction.parsing import parse_sentences
from timeline.extraction.placing import PlaceHit, find_places
from timeline.extraction.returning import with_anaphors
from timeline.extraction.sentences import Sentence, split_sentences
from timeline.extraction.statements import statements_of
from timeline.extraction.succession import with_other_parties
from timeline.extraction.triggers import may_tell

VERSION = "1"
_HANDS = re.compile(r"'s (?:hands?|control|forces|troops|army|men|side)\b")
TEXT_CHARACTERS_MAX = 1_000_000
SENTENCES_PARSED_MAX = 2_000
CHARACTERS_PARSED_MAX = 150_000
CLAIMS_MAX = 1_000


class RuleExtractor:
    """The built-in extractor: rules on a dependency parse; an `Extractor` of the domain."""

    def frame(self, text: str) -> ReportFrame:
        """Title, publisher, dateline and language, where they stand in the text."""
        return read_head(text[:TEXT_CHARACTERS_MAX]).frame

    def extract(
        self, text: str, frame: ReportFrame, gazetteer: Gazetteer, actors: ActorTable
    ) -> Extraction:
        """The claims of a text, in its order; spans count code points of `text` as it stands.

        A text beyond the bounds of this module is refused: nobody would miss what is not read.

        Raises:
            ModelUnusable: the language model is missing or not the recorded one.
            InvalidReport: the text is longer, or tells of more, than is read at once, or is in
                another language than English.
        """
        coded_by = f"rules-{VERSION}+{model_name()}"
        require_readable(text, frame)
        found, lasting = _drafts(text, frame, gazetteer, actors)
        drafts = with_those_who_advance(with_candidates(consolidated(found)))
        drafts = with_other_parties(drafts, lasting)
        claims = claims_of(drafts, coded_by, actors)
        return Extraction(frame=frame, claims=claims, coded_by=coded_by)


def claims_of(drafts: list[Draft], coded_by: str, actors: ActorTable) -> tuple[ProposedClaim, ...]:
    """The claims that drafts make, in the order of the text.

    Raises:
        InvalidReport: there are more than one report may make.
    """
    if len(drafts) > CLAIMS_MAX:
        raise too_long(f"makes {len(drafts)} claims, of at most {CLAIMS_MAX}")
    states = frozenset(
        a.actor_id
        for a in actors.actors.values()
        if a.kind in (ActorKind.STATE, ActorKind.STATE_FORCES)
    )
    claims = (as_claim(d, coded_by, states) for d in drafts)
    return tuple(sorted(claims, key=lambda c: c.evidence.span_start if c.evidence else 0))


def _drafts(
    text: str, frame: ReportFrame, gazetteer: Gazetteer, actors: ActorTable
) -> tuple[list[Draft], list[Draft]]:
    """The drafts of a text, and the sieges that it tells as lasting."""
    even = cleaned(text)
    hits = actor_hits(even, actors)
    head = read_head(text)
    sentences = split_sentences(even, head.spans)
    telling = [
        (number, s)
        for number, s in enumerate(sentences)
        if not s.is_heading and may_tell(even[s.start : s.end])
    ]
    if not is_about_war(even, hits, actors, gazetteer):
        paragraphs = paragraphs_of_war(even, sentences)
        telling = [(number, s) for number, s in telling if s.paragraph in paragraphs]
    _require_affordable([s for _, s in telling])
    if not telling:
        return [], []
    places = find_places(even, gazetteer, hits)
    spans = frozenset((h.start, h.end) for h in hits)
    places = [p for p in places if not _is_hands_of(even, p, spans)]
    places = with_anaphors(even, places, gazetteer, sentences[0].start)
    is_home = is_home_text(even, hits, places, actors)
    cast = Cast(find_actors(even, actors, hits, is_home), actors, even)
    home_army = actors.resolve(HOME_ARMY)[0] if is_home else None
    if home_army is not None:
        cast.default_state = ActorHit(0, 0, home_army.name, home_army.actor_id, True)
    named = frozenset((h.start, h.end) for h in cast.hits)
    places = [p for p in places if not _is_government(even, p, named)]
    dates = find_dates(even)
    calendar = Calendar(frame.published)
    reader = Reader(even, places, cast, dates, calendar)
    reader.body = sentences[0].start
    reader.titles = titles_in(even)
    found: list[Draft] = []
    numbers = {s: n for n, s in telling}
    guide = guide_of(even, places, dates, [s for _, s in telling])
    for parse in parse_sentences(load_model(), even, [s for _, s in telling], guide):
        number = numbers[parse.sentence]
        found += reader.read(parse, number)
        found += statements_of(parse, reader, number)
    return found, reader.sieges


def require_readable(text: str, frame: ReportFrame) -> None:
    """Refuse a text that is too long, in another language, or declares another: one of both errs.

    Raises:
        InvalidReport: tells its length, or names the language.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise too_long(f"has {len(text)} characters, of at most {TEXT_CHARACTERS_MAX}")
    for code, how in ((language_of(cleaned(text)), "is in"), (frame.language, "declares")):
        if code is not None and code.lower().partition("-")[0] not in ("en", "eng", "english"):
            raise InvalidReport(
                "the text",
                f"{how} the language {code!r}, and English alone is read; code it by hand, or file"
                " it --without-claims",
            )


def too_long(what: str) -> InvalidReport:
    """The refusal of a text that is more than is read at once; `what` says in which way."""
    return InvalidReport("the text", f"{what}; file it in parts")


def _require_affordable(telling: list[Sentence]) -> None:
    """Refuse more sentences, or longer ones, than are parsed of one report."""
    length = sum(s.end - s.start for s in telling)
    if len(telling) > SENTENCES_PARSED_MAX:
        raise too_long(
            f"has {len(telling)} sentences that may tell of events, of at most"
            f" {SENTENCES_PARSED_MAX}"
        )
    if length > CHARACTERS_PARSED_MAX:
        raise too_long(
            f"has {length} characters in sentences that may tell of events, of at most"
            f" {CHARACTERS_PARSED_MAX}"
        )


def _is_hands_of(text: str, place: PlaceHit, named: frozenset[tuple[int, int]]) -> bool:
    """As in "in Baghdad's hands": the name of a capital is that of those who rule in it."""
    if (place.start, place.end) not in named:
        return False
    return _HANDS.match(text, place.end) is not None


def _is_government(text: str, place: PlaceHit, named: frozenset[tuple[int, int]]) -> bool:
    """Whether the name of a capital stands for those who rule in it ("Damascus said")."""
    same = (place.start, place.end) in named
    before = text[max(0, place.start - 16) : place.start].lower()
    return same and not re.search(
        r"\b(?:in|at|near|around|from|to|outside|inside|into|of|on|toward|towards|entered|reached|"
        r"enter|reach|central|eastern|western|southern|northern|seized|captured|took|besieged|"
        r"shelled|bombed|left|leave)(?: the)? \Z",
        before,
    )
