"""Tells, for each field of the planned types, by which expression a row holds it.

In an expression `$name` is a column of the row, `@name` a field of the stored claim, and `_` the
object that the type stands for; `known` is a tuple of the day of the answer, empty for today's, and
`places` the gazetteer.
What is not here is not planned, and plain execution answers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ONE, NULLABLE, MANY = "one", "nullable", "many"


@dataclass(frozen=True)
class Nested:
    """A field that is an object, or a list of objects."""

    fields: Mapping[str, Leaf]
    of: str
    how: str = ONE


Leaf = str | Nested

_MATCH: Mapping[str, Leaf] = {"tier": "_.tier", "score": "_.score"}
_BOUNDS: Mapping[str, Leaf] = {"low": "_.low", "best": "_.best", "high": "_.high"}

_PLACE: dict[str, Leaf] = {
    "nodeId": 'node_id(("Place", _.place_id))',
    "id": "_.place_id",
    "name": "_.name",
    "kind": "_.kind.value",
    "latitude": "_.latitude",
    "longitude": "_.longitude",
    "names": Nested({"name": "_.name", "language": "_.language"}, "_.names", MANY),
    "matchedBy": Nested(_MATCH, "None", NULLABLE),
    "mergedIds": "places.merged_into(_.place_id)",
}
# Of a place within another nothing is read beside: its own timeline or control is not planned.
_PLACE["within"] = Nested(_PLACE, "(places.get(_.within) if _.within else None)", NULLABLE)
PLACE: Mapping[str, Leaf] = {
    **_PLACE,
    "matchedBy": Nested({"tier": "_.tier.value", "score": "_.score"}, "match", NULLABLE),
}

_MENTION: Mapping[str, Leaf] = {
    "placeId": "_.place_id",
    "name": "_.name",
    "asNamed": "_.as_named",
    "relation": "_.relation",
    "distanceKm": "_.distance_km",
    "bearing": "_.bearing",
    "latitude": "_.latitude",
    "longitude": "_.longitude",
    "geoPrecision": "_.geo_precision",
    "match": Nested(_MATCH, "_.match", NULLABLE),
    "place": Nested(_PLACE, "(places.get(_.place_id) if _.place_id else None)", NULLABLE),
}

_REPORT: Mapping[str, Leaf] = {
    "nodeId": 'node_id(("Report", $r_report_id, $r_report_version))',
    "id": "$r_report_id",
    "version": "$r_report_version",
    "title": "$r_title",
    "url": "$r_url",
    "source": Nested(
        {
            "id": "$r_source_id",
            "name": "($r_source_name or $r_source_id)",
        },
        "$r_source_id",
        NULLABLE,
    ),
    "reported": "$r_reported_edtf",
    "undated": "bool($r_undated)",
    "language": "$r_language",
    "codedBy": "$r_coded_by",
    "claimCount": "$r_claim_count",
    "isCurrent": "($r_known_until is None)",
}

ENTRY: Mapping[str, Leaf] = {
    "nodeId": 'node_id(("Entry", $claim_id, *known))',
    "claimId": "$claim_id",
    "type": "$type",
    "modality": "$modality",
    "polarity": "$polarity",
    "certainty": "@certainty",
    "statementKind": "@statement_kind",
    "actors": Nested(
        {
            "actorId": "_.actor_id",
            "name": "_.name",
            "asNamed": "_.as_named",
            "role": "_.role",
        },
        "@actors",
        MANY,
    ),
    "place": Nested(_MENTION, "@place", NULLABLE),
    "place2": Nested(_MENTION, "@place2", NULLABLE),
    "occurred": Nested(
        {
            "edtf": "_.edtf",
            "earliest": "_.earliest",
            "latest": "_.latest",
            "precision": "_.precision",
            "anchor": "_.anchor",
        },
        "@occurred",
    ),
    "subEventType": "@sub_event_type",
    "ploverEvent": "@plover_event",
    "ploverMode": "@plover_mode",
    "quantity": Nested(
        {"value": "_.value", "unit": "_.unit", "qualifier": "_.qualifier"},
        "@quantity",
        NULLABLE,
    ),
    "fatalities": Nested(_BOUNDS, "@fatalities", NULLABLE),
    "casualties": Nested(
        {
            "harm": "_.harm",
            "group": "_.group",
            "role": "_.role",
            **_BOUNDS,
            "asNamed": "_.as_named",
        },
        "@casualties",
        MANY,
    ),
    "weapons": Nested({"asNamed": "_.as_named", "kind": "_.kind"}, "@weapons", MANY),
    "attributedTo": "@attributed_to",
    "evidence": Nested(
        {"spanStart": "_.span_start", "spanEnd": "_.span_end", "quote": "$quote"},
        "@evidence",
        NULLABLE,
    ),
    # Their quotes stand in the document, which is not read here.
    "alsoEvidence": Nested(
        {"spanStart": "_.span_start", "spanEnd": "_.span_end"}, "@also_evidence", MANY
    ),
    "quote": "$quote",
    "confidence": "@confidence",
    "codedBy": "@coded_by",
    "isAmended": "bool($is_amended)",
    "review": "$review",
    "report": Nested(_REPORT, "r"),
}

CONTROL: Mapping[str, Leaf] = {
    "state": "_.state",
    "holders": Nested({"actorId": "_.actor_id", "name": "_.name"}, "_.holders", MANY),
    "conditions": "_.conditions",
    "since": Nested({"earliest": "_.since_earliest", "latest": "_.since_latest"}, "_"),
    "certain": "_.certain",
    "lastConfirmed": "_.last_confirmed",
    "sources": "_.sources",
    "claimIds": "claim_ids",
}

ACTOR: Mapping[str, Leaf] = {
    "nodeId": 'node_id(("Actor", _.actor_id))',
    "id": "_.actor_id",
    "name": "_.name",
    "kind": "_.kind.value",
    "side": "_.side",
    "names": Nested({"name": "_.name", "language": "_.language"}, "_.names", MANY),
    "acled": "_.acled",
    "ucdp": "_.ucdp",
    "affiliations": Nested(
        {
            "actor": "_.actor",
            "relation": "_.relation",
            "from": "_.from_",
            "to": "_.to",
            "disputed": "_.disputed",
            "accordingTo": "_.according_to",
        },
        "_.affiliations",
        MANY,
    ),
}
