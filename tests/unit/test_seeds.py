"""The seeds hold together: names are unambiguous, references exist, quotes can be found."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

Entry = dict[str, Any]

SEEDS = Path(__file__).parents[2] / "seeds"
REPORTS = SEEDS / "reports"

UNKNOWN_ON_PURPOSE = {"Khirbat al-Sidr", "Sons of the Steppe Battalion"}

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
ARABIC = re.compile(r"[\u0600-\u06ff]")
DATELINE = re.compile(r"^[A-Z][A-Z -]+, \d{1,2} [A-Z][a-z]+ \d{4} — ", re.MULTILINE)


def words(listed: str) -> set[str]:
    return set(listed.split())


PLACE_KINDS = words(
    "country governorate region city town village neighbourhood airbase base facility"
    " power_station road hill camp crossing island"
)
ACTOR_KINDS = words(
    "state state_forces non_state_armed_group coalition political international_organisation"
    " media civilian monitor"
)
SIDES = words(
    "government-of-syria syrian-opposition islamic-state syrian-democratic-forces"
    " us-led-coalition turkey russia"
)
CLAIM_TYPES = words(
    "ControlChanged ControlStated Withdrawal Clash Airstrike Shelling Bombing SiegeBegan"
    " SiegeEnded RouteCut RouteOpened Movement Agreement Casualties Detention"
    " ViolenceAgainstCivilians AircraftLoss OtherIncident Statement"
)
STATEMENT_KINDS = words("opinion intent identity allegiance presence cause denial pattern other")
PLACE_KEYS = words(
    "id name kind latitude longitude geo_precision within theatre names geonameid connects source"
)
ACTOR_KEYS = words("id name kind side names adjectives acled ucdp affiliations")
AFFILIATIONS = {"part_of", "allied_with", "member_of", "fights_for", "pledged_to"}
REPORT_KEYS = words(
    "id url title source published updated language text claims corrections retractions"
)
CLAIM_KEYS = words(
    "ref type modality polarity certainty statement_kind actors place place2 occurred"
    " sub_event_type quantity fatalities casualties weapons attributed_to quote"
)
VALUES = {
    "modality": {"asserted", "attempted", "denied", "forecast", "hypothetical"},
    "polarity": {"positive", "negated"},
    "certainty": {"certain", "likely", "possible", "doubtful"},
}
ROLES = {"initiator", "target", "holder", "previous_holder", "participant", "candidate"}
RELATIONS = {"at", "in", "near", "between", "toward"}


def read(name: str) -> list[Entry]:
    loaded: list[Entry] = yaml.safe_load((SEEDS / name).read_text(encoding="utf-8"))
    return loaded


def coded_reports() -> dict[str, Entry]:
    return {
        p.name: yaml.safe_load(p.read_text(encoding="utf-8"))
        for p in sorted(REPORTS.glob("*.yaml"))
    }


def prose_reports() -> dict[str, str]:
    files = [p for p in sorted(REPORTS.iterdir()) if p.suffix in {".md", ".txt"}]
    return {p.name: p.read_text(encoding="utf-8") for p in files}


def front_matter(text: str) -> Entry:
    if not text.startswith("---\n"):
        return {}
    loaded: Entry = yaml.safe_load(text.split("---\n", 2)[1])
    return loaded


def body(text: str) -> str:
    return text.split("---\n", 2)[2] if text.startswith("---\n") else text


def evened(name: str) -> str:
    return " ".join(name.casefold().split())


def spellings(entry: Entry) -> list[str]:
    return [entry["name"], *(n["name"] for n in entry.get("names", []))]


def claims(report: Entry) -> list[Entry]:
    told: list[Entry] = report.get("claims", [])
    return told


PLACES = read("places.yaml")
ACTORS = read("actors.yaml")
CODED = coded_reports()
PROSE = prose_reports()
PLACE_IDS = {p["id"] for p in PLACES}
ACTOR_IDS = {a["id"] for a in ACTORS}
ALL_CLAIMS = [(file, c) for file, report in CODED.items() for c in claims(report)]


def test_there_are_enough_places_actors_and_reports() -> None:
    assert len(PLACES) >= 80
    assert len(ACTORS) >= 30
    assert len(CODED) + len(PROSE) >= 12
    assert len(PROSE) >= 3


@pytest.mark.parametrize("entries", [PLACES, ACTORS], ids=["places", "actors"])
def test_ids_are_slugs_and_unique(entries: list[Entry]) -> None:
    ids = [e["id"] for e in entries]

    assert [i for i, n in Counter(ids).items() if n > 1] == []
    assert [i for i in ids if not SLUG.fullmatch(i)] == []


def test_places_have_known_keys_and_kinds() -> None:
    assert [p["id"] for p in PLACES if not set(p) <= PLACE_KEYS] == []
    assert [p["id"] for p in PLACES if p["kind"] not in PLACE_KINDS] == []
    assert {p["theatre"] for p in PLACES} == {"syria"}
    assert {p["source"] for p in PLACES} == {"GeoNames", "UCDP", "OCHA COD-AB", "curated"}


def test_places_lie_in_the_theatre() -> None:
    astray = [
        p["id"]
        for p in PLACES
        if not (32.0 <= p["latitude"] <= 37.5 and 35.5 <= p["longitude"] <= 42.5)
    ]

    assert astray == []
    assert {p["geo_precision"] for p in PLACES} == {1, 2, 3}


def test_every_place_but_the_country_is_within_another_without_a_cycle() -> None:
    within = {p["id"]: p["within"] for p in PLACES}

    assert [i for i, outer in within.items() if outer is None] == ["syria"]
    for place_id in within:
        seen: list[str] = []
        outer: str | None = place_id
        while outer is not None:
            assert outer not in seen, f"{place_id} contains itself"
            seen.append(outer)
            outer = within[outer]
        assert seen[-1] == "syria"


def test_no_two_places_share_a_spelling() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for place in PLACES:
        for name in spellings(place):
            owners[evened(name)].add(place["id"])

    assert {n: ids for n, ids in owners.items() if len(ids) > 1} == {}


def test_no_two_actors_share_a_spelling() -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for actor in ACTORS:
        for name in [*spellings(actor), *actor.get("acled", []), *actor.get("ucdp", [])]:
            owners[evened(name)].add(actor["id"])

    assert {n: ids for n, ids in owners.items() if len(ids) > 1} == {}


@pytest.mark.parametrize("entries", [PLACES, ACTORS], ids=["places", "actors"])
def test_nothing_lists_a_spelling_twice(entries: list[Entry]) -> None:
    twice = {
        e["id"]: [n for n, count in Counter(map(evened, spellings(e))).items() if count > 1]
        for e in entries
    }

    assert {i: names for i, names in twice.items() if names} == {}


def test_at_least_sixty_places_have_an_arabic_name_in_arabic_script() -> None:
    arabic = {
        p["id"]: [n["name"] for n in p.get("names", []) if n["language"] == "ar"] for p in PLACES
    }

    assert sum(1 for names in arabic.values() if names) >= 60
    assert [n for names in arabic.values() for n in names if not ARABIC.search(n)] == []


def test_the_country_and_its_fourteen_governorates_are_there() -> None:
    kinds = Counter(p["kind"] for p in PLACES)

    assert kinds["country"] == 1
    assert kinds["governorate"] == 14


def test_roads_alone_connect_places_and_those_exist() -> None:
    connects = {p["id"]: p["connects"] for p in PLACES if "connects" in p}

    assert {p["kind"] for p in PLACES if p["id"] in connects} == {"road"}
    assert {p["geo_precision"] for p in PLACES if p["kind"] == "road"} == {1}
    assert connects["khanasser-aleppo-road"] == ["ithriya", "khanasser", "as-safirah", "aleppo"]
    assert [e for ends in connects.values() for e in ends if e not in PLACE_IDS] == []


@pytest.mark.parametrize(
    ("name", "place_id"),
    [
        ("Kweires", "kweires-air-base"),
        ("كويرس", "kweires-air-base"),
        ("Kweris airport", "kweires-air-base"),
        ("Kuwayris Sharqi", "kuwayris-sharqi"),
        ("خناصر", "khanasser"),
        ("Khanasser road", "khanasser-aleppo-road"),
        ("Aleppo", "aleppo"),
        ("province of Aleppo", "aleppo-governorate"),
        ("Mare`", "mare"),
        ("Abu al-Dohour military airport", "abu-al-duhur-air-base"),
        ("thermal station", "aleppo-thermal-power-station"),
        ("Tell Rifaat", "tal-rifaat"),
        ("Tadmur", "palmyra"),
    ],
)
def test_spellings_of_the_reports_name_one_place(name: str, place_id: str) -> None:
    assert [p["id"] for p in PLACES if name in spellings(p)] == [place_id]


def test_actors_have_known_keys_kinds_and_sides() -> None:
    assert [a["id"] for a in ACTORS if not set(a) <= ACTOR_KEYS] == []
    assert [a["id"] for a in ACTORS if a["kind"] not in ACTOR_KINDS] == []
    assert [a["id"] for a in ACTORS if a["side"] not in SIDES | {None}] == []


def test_an_adjective_alone_names_no_actor() -> None:
    adjectives = {evened(adj) for a in ACTORS for adj in a.get("adjectives", [])}
    case_sensitive = {
        n["name"] for a in ACTORS for n in a.get("names", []) if n.get("case_sensitive")
    }
    names = {n for a in ACTORS for n in spellings(a) if n not in case_sensitive}

    assert {"russian", "turkish", "syrian", "american"} <= adjectives
    assert adjectives & {evened(n) for n in names} == set()


def test_names_of_three_letters_or_less_match_their_case_exactly() -> None:
    short = [
        n["name"]
        for a in ACTORS
        for n in a.get("names", [])
        if len(n["name"]) <= 3 and n["language"] == "en" and not n.get("case_sensitive")
    ]

    assert short == []


def test_no_alias_of_another_dataset_is_an_english_word() -> None:
    foreign = {n for a in ACTORS for n in [*a.get("acled", []), *a.get("ucdp", [])]}

    assert {n for n in foreign if len(n) <= 2} == set()


def test_affiliations_name_known_actors_and_disputed_ones_say_who_claims_it() -> None:
    told = [(a["id"], f) for a in ACTORS for f in a.get("affiliations", [])]

    assert [(i, f["actor"]) for i, f in told if f["actor"] not in ACTOR_IDS - {i}] == []
    assert {f["relation"] for _, f in told} <= AFFILIATIONS
    assert [i for i, f in told if f["disputed"] and not f["according_to"]] == []
    assert ("liwa-al-tawba", "islamic-state") in [(i, f["actor"]) for i, f in told if f["disputed"]]


@pytest.mark.parametrize("file", CODED)
def test_a_coded_report_keeps_to_the_contract(file: str) -> None:
    report = CODED[file]

    assert set(report) <= REPORT_KEYS
    assert SLUG.fullmatch(report["id"])
    assert set(report["source"]) <= {"name", "affiliated_with"}
    assert report["source"].get("affiliated_with") in ACTOR_IDS | {None}
    refs = [c["ref"] for c in claims(report)]
    assert len(refs) == len(set(refs))


@pytest.mark.parametrize("file", CODED)
def test_claims_keep_to_the_vocabulary(file: str) -> None:
    for claim in claims(CODED[file]):
        ref = claim["ref"]
        assert set(claim) <= CLAIM_KEYS, ref
        assert claim["type"] in CLAIM_TYPES, ref
        assert (claim["type"] == "Statement") == ("statement_kind" in claim), ref
        assert claim.get("statement_kind", "other") in STATEMENT_KINDS, ref
        for key, allowed in VALUES.items():
            assert claim.get(key) in allowed | {None}, ref
        roles = [a["role"] for a in claim.get("actors", [])]
        assert set(roles) <= ROLES, ref
        assert claim["type"] != "ControlChanged" or "holder" in roles, ref
        for place in (claim[k] for k in ("place", "place2") if k in claim):
            assert set(place) <= {"as_named", "relation", "distance_km", "bearing"}, ref
            assert place.get("relation", "at") in RELATIONS, ref


@pytest.mark.parametrize("file", CODED)
def test_every_quote_occurs_once_in_the_text(file: str) -> None:
    text = CODED[file]["text"]

    assert [c["ref"] for c in claims(CODED[file]) if text.count(c["quote"]) != 1] == []


def test_every_fatality_count_runs_from_low_to_high() -> None:
    counts = [
        (file, [c["fatalities"][k] for k in ("low", "best", "high") if k in c["fatalities"]])
        for file, c in ALL_CLAIMS
        if "fatalities" in c
    ]

    assert [(file, told) for file, told in counts if told != sorted(told)] == []


def test_every_place_named_resolves_but_the_deliberate_unknown() -> None:
    known = {evened(n) for p in PLACES for n in spellings(p)}
    named = {c[k]["as_named"] for _, c in ALL_CLAIMS for k in ("place", "place2") if k in c}

    assert {n for n in named if evened(n) not in known} == {"Khirbat al-Sidr"}


def test_every_actor_named_resolves_but_the_deliberate_unknown() -> None:
    names = [n for a in ACTORS for n in a.get("names", [])]
    exact = {n["name"] for n in names if n.get("case_sensitive")}
    known = {evened(n["name"]) for n in names if not n.get("case_sensitive")}
    known |= {evened(a["name"]) for a in ACTORS}
    named = {a["as_named"] for _, c in ALL_CLAIMS for a in c.get("actors", [])}

    unknown = {n for n in named if n not in exact and evened(n) not in known}
    assert unknown == {"Sons of the Steppe Battalion"}
    assert unknown < UNKNOWN_ON_PURPOSE


def test_every_report_has_a_date_of_publication_and_files_sort_by_it() -> None:
    for file, report in CODED.items():
        day = report.get("updated", report["published"])
        assert isinstance(day, dt.date), file
        assert file.startswith(day.isoformat()), file
    for file, text in PROSE.items():
        dateline = DATELINE.search(body(text))
        assert dateline, file
        written = dt.datetime.strptime(
            dateline.group().split(", ")[1].removesuffix(" — ") + " +0000", "%d %B %Y %z"
        )
        assert file.startswith(written.date().isoformat()), file
        assert front_matter(text).get("published", written.date()) == written.date(), file


def test_prose_is_of_one_short_page() -> None:
    lengths = {file: len(body(text).split()) for file, text in PROSE.items()}

    assert {file: n for file, n in lengths.items() if not 80 <= n <= 150} == {}


def test_only_a_revision_bears_the_id_of_another_report() -> None:
    first = [r["id"] for r in CODED.values() if "updated" not in r]
    first += [m["id"] for m in map(front_matter, PROSE.values()) if m]
    revised = [r["id"] for r in CODED.values() if "updated" in r]

    assert len(first) == len(set(first))
    assert revised == ["seed-2016-03-01-road-open"]
    assert set(revised) <= set(first)


def test_corrections_and_retractions_name_reports_and_claims_that_exist() -> None:
    refs = {(r["id"], c["ref"]) for r in CODED.values() for c in claims(r)}
    corrections = [c for r in CODED.values() for c in r.get("corrections", [])]
    retractions = [c for r in CODED.values() for c in r.get("retractions", [])]

    assert {(c["report"], c["ref"]) for c in corrections + retractions} <= refs
    assert {c["basis"] for c in corrections} == {"source", "coding"}
    assert {c["basis"] for c in retractions} == {"source"}
    assert all(set(c) == {"report", "ref", "set", "basis"} for c in corrections)
    assert all(set(c) == {"report", "ref", "reason", "basis"} for c in retractions)


def test_an_outlet_corrects_and_retracts_only_its_own_words() -> None:
    outlet = {r["id"]: r["source"]["name"] for r in CODED.values()}

    strangers = [
        (r["id"], c["report"])
        for r in CODED.values()
        for c in r.get("corrections", []) + r.get("retractions", [])
        if c["basis"] == "source" and outlet[c["report"]] != r["source"]["name"]
    ]
    assert strangers == []


def told_of(place: str, type_: str, **wanted: object) -> set[tuple[str, str]]:
    """(outlet, day) of the claims of a type at a place, asserted unless said otherwise."""
    names = {evened(n) for p in PLACES if p["id"] == place for n in spellings(p)}
    wanted = {"modality": "asserted", "polarity": "positive", **wanted}
    return {
        (CODED[file]["source"]["name"], str(c.get("occurred")))
        for file, c in ALL_CLAIMS
        if c["type"] == type_
        and evened(c.get("place", {}).get("as_named", "")) in names
        and all(c.get(k, "positive") == v for k, v in wanted.items())
    }


def test_independent_outlets_date_the_fall_of_khanasser_differently() -> None:
    assert told_of("khanasser", "ControlChanged") == {
        ("Example Agency", "2016-02-23"),
        ("Desert Monitor", "2016-02-24"),
        ("Example Agency", "2016-02-25"),
    }


def test_the_seeds_tell_of_a_denial_and_a_forecast_at_khanasser() -> None:
    assert told_of("khanasser", "ControlChanged", modality="denied") == {
        ("State News Wire", "2016-02-23")
    }
    assert told_of("khanasser", "ControlChanged", modality="forecast") == {
        ("Northern Desk", "2016-02-23/2016-02-27")
    }


def test_two_outlets_name_different_holders_of_tal_rifaat_for_one_day() -> None:
    assert ("Northern Desk", "2016-02-15") in told_of("tal-rifaat", "ControlChanged")
    assert ("Revolution Courier", "2016-02-15") in told_of("tal-rifaat", "ControlStated")


def test_the_power_station_is_left_without_a_successor() -> None:
    assert told_of("aleppo-thermal-power-station", "Withdrawal") == {
        ("Example Agency", "2016-02-20/2016-02-24")
    }
    assert told_of("aleppo-thermal-power-station", "ControlChanged") == set()


def test_kweires_was_besieged_and_relieved_and_never_changed_hands() -> None:
    base = "kweires-air-base"

    assert told_of(base, "SiegeBegan") == {("Northern Desk", "2013-04")}
    assert told_of(base, "SiegeEnded") == {("Northern Desk", "2015-11-10")}
    assert told_of(base, "ControlChanged") == set()
    assert told_of(base, "ControlChanged", polarity="negated") != set()


def test_the_identity_of_the_western_attackers_is_left_open() -> None:
    candidates = [
        {a["as_named"] for a in c["actors"] if a["role"] == "candidate"}
        for _, c in ALL_CLAIMS
        if c["type"] == "Clash"
    ]

    assert {"Liwa al-Tawba", "Jund al-Aqsa", "Turkistan Islamic Party"} in candidates


def test_no_fighting_inside_khanasser_blurs_who_held_it_from_day_to_day() -> None:
    inside = [
        (file, c["ref"])
        for file, c in ALL_CLAIMS
        if c["type"] in {"Clash", "Withdrawal"}
        and c["place"]["as_named"] in {"Khanasser", "Khanasir"}
        and c["place"].get("relation", "at") in {"at", "in"}
    ]

    assert inside == []
