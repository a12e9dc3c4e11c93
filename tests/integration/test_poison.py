"""An event that cannot be projected stops its projection, nothing else, and nothing is skipped."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import DataError, IntegrityError

from tests.integration.asgi import Client
from tests.integration.conftest import WORLD, Desk
from timeline import cli
from timeline.api.access import Gate
from timeline.api.app import create_app
from timeline.bootstrap import all_projections
from timeline.cli_common import run
from timeline.errors import DatabaseBusy, ProjectionFailed, ProjectionHalted
from timeline.filing.identity import event_id
from timeline.projections import tables
from timeline.projections.batches import Batch
from timeline.projections.entries import EntriesProjection
from timeline.projections.feeding import reason_of
from timeline.projections.replaying import checksum, verified
from timeline.projections.reports import ReportsProjection
from timeline.projections.runner import Runner
from timeline.store.engine import read_transaction
from timeline.store.events import ANY, NewEvent, StreamAppend
from timeline.store.tokens import Role

Patch = pytest.MonkeyPatch


def poison(patch: Patch, projection: type, report_id: str, error: Exception | None = None) -> None:
    """Let one report be what a projection cannot take."""
    applied: Callable[[object, Batch], None] = projection.apply  # type: ignore[attr-defined]

    def apply(self: object, batch: Batch) -> None:
        if report_id in batch.report_ids:
            raise error or ValueError(f"no sense can be made of {report_id}")
        applied(self, batch)

    patch.setattr(projection, "apply", apply)


@contextmanager
def poisoned(patch: Patch, projection: type, report_id: str) -> Iterator[None]:
    with patch.context() as patched:
        poison(patched, projection, report_id)
        yield


def states(desk: Desk) -> dict[str, tuple[str, int]]:
    return {s.name: (s.state, s.position) for s in desk.app.runner.status()}


def first_position(desk: Desk, report_id: str) -> int:
    return next(e.position for e in desk.app.store.read_stream(f"report-{report_id}"))


def file_all(desk: Desk) -> None:
    for name, text in WORLD.items():
        desk.file(name, text)


def test_a_poison_event_stops_its_projection_and_those_that_read_it(
    desk: Desk, monkeypatch: Patch
) -> None:
    with poisoned(monkeypatch, EntriesProjection, "wire"):
        file_all(desk)
        failed, head = first_position(desk, "wire"), desk.head

        assert states(desk) == {
            "types": ("live", head),
            "places": ("live", head),
            "actors": ("live", head),
            "reports": ("live", head),
            "timeline": ("stopped", failed - 1),
            "control": ("stopped", failed - 1),
            "incidents": ("stopped", failed - 1),
            "search": ("stopped", failed - 1),
        }
        stopped = {s.name: s for s in desk.app.runner.status()}
    assert stopped["timeline"].failed_position == stopped["control"].failed_position == failed
    assert stopped["timeline"].reason == (
        f"event {failed} stops it: ValueError: no sense can be made of wire"
    )
    assert stopped["control"].reason == "it reads what timeline writes, which is stopped"


def test_what_was_stopped_goes_on_by_itself_and_skips_nothing(
    desk: Desk, monkeypatch: Patch
) -> None:
    with poisoned(monkeypatch, EntriesProjection, "retaken"):
        file_all(desk)
        assert states(desk)["timeline"][0] == "stopped"

    desk.app.runner.catch_up()
    assert {state for state, _ in states(desk).values()} == {"live"}
    assert verified(desk.app.store, all_projections(), desk.app.runner).different == ()


def test_the_position_is_found_within_a_batch_and_what_is_before_it_is_projected(
    desk: Desk, monkeypatch: Patch
) -> None:
    file_all(desk)
    failed = first_position(desk, "wire")
    with desk.app.replay(str(failed - 1)) as replay, read_transaction(replay.engine) as fresh:
        expected = checksum(fresh, tables.entries, "main")
    desk.forget()
    with poisoned(monkeypatch, EntriesProjection, "wire"):
        desk.app.runner.catch_up()

        assert states(desk)["timeline"] == ("stopped", failed - 1)
    assert desk.checksums()["entries"] == expected


def test_filing_goes_on_and_says_what_is_stopped(desk: Desk, monkeypatch: Patch) -> None:
    poison(monkeypatch, EntriesProjection, "fall")
    filed = desk.file("fall.yaml", WORLD["fall.yaml"])
    later = desk.file("wire.yaml", WORLD["wire.yaml"])

    assert (filed.events > 0, later.events > 0) == (True, True)
    note = f"stored, but the projection timeline is stopped at position {filed_from(desk) - 1}"
    assert any(n.startswith(note) for n in filed.notes)
    assert any(n.startswith(note) for n in later.notes)
    assert len(desk.app.reader.report("wire")) == 1


def filed_from(desk: Desk) -> int:
    return first_position(desk, "fall")


def test_nothing_is_filed_by_registers_that_stand_still(desk: Desk, monkeypatch: Patch) -> None:
    # A revision would be taken for another first version.
    with poisoned(monkeypatch, ReportsProjection, "fall"):
        desk.file("fall.yaml", WORLD["fall.yaml"])
        head = desk.head
        with pytest.raises(ProjectionHalted, match="the projection reports is stopped"):
            desk.file("wire.yaml", WORLD["wire.yaml"])

        assert desk.head == head
    assert desk.file("wire.yaml", WORLD["wire.yaml"]).events > 0


def test_a_change_by_graphql_says_which_projection_stands_still(
    desk: Desk, monkeypatch: Patch
) -> None:
    app = desk.app
    token = app.tokens.create("Ed", Role.REPORTER, None, "UTC")[1]
    gate = Gate(app.tokens, app.commands)
    client = Client(create_app(app.reader, app.store, app.runner.catch_up, gate=gate))
    change = "mutation($input: FileReportInput!) { fileReport(input: $input) { position } }"
    with poisoned(monkeypatch, ReportsProjection, "fall"):
        desk.file("fall.yaml", WORLD["fall.yaml"])
        head = desk.head
        given = {"name": "wire.yaml", "content": WORLD["wire.yaml"]}
        answer = client.ask(change, token, input=given).json()

        assert desk.head == head
    client.close()
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "PROJECTION_HALTED", "projection": "reports"}
    assert "no sense can be made" not in json.dumps(answer), "why it stands still is the desk's"


def test_a_busy_database_is_no_poison(desk: Desk, monkeypatch: Patch) -> None:
    desk.file("fall.yaml", WORLD["fall.yaml"])
    desk.forget()
    with monkeypatch.context() as patched:
        poison(patched, EntriesProjection, "fall", DatabaseBusy("held by another"))
        with pytest.raises(DatabaseBusy):
            desk.app.runner.catch_up()
    assert {s.reason for s in desk.app.runner.status()} == {None}


def test_what_a_driver_refuses_is_poison(desk: Desk, monkeypatch: Patch) -> None:
    error = IntegrityError("INSERT ...", {"quote": "secret"}, ValueError("key is taken\nDETAIL"))
    poison(monkeypatch, EntriesProjection, "fall", error)
    desk.file("fall.yaml", WORLD["fall.yaml"])

    assert states(desk)["timeline"][0] == "stopped"


def test_a_reason_is_one_line_and_quotes_no_values() -> None:
    error = DataError("INSERT ...", {"quote": "secret"}, ValueError("NUL\x1b not allowed\nDETAIL"))

    assert reason_of(error) == "DataError: NUL  not allowed"


def test_a_replay_refuses_with_the_position(desk: Desk, monkeypatch: Patch) -> None:
    file_all(desk)
    poison(monkeypatch, EntriesProjection, "wire")
    failed = first_position(desk, "wire")

    with pytest.raises(ProjectionFailed) as caught, desk.app.replay(None):
        pass
    assert (caught.value.name, caught.value.position) == ("timeline", failed)
    with desk.app.replay(str(failed - 1)) as replay:
        assert replay.position == failed - 1


def test_an_unreadable_event_leaves_alone_those_that_need_not_read_it(desk: Desk) -> None:
    append_of_a_newer_release(desk)
    desk.app.runner.catch_up()

    head = desk.head
    assert {n: s for n, (s, p) in states(desk).items() if p == head} == {
        "types": "live",
        "places": "live",
        "actors": "live",
    }
    assert {n for n, (s, _) in states(desk).items() if s == "stopped"} == {
        "reports",
        "timeline",
        "control",
        "incidents",
        "search",
    }


def append_of_a_newer_release(desk: Desk) -> None:
    future = NewEvent(event_id("main", "future"), "Clash", 99, '{"colour":"red"}', {})
    desk.app.store.append([StreamAppend("report-future", ANY, [future])])


def test_the_command_line_warns_and_tells(
    desk: Desk, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.file("fall.yaml", WORLD["fall.yaml"])
    append_of_a_newer_release(desk)
    url = desk.app.settings.database_url
    monkeypatch.setattr(sys, "argv", ["timeline", "--database", url, "show", "Khanasser"])

    assert run(cli.app) == 0
    told = capsys.readouterr()
    assert "Khanasser" in told.out
    warned = f"warning: the projection timeline is stopped at position {desk.head - 1}: event"
    assert warned in told.err

    monkeypatch.setattr(sys, "argv", ["timeline", "--database", url, "status", "--json"])
    assert run(cli.app) == 0
    rows = {p["name"]: p for p in json.loads(capsys.readouterr().out)["projections"]}
    assert (rows["timeline"]["state"], rows["timeline"]["failed_position"]) == (
        "stopped",
        desk.head,
    )
    assert "reason" not in rows["places"]

    monkeypatch.setattr(sys, "argv", ["timeline", "--database", url, "verify"])
    assert run(cli.app) == 1
    assert "not all of the log is projected" in capsys.readouterr().err


def test_a_projection_after_one_that_it_reads_is_required(desk: Desk) -> None:
    with pytest.raises(ValueError, match="control depends on"):
        Runner(desk.app.store, [p for p in all_projections() if p.name != "timeline"])
