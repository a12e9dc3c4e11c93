"""`timeline token`, and who is told to have made a change on the command line."""

from __future__ import annotations

import getpass

from tests.acceptance.conftest import Cli

REPORT = "published: 2016-02-25\nclaims: [{type: Clash, place: {as_named: Khanasser}}]\n"


def test_a_token_is_shown_once_listed_and_revoked(on_sqlite: Cli) -> None:
    made = on_sqlite.done(
        "token", "create", "Night desk", "--role", "editor", "--expires", "2099-12-31", "--json"
    ).json
    told = on_sqlite.done("token", "create", "Reader").out.splitlines()
    on_sqlite.done("token", "revoke", made["token_id"])

    listed = on_sqlite.done("token", "list", "--json").json

    assert made["token"].startswith(f"tl_{made['token_id']}_")
    assert told[1].startswith("tl_")
    assert [(t["name"], t["role"], t["state"]) for t in listed] == [
        ("Night desk", "editor", "revoked"),
        ("Reader", "reader", "valid"),
    ]
    assert "never" in on_sqlite.done("token", "list").out
    assert "was revoked before" in on_sqlite.done("token", "revoke", made["token_id"]).out


def test_a_token_that_cannot_be_is_refused_in_one_line(on_sqlite: Cli) -> None:
    assert "no token has the id 'x'" in on_sqlite.refused("token", "revoke", "x")
    past = on_sqlite.refused("token", "create", "a", "--expires", "2016-02-25")
    assert past == "date '2016-02-25': is past already"
    assert on_sqlite("token", "create", "a", "--role", "boss").code == 2
    assert on_sqlite.done("token", "list", "--json").json == []


def test_the_log_tells_who_filed_and_a_mutation_needs_no_token_here(on_sqlite: Cli) -> None:
    on_sqlite.done("file", on_sqlite.write("a.yaml", REPORT))
    query = f"{{ event(position: {on_sqlite.head}) {{ author via }} }}"

    assert on_sqlite.done("query", query).json["data"]["event"] == {
        "author": getpass.getuser(),
        "via": "cli",
    }
    given = '{placeId: "x", name: "X", kind: town}'
    mutation = f"mutation {{ registerPlace(input: {given}) {{ version }} }}"
    done = on_sqlite.done("query", mutation).json
    assert done == {"data": {"registerPlace": {"version": 1}}}
