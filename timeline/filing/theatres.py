"""Gives each theatre its places and actors, and tells which theatre a text is about.

Syria's are seeds/places.yaml and seeds/actors.yaml; the others lie under seeds/theatres, a slice of
GeoNames beside places curated by hand. A theatre that has none gets the actors of the world alone.
"""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from timeline.domain.actors import Actor
from timeline.domain.names import Name, folded_form
from timeline.domain.places import Place
from timeline.errors import InvalidReport
from timeline.filing.documents import decode_text, load_yaml
from timeline.filing.reference import load_actors, load_places
from timeline.resources import resource
from timeline.settings import DEFAULT_THEATRE

ELSEWHERE = "elsewhere"
CUED_CHARACTERS_MAX = 100_000
_DATELINE = re.compile(r"[A-Z][A-Z' -]{2,30}(?=,)")
_SLICES = ("curated.csv", "geonames.csv")


def theatre_names() -> tuple[str, ...]:
    """The theatres that have places and actors of their own."""
    return tuple(_theatres())


def theatre_places(theatre: str) -> list[Place]:
    """The places of a theatre, and those of seeds/places.yaml that belong to none."""
    places = [p for p in load_places() if p.theatre in (None, theatre)]
    for name in _SLICES:
        path = _folder() / theatre / name
        if path.exists():
            places += _slice(path, theatre)
    return places


def theatre_actors(theatre: str) -> list[Actor]:
    """The actors of a theatre before those of the world; of one id or name the theatre's own."""
    if theatre == DEFAULT_THEATRE:
        return load_actors()
    found: dict[str, Actor] = {}
    for path in (_folder() / theatre / "actors.yaml", _folder() / "actors.yaml"):
        if path.exists():
            own = {folded_form(n.name) for a in found.values() for n in a.names}
            for actor in _actors(path):
                if folded_form(actor.name) not in own:
                    found.setdefault(actor.actor_id, actor)
    return list(found.values())


def theatre_told(text: str) -> str:
    """The theatre whose words a text has most of; ELSEWHERE when it has none of any.

    It is ELSEWHERE too when the text has more words of a war that is none of our theatres'.
    Only the first CUED_CHARACTERS_MAX code points are looked at.
    """
    read = text[:CUED_CHARACTERS_MAX]
    dateline = _DATELINE.match(read.lstrip())
    if dateline is not None:  # where it is written counts for more than a place it also names
        read += f" {dateline.group().title()} {dateline.group().title()}"
    counts = {name: len(_cues(name).findall(read)) for name in theatre_names()}
    best = max(counts, key=lambda name: counts[name])
    others = len(_cues(ELSEWHERE).findall(read))
    return best if counts[best] and counts[best] >= others else ELSEWHERE


def _folder() -> Path:
    return resource("seeds") / "theatres"


@lru_cache(maxsize=1)
def _theatres() -> dict[str, Any]:
    path = _folder() / "theatres.yaml"
    told = load_yaml(decode_text(path.read_bytes(), path), path)
    if not isinstance(told, dict):
        raise InvalidReport(str(path), "must hold a mapping")
    return told


def _cue_words(theatre: str) -> list[Any]:
    if theatre != ELSEWHERE:
        return list(_theatres()[theatre]["cues"])
    path = _folder() / "elsewhere.yaml"
    told = load_yaml(decode_text(path.read_bytes(), path), path)
    return list(told["cues"]) if isinstance(told, dict) else []


@lru_cache(maxsize=16)
def _cues(theatre: str) -> re.Pattern[str]:
    words = sorted(map(str, _cue_words(theatre)), key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, words)) + r")\b")


def _slice(path: Path, theatre: str) -> list[Place]:
    with path.open(encoding="utf-8", newline="") as file:
        return [_place(row, path, theatre) for row in csv.DictReader(file)]


def _place(row: dict[str, str], path: Path, theatre: str) -> Place:
    data = {
        "place_id": row["place_id"],
        "name": row["name"],
        "kind": row["kind"],
        "latitude": float(row["latitude"]),
        "longitude": float(row["longitude"]),
        "geo_precision": int(row["geo_precision"]),
        "within": row["within"] or None,
        "theatre": theatre,
        "names": [{"name": n} for n in row["names"].split("|") if n],
        "geonameid": int(row["geonameid"]) if row["geonameid"] else None,
        "source": "GeoNames" if path.name == "geonames.csv" else "curated",
    }
    try:
        return msgspec.convert(data, Place)
    except msgspec.ValidationError as fault:
        raise InvalidReport(str(path), f"entry {row['place_id']}: {fault}") from None


def _actors(path: Path) -> list[Actor]:
    entries = load_yaml(decode_text(path.read_bytes(), path), path)
    found = []
    for entry in entries:
        data = {("actor_id" if key == "id" else key): value for key, value in entry.items()}
        data["names"] = [
            Name(name=n, language="en") if isinstance(n, str) else msgspec.convert(n, Name)
            for n in data.get("names", ())
        ]
        try:
            found.append(msgspec.convert(msgspec.to_builtins(data), Actor))
        except msgspec.ValidationError as fault:
            raise InvalidReport(str(path), f"entry {entry.get('id')}: {fault}") from None
    return found
