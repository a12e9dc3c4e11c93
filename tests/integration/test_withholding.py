"""Withholding erases words from log, projections and file, and everything else still holds."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select

from tests.conftest import SteppableClock
from tests.contract.support import put
from timeline.domain.actors import ActorTable
from timeline.domain.claims import Extraction, ReportFrame
from timeline.domain.events import Basis, ContentWithheld, decode
from timeline.domain.places import Gazetteer, Place, PlaceKind
from timeline.errors import InvalidEvent, InvalidReport, NotFound, PartlyAppended
from timeline.filing.amending import Amending
from timeline.filing.filing import Filed, Filing, Options
from timeline.filing.registering import Registering
from timeline.filing.withholding import Withholding, refuse_withheld
from timeline.projections import tables
from timeline.projections.control import ControlProjection
from timeline.projections.entries import EntriesProjection
from timeline.projections.incidents import IncidentsProjection
from timeline.projections.reading import Filters, Reader
from timeline.projections.register import ActorsProjection, PlacesProjection
from timeline.projections.replaying import differing_tables, replayed
from timeline.projections.reports import ReportsProjection
from timeline.projections.runner import Projection, Runner
from timeline.store.event_store import EventStore
from timeline.store.events import ANY, Document, NewEvent, StreamAppend
from timeline.store.proofs import proof, verify_proof
from timeline.store.seals import seal, verify_seal
from timeline.store.verify import verify_documents, verify_log

NOW = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
REASON = "a person asked for it"
SECRET = "Umm Salim of the third house"
TEXT = f"The army took back the town. {SECRET} saw it. The road was cut."
REPORT = """\
id: {id}
title: Army back in Khanasser
source: {{name: Example Agency}}
published: {published}
text: |
  {text}
claims:
  - {{ref: c1, type: ControlChanged, place: {{as_named: Khanasser}}, occurred: 2016-02-25,
     actors: [{{as_named: Syrian army, role: holder}}], quote: took back the town}}
  - {{ref: c2, type: Statement, statement_kind: presence, place: {{as_named: Khanasser}},
     occurred: 2016-02-25, attributed_to: {secret}, quote: {secret} saw it}}
