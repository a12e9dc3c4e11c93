"""Which claims compete with a claim: those that tell otherwise of the same.

Denials of its incident, or what it denies; and, of who holds a place, the claims of other roots
that cannot be true beside it (docs/control.md, rule 14). Those of a whole answer are found at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from timeline.api.context import ClaimGroup, Info
from timeline.domain.evidence import Evidence, are_rivals
from timeline.domain.incident_sums import Incident


def rivals_of(info: Info, claims: ClaimGroup) -> dict[str, tuple[str, ...]]:
    """The ids of the claims that compete with each of the claims of one answer."""
    incidents = claims.incidents(info.context)
    places, reader = sorted(claims.place_ids), info.context.reader
    evidence = reader.control_evidence(places, claims.known_on) if places else {}
    by_claim = {e.claim_id: (e, told) for told in evidence.values() for e in told}
    return {
        claim_id: tuple(
            dict.fromkeys(
                chain(
                    _of_incident(incidents.get(claim_id), claim_id),
                    _of_control(*by_claim[claim_id]) if claim_id in by_claim else (),
                )
            )
        )
        for claim_id in claims.ids
    }


def _of_incident(incident: Incident | None, claim_id: str) -> Sequence[str]:
    if incident is None:
        return ()
    denies = claim_id in incident.contradicting
    return incident.corroborating if denies else incident.contradicting


def _of_control(one: Evidence, others: Iterable[Evidence]) -> Iterable[str]:
    return (other.claim_id for other in others if are_rivals(one, other))
