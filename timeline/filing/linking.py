"""Links claims that tell of one incident, and keeps apart those that do not, on an analyst's word.

The word goes over the rule and its bounds. Its basis is coding: it holds at every known time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from sqlalchemy import Connection, select

from timeline.domain.events import (
    CLAIMS_PER_LINK_MAX,
    IncidentsLinked,
    IncidentsUnlinked,
    encode,
)
from timeline.domain.incident_sums import incident_id
from timeline.domain.incidents import Pair, decided, pair_of
from timeline.errors import (
    EventIdReused,
    InvalidEvent,
    NotFound,
    PartlyAppended,
    WrongExpectedVersion,
)
from timeline.filing.deciding import new_event
from timeline.filing.identity import event_id
from timeline.projections import tables
from timeline.projections.incident_rows import ClaimRow, parts, read_rows, read_words
from timeline.projections.reading import Reader
from timeline.projections.runner import Runner
from timeline.store.engine import read_transaction
from timeline.store.event_store import EventStore
from timeline.store.events import StreamAppend

STREAM_PREFIX = "incident-"
# The projections that tell what a claim is and what is linked already.
DECIDED_BY = ("timeline", "incidents")
DECISIONS_MAX = 5


@dataclass(frozen=True)
class Linked:
    """What a word came to: its position, `None` when it was said before; and the claims meant.

    `version` is that of the stream which holds it.
    """

    position: int | None
    claims: tuple[str, ...]
    version: int


class Linking:
    """Links and unlinks claims of one casebook."""

    def __init__(self, store: EventStore, reader: Reader, runner: Runner) -> None:
        self._store, self._reader, self._runner = store, reader, runner

    def link(
        self,
        claims: Sequence[str],
        *,
        reason: str,
        requested_by: str,
        expected_version: int | None = None,
    ) -> Linked:
        """Say that claims tell of one incident, and with them all that is linked with each.

        Args:
            claims: Two or more, each by its claim id or as REPORT/REF.
            reason: Why, in a sentence.
            requested_by: Who says so.
            expected_version: The version that the stream of the first claim's incident must have;
                `None` takes any.

        Raises:
            NotFound: no such claim.
            InvalidEvent: fewer than two claims, one that tells of no incident, or claims whose
                incidents somebody keeps apart; nothing was appended.
            WrongExpectedVersion: the stream has another version than expected, or other analysts
                kept deciding about the same claims meanwhile.
            EventIdReused: as WrongExpectedVersion.
            PartlyAppended: as WrongExpectedVersion.
        """
        return self._say(claims, reason, requested_by, expected_version, is_link=True)

    def unlink(
        self,
        claims: Sequence[str],
        *,
        reason: str,
        requested_by: str,
        expected_version: int | None = None,
    ) -> Linked:
        """Say that claims tell of different incidents, each of another; as `link`.

        Raises:
            TimelineError: as `link`.
        """
        return self._say(claims, reason, requested_by, expected_version, is_link=False)

    def _say(
        self,
        claims: Sequence[str],
        reason: str,
        requested_by: str,
        expected: int | None,
        *,
        is_link: bool,
    ) -> Linked:
        reason, requested_by = reason.strip(), requested_by.strip()
        if not reason or not requested_by:
            raise InvalidEvent("say why, and who says so; both stay in the log")
        for attempt in range(1, DECISIONS_MAX + 1):
            try:
                return self._say_once(claims, reason, requested_by, expected, is_link=is_link)
            except (WrongExpectedVersion, EventIdReused, PartlyAppended):
                if attempt == DECISIONS_MAX or expected is not None:
                    raise
        raise AssertionError("unreachable")  # pragma: no cover

    def _say_once(
        self,
        claims: Sequence[str],
        reason: str,
        requested_by: str,
        expected: int | None,
        *,
        is_link: bool,
    ) -> Linked:
        self._runner.catch_up()
        self._runner.require_going(*DECIDED_BY)
        named = self._named(claims)
        stream = STREAM_PREFIX + incident_id(named[0])
        # Read before the words are: what another analyst says after this is a conflict.
        version = self._store.stream_version(stream)
        if expected is not None and expected != version:
            raise WrongExpectedVersion(stream, expected, version)
        self._runner.catch_up()
        with read_transaction(self._store.engine) as connection:
            if self._is_said(connection, named, is_link=is_link):
                return Linked(None, named, version)
        type_ = IncidentsLinked if is_link else IncidentsUnlinked
        payload = type_(claims=named, reason=reason, requested_by=requested_by)
        key = event_id(self._store.casebook, stream, str(version), encode(payload).decode())
        new = new_event(payload, key, {"command": "incident"})
        appended = self._store.append([StreamAppend(stream, version, (new,))])
        self._runner.catch_up()
        return Linked(appended.positions[0], named, version + 1)

    def _named(self, claims: Sequence[str]) -> tuple[str, ...]:
        """The ids of the claims meant, in order, each of which tells of an incident."""
        if len(claims) > CLAIMS_PER_LINK_MAX:
            raise InvalidEvent(f"one word takes {CLAIMS_PER_LINK_MAX} claims at the most")
        found: dict[str, str] = {}
        for told in claims:
            claim_id = self._claim_id(told)
            if claim_id in found:
                raise InvalidEvent(f"{told} is the claim {found[claim_id]}; name different claims")
            found[claim_id] = told
        if len(found) < 2:
            raise InvalidEvent("name at least two claims")
        entry, claim = tables.entries.c, tables.incident_claims.c
        with read_transaction(self._store.engine) as connection:
            for claim_id, told in found.items():
                forms = select(entry.type, entry.modality).where(
                    entry.casebook == self._store.casebook, entry.claim_id == claim_id
                )
                kept = select(claim.claim_id).where(
                    claim.casebook == self._store.casebook, claim.claim_id == claim_id
                )
                row = connection.execute(forms.order_by(entry.form.desc())).first()
                if row is None:
                    raise NotFound(f"no claim {told} stands at any known time; see `show --json`")
                if connection.execute(kept).first() is None:
                    raise InvalidEvent(
                        f"claim {told} ({row.modality} {row.type}) tells of no incident"
                    )
        return tuple(sorted(found))

    def _claim_id(self, told: str) -> str:
        report_id, slash, ref = told.partition("/")
        if not slash:
            return told
        if not self._reader.report(report_id):
            raise NotFound(f"no report has the id {report_id!r}; see `timeline query`")
        claim_id = self._reader.claim_id(report_id, ref)
        if claim_id is None:
            raise NotFound(f"report {report_id!r} has no claim {ref!r}")
        return claim_id

    def _is_said(self, connection: Connection, named: Sequence[str], *, is_link: bool) -> bool:
        """Whether just this is the last word on each pair.

        Raises:
            InvalidEvent: a link would join what is kept apart.
        """
        words = read_words(connection, self._store.casebook)
        if is_link:
            rows = self._with_incidents(connection, named)
            _, apart = decided(words, [row.claim for row in rows])
            _refuse_kept_apart(rows, apart - {pair_of(a, b) for a, b in combinations(named, 2)})
        last: dict[Pair, bool] = {}
        for word in words:
            ids = sorted(n.claim_id for n in word.claims)
            last.update(dict.fromkeys(combinations(ids, 2), word.is_link))
        return all(last.get(pair) is is_link for pair in combinations(named, 2))

    def _with_incidents(self, connection: Connection, named: Sequence[str]) -> list[ClaimRow]:
        """The standing claims of the incidents of some claims."""
        c, name = tables.incident_claims.c, self._store.casebook
        stands = c.known_until.is_(None)
        rows = list(read_rows(connection, name, c.claim_id.in_(named), stands))
        ids = sorted({str(row.incident_id) for row in rows})
        return [
            row
            for some in parts(ids)
            for row in read_rows(connection, name, c.incident_id.in_(some), stands)
        ]


def _refuse_kept_apart(rows: Sequence[ClaimRow], apart: frozenset[Pair]) -> None:
    ids = {row.claim.claim_id for row in rows}
    for one, other in sorted(apart):
        if one in ids and other in ids:
            raise InvalidEvent(
                f"this would link {one} with {other}, which are kept apart;"
                f" link those two first, or unlink one of them from its incident"
            )
