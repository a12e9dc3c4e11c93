"""Which claims compete with a claim: those that tell otherwise of the same.

Denials of its incident, or what it denies; and, of who holds a place, the claims of other roots
that cannot be true beside it (docs/control.md, rule 14). Those of a whole answer are found at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from timeline.api.context import ClaimGroup, Info
from timeline.domain.evidence import Evidence, are_rivals
from timeline.projections import reading


class RivalGroup:
    """The competing claims of the claims of one answer, read when one of them first asks."""

    def __init__(self, claims: ClaimGroup) -> None:
        self._claims = claims
        self._ids: dict[str, tuple[str, ...]] | None = None
        self._entries: dict[str, reading.Entry] = {}

    @classmethod
    def of_claims(cls, claims: ClaimGroup) -> RivalGroup:
        """One group for all claims of an answer."""
        if not isinstance(claims.rivals, cls):
            claims.rivals = cls(claims)
        return claims.rivals

    def of(self, info: Info, claim_id: str) -> list[reading.Entry]:
        """The standing claims that compete with one of the claims, in order of valid time."""
        if self._ids is None:
            self._ids = self._found(info)
            wanted = set(chain.from_iterable(self._ids.values()))
            info.context.spend(len(wanted))
            claims = info.context.reader.claims(sorted(wanted), self._claims.known_on)
            self._entries = {e.claim.claim_id: e for e in claims}
        rivals = set(self._ids[claim_id])
        found = [entry for id_, entry in self._entries.items() if id_ in rivals]
        info.context.spend(len(found))
        return found

    def _found(self, info: Info) -> dict[str, tuple[str, ...]]:
        known_on, place_ids = self._claims.known_on, sorted(self._claims.place_ids)
        evidence = info.context.reader.control_evidence(place_ids, known_on) if place_ids else {}
        by_claim = {e.claim_id: (e, told) for told in evidence.values() for e in told}
        return {
            claim_id: tuple(
                dict.fromkeys(
                    chain(
                        self._of_incident(info, claim_id),
                        _of_control(*by_claim[claim_id]) if claim_id in by_claim else (),
                    )
                )
            )
            for claim_id in self._claims.claim_ids
        }

    def _of_incident(self, info: Info, claim_id: str) -> Sequence[str]:
        incident = self._claims.incident(info.context, claim_id)
        if incident is None:
            return ()
        denies = claim_id in incident.contradicting
        return incident.corroborating if denies else incident.contradicting


def _of_control(one: Evidence, others: Iterable[Evidence]) -> Iterable[str]:
    return (other.claim_id for other in others if are_rivals(one, other))
