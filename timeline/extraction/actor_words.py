"""Holds the words that say of what kind an actor is, and who of those named does not fight."""

from __future__ import annotations

STATE_WORDS = frozenset(
    [
        "army",
        "military",
        "troop",
        "soldier",
        "government",
        "regime",
        "garrison",
        "officer",
        "unit",
        "infantry",
        "navy",
        "police",
        "security",
        "air",
    ]
)
GROUP_WORDS = frozenset(
    [
        "group",
        "organization",
        "organisation",
        "militant",
        "jihadist",
        "fighter",
        "insurgent",
        "rebel",
        "extremist",
        "faction",
        "movement",
        "terrorist",
        "gunman",
        "militia",
        "guerrilla",
        "separatist",
        "militiaman",
        "cell",
    ]
)
ATTACKERS = frozenset({"attacker", "assailant", "raider"})
# What nobody calls a group that fights for a state.
REBELLIOUS = frozenset(
    {
        "militant",
        "jihadist",
        "insurgent",
        "rebel",
        "extremist",
        "terrorist",
        "guerrilla",
        "separatist",
    }
)
UNARMED = frozenset(
    {
        *("civilian", "resident", "villager", "source", "official", "analyst"),
        *("activist", "witness", "refugee", "spokesman", "medic", "doctor"),
        *("mediator", "diplomat", "monitor", "observer", "minister", "journalist"),
        *("people", "commander", "leader", "chief", "mayor", "governor", "prosecutor"),
        *("blogger", "president", "spokeswoman", "expert", "chairman", "worker", "monitor"),
    }
)
