"""Tells by what means an attack was made, where ACLED has a sub-event type of its own for it."""

from __future__ import annotations

from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import lemma
from timeline.extraction.triggers import Trigger

_GASES = frozenset({"gas", "chemical", "chlorine", "sarin", "nerve", "mustard", "phosphorus"})
_THEMSELVES = frozenset({"himself", "herself", "themselves"})


def means_of(trigger: Trigger) -> str | None:
    """`suicide`, `chemical`, or nothing that ACLED tells apart."""
    args = trigger.arguments
    nouns = [trigger.token, *args.subject, *args.object, *args.after("with", "containing", "of")]
    words = {w.lower_ for n in nouns for w in (n, *n.lefts)}
    words |= {lemma(n) for n in nouns}
    if trigger.type == "Bombing":
        return "suicide" if "suicide" in words or words & _THEMSELVES else None
    is_poison = words & (_GASES | lexicon().nouns["poison"] - {"agent"})
    return "chemical" if is_poison else None
