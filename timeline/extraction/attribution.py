"""Decides in which words a claim is attributed: who says so, as the report names them.

One anonymous source that is quoted again keeps the words of the first time, so that three claims
of one officer do not pass for three sources.
"""

from __future__ import annotations

import re

from timeline.extraction.acting import Cast
from timeline.extraction.grammar import Token, arguments
from timeline.extraction.modality import Reading, read_modality
from timeline.extraction.parsing import lemma
from timeline.extraction.scene import Scene

SPEAKER_CHARACTERS_MAX = 300
_BEYOND = frozenset({"relcl", "acl", "punct", "appos", "cc", "conj"})


class Speakers:
    """Who has been quoted in a report so far."""

    def __init__(self, text: str, cast: Cast) -> None:
        self.text, self.cast = text, cast
        self._named: dict[str, str] = {}
        self._last, self._last_end = "", -1

    def of(self, verb: Token, scene: Scene) -> str | None:
        """Who says what `verb` tells; its own subject where nobody else is quoted."""
        reading = read_modality(verb)
        if reading.speaker is None:
            subjects = arguments(verb).subject
            reading = reading._replace(speaker=subjects[0] if subjects else None)
        return self.words(reading, scene)

    def words(self, reading: Reading, scene: Scene) -> str | None:
        """The speaker of a reading in the report's words; `None` is the report's own voice."""
        noun = reading.speaker
        if noun is None:
            return self._carried_on(scene)
        if noun.pos_ == "PRON":
            return self._of_pronoun(noun, scene)
        words = [t for t in noun.subtree if not _is_beyond(t, noun)]
        start = scene.parse.offsets[words[0].i][0]
        end = scene.parse.offsets[words[-1].i][1]
        named = " ".join(self.text[start:end].split()).strip(" ,;:\"'")
        named = re.sub(r"\A(?:[Tt]he|[Aa]n?|[Ss]ome) ", "", named)[:SPEAKER_CHARACTERS_MAX]
        if not named:
            return None
        self._last, self._last_end = named, scene.parse.sentence.end
        return self._named.setdefault(f"{lemma(noun)}:{named.lower()}", named)

    def _of_pronoun(self, noun: Token, scene: Scene) -> str | None:
        if noun.lower_ == "they" and self._last:
            return self._last
        at, start = scene.parse.offsets[noun.i][0], scene.parse.sentence.start
        hit = self.cast.standing_for(noun.lower_, at, start, frozenset())
        return hit.as_named if hit else (self._last or None)

    def _carried_on(self, scene: Scene) -> str | None:
        """After ";" a sentence that goes on in small letters is still the same speaker's."""
        start = scene.parse.sentence.start
        before = self.text[max(0, start - 4) : start].rstrip()
        goes_on = before.endswith(";") and self.text[start].islower()
        return self._last if goes_on and self._last_end >= start - 6 and self._last else None


def _is_beyond(token: Token, noun: Token) -> bool:
    """Whether a token of a noun phrase is in a clause or apposition that hangs on it."""
    current = token
    while current != noun:
        if current.dep_ in _BEYOND or current.head == current:
            return True
        current = current.head
    return False
