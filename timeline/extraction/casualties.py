"""Gives figures of people killed, hurt or taken to the incident that they belong to."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from timeline.domain.actors import ActorRole
from timeline.domain.claims import (
    CasualtyCount,
    CasualtyGroup,
    Fatalities,
    Harm,
    Modality,
    Polarity,
    check_figures,
)
from timeline.extraction.drafts import Draft
from timeline.extraction.figures import harmed_by, killed_in_all
from timeline.extraction.grammar import Token, arguments
from timeline.extraction.modality import read_modality
from timeline.extraction.parsing import lemma
from timeline.extraction.scene import Scene
from timeline.extraction.triggers import Trigger

SENTENCES_BACK_MAX = 2
_STRIKES = frozenset({"Airstrike", "Shelling", "Bombing"})
_INCIDENTS = _STRIKES | {"Clash", "AircraftLoss", "ViolenceAgainstCivilians", "ControlChanged"}
_REFERRING = frozenset(
    {"attack", "strike", "raid", "blast", "explosion", "it", "shelling", "bombing", "fighting"}
    | {"clash", "battle", "bombardment", "which", "that", "crash", "assault", "ambush"}
)
_TALLYING = frozenset({"count", "record", "register", "document"})
_WEAPONS = frozenset(
    {"gunfire", "fire", "shrapnel", "bullet", "shell", "missile", "rocket", "bomb", "sniper"}
)


class Tolled(NamedTuple):
    """A killing that no incident can carry, with its figures."""

    trigger: Trigger
    fatalities: Fatalities | None
    casualties: list[CasualtyCount]


def give_figures(
    triggers: list[Trigger], made: list[Draft], earlier: list[Draft], number: int, scene: Scene
) -> list[Tolled]:
    """Set `fatalities` and `casualties` of the incidents told of.

    Args:
        triggers: The event words of the sentence.
        made: Its drafts; the figures go to the nearest incident among them.
        earlier: The drafts of earlier sentences, for "the attack killed".
        number: The number of the sentence.
        scene: The sentence, for whom the killed fought.

    Returns:
        The killings that no incident can carry, with their figures.
    """
    alone = []
    told_by = {t.token.i: t for t in triggers}
    for token in scene.parse.doc:
        counts = harmed_by(token)
        if not counts or not _is_told(token):
            continue
        trigger = told_by.get(token.i) or told_by.get(token.head.i)
        is_tally = trigger is not None and lemma(trigger.token) in _TALLYING
        before = [] if is_tally else earlier
        incident = _incident_of(token, counts[0].harm, made, before, number, scene)
        if incident is not None:
            _give(incident, _with_sides(counts, token, incident, scene))
        elif trigger is not None and trigger.type == "Casualties":
            alone.append(Tolled(trigger, killed_in_all(counts), counts))
    return alone


def _is_told(token: Token) -> bool:
    reading = read_modality(token)
    return reading.modality is Modality.ASSERTED and reading.polarity is Polarity.POSITIVE


def _incident_of(
    token: Token,
    harm: Harm,
    made: list[Draft],
    earlier: list[Draft],
    number: int,
    scene: Scene,
) -> Draft | None:
    fitting = {Harm.DETAINED: {"Detention"}}.get(harm, _INCIDENTS)
    near = [d for d in made if d.type in fitting and d.is_occurrence]
    if near:
        return min(near, key=lambda d: abs(d.token_index - token.i))
    if harm in (Harm.DETAINED, Harm.DISPLACED):
        return None
    low = lemma(token)
    subjects = arguments(token).subject if token.pos_ == "VERB" else []
    refers = any(lemma(s) in _REFERRING or lemma(s) in _WEAPONS for s in subjects)
    if subjects and not refers and low != "die":
        return None
    if low != "die" and _is_placed(token, scene) and not refers:
        return None  # "three were killed at X"
    recent = [d for d in earlier if number - d.sentence <= SENTENCES_BACK_MAX]
    told = [d for d in recent if d.type in _INCIDENTS and d.is_occurrence]
    return told[-1] if told else None


def _is_placed(verb: Token, scene: Scene) -> bool:
    """Whether a verb of killing names its own place, and a day of its own is told beside it."""
    nouns = [n for c in verb.children if c.lower_ in ("at", "in", "near") for n in c.children]
    spans = [scene.parse.offsets[n.i] for n in nouns]
    return any(p.start < b and a < p.end for p in scene.places for a, b in spans)


def _with_sides(
    counts: list[CasualtyCount], token: Token, incident: Draft, scene: Scene
) -> list[CasualtyCount]:
    """The counts, each of combatants with the role of the actor they fought for."""
    roles = {a.actor_id: a.role for a in incident.actors if a.actor_id is not None}
    args = arguments(token) if token.pos_ == "VERB" else None
    nouns = [*args.subject, *args.object] if args is not None else []
    sides: set[ActorRole] = {
        roles[h.actor_id] for n in nouns for h in scene.actors_of(n) if h.actor_id in roles
    } - {ActorRole.INITIATOR, ActorRole.HOLDER}
    if len(sides) != 1:
        return counts
    role = sides.pop()
    fought = CasualtyGroup.COMBATANTS
    return [replace(c, role=role) if c.group is fought else c for c in counts]


def _give(incident: Draft, counts: list[CasualtyCount]) -> None:
    """Add counts to an incident; what was counted before stands, and nobody is counted twice."""
    known = {(c.harm, c.group) for c in incident.casualties}
    new = [c for c in counts if (c.harm, c.group) not in known]
    killed = [c for c in new if c.harm is Harm.KILLED]
    if incident.fatalities is None:
        incident.fatalities = killed_in_all(killed)
    elif killed:
        new = [c for c in new if c.harm is not Harm.KILLED]  # another telling of the same dead
    try:
        check_figures(incident.fatalities, [*incident.casualties, *new])
    except ValueError:
        return
    incident.casualties += new
