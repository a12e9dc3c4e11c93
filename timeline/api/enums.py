"""Gives the domain's vocabularies to GraphQL, each value under the name in which it is stored.

GraphQL's custom is upper case; ours is the data's own spelling (`controlled`, `Airstrike`), so that
the CLI's JSON, the log and GraphQL say the same word.
"""

from __future__ import annotations

from enum import EnumMeta

import strawberry

from timeline.domain.actors import ActorKind, ActorRole
from timeline.domain.claims import (
    CasualtyGroup,
    Certainty,
    ClaimType,
    Harm,
    Modality,
    Polarity,
    Qualifier,
    ReviewStatus,
    StatementKind,
)
from timeline.domain.control import Condition, ControlState
from timeline.domain.events import CLAIM_TYPES
from timeline.domain.names import Tier
from timeline.domain.places import PlaceKind, Relation
from timeline.domain.time import Anchor, Precision
from timeline.domain.weapons import WeaponKind
from timeline.projections.changes import ChangeKind
from timeline.projections.knowledge import CauseKind
from timeline.projections.search import HitKind, TextField
from timeline.projections.searching import HitMatch
from timeline.projections.statistics import By as StatisticsBy

__all__ = [
    "ActorKind",
    "ActorRole",
    "Anchor",
    "CasualtyGroup",
    "CauseKind",
    "Certainty",
    "ChangeKind",
    "ClaimType",
    "Condition",
    "ControlState",
    "Harm",
    "HitKind",
    "HitMatch",
    "Modality",
    "PlaceKind",
    "Polarity",
    "Precision",
    "Qualifier",
    "Relation",
    "ReviewStatus",
    "StatementKind",
    "StatisticsBy",
    "TextField",
    "Tier",
    "WeaponKind",
]


def register(kind: EnumMeta, name: str, description: str, /, **values: str) -> None:
    """Give a vocabulary to GraphQL, with a description of it and of some of its values."""
    enum = strawberry.enum(kind, name=name, description=description, graphql_name_from="value")
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values.get(value.name)


