"""Holds claims against hand-coded gold: the rules of ../shared/tools/score_extraction.py, typed.

So that the figures need nothing from outside the checkout. A test holds the two against each other
where both are there; what the figures mean is told in docs/extraction.md.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import yaml

Gold = dict[str, Any]
Claim = dict[str, Any]
Fits = Callable[[Gold, Claim], bool]
_TYPES = {
    "control_change": "ControlChanged",
    "state_control": "ControlStated",
    "withdrawal": "Withdrawal",
    "attack": "Clash",
    "clash": "Clash",
    "airstrike": "Airstrike",
    "shelling": "Shelling",
    "missile_strike": "Shelling",
    "suicide_bombing": "Bombing",
    "siege_begin": "SiegeBegan",
    "siege_end": "SiegeEnded",
    "supply_route_cut": "RouteCut",
    "supply_route_opened": "RouteOpened",
    "reinforcement": "Movement",
    "aircraft_loss": "AircraftLoss",
    "shoot_down": "AircraftLoss",
    "agreement": "Agreement",
    "ceasefire_start": "Agreement",
    "casualty_report": "Casualties",
    "capture_of_soldiers": "Detention",
    "execution": "ViolenceAgainstCivilians Detention OtherIncident",
    "mine_laying": "OtherIncident Bombing",
    "airdrop": "OtherIncident Movement",
    "route_cut": "RouteCut",
    "route_opened": "RouteOpened",
    "bombing": "Bombing",
    "attack_repelled": "Clash",
    "chemical_attack": "Airstrike Shelling ViolenceAgainstCivilians OtherIncident",
}
TYPES = {name: set(types.split()) for name, types in _TYPES.items()}
ACTORS = [
    ("turkistan islamic party", r"turk[ei]stan"),
    ("houthis", r"houthi|ansar ?allah"),
    ("saudi-led coalition", r"saudi"),
    ("islamic state", r"\bisis\b|\bisil\b|\bis\b|daesh|islamic[ -]state"),
    ("al-nusra front", r"nusra"),
    ("jund al-aqsa", r"jund al-?aqsa"),
    ("liwa al-quds", r"liwa al-?quds"),
    ("syrian democratic forces", r"\bsdf\b|syrian democratic|\bypg\b|kurdish"),
    (
        "us-led coalition",
        (
            r"^(the )?coalition|(us|american|international|global)\S* (led )?coalition|us-led|"
            r"united states|\bu\.?s\.?\b|american"
        ),
    ),
    ("russia", r"russia|moscow|kremlin"),
    ("turkey", r"\bturkey\b|\bturkish\b"),
    (
        "syrian opposition",
        (
            r"syrian (opposition|rebels?)|^(the )?(rebels?|opposition)( fighters| forces|"
            r" factions)?$|free syrian|\bfsa\b|hawar kilis"
        ),
    ),
    (
        "government of syria",
        (
            r"government of syria|syrian? (arab )?(army|government|troops|forces|soldiers|regime|"
            r"air ?force|jets)|assad|damascus|tiger forces|\bsaa\b|^(the )?(army|regime|government|"
            r"government forces|government troops|syria)$"
        ),
    ),
    ("ukraine", r"ukrain"),
    ("iraq", r"\biraqi?\b"),
    ("sudan", r"sudanese armed|\bsaf\b"),
    ("rsf", r"rapid support|\brsf\b"),
]
_GENERIC = """town city village villages base airbase airport military province countryside road
eastern western northern southern near area group forces army fighters front militia"""
GENERIC = set(_GENERIC.split())


def words(text: object) -> set[str]:
    """The words of a name that tell it from others, folded."""
    plain = unicodedata.normalize("NFKD", str(text or "")).encode("ascii", "ignore").decode()
    for mark in "_-":
        plain = plain.replace(mark, " ")
    found = re.findall(r"[a-z0-9]+", plain.lower().replace("'", "").replace("`", ""))
    return {w for w in found if len(w) > 2}


def actor_key(name: object) -> str | frozenset[str]:
    """The actor that a name means, or its words."""
    low = str(name or "").lower().replace("_", " ")
    return next((k for k, pattern in ACTORS if re.search(pattern, low)), frozenset(words(low)))


def same_actor(one: object, other: object) -> bool:
    """Whether two names are of one actor."""
    x, y = actor_key(one), actor_key(other)
    if isinstance(x, str) or isinstance(y, str):
        return x == y
    return bool((x - GENERIC) & (y - GENERIC)) or (bool(x) and x == y)


def names_of(value: object) -> list[str]:
    """The names that a gold item gives, if any."""
    items = value if isinstance(value, list) else [value]
    none = ("None", "disputed", "none named")
    return [str(v) for v in items if v and str(v) not in none and str(v)[:9] != "not named"]


def _any_same(want: list[str], actors: list[dict[str, Any]]) -> bool:
    given = [n for a in actors for n in (a.get("name"), a.get("as_named")) if n]
    return any(same_actor(w, n) for w in want for n in given)


def _in_roles(claim: Claim, *roles: str) -> list[dict[str, Any]]:
    return [a for a in claim.get("actors") or [] if a.get("role") in roles]


def sentence_bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence around an anchor."""
    left = max((m.end() for m in re.finditer(r"[.!?;]\s+|\n+", text[:start])), default=0)
    stop = re.search(r"[.!?;](\s|$)|\n", text[end:])
    return left, end + stop.start() + 1 if stop else len(text)