"""


class NoExtractor:
    """Coded reports need none."""

    def frame(self, text: str) -> ReportFrame:
        raise AssertionError(text)

    def extract(
        self, text: str, frame: ReportFrame, gazetteer: Gazetteer, actors: ActorTable
    ) -> Extraction:
        raise AssertionError(text)


class Desk:
    """One casebook with everything that files, amends and withholds."""

    def __init__(self, store: EventStore, clock: SteppableClock, folder: Path) -> None:
        self.store, self._folder = store, folder
        self.projections: tuple[Projection, ...] = (
            PlacesProjection(),
            ActorsProjection(),
            ReportsProjection(),
            EntriesProjection(),
            ControlProjection(),
            IncidentsProjection(),
        )
        self.runner = Runner(store, self.projections)
        self.reader = Reader(store.engine, store.casebook)
        self.filing = Filing(store, self.reader, self.runner, NoExtractor(), clock)
        self.amending = Amending(store, self.reader, self.runner, lambda: datetime.now(UTC))
        self.withholding = Withholding(store, self.reader, self.runner)
        town = Place(
            place_id="khanasser", name="Khanasser", kind=PlaceKind.TOWN, latitude=35, longitude=37
        )
        Registering(store, self.reader, self.runner).register([town])

    def file(self, id_: str = "road", published: str = "2016-02-25", text: str = TEXT) -> Filed:
        path = self._folder / f"{id_}.yaml"
        path.write_text(
            REPORT.format(id=id_, published=published, text=text, secret=SECRET), encoding="utf-8"
        )
        return self.filing.file(path, Options())

    def position(self, stream: str, type_: str, number: int = 0) -> int:
        found = [e.position for e in self.store.read_stream(stream) if e.type == type_]
        return found[number]

    def entries(self) -> list[tuple[str, str, str | None]]:
        page = self.reader.timeline(Filters(place_id="khanasser"))
        return [(e.report.report_id, e.type, e.quote) for e in page.entries]

    def all_holds(self) -> None:
        """The log, the documents, and the live tables against a replay and against a rebuild."""
        assert verify_log(self.store.engine, "main").reason is None
        assert verify_documents(self.store.engine, "main").reason is None
        with replayed(self.store, self.projections) as replay:
            assert differing_tables(self.store, self.projections, replay) == ()
        before = self.entries()
        self.runner.rebuild()
        assert self.entries() == before
        with replayed(self.store, self.projections) as replay:
            assert differing_tables(self.store, self.projections, replay) == ()


@pytest.fixture
def desk(store: EventStore, clock: SteppableClock, tmp_path: Path) -> Desk:
    return Desk(store, clock, tmp_path)


TEXT_DIGEST = sha256((TEXT + "\n").encode()).hexdigest()
ROAD = [
    ("road", "ControlChanged", "took back the town"),
    ("road", "Statement", f"{SECRET} saw it"),
]


def file_digest(desk: Desk, id_: str = "road") -> str:
    return desk.reader.report(id_)[0].report_version


def test_a_withheld_claim_leaves_the_timeline_and_the_rest_stays(desk: Desk) -> None:
    desk.file()
    assert sorted(desk.entries()) == ROAD
    position = desk.position("report-road", "Statement")

    done = desk.withholding.withhold([position], [], REASON)

    assert (done.positions, done.documents) == ((position,), ())
    assert desk.entries() == [ROAD[0]]
    stored = desk.store.event_at(position)
    assert stored is not None
    assert (stored.data, stored.salt) == (None, None)
    desk.all_holds()


def test_a_withheld_claim_no_longer_moves_control(desk: Desk) -> None:
    desk.file()
    assert desk.reader.control_history("khanasser") != ()

    desk.withholding.withhold([desk.position("report-road", "ControlChanged")], [], REASON)

    assert desk.reader.control_history("khanasser") == ()
    desk.all_holds()


def test_the_marker_names_what_was_erased_and_why_in_the_reports_stream(desk: Desk) -> None:
    desk.file()
    position = desk.position("report-road", "Statement")

    done = desk.withholding.withhold(
        [position], [TEXT_DIGEST], REASON, requested_by="the person's lawyer"
    )

    marker = desk.store.event_at(done.markers[0])
    assert marker is not None
    assert (marker.type, marker.stream) == ("ContentWithheld", "report-road")
    assert marker.data is not None
    assert decode(marker.type, marker.schema_version, marker.data) == ContentWithheld(
        positions=(position,),
        documents=(TEXT_DIGEST,),
        reason=REASON,
        requested_by="the person's lawyer",
    )


def test_a_withheld_document_takes_its_quotes_with_it(desk: Desk) -> None:
    desk.file()

    done = desk.withholding.withhold([], [TEXT_DIGEST], REASON)

    assert sorted(desk.entries()) == [
        ("road", "ControlChanged", None),
        ("road", "Statement", None),
    ]
    assert desk.store.document(TEXT_DIGEST) == Document(TEXT_DIGEST, "text/plain", None)
    assert done.notes == (
        f"document {file_digest(desk)} of report 'road' holds its words; withhold it too",
    )
    desk.all_holds()


def test_a_withheld_filing_takes_all_its_claims_with_it(desk: Desk) -> None:
    desk.file()

    done = desk.withholding.withhold([desk.position("report-road", "ReportFiled")], [], REASON)

    assert desk.entries() == []
    assert desk.reader.report("road") == ()
    assert [n for n in done.notes if "is of a version that is withheld" in n] == [
        f"position {desk.position('report-road', name)} ({name}) is of a version that is withheld;"
        " withhold it too"
        for name in ("ControlChanged", "Statement")
    ]
    desk.all_holds()


def test_a_whole_report_is_withheld_with_its_documents_and_amendments(desk: Desk) -> None:
    desk.file()
    desk.file("other", text="The army took back the town. " + SECRET + " saw it. Again.")
    desk.amending.correct(
        "road", "c2", {"attributed_to": SECRET}, basis=Basis.CODING, reason="the full name"
    )
    digests = {file_digest(desk), TEXT_DIGEST}

    done = desk.withholding.withhold_report("road", REASON)

    assert set(done.documents) == digests
    assert len(done.positions) == 4
    assert done.notes == ()
    assert {report for report, _, _ in desk.entries()} == {"other"}
    held = [e.data for e in desk.store.read_stream("report-road") if e.type != "ContentWithheld"]
    assert held == [None] * 4
    desk.all_holds()
    with pytest.raises(NotFound):
        desk.withholding.withhold_report("road", REASON)


def test_withholding_again_does_nothing(desk: Desk) -> None:
    desk.file()
    position = desk.position("report-road", "Statement")
    desk.withholding.withhold([position], [TEXT_DIGEST], REASON)
    head = desk.store.head()

    again = desk.withholding.withhold([position], [TEXT_DIGEST], REASON)

    assert (again.positions, again.documents, again.markers) == ((), (), ())
    assert desk.store.head() == head


def test_a_withheld_report_filed_again_is_not_resurrected(desk: Desk) -> None:
    desk.file()
    digest = file_digest(desk)
    desk.withholding.withhold_report("road", REASON)
    head = desk.store.head()

    with suppress(InvalidReport):  # refused, or nothing is appended
        assert desk.file().events == 0

    assert desk.store.head() == head
    assert desk.entries() == []
    assert desk.store.documents([digest])[digest].content is None
    desk.all_holds()


def test_a_withheld_report_filed_again_is_refused_with_a_clear_sentence(desk: Desk) -> None:
    desk.file()
    digest = file_digest(desk)
    refuse_withheld(desk.store, "road.yaml", "road", digest)
    desk.withholding.withhold([desk.position("report-road", "ReportFiled")], [], REASON)

    with pytest.raises(InvalidReport, match=r"road\.yaml: was withheld .* a redacted text may be"):
        refuse_withheld(desk.store, "road.yaml", "road", digest)


def test_a_withheld_document_is_refused_under_another_id_too(desk: Desk) -> None:
    desk.file()
    digest = file_digest(desk)
    desk.withholding.withhold_report("road", REASON)

    with pytest.raises(InvalidReport):
        refuse_withheld(desk.store, "road.yaml", "somewhere-else", digest)
    refuse_withheld(desk.store, "road.yaml", "road", "00" * 32)


def test_a_redacted_text_of_a_withheld_report_may_be_filed(desk: Desk) -> None:
    desk.file()
    desk.withholding.withhold_report("road", REASON)

    redacted = "The army took back the town. Somebody saw it."
    path = Path(desk._folder) / "road.yaml"
    path.write_text(
        REPORT.format(id="road", published="2016-02-25", text=redacted, secret="Somebody")
    )
    desk.filing.file(path, Options())

    assert sorted(quote or "" for _, _, quote in desk.entries()) == [
        "Somebody saw it",
        "took back the town",
    ]
    desk.all_holds()


def test_the_store_takes_withheld_data_for_the_same_on_a_retry(desk: Desk) -> None:
    desk.file()
    stored = list(desk.store.read_stream("report-road"))
    desk.withholding.withhold([stored[-1].position], [], REASON)
    head = desk.store.head()
    again = [
        NewEvent(e.event_id, e.type, e.schema_version, e.data or "{}", {"command": "file"})
        for e in stored
    ]
    result = desk.store.append([StreamAppend("report-road", ANY, again)])

    assert (result.appended, result.already) == (0, 3)
    assert desk.store.head() == head
    assert list(desk.store.read_stream("report-road"))[2].data is None


def share_a_text(desk: Desk) -> None:
    desk.file("road")
    desk.file("copy", published="2016-02-26")


def test_a_document_that_another_report_needs_is_not_erased(desk: Desk) -> None:
    share_a_text(desk)
    head = desk.store.head()

    with pytest.raises(InvalidEvent, match="is needed by copy, road"):
        desk.withholding.withhold([], [TEXT_DIGEST], REASON)
    filed = desk.position("report-road", "ReportFiled")
    with pytest.raises(InvalidEvent, match="is needed by copy;"):
        desk.withholding.withhold([filed], [TEXT_DIGEST], REASON)

    assert desk.store.head() == head
    assert len(desk.entries()) == 4


def test_a_shared_document_goes_with_the_last_report_that_needs_it(desk: Desk) -> None:
    share_a_text(desk)

    done = desk.withholding.withhold_report("road", REASON)
    assert TEXT_DIGEST not in done.documents
    assert done.notes == (f"document {TEXT_DIGEST} is kept: report 'copy' has it too",)
    assert {quote for _, _, quote in desk.entries()} == {q for _, _, q in ROAD}
    desk.all_holds()

    assert TEXT_DIGEST in desk.withholding.withhold_report("copy", REASON).documents
    assert desk.entries() == []
    desk.all_holds()


def test_a_shared_document_goes_when_that_is_asked_for(desk: Desk) -> None:
    share_a_text(desk)

    done = desk.withholding.withhold([], [TEXT_DIGEST], REASON, even_shared=True)

    assert len(done.markers) == 2
    assert {quote for _, _, quote in desk.entries()} == {None}
    desk.all_holds()


def test_a_document_that_no_report_names_is_withheld_too(desk: Desk) -> None:
    document = Document.of("text/plain", SECRET.encode())
    desk.store.append([], [document])

    done = desk.withholding.withhold([], [document.digest], REASON)

    marker = desk.store.event_at(done.markers[0])
    assert marker is not None
    assert marker.stream == "withheld-documents"
    desk.all_holds()


@pytest.mark.parametrize("type_", ["ClaimRetracted", "ReportRetracted", "ClaimReinstated"])
def test_an_amendment_is_not_undone_by_withholding_it(desk: Desk, type_: str) -> None:
    desk.file()
    target = None if type_ == "ReportRetracted" else "c1"
    desk.amending.retract("road", target, basis=Basis.CODING)
    if type_ == "ClaimReinstated":
        desk.amending.reinstate("road", "c1", basis=Basis.CODING)
    before = desk.entries()

    with pytest.raises(InvalidEvent, match=f"{type_}. decides whether the claim"):
        desk.withholding.withhold([desk.position("report-road", type_)], [], REASON)

    assert desk.entries() == before


def test_an_amendment_goes_with_the_claim_that_it_is_about(desk: Desk) -> None:
    desk.file()
    desk.amending.retract("road", "c1", basis=Basis.CODING)
    claim = desk.position("report-road", "ControlChanged")
    retraction = desk.position("report-road", "ClaimRetracted")

    desk.withholding.withhold([claim, retraction], [], REASON)

    assert desk.entries() == [ROAD[1]]
    desk.all_holds()


def test_what_still_holds_words_of_a_withheld_claim_is_told(desk: Desk) -> None:
    desk.file()
    corrected = desk.amending.correct(
        "road", "c2", {"attributed_to": SECRET + " the second"}, basis=Basis.CODING
    )

    claim = desk.position("report-road", "Statement")
    told = desk.withholding.withhold([claim], [], REASON).notes

    assert told == (
        f"position {corrected} (ClaimCorrected) is about a withheld claim; withhold it too",
    )
    desk.withholding.withhold([corrected], [], REASON)
    desk.all_holds()


def test_a_correction_that_is_withheld_leaves_the_claim_as_it_was(desk: Desk) -> None:
    desk.file()
    corrected = desk.amending.correct("road", "c2", {"attributed_to": "x"}, basis=Basis.CODING)
    claim = desk.position("report-road", "Statement")

    done = desk.withholding.withhold([corrected], [], REASON)

    assert done.notes == (
        f"the claim at position {claim} stands as it was before position {corrected}",
    )
    assert [e.is_amended for e in desk.reader.claims([desk_claim_id(desk, claim)])] == [False]
    desk.all_holds()


def desk_claim_id(desk: Desk, position: int) -> str:
    with desk.store.engine.connect() as connection:
        e = tables.entries.c
        return str(
            connection.execute(select(e.claim_id).where(e.position == position)).scalar_one()
        )


def test_what_cannot_be_withheld_is_refused_and_nothing_is_written(desk: Desk) -> None:
    desk.file()
    marker = desk.withholding.withhold(
        [desk.position("report-road", "Statement")], [], REASON
    ).markers[0]
    head = desk.store.head()

    with pytest.raises(NotFound, match="no event at position 99"):
        desk.withholding.withhold([2, 99], [], REASON)
    with pytest.raises(NotFound, match="there is no document 00"):
        desk.withholding.withhold([], ["00" * 32], REASON)
    with pytest.raises(InvalidEvent, match="says what is withheld"):
        desk.withholding.withhold([marker], [], REASON)
    with pytest.raises(InvalidEvent, match="stream place-khanasser; only what reports say"):
        desk.withholding.withhold([1], [], REASON)
    for reason in ("", "  ", "x" * 2_001):
        with pytest.raises(InvalidEvent, match="say why"):
            desk.withholding.withhold([3], [], reason)
    with pytest.raises(InvalidEvent, match="one withholding takes"):
        desk.withholding.withhold(range(1, 10_002), [], REASON)

    assert desk.store.head() == head


def test_a_seal_and_a_proof_from_before_hold_after_a_withholding(desk: Desk) -> None:
    desk.file()
    engine = desk.store.engine
    sealed = seal(engine, "main", KEY, NOW)
    position = desk.position("report-road", "Statement")
    before = proof(engine, "main", position, sealed)

    desk.withholding.withhold_report("road", REASON)

    assert verify_seal(engine, "main", sealed, [KEY.public_key()]).holds
    assert verify_proof(before, sealed).is_content_proved
    after = verify_proof(proof(engine, "main", position, sealed), sealed)
    assert (after.holds, after.is_content_proved) == (True, False)


def test_another_casebook_keeps_what_one_withholds(desk: Desk, tmp_path: Path) -> None:
    desk.file()
    other = EventStore(desk.store.engine, "other", lambda: NOW)
    other.open_casebook("UTC", "syria")
    put(other, "report-road", *(f"n{number}" for number in range(9)))
    other.append([], [Document.of("text/plain", (TEXT + "\n").encode())])

    desk.withholding.withhold_report("road", REASON)

    assert all(event.data is not None for event in other.read())
    found = other.document(TEXT_DIGEST)
    assert found is not None
    assert found.content is not None


def without_secure_delete(engine: Engine) -> None:
    """As a SQLite that was not compiled to overwrite what is deleted."""
    for connection in [engine.connect() for _ in range(5)]:
        connection.exec_driver_sql("PRAGMA secure_delete = OFF")
        connection.close()


def test_no_erased_byte_stays_in_a_sqlite_file(desk: Desk, tmp_path: Path) -> None:
    if desk.store.engine.dialect.name != "sqlite":
        pytest.skip("docs/sealing.md tells what Postgres keeps")
    without_secure_delete(desk.store.engine)
    long_text = TEXT + " padding" * 2_000
    for number in range(5):
        desk.file(f"road{number}", text=f"{long_text} {number}")
        desk.amending.correct(f"road{number}", "c2", {"attributed_to": SECRET}, basis=Basis.CODING)
    files = [p for p in tmp_path.iterdir() if p.name.startswith("timeline.db")]
    assert any(SECRET.encode() in p.read_bytes() for p in files)

    for number in range(5):
        done = desk.withholding.withhold_report(f"road{number}", REASON)
        assert done.is_scrubbed

    files = [p for p in tmp_path.iterdir() if p.name.startswith("timeline.db")]
    assert [p.name for p in files if SECRET.encode() in p.read_bytes()] == []
    desk.all_holds()


def test_a_file_that_somebody_reads_is_not_called_scrubbed(desk: Desk) -> None:
    if desk.store.engine.dialect.name != "sqlite":
        pytest.skip("Postgres is scrubbed by its owner")
    desk.file()
    with desk.store.engine.connect() as reading, reading.begin():
        reading.exec_driver_sql("PRAGMA busy_timeout = 50")
        assert reading.exec_driver_sql("SELECT count(*) FROM events").scalar_one() > 0
        for connection in [desk.store.engine.connect() for _ in range(4)]:
            connection.exec_driver_sql("PRAGMA busy_timeout = 50")
            connection.close()
        done = desk.withholding.withhold_report("road", REASON)

    assert not done.is_scrubbed
    assert len(done.positions) == 3


def test_an_emptied_row_that_nobody_withheld_is_found(desk: Desk) -> None:
    desk.file()
    position = desk.position("report-road", "Statement")
    other = desk.position("report-road", "ControlChanged")
    desk.withholding.withhold([position], [], REASON)
    with desk.store.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE events SET data = NULL, salt = NULL WHERE position = {other}"
        )

    result = verify_log(desk.store.engine, "main")

    assert (result.holds, result.position) == (False, other)


def test_a_report_filed_under_a_changed_claim_set_is_not_half_resurrected(desk: Desk) -> None:
    desk.file()
    stored = list(desk.store.read_stream("report-road"))
    desk.withholding.withhold_report("road", REASON)
    first = stored[0]
    kept = NewEvent(first.event_id, first.type, first.schema_version, first.data or "{}")
    new = NewEvent("6f2b1d0e-8c3a-5b7e-9d41-0a1b2c3d4e5f", "Clash", 1, "{}")
    version = desk.store.stream_version("report-road")
    with pytest.raises(PartlyAppended):
        desk.store.append([StreamAppend("report-road", version, [kept, new])])
