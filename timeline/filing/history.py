"""Reads what the log holds of one report as it was filed: its claims, their words, its reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from timeline.domain.events import (
    Basis,
    Claim,
    ClaimCorrected,
    ClaimReviewed,
    ReportVersion,
)
from timeline.domain.reviews import carried_reviews
from timeline.projections.batches import REPORT_STREAM_PREFIX, payload_of
from timeline.store.event_store import EventStore
from timeline.store.events import DOCUMENTS_PER_READ_MAX


@dataclass(frozen=True)
class ReportHistory:
    """A report's claims in all versions, its reviews and corrections by coding, in log order.

    `quotes` are the words of each claim that has any, by claim id; withheld ones are left out.
    """

    claims: tuple[Claim, ...] = ()
    reviews: tuple[ClaimReviewed, ...] = ()
    corrections: tuple[ClaimCorrected, ...] = ()
    quotes: dict[str, str] | None = None

    def carried_to(self, claims: Sequence[Claim], text: str | None) -> tuple[ClaimReviewed, ...]:
        """The reviews that claims of a new version get, where type and words are equal."""
        if not self.reviews or text is None:
            return ()
        both = replace(
            self,
            claims=(*self.claims, *claims),
            quotes={**(self.quotes or {}), **_quotes(claims, text)},
        )
        new = {c.claim_id for c in claims}
        return tuple(r for r in both.carried(self.reviews) if r.target in new)

    def carried(
        self, reviews: Sequence[ClaimReviewed], corrections: Sequence[ClaimCorrected] = ()
    ) -> tuple[ClaimReviewed, ...]:
        """The reviews that other versions' claims get by these."""
        made = (*self.corrections, *corrections)
        return carried_reviews(reviews, self.claims, made, self.quotes or {})


def read_history(store: EventStore, report_id: str) -> ReportHistory:
    """What the log holds of a report; empty when it is not filed."""
    claims: list[Claim] = []
    reviews: list[ClaimReviewed] = []
    corrections: list[ClaimCorrected] = []
    texts: dict[str, str] = {}
    for stored in store.read_stream(REPORT_STREAM_PREFIX + report_id):
        payload = None if stored.data is None else payload_of(stored)
        if isinstance(payload, Claim):
            claims.append(payload)
        elif isinstance(payload, ClaimReviewed):
            reviews.append(payload)
        elif isinstance(payload, ClaimCorrected) and payload.basis is Basis.CODING:
            corrections.append(payload)
        elif isinstance(payload, ReportVersion) and payload.text_document is not None:
            texts[payload.report_version] = payload.text_document.digest
    quotes: dict[str, str] = {}
    digests = sorted(set(texts.values()))
    for start in range(0, len(digests), DOCUMENTS_PER_READ_MAX):
        found = store.documents(digests[start : start + DOCUMENTS_PER_READ_MAX])
        for digest, document in found.items():
            if document.content is not None:
                of_text = [c for c in claims if texts.get(c.report_version) == digest]
                quotes |= _quotes(of_text, document.content.decode())
    return ReportHistory(tuple(claims), tuple(reviews), tuple(corrections), quotes)


def _quotes(claims: Sequence[Claim], text: str) -> dict[str, str]:
    return {
        c.claim_id: text[c.evidence.span_start : c.evidence.span_end]
        for c in claims
        if c.evidence is not None
    }
