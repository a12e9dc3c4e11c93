"""Carries what is said of one place to the next: "towards X and Y", "the X market in Y"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from timeline.domain.places import Relation
from timeline.extraction.place_forms import IN_TOWN, OFF_TOWN

if TYPE_CHECKING:
    from timeline.extraction.placing import PlaceHit


def located(text: str, found: list[PlaceHit]) -> list[PlaceHit]:
    """As in "the X market in Y", "X, a village 10 km west of Y": where an unknown place is."""
    made: list[PlaceHit] = []
    for hit, after in zip(found, [*found[1:], None], strict=False):
        made.append(hit)
        if after is None or hit.mention.place_id or not after.mention.place_id:
            continue
        if hit.is_region or hit.kind == "road" or after.is_region or after.kind == "road":
            continue
        between = text[hit.end : after.start]
        is_in = after.mention.relation is Relation.AT and IN_TOWN.fullmatch(between)
        is_off = after.mention.relation is Relation.NEAR and OFF_TOWN.match(between)
        if is_in or is_off:
            relation = Relation.IN if is_in else Relation.NEAR
            mention = replace(
                after.mention, as_named=hit.mention.as_named, relation=relation, geo_precision=2
            )
            made[-1] = hit._replace(mention=mention)
    return made


def sharing_relation(text: str, found: list[PlaceHit]) -> list[PlaceHit]:
    """As in "towards X and Y": what is said of X is said of Y."""
    made: list[PlaceHit] = []
    for hit in found:
        last = made[-1] if made else None
        joined = last is not None and text[last.end : hit.start] in (" and ", ", ", " or ")
        if last and joined and hit.mention.relation is Relation.AT:
            away = last.mention.relation is Relation.TOWARD
            if away and last.mention.distance_km is None:
                mention = replace(hit.mention, relation=Relation.TOWARD, geo_precision=2)
                hit = hit._replace(mention=mention, is_aside=last.is_aside)  # noqa: PLW2901
        made.append(hit)
    return made