def _distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    p1, p2, turn = math.radians(lat1), math.radians(lat2), math.radians(lon2 - lon1)
    part = math.sin((p2 - p1) / 2) ** 2 + math.cos(p1) * math.cos(p2) * math.sin(turn / 2) ** 2
    return 12742 * math.asin(math.sqrt(part))


def place_ok(gold: Gold, claim: Claim) -> bool:
    """Whether the place is within reach, or of the same name where a point is missing."""
    if not gold.get("place"):
        return True
    place = claim.get("place") or {}
    want = words(gold["place"]) - GENERIC
    alike = bool(want & ((words(place.get("as_named")) | words(place.get("name"))) - GENERIC))
    lat, lon = place.get("latitude"), place.get("longitude")
    if gold.get("lat") is None or lat is None or lon is None:
        return alike
    precision = gold.get("geo_precision")
    reach = {1: 10, 2: 40}.get(int(precision), 60) if precision is not None else 60
    near = _distance_km(gold["lat"], gold["lon"], lat, lon) <= reach
    return near or (alike and precision == 3)


def _day(value: object) -> str | None:
    text = str(value) if value not in (None, "", "..") else ""
    return text[:10] if re.match(r"\d{4}-\d\d-\d\d", text) else None


def date_ok(gold: Gold, claim: Claim) -> bool:
    """Whether the days agree: a day exactly, a range by half, "not later than" as such."""
    occurred = claim.get("occurred") or {}
    earliest, latest = _day(occurred.get("earliest")), _day(occurred.get("latest"))
    start, end = (str(gold[k]) if gold.get(k) else None for k in ("date_start", "date_end"))
    if start is None:
        return earliest is None and (end is None or latest == end)
    if end is None or earliest is None or latest is None or latest < earliest:
        return False
    if gold.get("precision") == "day" or start == end:
        return (earliest, latest) == (start, end)
    a, b, c, d = (date.fromisoformat(x).toordinal() for x in (start, end, earliest, latest))
    return (min(b, d) - max(a, c) + 1) / (max(b, d) - min(a, c) + 1) >= 0.5


def actor_ok(gold: Gold, claim: Claim) -> bool:
    """Whether a doer is one that the gold names; none resolved where it names none."""
    want, got = names_of(gold["actor"]), _in_roles(claim, "initiator", "holder", "participant")
    if not want:
        return str(gold["actor"]) in ("None", "disputed") or not any(a.get("actor_id") for a in got)
    return _any_same(want, got)


