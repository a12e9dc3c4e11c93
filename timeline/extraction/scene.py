"""Says of one parsed sentence which of its nouns are places and which are actors.

A noun is an actor by its name, by whom it belongs to ("aircraft of X"), or because it stands for
one named before ("the army", "they"). Whoever is not known stays as the report names them.
"""

from __future__ import annotations

from collections.abc import Callable

from timeline.extraction.acting import ActorHit, Cast
from timeline.extraction.actor_words import REBELLIOUS
from timeline.extraction.classing import by_its_words
from timeline.extraction.grammar import CLIMB_MAX, Token, coordinated, left_edge
from timeline.extraction.lexicon import lexicon
from timeline.extraction.naming import leading, name_beside, of_band, of_leader
from timeline.extraction.parsing import Parse, lemma
from timeline.extraction.placing import PlaceHit

NOUN_PHRASE_WORDS_MAX = 8
ROAD_RECALL_MAX = 120
_WHO = frozenset({"who", "what", "which", "someone", "nobody", "unknown", "unidentified"})
_PERSONAL = frozenset({"it", "they", "them", "he", "she", "we", "its", "their"})
_FIGHTING = frozenset({"force", "air_arm", "gun", "person"})
_WEAPONS = frozenset({"air_arm", "gun", "munition", "aircraft"})
_AFFECTED = frozenset({"dobj", "pobj", "nsubjpass"})
_SIDES = frozenset({"security", "army", "government", "military", "regime", "junta", "air"})
_BELONGS = frozenset({"of", "from", "to", "with", "by"})
_SEATED_BY = frozenset(
    {
        "in",
        "near",
        "at",
        "around",
        "from",
        "to",
        "outside",
        "toward",
        "towards",
        "inside",
        "of",
        "on",
    }
)
_BELONGING = frozenset(
    {"belong", "affiliate", "ally", "link", "back", "carry", "charter", "operate", "lead"}
    | {"command", "own", "fly", "pilot", "control"}
)
_SPEAKERS = frozenset({"spokesman", "spokeswoman", "spokesperson", "commander", "leader"})
_PARTIES = frozenset({"column", "convoy", "unit", "team", "detachment", "contingent", "patrol"})
_MEN = frozenset({"man", "fighter", "soldier", "troop", "force"})
_STRANGERS = frozenset({"gunman", "fighter", "group", "attacker", "assailant", "bomber", "drone"})
_DRONES = frozenset({"drone", "jet", "plane", "helicopter", "warplane", "aircraft"})
_LOOSE_KINDS = frozenset({"soldier", "militant", "fighter", "troop"})
_PLAIN_MARKS = _SIDES | {
    "force",
    "ground",
    "armed",
    "several",
    "remaining",
    "other",
    "same",
    "last",
    "first",
    "two",
    "three",
    "heavy",
}


