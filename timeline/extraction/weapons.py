"""Reads by which weapons an event was done, where its own clause names them.

A weapon is told of by an instrument ("with mortars", "using Grad rockets"), by the subject that
strikes ("rockets landed"), by the object of a verb of use ("dropped barrel bombs") or by the name
of the attack ("a drone strike"). One that is seized, shown or shipped is the object of the event,
and no means. Which words are weapons is data (`data/weapons.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import yaml
from msgspec import Struct, convert

from timeline.domain.weapons import WEAPON_LENGTH_MAX, WEAPONS_PER_CLAIM_MAX, Weapon, WeaponKind
from timeline.extraction.grammar import Token, arguments, coordinated
from timeline.extraction.lexicon import DATA, lexicon
from timeline.extraction.parsing import lemma
from timeline.extraction.scene import Scene
from timeline.extraction.triggers import Trigger

_UNTOLD = "untold"
_ATTACKS = frozenset(
    {"Airstrike", "Shelling", "Bombing", "Clash", "ViolenceAgainstCivilians", "AircraftLoss"}
    | {"OtherIncident", "Casualties"}
)
# What is done to places and people with weapons in hand, where only "using" tells of them surely.
_OTHERS = frozenset({"ControlChanged", "RouteCut", "SiegeBegan", "SiegeEnded", "Detention"})
_WITH = ("with", "by")
_OF = frozenset({"of", "with", "by"})
_FILLED = frozenset({"pack", "lade", "load", "fill", "rig", "stuff", "cram"})
_DRIVING = frozenset({"drive", "ram", "crash", "steer", "detonate", "explode"})
_MET = frozenset({"hit", "strike"})
_EXPLODING = frozenset({"Bombing", "Casualties"})
_DOERS = frozenset({"initiator", "-"})
_DEMONYM = re.compile(r"(?:ian|an|ish|ese|eli|aqi|eni|ench)\Z")
_AS_THEY_ARE = frozenset({"himars"})
_NAME_WORDS_MAX = 5
_ANYWHERE = frozenset({WeaponKind.CHEMICAL, WeaponKind.INCENDIARY})


class Arsenal(Struct, frozen=True, forbid_unknown_fields=True):
    """The words of `data/weapons.yaml`; what each list means is told there."""

    kinds: dict[str, frozenset[str]]
    only: dict[str, frozenset[str]]
    attacks: frozenset[str]
    uses: frozenset[str]
    not_its_name: frozenset[str]

    def kind_of(self, words: list[str]) -> tuple[int, WeaponKind | None] | None:
        """How many of the last words name a weapon, and its kind; `None` when none do."""
        for count in range(min(len(words), _NAME_WORDS_MAX), 0, -1):
            name = " ".join(words[-count:])
            kind = next((k for k, names in self.kinds.items() if name in names), None)
            if kind is not None:
                return count, self._worst(words) or (None if kind == _UNTOLD else WeaponKind(kind))
        return None

    def _worst(self, words: list[str]) -> WeaponKind | None:
        return next((k for k in _ANYWHERE if not self.kinds[k].isdisjoint(words)), None)


@lru_cache(maxsize=1)
def arsenal() -> Arsenal:
    """The lists, read once."""
    return convert(yaml.safe_load((DATA / "weapons.yaml").read_text(encoding="utf-8")), Arsenal)


@lru_cache(maxsize=1)
def _words_of_names() -> frozenset[str]:
    return frozenset(w for names in arsenal().kinds.values() for n in names for w in n.split())


def weapons_of(trigger: Trigger, scene: Scene) -> tuple[Weapon, ...]:
    """The weapons by which an event was done, in order of naming."""
    found: dict[int, Weapon] = {}
    for noun in _means(trigger):
        for one in coordinated(noun):
            found.update(_named(one, trigger.type, scene))
    return joined((), [found[at] for at in sorted(found)])


def joined(known: Iterable[Weapon], others: Iterable[Weapon]) -> tuple[Weapon, ...]:
    """The weapons of two tellings: "the bomb" is the car bomb told of before, not another one."""
    weapons = list(known)
    for other in others:
        name = _singular(other.as_named)
        if not any(_singular(w.as_named)[-len(name) :] == name for w in weapons):
            weapons.append(other)
    return tuple(weapons[:WEAPONS_PER_CLAIM_MAX])


def _means(trigger: Trigger) -> Iterator[Token]:
    """The nouns that may name what an event was done with."""
    args, token = trigger.arguments, trigger.token
    words = [token] if trigger.carrier == token else [token, trigger.carrier]
    if trigger.type in _ATTACKS | _OTHERS:
        # "attacked rebels using mortars": whose they are is not told, so a place alone may bear it
        places = [n for n in args.object if n.pos_ == "PROPN"]
        yield from _used_in(words, [*args.subject, *places])
    if trigger.type not in _ATTACKS:
        return
    if trigger.is_nominal:
        yield token
        yield from _after(token, _OF)
    yield from args.after(*_WITH)
    if token.dep_ == "advcl" and token.tag_ == "VBG":  # "opened fire with rifles, killing four"
        yield from arguments(token.head).after("with")
    yield from (n for n in args.after("in", "from") if lemma(n) in arsenal().attacks)
    names = [n for _, n in args.preps if n.pos_ == "PROPN"]  # "in Azaz with guided missiles"
    objects = [one for noun in args.object for one in coordinated(noun)]
    yield from (n for word in (*objects, *names) for n in _after(word, frozenset({"with"})))
    is_loss = trigger.type == "AircraftLoss"
    if trigger.roles.get("subj", "-") in _DOERS and (args.object or not is_loss):
        yield from args.subject
        yield from (n for s in args.subject for n in _after(s, frozenset({"of"})))
        yield from _filled(args.subject, _FILLED | {"arm"})
    verbs = {lemma(w) for w in words}
    if verbs & _DRIVING:
        yield from _filled(args.object, _FILLED)
    if verbs & arsenal().uses and not is_loss:
        yield from args.object
        yield from (n for o in args.object for n in _after(o, frozenset({"of"})))
    if trigger.type in _EXPLODING:
        yield from _met(token)


def _used_in(words: list[Token], nouns: list[Token]) -> Iterator[Token]:
    """As in "using Grad rockets", "firing rockets", "used drones to strike X"."""
    for word in (*words, *nouns):
        for child in word.children:
            if child.lower_ == "using" or (
                child.tag_ == "VBG" and child.dep_ == "advcl" and lemma(child) in arsenal().uses
            ):
                yield from (n for n in child.children if n.dep_ in ("dobj", "pobj"))
    for word in words:
        if word.dep_ in ("xcomp", "advcl") and lemma(word.head) in ("use", "employ"):
            yield from arguments(word.head).object


def _filled(nouns: list[Token], verbs: frozenset[str]) -> Iterator[Token]:
    """As in "a car packed with explosives", "gunmen armed with rifles"."""
    for noun in nouns:
        for child in noun.children:
            if child.dep_ == "acl" and lemma(child) in verbs:
                yield from _after(child, frozenset({"with"}))


def _met(verb: Token) -> Iterator[Token]:
    """As in "a bus hit a mine, killing six"."""
    for word in (verb, verb.head) if verb.dep_ == "advcl" else (verb,):
        if lemma(word) in _MET:
            yield from arguments(word).object


def _after(word: Token, prepositions: frozenset[str]) -> Iterator[Token]:
    for prep in word.children:
        if prep.lower_ in prepositions:
            yield from (n for n in prep.children if n.dep_ == "pobj")


def _named(noun: Token, type_: str, scene: Scene) -> dict[int, Weapon]:
    """The weapon that a noun is, or that the name of an attack begins with, by its last token."""
    last = noun
    found = _weapon_at(last, type_, scene)
    if found is None and lemma(noun) in arsenal().attacks and noun.i > 0:
        last = noun.doc[noun.i - 1]
        found = _weapon_at(last, type_, scene)
    if found is None:
        return {}
    weapons = {last.i: found[1]}
    before = last.doc[found[0] - 1] if found[0] > 1 else None
    if before is not None and before.lower_ in ("and", "or", ","):  # "mortar and rocket fire"
        other = _weapon_at(last.doc[found[0] - 2], type_, scene)
        if other is not None:
            weapons[found[0] - 2] = other[1]
    return weapons


def _weapon_at(last: Token, type_: str, scene: Scene) -> tuple[int, Weapon] | None:
    """The weapon whose name ends with a token, and the number of the name's first token."""
    lists = arsenal()
    if last.pos_ in ("VERB", "AUX", "PRON", "DET"):
        return None
    first = last.i
    while first > 0 and last.i - first < 2 * _NAME_WORDS_MAX:
        if not _is_of_the_name(last.doc[first - 1], last.doc[first], scene):
            break
        first -= 1
    while last.doc[first].lower_ == "-" and first < last.i:
        first += 1
    start, end = scene.parse.chars(first, last.i)
    as_named = " ".join(scene.cast.text[start:end].split())
    words = _singular(as_named).split()
    told = lists.kind_of(words)
    if told is None or len(as_named) > WEAPON_LENGTH_MAX:
        return None
    allowed = lists.only.get(" ".join(words[-told[0] :]))
    if allowed is not None and type_ not in allowed:
        return None
    return first, Weapon(as_named=as_named, kind=told[1])