register(
    ControlState,
    "ControlState",
    "How a place is held.",
    controlled="One party, or parties acting together, hold it.",
    contested="There is fighting inside it on that day, or different root sources name different"
    " holders for the same time, and no later evidence settles it.",
    mixed="It is shared by agreement.",
    vacated="The holder left, and nobody is said to have followed.",
    unknown="Nothing that is known tells who holds it.",
)
register(
    Condition,
    "Condition",
    "What can be the case beside a holder.",
    besieged="It is under siege.",
    cut_off="A road or supply route to it is cut.",
)
register(
    ClaimType,
    "ClaimType",
    "What kind of thing a claim tells of.",
    **{name: " ".join((kind.__doc__ or "").split()) for name, kind in CLAIM_TYPES.items()},
)
register(
    Modality,
    "Modality",
    "Whose word it is that it happened: the speaker's, never ours. Only `polarity` negates.",
    asserted="Told as a fact.",
    attempted="Tried; whether it succeeded is not told.",
    denied="Somebody denies that it happened.",
    forecast="Expected, planned, threatened or wished.",
    hypothetical="Supposed.",
)
register(
    Polarity,
    "Polarity",
    "Whether a claim says that something happened, or that it did not.",
    positive="It happened.",
    negated="It did not happen.",
)
register(
    Certainty,
    "Certainty",
    "The speaker's own hedge, surest first: certain, likely, possible, doubtful.",
)
register(StatementKind, "StatementKind", "What a claim of type Statement is.")
register(Qualifier, "Qualifier", "How a quantity bounds the true number.")
register(
    Harm,
    "Harm",
    "What was done to people.",
    killed="They died, at once or of their wounds.",
    wounded="They were injured and lived, as far as the report tells.",
    missing="Nobody knows where they are.",
    detained="They were captured, arrested or abducted.",
    displaced="They had to leave their homes.",
)
register(
    CasualtyGroup,
    "CasualtyGroup",
    "Who people were under the law of war.",
    civilians="They took no part in the fighting.",
    combatants="Soldiers, fighters, or others who took part in the fighting.",
    unknown="The report does not tell.",
)
register(
    WeaponKind,
    "WeaponKind",
    "What a weapon is: the weapon types of the Global Terrorism Database.",
    chemical="A poison: gas, acid.",
    firearms="Small arms, up to the machine gun, and what they fire.",
    explosives="Bombs, mines, grenades, shells, rockets, missiles, and the guns that fire them.",
    fake="A weapon that was none.",
    incendiary="It burns: petrol bombs, napalm, white phosphorus.",
    melee="Blades, clubs, bare hands.",
    vehicle="A vehicle driven into people or things; a car bomb is of the explosives.",
    sabotage_equipment="Tools to destroy things, such as rails or cables.",
    other="The report tells what it was, and it is none of these.",
)
register(
    Precision,
    "Precision",
    "How closely a date is known.",
    time="To the hour or better.",
    interval="Between two dates.",
    not_later_than="On that day or some time before it.",
    not_earlier_than="On that day or some time after it.",
    unknown="Undated.",
)
register(
    Anchor,
    "Anchor",
    "What a relative date was reckoned from.",
    dateline="The report's own date.",
    narrative="Another event that the report tells of.",
    unanchored="Nothing: the date is absolute, or there is none.",
)
register(
    Relation,
    "Relation",
    "How an event's location relates to the place named; only `at` and `in` are the place itself.",
)
register(PlaceKind, "PlaceKind", "What kind of place it is.")
register(ActorKind, "ActorKind", "What kind of actor it is.")
register(
    ActorRole,
    "ActorRole",
    "What an actor does in a claim.",
    candidate="It may be this actor: the identity is disputed.",
)
register(
    Tier,
    "Tier",
    "How a spelling was matched to a name, surest first.",
    id="It is the id.",
    exact="It is the name, apart from case and punctuation.",
    alias="It is one of the other names on record.",
    folded="It is one of the names once both are written in plain Latin letters.",
    skeleton="Its consonants are those of one of the names.",
    fuzzy="It is spelled nearly like one of the names; only ever suggested.",
)
register(
    ReviewStatus,
    "ReviewStatus",
    "Whether a person has read a claim beside its words, and signed it.",
    unreviewed="Nobody has.",
    accepted="Somebody signed it as it was read.",
    corrected="Somebody signed it in a form that a correction by coding gave it.",
    rejected="Somebody found that the words do not say it; it never stands.",
)
register(
    ChangeKind,
    "ChangeKind",
    "What became of a claim between two dates of knowledge.",
    added="It came to stand.",
    withdrawn="It ceased to stand.",
    changed="It stands in another form: see `fields`.",
)
register(
    CauseKind,
    "CauseKind",
    "How a report changed what was known.",
    report="It was published, and makes the claim.",
    revision="A later version of the claim's report was published.",
    correction="Its outlet corrected the claim.",
    retraction="Its outlet withdrew the claim or the whole report.",
    reinstatement="Its outlet let the claim stand again.",
)
register(StatisticsBy, "StatisticsBy", "What statistics count apart.")
register(
    HitKind,
    "HitKind",
    "What a search finds.",
    place="A place of the gazetteer, by any of its names.",
    actor="An actor, by any of its names.",
    report="A version of a report, by its title or source.",
    entry="A claim, by its words or by what it names.",
)
register(
    HitMatch,
    "HitMatch",
    "How well something matches a search, best first.",
    whole="The words are one of its names, its title or its source, from beginning to end.",
    phrase="The words stand in it one after the other.",
    words="All the words stand in it somewhere.",
)
register(
    TextField,
    "TextField",
    "Which text of what was found holds the words.",
    name="A name of the place or actor.",
    title="The report's title.",
    source="Who published the report.",
    quote="The words of the report that make the claim.",
    attribution="Who says so, in the report's words.",
    place="A place that the claim names, as it is named there or by its common name.",
    actor="An actor that the claim names, as it is named there or by its common name.",
)
