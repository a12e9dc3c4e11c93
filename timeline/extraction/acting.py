"""Decides which actors a text names: by name, by adjective before a noun of arms, or by kind.

Generic words ("rebels", "the army") mean an actor of the table only in a text about its theatre;
elsewhere, and for "it" or "the group", they stand for the last fitting actor named.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from timeline.domain.actors import Actor, ActorKind, ActorMention, ActorRole, ActorTable
from timeline.extraction.actor_words import ATTACKERS, GROUP_WORDS, REBELLIOUS, STATE_WORDS, UNARMED
from timeline.extraction.lexicon import lexicon
from timeline.extraction.mentions import Hit, actor_names
from timeline.extraction.placing import PlaceHit

AS_NAMED_CHARACTERS_MAX = 120
HOME_PLACES_MIN = 2
HOME_ARMY = "government forces"
RECALL_MAX = 600
SPELT_OUT_CHARACTERS_MAX = 5_000
RECALL_NAMES_MAX, TOUCHING_MAX = 200, 30
_STATE = frozenset({ActorKind.STATE, ActorKind.STATE_FORCES, ActorKind.COALITION})
_GROUP = frozenset({ActorKind.NON_STATE_ARMED_GROUP})
_SPEAKERS = frozenset({ActorKind.MEDIA, ActorKind.MONITOR, ActorKind.INTERNATIONAL_ORGANISATION})
# An aircraft by its model alone ("a Turkish F-16").
MODEL = r"(?:F|Su|Mi|MiG|Tu|Il|An|Ka|L|AH|UH|JF|MQ|C|A)-\d{1,3}[A-Z]?s?"
_ADJECTIVE = re.compile(
    r"\b(?P<adjective>(?:[A-Z][a-z]+(?:ian|ean|yan|ish|ese|eli|aqi|eni|ench|utch|man|can)|"
    r"Saudi|Kurdish|Houthi|Hutu|"
    r"Sudanese|Yemeni|Iraqi|Afghan|Greek|Czech|Emirati|Libyan|Taliban)(?:-(?:led|backed))?)\b"
    rf"(?P<rest>(?: [a-z][\w-]+){{0,2}}? (?P<noun>[a-z][a-z-]+|{MODEL}))"
)
_LED = re.compile(
    r"\b(?P<name>[A-Z][\w']*(?: [A-Z][\w']*)?)-led "
    r"(?P<noun>forces|coalition|alliance|troops|militias?)\b"
)


# An armed group by its name alone, unknown as it may be: "Levant Front".
_HEADED = re.compile(
    r"\b(?:[A-Z][\w'-]+ (?:(?:for|of|the|and) ){0,2}){1,5}"
    r"(?:Front|Army|Movement|Militia|Legion|Alliance|Brigades)\b"
    r"(?: \([A-Z]{2,6}\))?"
)


_BACKED = re.compile(
    r"-(?:backed|supported|funded|armed|aligned|allied)(?: [a-z-]+){0,2}?"
    r" (?:forces|fighters|troops|rebels|militias?|militiamen|alliance|coalition|groups?|factions|"
    r"units|insurgents|separatists|army|administration)\b"
)


class ActorHit(NamedTuple):
    """An actor as the text names it here; half-open code points."""

    start: int
    end: int
    as_named: str
    actor_id: str | None
    is_generic: bool = False


def find_actors(text: str, table: ActorTable, hits: list[Hit], is_home: bool) -> list[ActorHit]:
    """Every actor that a cleaned text names, left to right.

    Args:
        text: The cleaned text.
        table: The known actors.
        hits: Where names of the table stand (`actor_names(table).find`).
        is_home: Whether the text is about the theatre whose actors the table holds.
    """
    found = []
    for hit in hits:
        known = hit.ids[0] if len(hit.ids) == 1 and (is_home or not hit.is_generic) else None
        start = hit.start
        if (backed := _BACKED.match(text, hit.end)) is not None:
            found.append(ActorHit(start, backed.end(), text[start : backed.end()], None))
            continue  # "US-backed forces" are not of the US
        if text.startswith("-led ", hit.end):
            led = table.resolve(f"{text[start : hit.end]}-led coalition")[0]
            known = led.actor_id if led is not None else known
        if known is None and (
            of := re.search(
                r"[A-Z][a-z]+(?:i|ian|ish|ese|an|ic) \Z", text[max(0, start - 20) : start]
            )
        ):
            start -= len(of.group())
        named = re.sub(r"[()\"]", "", text[start : hit.end]).strip()
        found.append(ActorHit(start, hit.end, named, known, hit.is_generic))
    found = _joined(text, found, table)
    found.extend(_by_kind(text, table, found, is_home))
    found.extend(_by_adjective(text, table, found))
    found.extend(_by_head(text, found))
    for match in _LED.finditer(text):
        clash = [f for f in found if f.start < match.end() and match.start() < f.end]
        if all(f.is_generic and f.actor_id is None for f in clash):
            found = [f for f in found if f not in clash]
            found.append(ActorHit(match.start(), match.end(), match.group(), None))
    return sorted(found)


def _same_side(one: ActorHit, other: ActorHit, table: ActorTable) -> bool:
    """Whether two names are of one actor, or of a side and a group of it."""
    actor = table.get(other.actor_id) if other.actor_id else None
    return actor is not None and one.actor_id in (actor.actor_id, actor.side)


def _joined(text: str, hits: list[ActorHit], table: ActorTable) -> list[ActorHit]:
    """As in "Tuareg rebels of the CMA": one actor named twice is one name."""
    made: list[ActorHit] = []
    for hit in hits:
        last = made[-1] if made else None
        between = text[last.end : hit.start] if last is not None else ""
        if last and _same_side(last, hit, table) and between in (" of ", " of the "):
            whole = text[last.start : hit.end]
            made[-1] = last._replace(end=hit.end, as_named=whole, actor_id=hit.actor_id)
        else:
            made.append(hit)
    return made


def is_home_text(text: str, hits: list[Hit], places: list[PlaceHit], table: ActorTable) -> bool:
    """Whether a text is about the theatre of the gazetteer, so that "rebels" means its rebels."""
    resolved = {p.mention.place_id for p in places if p.mention.place_id and not p.is_anaphor}
    named = {h.ids[0] for h in hits if not h.is_generic and len(h.ids) == 1}
    kinds = [actor for n in named if (actor := table.get(n)) is not None]
    local = any(a.side == a.actor_id or a.kind in _GROUP for a in kinds)
    state = table.resolve(HOME_ARMY)[0]
    is_told = state is not None and any(word in text for word in state.adjectives)
    return len(resolved) >= HOME_PLACES_MIN or (bool(resolved) and local) or is_told


_KIND_WORD = re.compile(
    r"\b(?P<kind>[Rr]ebel|[Ii]nsurgent|[Oo]pposition|[Gg]overnment|[Rr]egime|[Ll]oyalist)"
    r"(?=[ -](?:hands?|control|held|controlled|positions?|territory|areas?|lines|jets?|"
    r"warplanes?|aircraft|helicopters?|drones?|artillery|guns?|rockets?|shells?|mortars?|fire|"
    r"shelling|bombardment|strikes?|airstrikes?|raids?|attacks?|offensive|troops|forces|army|"
    r"counter-?(?:attack|offensive)s?|assaults?|advances?|push|ambush(?:es)?|snipers?|pilots?|"
    r"checkpoints?|posts?|outposts?|bases?|camps?|barracks|garrisons?|convoys?|columns?|"
    r"strongholds?|bastions?|enclaves?|trenches|headquarters|depots?|sites?|targets?|militias?|"
    r"militiamen|fighters|gunmen|paramilitaries|units?|brigades?|battalions?|soldiers|tanks?)\b)"
)


def _by_kind(text: str, table: ActorTable, found: list[ActorHit], is_home: bool) -> list[ActorHit]:
    """As in "Rebel hands", "government jets": the actor that the plural or its forces name."""
    made = []
    taken = _taken(found)
    for match in _KIND_WORD.finditer(text):
        if not taken.isdisjoint(range(*match.span())):
            continue
        kind = match["kind"].lower()
        known = next(
            (a for form in (f"{kind}s", f"{kind} forces", kind) if (a := table.resolve(form)[0])),
            None,
        )
        actor_id = known.actor_id if known and is_home else None
        made.append(ActorHit(match.start(), match.end(), match.group(), actor_id, True))
    return made


def _by_head(text: str, found: list[ActorHit]) -> list[ActorHit]:
    taken = _taken(found)
    made = []
    for match in _HEADED.finditer(text):
        start = match.start() + (4 if match.group().startswith("The ") else 0)
        named = text[start : match.end()].split(" (", maxsplit=1)[0]
        if taken.isdisjoint(range(start, match.end())) and " " in named:
            made.append(ActorHit(start, start + len(named), named, None))
    return made


def _by_adjective(text: str, table: ActorTable, found: list[ActorHit]) -> list[ActorHit]:
    arms = lexicon().nouns["arms"]
    by_adjective = {w: a.actor_id for a in table.actors.values() for w in a.adjectives}
    known = "|".join(sorted((re.escape(w) for w in by_adjective), key=len, reverse=True))
    patterns = [_ADJECTIVE]
    if known:
        patterns.insert(
            0,
            re.compile(
                rf"\b(?P<adjective>{known})"
                rf"(?P<rest>(?: [a-z][\w-]+){{0,2}}? (?P<noun>[a-z][a-z-]+|{MODEL}))"
            ),
        )
    made: list[ActorHit] = []
    taken = _taken(found)
    for pattern in patterns:
        for match in pattern.finditer(text):
            words = _AFTER.match(text, match.end("adjective"))
            ends = [m.end() for m in re.finditer(r" [\w-]+", words.group())] if words else []
            start, said = match.start(), words.start() if words else 0
            nouns = [said + end for end in ends]
            end = next((e for e in nouns if _is_of_arms(text[:e].rsplit(" ", 1)[-1], arms)), None)
            if end is None or not taken.isdisjoint(range(start, end)):
                continue
            taken.update(range(start, end))
            actor_id = by_adjective.get(match["adjective"])
            if actor_id is None and match["adjective"].endswith("-led"):
                led = table.resolve(f"{match['adjective']} coalition")[0]
                actor_id = led.actor_id if led is not None else None
            made.append(ActorHit(start, end, text[start:end], actor_id))
    return made


_AFTER = re.compile(rf"(?: (?:[a-z][\w-]+|{MODEL}|[A-Z]{{1,3}}-?\d{{1,3}})){{1,3}}")


def _is_of_arms(word: str, arms: frozenset[str]) -> bool:
    return word in arms or word.rstrip("s") in arms or re.fullmatch(MODEL, word) is not None


def _taken(hits: list[ActorHit]) -> set[int]:
    """The code points that already belong to a name."""
    return {at for h in hits for at in range(h.start, h.end)}


class Cast:
    """The actors of a report, and who a pronoun or a generic noun stands for."""

    def __init__(self, hits: list[ActorHit], table: ActorTable, text: str = "") -> None:
        """`text` is the cleaned one, in which the hits stand."""
        self.hits = hits
        self.text = text
        self._starts = [h.start for h in hits]
        self._named = frozenset(hits)
        self.by_adjective = {w: a.actor_id for a in table.actors.values() for w in a.adjectives}
        self.table = table
        seat = re.compile(r"\b(?:in|near|at|around|outside|into|to|from) \Z")
        self._seats = {
            h.start  # "in Damascus" is a city; "from Islamic State" is nobody's seat
            for h in hits
            if seat.search(text[max(0, h.start - 9) : h.start]) and not self.is_irregular(h)
        }
        self.subjects: list[tuple[int, ActorHit]] = []
        self._main: set[int] = set()
        self.unnamed: dict[str, ActorHit] = {}
        self.default_state: ActorHit | None = None
        self.attacker: ActorHit | None = None
        self.doer: ActorHit | None = None
        self.leading: ActorHit | None = None

    def touching(self, start: int, end: int) -> list[ActorHit]:
        """The actors named in a range of code points."""
        last = bisect_left(self._starts, end)
        near = self.hits[max(0, last - TOUCHING_MAX) : last]
        return [h for h in near if start < h.end]

    def is_named(self, hit: ActorHit) -> bool:
        """Whether the text names this actor, rather than one standing for it."""
        return hit in self._named

    @staticmethod
    def is_kind_word(word: str) -> bool:
        """Whether a noun says of what kind an actor is ("rebels"), and so may stand for one."""
        return word in STATE_WORDS | GROUP_WORDS

    def spelt_out(self, acronym: str, before: int) -> str | None:
        """The name whose initials an unknown acronym has, if the text gave it before."""
        if not re.fullmatch(r"[A-Z]{2,6}", acronym):
            return None
        words = r"(?: (?:of|the|for|and))*[ -]".join(rf"{letter}[\w']+" for letter in acronym)
        told = self.text[max(0, before - SPELT_OUT_CHARACTERS_MAX) : before]
        found = list(re.finditer(rf"\b{words}\b", told))
        return found[-1].group() if found else None

    def is_irregular(self, hit: ActorHit) -> bool:
        """Whether an actor is an armed group, which has no air force."""
        actor = self._actor(hit)
        if actor is not None:
            return actor.kind in _GROUP
        return bool({w.rstrip("s") for w in hit.as_named.lower().split()} & GROUP_WORDS)

    def remember_subject(self, position: int, hit: ActorHit, *, is_main: bool) -> None:
        """Note who the subject of a clause was, for the pronouns after it."""
        self.subjects.append((position, hit))
        if is_main:
            self._main.add(position)

    def standing_for(
        self, word: str, before: int, sentence_start: int, not_: frozenset[str]
    ) -> ActorHit | None:
        """The actor that a pronoun or generic noun at `before` stands for, or `None`.

        Args:
            word: The pronoun, or the lemma of the noun.
            before: Code point where it stands.
            sentence_start: Where its sentence begins.
            not_: Ids of actors that it cannot be.
        """
        if word in ATTACKERS and self.attacker is not None:
            return None if self.attacker.actor_id in not_ else self.attacker
        subjects = self.subjects[-RECALL_NAMES_MAX:]
        near = [(at, h) for at, h in subjects if sentence_start - RECALL_MAX <= at < before]
        told = [h for _, h in sorted(near) if h.actor_id is None or h.actor_id not in not_]
        recent = [h for h in told if self.fights(h)]
        if not any(at >= sentence_start for at, _ in near):
            main = [h for at, h in sorted(near) if at in self._main and h in recent]
            recent = main or recent
        kinds = _STATE if word in STATE_WORDS else _GROUP if word in GROUP_WORDS else None
        last = bisect_left(self._starts, before)
        named = self.hits[max(0, last - RECALL_NAMES_MAX) : last]
        named = [h for h in named if h.start not in self._seats]
        candidates = [h for h in named if h.end <= before and h.actor_id not in not_]
        candidates = [h for h in candidates if self.fights(h) and self._is_kind(h, kinds)]
        if word in REBELLIOUS:
            candidates = [h for h in candidates if not self._sides_with_state(h)]
        if kinds is None and recent:
            return recent[-1]
        if not candidates:
            default = self.default_state if kinds is _STATE else None
            return default if default is None or default.actor_id not in not_ else None
        if kinds is _STATE:
            home = [h for h in candidates if self._is_local_state(h)]
            default = self.default_state
            own = [h for h in candidates if (h.actor_id or "").startswith("government-of-")]
            candidates = own if own and default is None else candidates
            same = [h for h in candidates if word in h.as_named.lower().split()]
            if default is None and same:
                return same[-1]
            if home or default is None:
                return (own or home or candidates)[-1]
            return default if default.actor_id not in not_ else None
        return candidates[-1]

    def wielder(self, weapon: str, before: int, sentence_start: int) -> ActorHit | None:
        """Whose "the jets" are: of the last actor named by that weapon ("Russian jets")."""
        last = bisect_left(self._starts, before)
        for hit in reversed(self.hits[max(0, last - RECALL_NAMES_MAX) : last]):
            if hit.start < sentence_start - RECALL_MAX:
                return None
            if hit.as_named.lower().split()[-1].rstrip("s") == weapon.rstrip("s"):
                return hit
        return None

    def _actor(self, hit: ActorHit) -> Actor | None:
        return self.table.get(hit.actor_id) if hit.actor_id else None

    def fights(self, hit: ActorHit) -> bool:
        """Whether an actor is one who takes part in fighting, as far as is known."""
        actor = self._actor(hit)
        if actor is not None:
            return actor.kind not in _SPEAKERS | {ActorKind.CIVILIAN}
        last = hit.as_named.lower().split()[-1]
        return not {last, last.rstrip("s")} & (UNARMED | lexicon().nouns["noncombatant"])

    def _is_kind(self, hit: ActorHit, kinds: frozenset[ActorKind] | None) -> bool:
        actor = self._actor(hit)
        if kinds is None:
            return True
        if actor is None:
            words = {w.rstrip("s") for w in hit.as_named.lower().replace("-", " ").split()}
            return bool(words & (STATE_WORDS if kinds is _STATE else GROUP_WORDS)) or not words & (
                GROUP_WORDS if kinds is _STATE else STATE_WORDS
            )
        return actor.kind in kinds

    def _sides_with_state(self, hit: ActorHit) -> bool:
        """Whether an armed group is on the side of a state, so that nobody calls it "militants"."""
        actor = self._actor(hit)
        side = self.table.get(actor.side) if actor is not None and actor.side else None
        return side is not None and side.kind in _STATE

    def _is_local_state(self, hit: ActorHit) -> bool:
        actor = self._actor(hit)
        if actor is None or self.default_state is None:
            return True
        return self.default_state.actor_id in (actor.actor_id, actor.side)

    def mention(self, hit: ActorHit, role: ActorRole) -> ActorMention:
        """The actor in a role, resolved by the table."""
        named = hit.as_named[:AS_NAMED_CHARACTERS_MAX] or "unnamed"
        if hit.actor_id is None:
            return ActorMention(as_named=named, role=role)
        actor = self.table.get(hit.actor_id)
        name = actor.name if actor else None
        return ActorMention(as_named=named, role=role, actor_id=hit.actor_id, name=name)


def actor_hits(text: str, table: ActorTable) -> list[Hit]:
    """Where names of the table stand in a cleaned text."""
    return actor_names(table).find(text)
