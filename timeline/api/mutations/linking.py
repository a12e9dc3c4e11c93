"""Mutations of incidents: an analyst's word on which claims tell of the same."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry import ID

from timeline.api.context import Info
from timeline.api.described import answered, described
from timeline.api.incidents import Incident, find_incident
from timeline.api.mutations.changing import (
    INPUT,
    Told,
    changed,
    errors_field,
    input_of,
    key_field,
    position_of,
    stream_version_field,
)
from timeline.api.mutations.errors import UserError
from timeline.api.scalars import Position
from timeline.domain.incident_sums import incident_id
from timeline.filing.commands import Commands


@input_of
class LinkIncidentsInput:
    """Claims, and a word on them; whoever's token it is says so."""

    claims: list[ID] = strawberry.field(
        description="Two or more, each by its claim id or as REPORT/REF."
    )
    reason: str = strawberry.field(description="Why, in a sentence.")
    expected_version: int | None = strawberry.field(
        default=None,
        description="The version that the stream of the first claim's incident must have, as"
        " `version` of an earlier payload tells it; a Conflict otherwise. Null takes any.",
    )
    idempotency_key: str | None = key_field()


@described
class IncidentPayload:
    """The incidents of some claims after a word on them."""

    claims: list[ID] = strawberry.field(description="The ids of the claims meant, in order.")
    incidents: list[Incident] = strawberry.field(
        description="The incidents that they tell of now, each once."
    )
    position: Position | None = strawberry.field(
        description="The position of the word in the log; null when it was said before."
    )
    version: int | None = stream_version_field()
    errors: list[UserError] = errors_field()


def _said(info: Info, given: LinkIncidentsInput, *, is_link: bool) -> IncidentPayload:
    def do(commands: Commands) -> Told:
        say = commands.linking.link if is_link else commands.linking.unlink
        claims = [str(c) for c in given.claims]
        said = say(
            claims,
            reason=given.reason,
            requested_by=commands.author.name,
            expected_version=given.expected_version,
        )
        return {"position": said.position, "claims": list(said.claims), "version": said.version}

    name = "linkIncidents" if is_link else "unlinkIncidents"
    told, errors = changed(info, name, given, given.idempotency_key, do)
    claims = told.get("claims", [])
    found = {}
    for claim_id in claims:
        incident = find_incident(info, incident_id(claim_id), None)
        if incident is not None:
            found[str(incident.id)] = incident
    return IncidentPayload(
        claims=[ID(c) for c in claims],
        incidents=list(found.values()),
        position=position_of(told),
        version=told.get("version"),
        errors=errors,
    )


@described
class LinkingMutations:
    """Mutations of incidents."""

    @answered
    def link_incidents(
        self, info: Info, given: Annotated[LinkIncidentsInput, INPUT]
    ) -> IncidentPayload:
        """Say that claims tell of one incident, whatever the rule says. Needs the role editor."""
        return _said(info, given, is_link=True)

    @answered
    def unlink_incidents(
        self, info: Info, given: Annotated[LinkIncidentsInput, INPUT]
    ) -> IncidentPayload:
        """Say that claims tell of different incidents. Needs the role editor."""
        return _said(info, given, is_link=False)