def target_ok(gold: Gold, claim: Claim) -> bool:
    """Whether somebody to whom it is done is one that the gold names."""
    want = names_of(gold.get("target"))
    roles = ("target", "previous_holder", "participant")
    return not want or _any_same(want, _in_roles(claim, *roles))


def best_matching(gold: list[Gold], claims: list[Claim], fits: Fits) -> dict[int, int]:
    """A maximum matching (augmenting paths): index of a claim to that of its gold item."""
    owner: dict[int, int] = {}

    def place(g: int, seen: set[int]) -> bool:
        for c in range(len(claims)):
            if c not in seen and fits(gold[g], claims[c]):
                seen.add(c)
                if c not in owner or place(owner[c], seen):
                    owner[c] = g
                    return True
        return False

    for g in range(len(gold)):
        place(g, set())
    return owner


def spans_of(claim: Claim) -> list[dict[str, Any]]:
    """The spans of a claim."""
    return [e for e in [claim.get("evidence"), *(claim.get("also_evidence") or [])] if e]


def _meets(claim: Claim, low: int, high: int) -> bool:
    return any(e["span_start"] < high and e["span_end"] > low for e in spans_of(claim))


def counts_of(text: str, gold: list[Gold], claims: list[Claim]) -> dict[str, int]:
    """What a report adds to the totals."""

    def same_type(g: Gold, c: Claim) -> bool:
        return c["type"] in TYPES[g["type"]] and _meets(
            c, *sentence_bounds(text, g["start"], g["end"])
        )

    def same_all(g: Gold, c: Claim) -> bool:
        return same_type(g, c) and actor_ok(g, c) and place_ok(g, c) and date_ok(g, c)

    def is_negated(g: Gold) -> bool:
        return g.get("polarity") == "negated"

    told = [g for g in gold if g.get("asserted") and g["type"] in TYPES and not is_negated(g)]
    real = [g for g in told if not g.get("optional")]
    made = [
        c
        for c in claims
        if c["type"] != "Statement"
        and (c.get("modality"), c.get("polarity", "positive")) == ("asserted", "positive")
    ]
    matched = best_matching(real, made, same_type)
    spare = [c for i, c in enumerate(made) if i not in matched]
    traps = [g for g in gold if not g.get("asserted") or is_negated(g)]
    leaks = 0
    for g in traps:
        low = max(sentence_bounds(text, g["start"], g["end"])[0], g["start"] - 40)
        near = (c for c in made if _meets(c, low, g["end"] + 10))
        leaks += any(not any(same_type(r, c) for r in told) for c in near)
    return {
        "gold": len(real),
        "made": len(made)
        - len(best_matching([g for g in told if g.get("optional")], spare, same_type)),
        "type": len(matched),
        "joint": len(best_matching(real, made, same_all)),
        "target": len(best_matching(real, made, lambda g, c: same_all(g, c) and target_ok(g, c))),
        "leaks": leaks,
        "traps": len(traps),
        "bad_spans": sum(
            text[e["span_start"] : e["span_end"]] != e["quote"] or len(e["quote"].split()) < 3
            for c in claims
            for e in spans_of(c)
        ),
        "reports": 1,
    }


def totals(
    folder: Path, claims_of: Callable[[Path], tuple[str, Iterable[Claim]]]
) -> dict[str, float]:
    """The totals of a folder of NAME.md beside NAME.gold.yaml, with F1 for type, joint, target."""
    total: dict[str, float] = {}
    for path in sorted(folder.glob("*.gold.yaml")):
        stem = path.name.removesuffix(".gold.yaml")
        text, claims = claims_of(path.with_name(f"{stem}.md"))
        gold = yaml.safe_load(path.read_text(encoding="utf-8"))["events"]
        for key, value in counts_of(text, gold, list(claims)).items():
            total[key] = total.get(key, 0) + value
    for key in ("type", "joint", "target"):
        total[f"{key}_f1"] = round(2 * total[key] / (total["gold"] + total["made"]), 3)
    return total
