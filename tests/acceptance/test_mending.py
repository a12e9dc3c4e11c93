"""Places and actors are mended on the command line; what cannot be is refused in one line."""

from __future__ import annotations

from tests.acceptance.conftest import Cli

PLACES = "- {id: khanaser-2, name: Hanaser Town, kind: town, latitude: 35.7, longitude: 37.4}\n"
ACTORS = "- {id: daesh-2, name: The Organisation, kind: non_state_armed_group}\n"
REPORT = """
id: {id}
published: 2016-02-2{day}
claims:
  - ref: c1
    type: ControlChanged
    place: {{as_named: {place}}}
    actors: [{{as_named: {actor}, role: holder}}]
    occurred: 2016-02-2{day}
"""
MERGE = ("place", "merge", "khanaser-2", "khanasser")
WHY = ("--reason", "one town", "--by", "Anna")


def filed(cli: Cli) -> None:
    cli.done("place", "add", cli.write("places.yml", PLACES))
    cli.done("actor", "add", cli.write("actors.yml", ACTORS))
    one = {"id": "one", "day": 1, "place": "Hanaser Town", "actor": "The Organisation"}
    other = {"id": "other", "day": 5, "place": "Khanasser", "actor": "Syrian army"}
    for told in (one, other):
        path = cli.write(f"{told['id']}.yaml", REPORT.format(**told))
        cli.done("file", path)


def holders(cli: Cli, place: str, at: str, *more: str) -> list[str]:
    shown = cli.done("show", place, "--at", at, "--json", *more).json
    return [h["name"] for h in shown["control"]["holders"]]


def test_a_town_under_two_ids_becomes_one_and_two_again(cli: Cli) -> None:
    filed(cli)
    apart = cli.done("show", "Hanaser Town", "--json").out
    position = cli.head
    assert cli.done(*MERGE, *WHY).out == (
        f"merged khanaser-2 into khanasser, at position {cli.head}\n"
    )

    shown = cli.done("show", "Hanaser Town", "--json").json
    assert shown["place"] == {
        "place_id": "khanasser",
        "name": "Khanasser",
        "matched_by": shown["place"]["matched_by"],
    }
    assert "alias" in str(shown["place"]["matched_by"])
    assert len(shown["entries"]) == 2
    assert holders(cli, "khanaser-2", "2016-02-22") == ["The Organisation"]
    assert holders(cli, "khanaser-2", "2016-02-22", "--known-on", "2016-02-23") == [
        "The Organisation"
    ]
    before = cli.done("replay", "--until", str(position), "--place", "Khanasser", "--json").json
    assert before["places"][0]["control"]["sources"] == 1
    steps = cli.done("replay", "--steps", "--from", str(position + 1)).out
    assert f"position {position + 1}: PlacesMerged khanaser-2 is khanasser: one town" in steps
    assert "ControlChanged 2016-02-21 · holder The Organisation · place changed" in steps
    again = cli.done(*MERGE, *WHY).out
    assert again.startswith("merged khanaser-2 into khanasser, nothing was appended")
    cli.done("place", "unmerge", "khanaser-2", *WHY)
    named = cli.done("place", "merge", "hanaser town", "khanasser", *WHY).out
    assert named.startswith("merged khanaser-2 into khanasser, at position")

    cli.done("place", "unmerge", "khanaser-2", *WHY)
    assert cli.done("show", "Hanaser Town", "--json").out == apart
    assert "projections: equal to a replay" in cli.done("verify").out


def test_a_place_and_an_actor_are_corrected_and_an_actor_is_affiliated(cli: Cli) -> None:
    filed(cli)
    cli.done("place", "correct", "khanaser-2", "--name", "Hanaser", "--latitude", "35.75", *WHY)
    assert cli.done("show", "Hanaser Town", "--json").json["place"]["name"] == "Hanaser"
    cli.done("actor", "merge", "daesh-2", "islamic-state", *WHY)
    assert holders(cli, "Hanaser", "2016-02-22") == ["Islamic State"]
    cli.done("actor", "unmerge", "daesh-2", *WHY)
    cli.done("actor", "correct", "daesh-2", "--name", "Organisation", *WHY)
    assert holders(cli, "Hanaser", "2016-02-22") == ["Organisation"]
    cli.done("actor", "affiliate", "Organisation", "islamic-state", "--according-to", "Anna")
    asked = '{ actor(id: "daesh-2") { affiliations { actor relation accordingTo } } }'
    assert cli.done("query", asked).json["data"]["actor"]["affiliations"] == [
        {"actor": "islamic-state", "relation": "affiliated_with", "accordingTo": "Anna"}
    ]
    assert "projections: equal to a replay" in cli.done("verify").out


def test_what_cannot_be_mended_is_refused_in_one_line(on_sqlite: Cli) -> None:
    filed(on_sqlite)
    on_sqlite.done(*MERGE, *WHY)
    head, refused = on_sqlite.head, on_sqlite.refused

    assert refused("place", "merge", "khanasser", "khanasser") == (
        "place khanasser cannot be merged into itself"
    )
    assert refused("place", "merge", "khanasser", "khanaser-2") == (
        "place khanaser-2 is merged into khanasser; name that one"
    )
    assert "atlantis" in refused("place", "merge", "atlantis", "khanasser")
    assert refused("place", "unmerge", "khanasser") == (
        "place 'khanasser' is merged into no other; give its id"
    )
    assert "Expected `float` <= 90" in refused("place", "correct", "khanasser", "--latitude", "99")
    assert refused("place", "correct", "khanasser", "--unset", "place_id") == (
        "a correction cannot set place_id"
    )
    assert "atlantis" in refused("actor", "merge", "atlantis", "islamic-state")
    assert on_sqlite.head == head