class Scene:
    """One parsed sentence with the places and actors named in it."""

    def __init__(self, parse: Parse, places: list[PlaceHit], cast: Cast) -> None:
        self.parse = parse
        self.cast = cast
        start, end = parse.sentence.start, parse.sentence.end
        self.all_places = places
        self.places = [p for p in places if start <= p.start < end]
        self._classes: dict[int, frozenset[str]] = {}

    def without(self, is_out: Callable[[PlaceHit], bool]) -> Scene:
        """The same sentence with some of its places left out."""
        other = Scene(self.parse, self.all_places, self.cast)
        other.places = [p for p in self.places if not is_out(p)]
        return other

    def road_before(self, pronoun: Token) -> PlaceHit | None:
        """The road that a pronoun may stand for: the one named shortly before it."""
        at = self.parse.offsets[pronoun.i][0]
        near = [p for p in self.all_places if p.kind == "road" and p.end <= at]
        return near[-1] if near and at - near[-1].end <= ROAD_RECALL_MAX else None

    def before(self, hit: PlaceHit) -> str:
        """The words right before a place, "the" left out."""
        text = self.cast.text[max(0, hit.start - 20) : hit.start]
        return text.removesuffix("the ")

    def between(self, one: PlaceHit, other: PlaceHit) -> str:
        """The text between two places."""
        return self.cast.text[one.end : other.start]

    def classes(self, token: Token) -> frozenset[str]:
        """The noun classes of a token, with `place` and `actor` where it is named as one."""
        if token.i not in self._classes:
            self._classes[token.i] = self._classify(token)
        return self._classes[token.i]

    def _classify(self, token: Token) -> frozenset[str]:
        words = lexicon()
        held = set(words.classes(lemma(token))) | set(words.classes(token.lower_))
        held = by_its_words(token, held)
        a, b = self.parse.offsets[token.i]
        place = any(p.start < b and a < p.end for p in self.places)
        if held & {"settlement", "site", "region"} or place:
            held.add("place")
        hits = self.cast.touching(a, b)
        if any(h.end >= b for h in hits):
            held.add("actor")
        if token.lower_ == "it" and self.road_before(token) is not None:
            held |= {"route"}
        if token.pos_ == "PRON" and self._is_coalition(token):
            held.add("air_arm")
        if any(self.cast.is_irregular(h) for h in hits):
            held.add("irregular")
        if hits and not place and not held & {"settlement", "site", "region"}:
            held.discard("place")
        if not held & {"settlement", "site"} and held & {"person", "force"} and not place:
            held.discard("place")
        if (
            place
            and held >= {"place"}
            and "route" not in held
            and any(p.kind == "road" and p.start < b and a < p.end for p in self.places)
        ):
            held.add("route")
        if token.pos_ == "PROPN" and not hits and not held:
            held.add("name")
        return frozenset(held)

    def _is_coalition(self, pronoun: Token) -> bool:
        """Whether "it" is a coalition, which fights from the air."""
        at, start = self.parse.offsets[pronoun.i][0], self.parse.sentence.start
        if pronoun.lower_ not in ("it", "they"):
            return False
        stands = self.cast.standing_for(pronoun.lower_, at, start, frozenset())
        return stands is not None and stands.as_named.lower().split()[-1] == "coalition"

    def actors_of(self, token: Token, barred: frozenset[str] = frozenset()) -> list[ActorHit]:
        """The actors that a noun phrase names, or stands for."""
        found: list[ActorHit] = []
        for noun in coordinated(token):
            hit = self._actor_of(noun, barred)
            if hit is not None and hit.as_named not in [f.as_named for f in found]:
                found += [*self._of_first_adjectives(noun, hit), hit]
        return found

    def _of_first_adjectives(self, noun: Token, hit: ActorHit) -> list[ActorHit]:
        """As in "Russian and Syrian aircraft": Russia's, of which the noun is not written."""
        known, offsets = self.cast.by_adjective, self.parse.offsets
        words = [c for c in noun.lefts if c.dep_ in ("amod", "compound", "nmod")]
        words += [j for c in words for j in c.children if j.dep_ == "conj"]
        ids = {known[c.text]: c for c in words if c.text in known}
        if len(ids) < 2:
            return []
        return [
            ActorHit(offsets[c.i][0], offsets[c.i][1], f"{c.text} {noun.text}", id_)
            for id_, c in ids.items()
            if id_ != hit.actor_id
        ]

    def _actor_of(self, noun: Token, barred: frozenset[str]) -> ActorHit | None:
        offsets = self.parse.offsets
        first, last = offsets[left_edge(noun)][0], offsets[noun.i][1]
        named = self.cast.touching(first, last)
        classes = self.classes(noun)
        if named and not self._is_only_place(noun, named[-1]):
            return self._of_name(noun, named, first, barred)
        below = name_beside(noun, self) or self._below(noun)
        if below is not None and ("place" not in classes or "site" in classes):
            return below
        if noun.lower_ in _WHO or noun.lower_ in ("that", "this", "there"):
            return None
        if noun.pos_ == "PRON":
            return self._of_pronoun(noun, first, last, barred)
        if classes & _FIGHTING and (whose := self._of_owner(noun, first, last, barred)):
            return whose
        if classes & _FIGHTING:
            return self._seated(noun, first, last) or self._of_kind(noun, first, last, barred)
        if noun.pos_ == "PROPN" and "place" not in classes:
            named_so = self.phrase(noun)
            return ActorHit(first, last, self.cast.spelt_out(named_so, first) or named_so, None)
        return None

    def _of_name(
        self, noun: Token, named: list[ActorHit], first: int, barred: frozenset[str]
    ) -> ActorHit:
        """The name on the noun itself; "rebels" elsewhere stands for the last group named."""
        own = [h for h in named if h.end >= self.parse.offsets[noun.i][0]]
        best = (own or named)[-1]
        if best.is_generic and lemma(noun) in REBELLIOUS:
            self.cast.leading = leading(noun, self) or self.cast.leading
            if self.cast.leading is not None and self.cast.leading.actor_id not in barred:
                return self.cast.leading
        if best.is_generic and best.actor_id is None and best.as_named.islower():
            start = self.parse.sentence.start
            if not self.cast.is_kind_word(lemma(noun)):
                return best
            return self.cast.standing_for(lemma(noun), first, start, barred) or best
        return best

    def _of_pronoun(
        self, noun: Token, first: int, last: int, barred: frozenset[str]
    ) -> ActorHit | None:
        if noun.lower_ not in _PERSONAL:
            return None
        start = self.parse.sentence.start
        stands = self.cast.standing_for(noun.lower_, first, start, barred)
        if stands is None and (verb := noun.head).dep_ == "advcl" and noun.i < verb.head.i:
            later = [c for c in verb.head.children if c.dep_ == "nsubj" and c.pos_ != "PRON"]
            stands = self._actor_of(later[0], barred) if later else None
        if stands is None or stands.actor_id is None:
            return stands
        return ActorHit(first, last, noun.text, stands.actor_id, True)

    def _of_owner(
        self, noun: Token, first: int, last: int, barred: frozenset[str]
    ) -> ActorHit | None:
        """As in "its drones", "their fighters": whoever the pronoun stands for."""
        low, classes = lemma(noun), self.classes(noun)
        if low not in _MEN and "person" in classes and "force" not in classes:
            return None
        if low in _MEN and any(c.lower_ in ("his", "her") for c in noun.lefts):
            return of_leader(noun, first, last, self)
        for owner in (c for c in noun.lefts if c.dep_ == "poss" and c.lower_ in ("its", "their")):
            if low == "defender":  # of a place, and not of whoever was told of last
                return ActorHit(first, last, self.phrase(noun), None)
            whose = self._of_pronoun(owner, first, last, barred)
            if whose is not None and whose.actor_id is not None:
                return ActorHit(first, last, self.phrase(noun), whose.actor_id, True)
            if whose is not None and whose.as_named[:1].isupper():
                return whose  # one whom the table lacks, as the report named it
        return None

    def _seated(self, noun: Token, first: int, last: int) -> ActorHit | None:
        """As in "The government in X": the actor that X's name means, or itself, unresolved."""
        if lemma(noun) not in ("government", "army", "authority", "administration"):
            return None
        preps = [c for c in noun.children if c.dep_ == "prep" and c.lower_ == "in"]
        seats = [n for c in preps for n in c.children if n.pos_ == "PROPN"]
        if not seats:
            return None
        named = self.cast.touching(*self.parse.offsets[seats[0].i])
        if not named and lemma(noun) == "army":
            return None  # "the army in X" need not be of X
        return named[0] if named else ActorHit(first, last, self.phrase(noun), None)

    def _of_kind(
        self, noun: Token, first: int, last: int, barred: frozenset[str]
    ) -> ActorHit | None:
        """Who was last told of ("the army", "these battalions"), or nobody known."""
        low = lemma(noun)
        if low == "side":  # "both sides" are none of those told of
            return ActorHit(first, last, self.phrase(noun), None)
        determiners = {c.lower_ for c in noun.children if c.dep_ == "det"}
        if self._is_weapon(noun):
            return self._of_weapon(noun, first, last, determiners)
        if low in self.cast.unnamed and determiners & {"these", "those", "the", "that"}:
            return self.cast.unnamed[low]
        marks = [c for c in noun.lefts if c.dep_ in ("amod", "compound", "nummod", "nmod")]
        is_own = any(c.text[:1].isupper() and c.i > noun.sent.start for c in marks)
        is_own = is_own or any(c.dep_ == "poss" and c.pos_ == "PROPN" for c in noun.lefts)
        is_plain = all(c.lower_ in _PLAIN_MARKS for c in marks)
        is_strange = any(c.lower_ in lexicon().lists["estranging"] for c in marks)
        is_loose = low in _LOOSE_KINDS and not is_own and not is_strange
        is_new = "some" in determiners or (
            determiners & {"a", "an"} and (low in _STRANGERS or noun.dep_ in _AFFECTED)
        )
        if is_new and any(c.lower_ in _SIDES for c in marks) and low in _DRONES:
            is_new = False  # "an army drone" is of the army told of
        if "another" in determiners and low in _PARTIES and self.cast.attacker is not None:
            return self.cast.attacker  # "another column" of theirs
        refers = (is_plain and "person" not in self.classes(noun)) or is_loose
        if refers and not is_new:
            sides = [c.lower_ for m in marks for c in (m, *m.lefts)]
            side = next((word for word in sides if word in _SIDES), low)
            start = self.parse.sentence.start
            stands = self.cast.standing_for(side, first, start, barred)
            if stands is not None and stands.actor_id is None:
                return stands
            if stands is not None:
                return ActorHit(first, last, self.phrase(noun), stands.actor_id, True)
        unnamed = of_band(noun, self) or ActorHit(first, last, self.phrase(noun), None)
        if "force" in self.classes(noun) and determiners:
            self.cast.unnamed.setdefault(low, unnamed)
        return unnamed

    def _is_weapon(self, noun: Token) -> bool:
        """Whether a noun is an aircraft, gun or missile and says nothing of whose it is."""
        marks = {c.lower_ for c in noun.lefts if c.dep_ in ("amod", "compound", "nmod")}
        marks |= {x.lower_ for c in noun.lefts if c.lower_ == "force" for x in c.lefts}
        return bool(self.classes(noun) & _WEAPONS) and not (
            marks & _SIDES or lemma(noun) == "coalition"
        )

    def _of_weapon(self, noun: Token, first: int, last: int, determiners: set[str]) -> ActorHit:
        """A weapon is nobody: it stays as named, unless "the jets" were told of as somebody's."""
        is_told = bool(determiners & {"the", "these", "those"})
        bare = is_told and not any(c.dep_ in ("amod", "compound", "nmod") for c in noun.lefts)
        whose = self.cast.wielder(lemma(noun), first, self.parse.sentence.start) if bare else None
        actor_id = whose.actor_id if whose is not None else None
        return ActorHit(first, last, self.phrase(noun), actor_id, actor_id is not None)

    def _is_only_place(self, noun: Token, hit: ActorHit) -> bool:
        """Whether the name is a capital that stands here for the city ("near Damascus")."""
        same = any(p.start == hit.start and p.end == hit.end for p in self.all_places)
        if noun.head.lower_ == "from" and self.classes(noun.head.head) & _WEAPONS:
            return False  # "drones from X struck"
        return same and noun.dep_ == "pobj" and noun.head.lower_ in _SEATED_BY

    def _below(self, noun: Token) -> ActorHit | None:
        """An actor in "aircraft of X", "a convoy belonging to X", "fighters from X"."""
        offsets = self.parse.offsets
        queue = [c for c in noun.rights if c.dep_ in ("prep", "acl", "appos", "nmod")]
        queue += [c for c in noun.rights if c.lower_ in ("loyal", "allied", "close")]
        for _ in range(CLIMB_MAX):
            if not queue:
                return None
            child = queue.pop(0)
            if child.dep_ == "acl" and lemma(child) not in _BELONGING:
                continue
            speaks = child.lower_ == "for" and lemma(noun) in _SPEAKERS
            if child.dep_ in ("prep", "agent") and child.lower_ not in _BELONGS and not speaks:
                continue
            by_whom = child.dep_ == "pobj" and child.head.dep_ == "agent"
            if by_whom and child.pos_ == "PROPN" and not self.cast.touching(*offsets[child.i]):
                start, end = offsets[child.i]
                return ActorHit(start, end, self.phrase(child), None)
            for hit in self.cast.touching(*offsets[child.i]):
                if child.dep_ in (
                    "pobj",
                    "dobj",
                    "appos",
                    "nmod",
                    "compound",
                ) and not self._is_only_place(child, hit):
                    return hit
            sides = [child, *(c for c in child.children if c.dep_ in ("poss", "compound"))]
            for side in (s for s in sides if s.dep_ != "prep" and lemma(s) in _SIDES):
                at = offsets[side.i]
                start = self.parse.sentence.start
                stands = self.cast.standing_for(lemma(side), at[0], start, frozenset())
                if stands is not None and stands.actor_id is not None:
                    return ActorHit(at[0], at[1], self.phrase(side), stands.actor_id, True)
            queue.extend(
                c
                for c in child.children
                if c.dep_ in ("prep", "agent", "dobj", "pobj", "compound", "poss", "amod", "conj")
            )
        return None

    def phrase(self, noun: Token) -> str:
        """The noun phrase up to its noun, in the report's words, without its article."""
        first = max(left_edge(noun), noun.i - NOUN_PHRASE_WORDS_MAX + 1)
        kept = [t for t in noun.doc[first : noun.i + 1] if t.dep_ != "punct" or t.text == "-"]
        words = [self.parse.written(t) for t in kept]
        text = " ".join(words).replace(" - ", "-").replace(" 's", "'s")
        for article in ("the ", "The ", "a ", "A ", "an ", "An "):
            text = text.removeprefix(article)
        return text

    def places_of(self, token: Token) -> list[PlaceHit]:
        """The places in a noun phrase, with those coordinated with it and in its apposition."""
        found: list[PlaceHit] = []
        for noun in coordinated(token):
            a, b = self.parse.offsets[left_edge(noun)][0], self.parse.offsets[noun.i][1]
            direct = [p for p in self.places if p.start < b and a < p.end]
            if not direct:
                inner = [c for c in noun.subtree if c.i > noun.i and not _in_clause(c, noun)]
                spans = [self.parse.offsets[c.i] for c in inner]
                direct = [
                    p for p in self.places if any(p.start < y and x < p.end for x, y in spans)
                ]
                direct = [p for p in direct if not p.is_aside] or direct
                direct = direct[:1]
            found.extend(p for p in direct if p not in found)
        return found


def _in_clause(token: Token, top: Token) -> bool:
    current = token
    for _ in range(CLIMB_MAX):
        if current == top or current.head == current:
            return False
        if current.dep_ in ("relcl", "acl", "advcl", "ccomp"):
            return True
        current = current.head
    return False
