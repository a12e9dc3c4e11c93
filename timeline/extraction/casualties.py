"""Gives figures of people killed to the incident that they belong to."""

from __future__ import annotations

from timeline.domain.claims import Fatalities, Modality, Polarity
from timeline.extraction.drafts import Draft
from timeline.extraction.figures import killed_by
from timeline.extraction.grammar import Token
from timeline.extraction.modality import read_modality
from timeline.extraction.parsing import lemma
from timeline.extraction.triggers import Trigger

SENTENCES_BACK_MAX = 2
_TELL_OF_DEATH = frozenset(
    {"Casualties", "ViolenceAgainstCivilians", "Airstrike", "Shelling", "Bombing"}
)
_INCIDENTS = frozenset(
    [
        "Airstrike",
        "Shelling",
        "Bombing",
        "Clash",
        "AircraftLoss",
        "ViolenceAgainstCivilians",
        "ControlChanged",
    ]
)
_REFERRING = frozenset(
    [
        "attack",
        "strike",
        "raid",
        "blast",
        "explosion",
        "it",
        "shelling",
        "bombing",
        "fighting",
        "clash",
        "battle",
        "bombardment",
        "which",
        "that",
        "crash",
    ]
)


_WEAPONS = frozenset({"gunfire", "fire", "shrapnel", "bullet", "shell", "missile", "rocket", "bomb"})


def give_figures(
    triggers: list[Trigger], made: list[Draft], earlier: list[Draft], number: int
) -> list[tuple[Trigger, Fatalities]]:
    """Set `fatalities` of the incidents told of.

    Args:
        triggers: The event words of the sentence.
        made: Its drafts; the figures go to the nearest incident among them.
        earlier: The drafts of earlier sentences, for "the attack killed".
        number: The number of the sentence.

    Returns:
        The killings that no incident can carry, with their figures.
    """
    alone = []
    for trigger in (t for t in triggers if t.type in _TELL_OF_DEATH):
        killed = killed_by(trigger.token)
        if killed is None or not _is_told(trigger.token):
            continue
        incident = _incident_of(trigger, made, earlier, number)
        if incident is not None:
            incident.fatalities = incident.fatalities or killed.fatalities
        elif trigger.type == "Casualties":
            alone.append((trigger, killed.fatalities))
    return alone


def _is_told(token: Token) -> bool:
    reading = read_modality(token)
    return reading.modality is Modality.ASSERTED and reading.polarity is Polarity.POSITIVE


def _incident_of(
    trigger: Trigger, made: list[Draft], earlier: list[Draft], number: int
) -> Draft | None:
    near = [d for d in made if d.type in _INCIDENTS and d.is_occurrence]
    if near:
        return min(near, key=lambda d: abs(d.token_index - trigger.token.i))
    subjects = trigger.arguments.subject
    refers = any(lemma(s) in _REFERRING or lemma(s) in _WEAPONS for s in subjects)
    if subjects and not refers and lemma(trigger.token) != "die":
        return None
    recent = [d for d in earlier if number - d.sentence <= SENTENCES_BACK_MAX]
    told = [d for d in recent if d.type in _INCIDENTS and d.is_occurrence]
    return told[-1] if told else None
