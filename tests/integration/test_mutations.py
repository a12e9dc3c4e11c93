"""Changes by GraphQL, over HTTP: what they append, what they answer, and what a user can mend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.conftest import SteppableClock
from tests.integration.asgi import Client
from tests.integration.conftest import WORLD, Desk
from timeline.api.access import Gate
from timeline.api.app import create_app
from timeline.store.tokens import Role

FILE = """mutation($input: FileReportInput!) { fileReport(input: $input) {
  outcome claims notes position version report { id title claims { type } }
  errors { __typename message ... on UnknownPlace { name suggestions }
    ... on InvalidDate { text } ... on Conflict { expected actual } } } }"""
CORRECT = """mutation($input: CorrectClaimInput!) { correctClaim(input: $input) {
  position version claim { occurred { edtf } isAmended } report { id }
  errors { __typename message ... on InvalidDate { text } ... on Conflict { actual } } } }"""
AMENDED = "{ position version claim { type } errors { __typename message } }"
PLACE = """mutation($input: RegisterPlaceInput!) { registerPlace(input: $input) {
  place { id name kind latitude within { name } names { name language } } position version
  errors { __typename message ... on UnknownPlace { name } } } }"""
INCIDENT = """{ claims incidents { id corroborating { claimId } } position version
  errors { __typename message } }"""


class Editor:
    """Who asks with a token of an editor, or of another role."""

    def __init__(self, desk: Desk, client: Client) -> None:
        self.desk, self.client = desk, client
        self.token = desk.app.tokens.create("Ed", Role.EDITOR, None, "UTC")[1]

    def do(self, query: str, **given: Any) -> Any:  # noqa: ANN401
        """The payload of a mutation with one input, that must have no errors outside of it."""
        answer = self.client.ask(query, self.token, input=given).json()
        assert "errors" not in answer, answer
        [payload] = answer["data"].values()
        return payload

    def file(self, name: str, **given: Any) -> Any:  # noqa: ANN401
        return self.do(FILE, name=name, content=WORLD[name], **given)


@pytest.fixture
def editor(desk: Desk) -> Iterator[Editor]:
    app = desk.app
    gate = Gate(app.tokens, app.commands)
    client = Client(create_app(app.reader, app.store, app.runner.catch_up, gate=gate))
    yield Editor(desk, client)
    client.close()


def test_a_report_is_filed_read_at_once_and_filed_once(editor: Editor) -> None:
    before = editor.desk.head
    payload = editor.file("fall.yaml")
    again = editor.file("fall.yaml")

    assert payload == {
        "outcome": "filed",
        "claims": 2,
        "notes": [],
        "position": before + 4,  # its source, itself and two claims
        "version": 3,
        "report": {
            "id": "fall",
            "title": None,
            "claims": [{"type": "ControlChanged"}, {"type": "Clash"}],
        },
        "errors": [],
    }
    assert (again["outcome"], again["position"], again["report"]["id"]) == (
        "already_filed", None, "fall",
    )  # fmt: skip
    assert editor.desk.holder("2016-02-24") == "controlled Islamic State"


def test_what_is_filed_bears_the_tokens_name(editor: Editor) -> None:
    position = editor.file("fall.yaml")["position"]
    query = "query($p: Position!) { event(position: $p) { author via type } }"

    told = editor.client.ask(query, None, p=position).json()["data"]["event"]
    metadata = msgspec.json.decode(next(editor.desk.app.store.read(position - 1)).metadata)

    assert told == {"author": "Ed", "via": "graphql", "type": "Clash"}
    [token] = editor.desk.app.tokens.all()
    assert metadata == {"command": "file", "by": "Ed", "via": "graphql", "token": token.token_id}


def test_what_a_user_can_mend_is_data(editor: Editor) -> None:
    head = editor.desk.head

    def error(text: str, name: str = "a.yaml", **given: Any) -> Any:  # noqa: ANN401
        payload = editor.do(FILE, name=name, content=text, **given)
        assert payload["report"] is payload["position"] is None
        [found] = payload["errors"]
        return found

    claim = "published: 2016-02-25\nclaims: [{type: Clash, place: {as_named: %s}, occurred: %s}]"
    assert error(claim % ("Khanaser", "2016-02-30")) == {
        "__typename": "InvalidDate",
        "message": "a.yaml: claims[0].occurred: date '2016-02-30': is no day of the calendar",
        "text": "2016-02-30",
    }
    assert error(claim % ("Atlantis", "2016-02-20"), knownPlaces=True) == {
        "__typename": "UnknownPlace",
        "message": "no place is known by the name 'Atlantis'",
        "name": "Atlantis",
        "suggestions": [],
    }
    assert error(claim % ("Khanasser", "2016-02-20"), expectedVersion=7) == {
        "__typename": "Conflict",
        "message": error(claim % ("Khanasser", "2016-02-20"), expectedVersion=7)["message"],
        "expected": 7,
        "actual": 0,
    }
    assert error("claims: []", "a.pdf")["__typename"] == "InvalidInput"
    assert error("x", "../../a.txt")["message"].startswith("a.txt: does not say when")
    assert error(" ", "a.txt")["message"] == "a.txt: is empty"
    neither = editor.do(FILE, name="a.txt")["errors"]
    assert neither[0]["message"] == "a.txt: is given by a file or by its content, and not by both"
    assert editor.desk.head == head


def test_prose_is_extracted_without_being_stored_and_then_filed(editor: Editor) -> None:
    head = editor.desk.head
    text = "---\npublished: 2016-02-24\n---\nIS captured Khanasser on 23 February 2016.\n"
    query = """mutation($input: ExtractInput!) { extract(input: $input) { published
      claims { type place { placeId } evidence { quote } } errors { message } } }"""

    extracted = editor.do(query, name="a.txt", content=text)

    assert extracted["published"] == "2016-02-24"
    assert [(c["type"], c["place"]["placeId"]) for c in extracted["claims"]] == [
        ("ControlChanged", "khanasser")
    ]
    assert editor.desk.head == head
    filed = editor.do(FILE, name="a.txt", content=text)
    assert filed["report"]["claims"] == [{"type": "ControlChanged"}]


def test_a_claim_is_corrected_retracted_and_reinstated(editor: Editor) -> None:
    editor.file("fall.yaml")
    target = {"reportId": "fall", "claim": "c1", "basis": "coding"}
    changes = {"occurred": "2016-02-22"}

    corrected = editor.do(CORRECT, **target, changes=changes, expectedVersion=3)
    late = editor.do(CORRECT, **target, changes=changes, expectedVersion=3)
    no_day = editor.do(CORRECT, **target, changes={"occurred": "2016-02-30"})
    retracted = editor.do(
        f"mutation($input: AmendClaimInput!) {{ retractClaim(input: $input) {AMENDED} }}", **target
    )
    assert editor.desk.holder("2016-02-24") == "unknown"
    reinstated = editor.do(
        f"mutation($input: AmendClaimInput!) {{ reinstateClaim(input: $input) {AMENDED} }}",
        **target,
    )

    assert corrected["claim"] == {"occurred": {"edtf": "2016-02-22"}, "isAmended": True}
    assert (corrected["version"], corrected["errors"]) == (4, [])
    assert (late["errors"][0]["__typename"], late["errors"][0]["actual"]) == ("Conflict", 4)
    assert late["claim"] is None
    assert (no_day["errors"][0]["__typename"], no_day["errors"][0]["text"]) == (
        "InvalidDate", "2016-02-30",
    )  # fmt: skip
    assert (retracted["claim"], retracted["version"]) == (None, 5)
    assert (reinstated["claim"], reinstated["version"]) == ({"type": "ControlChanged"}, 6)
    unknown = editor.do(CORRECT, reportId="nope", claim="c1", basis="coding", changes=changes)
    assert unknown["errors"][0]["__typename"] == "UnknownTarget"


def test_a_report_is_retracted(editor: Editor) -> None:
    editor.file("fall.yaml")
    query = "mutation($input: RetractReportInput!) { retractReport(input: $input) {} }"

    payload = editor.do(query.replace("{}", AMENDED), reportId="fall", basis="coding")
    undated = editor.do(query.replace("{}", AMENDED), reportId="fall", basis="source")

    assert payload["errors"] == []
    assert editor.desk.entries() == []
    assert undated["errors"][0]["__typename"] == "InvalidInput"


def test_the_same_key_gives_the_first_answer_and_changes_nothing(
    editor: Editor, clock: SteppableClock
) -> None:
    editor.file("fall.yaml")
    given = {"reportId": "fall", "claim": "c1", "basis": "coding", "idempotencyKey": "k-1"}
    first = editor.do(CORRECT, **given, changes={"occurred": "2016-02-22"})
    head = editor.desk.head

    again = editor.do(CORRECT, **given, changes={"occurred": "2016-02-22"})
    other = editor.do(CORRECT, **given, changes={"occurred": "2016-02-21"})
    assert editor.desk.head == head
    clock.step(24 * 3600 + 1)
    later = editor.do(CORRECT, **given, changes={"occurred": "2016-02-21"})

    assert again == first
    assert other["errors"] == [
        {
            "__typename": "Conflict",
            "message": "the idempotency key 'k-1' was given with another input; take a new key",
            "actual": None,
        }
    ]
    assert later["version"] == first["version"] + 1


def test_a_refused_request_leaves_its_key_free(editor: Editor) -> None:
    given = {"reportId": "fall", "claim": "c1", "basis": "coding", "idempotencyKey": "k"}
    early = editor.do(CORRECT, **given, changes={"occurred": "2016-02-22"})
    editor.file("fall.yaml")

    assert early["errors"][0]["__typename"] == "UnknownTarget"
    assert editor.do(CORRECT, **given, changes={"occurred": "2016-02-22"})["errors"] == []


def test_keys_of_two_tokens_do_not_meet(editor: Editor) -> None:
    editor.file("fall.yaml", idempotencyKey="k")
    editor.token = editor.desk.app.tokens.create("Al", Role.EDITOR, None, "UTC")[1]

    assert editor.file("retaken.yaml", idempotencyKey="k")["outcome"] == "filed"


def test_claims_are_linked_and_unlinked_in_the_tokens_name(editor: Editor) -> None:
    editor.file("fall.yaml")
    given = {"claims": ["fall/c1", "fall/c2"], "reason": "one attack"}
    query = "mutation($input: LinkIncidentsInput!) {{ {}(input: $input) {} }}"

    linked = editor.do(query.format("linkIncidents", INCIDENT), **given)
    again = editor.do(query.format("linkIncidents", INCIDENT), **given)
    unlinked = editor.do(query.format("unlinkIncidents", INCIDENT), **given)
    lone = editor.do(query.format("linkIncidents", INCIDENT), claims=["fall/c1"], reason="x")

    assert linked["errors"] == []
    assert len(linked["incidents"]) == 1
    assert again["position"] is None
    assert len(unlinked["incidents"]) == 2
    assert lone["errors"][0]["message"] == "name at least two claims"
    assert (linked["version"], again["version"], unlinked["version"]) == (1, 1, 2)
    late = editor.do(query.format("linkIncidents", INCIDENT), **given, expectedVersion=1)
    assert late["errors"][0] == {"__typename": "Conflict", "message": late["errors"][0]["message"]}
    right = editor.do(query.format("linkIncidents", INCIDENT), **given, expectedVersion=2)
    assert (right["errors"], right["version"]) == ([], 3)
    last = next(editor.desk.app.store.read(unlinked["position"] - 1))
    assert msgspec.json.decode(last.data or "")["requested_by"] == "Ed"


def test_a_place_and_an_actor_are_registered_once(editor: Editor) -> None:
    given = {
        "placeId": "tal-x", "name": "Tal X", "kind": "village", "latitude": 35.5,
        "longitude": 37.5, "within": "khanasser", "names": [{"name": "تل", "language": "ar"}],
    }  # fmt: skip

    made = editor.do(PLACE, **given)
    again = editor.do(PLACE, **given)
    lost = editor.do(PLACE, placeId="y", name="Y", kind="town", within="nowhere")
    wrong = editor.do(PLACE, placeId="Y y", name="Y", kind="town")
    high = editor.do(PLACE, placeId="y", name="Y", kind="town", latitude=91, longitude=0)

    assert made["errors"] == []
    assert made["place"] == {
        "id": "tal-x", "name": "Tal X", "kind": "village", "latitude": 35.5,
        "within": {"name": "Khanasser"}, "names": [{"name": "تل", "language": "ar"}],
    }  # fmt: skip
    assert (made["position"], made["version"]) == (editor.desk.head, 1)
    assert [p["errors"][0]["__typename"] for p in (again, lost, wrong, high)] == [
        "Conflict", "UnknownPlace", "InvalidInput", "InvalidInput",
    ]  # fmt: skip
    actor = editor.do(
        """mutation($input: RegisterActorInput!) { registerActor(input: $input) {
        actor { id name } version errors { __typename } } }""",
        actorId="new-front",
        name="New Front",
        kind="non_state_armed_group",
    )
    assert actor == {"actor": {"id": "new-front", "name": "New Front"}, "version": 1, "errors": []}


MULTIPART = "multipart/form-data"
UPLOAD = {"query": FILE, "variables": {"input": {"file": None}}}
MAP = {"0": ["variables.input.file"]}


def upload(
    editor: Editor,
    operations: object = UPLOAD,
    places: object = MAP,
    content: bytes = WORLD["fall.yaml"].encode(),
    **headers: str,
) -> Any:  # noqa: ANN401
    return editor.client.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": json.dumps(places)},
        files={"0": ("fall.yaml", content, "application/yaml")},
        headers={"authorization": f"Bearer {editor.token}"} | headers,
    )


def test_a_file_is_uploaded_by_the_multipart_specification(editor: Editor) -> None:
    response = upload(editor)

    payload = response.json()["data"]["fileReport"]
    assert (payload["errors"], payload["outcome"], payload["claims"]) == ([], "filed", 2)
    assert upload(editor).json()["data"]["fileReport"]["outcome"] == "already_filed"


@pytest.mark.parametrize(
    ("operations", "places"),
    [
        ([UPLOAD], MAP),
        (UPLOAD, {"1": ["variables.input.file"]}),
        (UPLOAD, {"0": ["variables.input.name"]}),
        (UPLOAD, {"0": ["variables.input.file.0"]}),
        (UPLOAD, {"0": ["query"]}),
        (UPLOAD, {"0": "variables.input.file"}),
        (UPLOAD, {"0": []}),
        (UPLOAD, []),
        ("x", MAP),
    ],
)
def test_what_breaks_the_multipart_specification_is_refused(
    editor: Editor, operations: object, places: object
) -> None:
    response = upload(editor, operations, places)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


def test_a_form_of_another_site_cannot_upload(editor: Editor) -> None:
    form = {
        "data": {"operations": json.dumps(UPLOAD), "map": json.dumps(MAP)},
        "files": {"0": ("a.txt", b"x")},
    }
    plain = editor.client.post("/graphql", **form)
    asked = editor.client.post("/graphql", headers={"graphql-require-preflight": "1"}, **form)

    assert plain.status_code == 403
    assert asked.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"  # but no token


def test_uploads_are_bounded_and_an_upload_is_no_text(editor: Editor) -> None:
    head = editor.desk.head
    large = upload(editor, content=b"x" * 2_000_001).json()["data"]["fileReport"]
    huge = upload(editor, content=b"x" * 10_000_001)
    written = editor.client.ask(FILE, editor.token, input={"file": "x"}).json()
    broken = editor.client.post(
        "/graphql",
        content=b"--x\r\nnothing",
        headers={"content-type": f"{MULTIPART}; boundary=x", "authorization": "Bearer x"}
        | {"authorization": f"Bearer {editor.token}"},
    )
    without = editor.client.post(
        "/graphql",
        content=b"x",
        headers={"content-type": MULTIPART, "authorization": f"Bearer {editor.token}"},
    )

    assert "is larger than 2,000,000 bytes" in large["errors"][0]["message"]
    assert huge.status_code == 413
    assert written["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert (broken.status_code, without.status_code) == (400, 400)
    assert editor.desk.head == head


REVIEW = """{ claimId review position version claim { type review occurred { edtf } }
  errors { __typename message } }"""


def test_a_claim_is_signed_in_the_tokens_name_or_rejected_or_added(editor: Editor) -> None:
    editor.file("fall.yaml")
    sign = f"mutation($input: ReviewClaimInput!) {{ reviewClaim(input: $input) {REVIEW} }}"
    add = f"mutation($input: AddClaimInput!) {{ addClaim(input: $input) {REVIEW} }}"
    c1 = {"reportId": "fall", "claim": "c1"}

    put_right = {"verdict": "accepted", "changes": {"occurred": "2016-02-22"}}
    accepted = editor.do(sign, **c1, **put_right, expectedVersion=3)
    late = editor.do(sign, **c1, verdict="rejected", reason="no", expectedVersion=3)
    silent = editor.do(sign, **c1, verdict="rejected")
    rejected = editor.do(sign, reportId="fall", claim="c2", verdict="rejected", reason="no")
    added = editor.do(add, reportId="fall", claim={"type": "Clash", "quote": "after a clash"})
    again = editor.do(add, reportId="fall", claim={"type": "Clash", "quote": "after a clash"})

    assert (accepted["errors"], accepted["review"], accepted["version"]) == ([], "corrected", 5)
    assert accepted["claim"]["occurred"] == {"edtf": "2016-02-22"}
    assert late["errors"][0]["__typename"] == "Conflict"
    assert silent["errors"][0]["message"].startswith("say why the claim is rejected")
    assert (rejected["review"], rejected["claim"]) == ("rejected", None)
    assert added["claim"] == {"type": "Clash", "review": "accepted", "occurred": {"edtf": None}}
    assert again["errors"][0]["__typename"] == "InvalidInput"
    last = next(editor.desk.app.store.read(added["position"]))
    assert msgspec.json.decode(last.data or "")["requested_by"] == "Ed"