def _is_of_the_name(word: Token, following: Token, scene: Scene) -> bool:
    """Whether a word before a weapon says which it is, and neither how many nor whose."""
    is_glued = scene.parse.offsets[word.i][1] == scene.parse.offsets[following.i][0]
    if is_glued and (word.lower_ == "-" or word.text.isalnum()):
        return True  # "rocket-propelled grenades", "122mm rockets"
    if word.like_num or {lemma(word), word.lower_} & arsenal().not_its_name:
        return False
    if _singular(word.text) in _words_of_names():
        return True
    is_named_so = word.pos_ in ("NOUN", "PROPN", "ADJ") or word.dep_ in ("amod", "compound")
    if not is_named_so or lemma(word) in lexicon().nouns["force"]:
        return False
    if not word.text[:1].isupper():
        return True
    is_owner = word.pos_ == "ADJ" and (word.i > 0 or _DEMONYM.search(word.lower_) is not None)
    return not is_owner and not scene.classes(word) & {"actor", "place"}


def _singular(name: str) -> str:
    """A name in lower case, without hyphens, its last word in the singular."""
    low = " ".join(re.sub(r"[-\u2010-\u2013]", " ", name.lower()).split())
    if low in _AS_THEY_ARE or low.endswith(("ss", "gas")):
        return low
    return low.replace("knives", "knife").removesuffix("s")
