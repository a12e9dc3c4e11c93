"""Decides which reviews carry over to another version of a report: equal type, equal words.

DESIGN, "Revisions". Where a version holds several claims of one type and quote, they must name the
same place and actors too; where the review corrected the claim, the other version's claim must have
said the same before, or the correction would not reach it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from timeline.domain.events import Claim, ClaimCorrected, ClaimReviewed
from timeline.domain.standing import says_the_same

_Words = tuple[object, ...]


def carried_reviews(
    reviews: Iterable[ClaimReviewed],
    claims: Sequence[Claim],
    corrections: Sequence[ClaimCorrected],
    quotes: Mapping[str, str],
) -> tuple[ClaimReviewed, ...]:
    """The reviews that other versions' claims get by those of some claims.

    Args:
        reviews: In the order of the log.
        claims: All claims of all versions of the report, as they were filed.
        corrections: Those by coding of the report's claims, by claim id.
        quotes: The words of each claim that has any, by claim id.

    Returns:
        One for each claim that gets any, the last that there is, in the order of the claims.
    """
    by_id = {c.claim_id: c for c in claims}
    close, closer = (_counted(claims, quotes, is_close=near) for near in (False, True))
    found: dict[str, ClaimReviewed] = {}
    for review in reviews:
        read = by_id.get(review.target)
        if read is None or read.claim_id not in quotes:
            continue
        made = [c for c in corrections if c.target == read.claim_id]
        for other in claims:
            if other.report_version == read.report_version or other.claim_id not in quotes:
                continue
            keys = [_words(c, quotes, is_close=False) for c in (read, other)]
            if keys[0] != keys[1]:
                continue
            if max(close[c.report_version, keys[0]] for c in (read, other)) > 1:
                keys = [_words(c, quotes, is_close=True) for c in (read, other)]
                several = max(closer[c.report_version, keys[0]] for c in (read, other)) > 1
                if keys[0] != keys[1] or several:
                    continue
            if all(says_the_same(read, other, correction) for correction in made):
                found[other.claim_id] = _carried(review, other)
    return tuple(found[c.claim_id] for c in claims if c.claim_id in found)


def _carried(review: ClaimReviewed, claim: Claim) -> ClaimReviewed:
    return ClaimReviewed(
        report_id=review.report_id,
        basis=review.basis,
        reason=review.reason,
        requested_by=review.requested_by,
        target=claim.claim_id,
        verdict=review.verdict,
        carried_from=review.target,
    )


def _words(claim: Claim, quotes: Mapping[str, str], *, is_close: bool) -> _Words:
    """What two claims must have in common; all that they name too when `is_close`."""
    words: _Words = (type(claim).__name__, quotes[claim.claim_id])
    if not is_close:
        return words
    place = claim.place.as_named if claim.place else None
    return (*words, place, tuple((a.as_named, a.role) for a in claim.actors))


def _counted(
    claims: Iterable[Claim], quotes: Mapping[str, str], *, is_close: bool
) -> Counter[tuple[str, _Words]]:
    """How many claims of one version have one key."""
    return Counter(
        (c.report_version, _words(c, quotes, is_close=is_close))
        for c in claims
        if c.claim_id in quotes
    )
