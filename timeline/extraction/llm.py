"""An extractor that asks a large language model, and believes it only what the report's words bear.

Any OpenAI-compatible endpoint will do. One paragraph is asked about at a time; each claim of the
answer is held against the text (`grounding`) and refused, with the reason, where it is not borne.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from msgspec.structs import replace

from timeline.domain.actors import ActorTable
from timeline.domain.claims import Extraction, ReportFrame
from timeline.domain.places import Gazetteer
from timeline.errors import InvalidReport
from timeline.extraction.drafts import Draft, place_key
from timeline.extraction.extractor import (
    TEXT_CHARACTERS_MAX,
    claims_of,
    require_readable,
    too_long,
)
from timeline.extraction.frame import read_head
from timeline.extraction.grounding import (
    Page,
    ToldClaim,
    UngroundedError,
    grounded,
    is_to_a_machine,
)
from timeline.extraction.llm_endpoint import Endpoint
from timeline.extraction.llm_prompt import (
    PROMPT_VERSION,
    answer_schema,
    messages,
    read_answer,
)
from timeline.extraction.llm_settings import LlmSettings, llm_settings

VERSION = "1"
PASSAGES_MAX = 200
ASKED_ANEW_MAX = 2
NOTES_MAX = 50
QUOTE_SHOWN_MAX = 60


class LlmExtractor:
    """Reads prose by a model; an `Extractor` of the domain."""

    def __init__(self, settings: LlmSettings | None = None) -> None:
        """Take the settings of the environment, unless others are given.

        Raises:
            InvalidSetting: one is missing, or cannot be used.
        """
        self.settings = llm_settings() if settings is None else settings

    @cached_property
    def endpoint(self) -> Endpoint:
        """Who is asked."""
        return Endpoint(self.settings)

    @property
    def coded_by(self) -> str:
        """Who reads: this version, its prompt and the model."""
        model = re.sub(r"[^\w./:+-]", "_", self.settings.model)
        return f"llm-{VERSION}.{PROMPT_VERSION}+{model}"[:200]

    def frame(self, text: str) -> ReportFrame:
        """As the rules read it: title, publisher, dateline and language."""
        return read_head(text[:TEXT_CHARACTERS_MAX]).frame

    def extract(
        self, text: str, frame: ReportFrame, gazetteer: Gazetteer, actors: ActorTable
    ) -> Extraction:
        """The claims of a text that its words bear; the notes tell which were refused, and why.

        Raises:
            InvalidReport: the text is too long or in another language than English, or the model
                does not answer in the form asked for.
            ExtractorUnavailable: the endpoint does not answer, or the run's tokens are used up.
            ExtraNotInstalled: httpx is not there.
        """
        require_readable(text, frame)
        page = Page(text, frame, gazetteer, actors)
        cut = _passages(page, self.settings.passage_characters_max)
        passages = [p for p in cut if any(c.isalnum() for c in page.shown(p))]
        if len(passages) > PASSAGES_MAX:
            raise too_long(f"has {len(passages)} passages, of at most {PASSAGES_MAX}")
        notes = [
            f"not shown to the model, since it speaks to a machine: {_short(page, s.start, s.end)}"
            for s in page.sentences
            if is_to_a_machine(page.text[s.start : s.end])
        ]
        drafts: list[Draft] = []
        for number, passage in enumerate(passages, 1):
            told = f"passage {number} of {len(passages)}"
            drafts += self._read(page, passage, told, notes)
        # The confidence of the rules is calibrated for the rules alone.
        made = claims_of(drafts, self.coded_by, actors)
        claims = tuple(replace(c, confidence=None) for c in made)
        if len(notes) > NOTES_MAX:
            notes[NOTES_MAX:] = [f"{len(notes) - NOTES_MAX} more notes are left out"]
        return Extraction(frame=frame, claims=claims, coded_by=self.coded_by, notes=tuple(notes))

    def _read(
        self, page: Page, passage: tuple[int, int], name: str, notes: list[str]
    ) -> list[Draft]:
        """The claims of one passage that its words bear; adds to the notes what is refused."""
        told, refused = self._answer(page.shown(passage), name, notes)
        notes += [f"refused, {name}: {reason}" for reason in refused]
        drafts: list[Draft] = []
        seen: set[tuple[object, ...]] = set()
        for claim in told:
            what = f"{claim.type.value} “{_cut(claim.quote)}”"
            try:
                draft = grounded(claim, page, passage)
            except UngroundedError as fault:
                notes.append(f"refused, {what}: {fault}")
                continue
            key = (draft.type, place_key(draft.place), draft.evidence, draft.polarity)
            if key in seen:
                notes.append(f"refused, {what}: it is told twice")
                continue
            seen.add(key)
            drafts.append(draft)
        return drafts

    def _answer(
        self, passage: str, name: str, notes: list[str]
    ) -> tuple[list[ToldClaim], list[str]]:
        """What the model tells, asked anew where its answer cannot be read."""
        reason = ""
        for _ in range(1 + ASKED_ANEW_MAX):
            answer = self.endpoint.ask(messages(passage), answer_schema())
            try:
                told, refused = read_answer(answer.content, is_cut=answer.is_cut)
            except ValueError as fault:
                reason = str(fault)
                continue
            if answer.is_cut:
                notes.append(
                    f"{name}: the answer broke off after {len(told)} claims, at"
                    f" {self.settings.answer_tokens_max} tokens (TIMELINE_LLM_ANSWER_TOKENS)"
                )
            return told, refused
        raise InvalidReport(
            "the text",
            f"{name}: the answer of model {self.settings.model} cannot be read, asked"
            f" {1 + ASKED_ANEW_MAX} times: {reason}",
        )

    def account(self) -> str | None:
        """What was asked and used up so far, and what it cost; `None` before anything was."""
        if "endpoint" not in self.__dict__:
            return None
        used = self.endpoint.usage
        about = "about " if used.is_guessed else ""
        told = f"{self.settings.model}: {used.requests} requests"
        if used.repeated:
            told += f" ({used.repeated} of them again)"
        told += f", {about}{used.tokens_in} tokens in and {used.tokens_out} out"
        told += f", {used.seconds:.1f} s"
        if self.settings.price is None:
            return f"{told}; cost not known (TIMELINE_LLM_PRICE)"
        into, out = self.settings.price
        cost = (used.tokens_in * into + used.tokens_out * out) / 1_000_000
        return f"{told}; cost {about}{cost:.4f} at {into:g} and {out:g} a million"


def _passages(page: Page, characters_max: int) -> Iterator[tuple[int, int]]:
    """The paragraphs of the body, longer ones cut between sentences."""
    start = end = paragraph = -1
    for s in page.sentences:
        is_full = s.end - start > characters_max
        if start >= 0 and (s.paragraph != paragraph or is_full):
            yield start, end
            start = -1
        if start < 0:
            start, paragraph = s.start, s.paragraph
        end = s.end
    if start >= 0:
        yield start, end


def _short(page: Page, start: int, end: int) -> str:
    return f"“{_cut(page.text[start:end])}”"


def _cut(words: str) -> str:
    plain = " ".join(words.split())
    return plain if len(plain) <= QUOTE_SHOWN_MAX else plain[:QUOTE_SHOWN_MAX] + "…"
