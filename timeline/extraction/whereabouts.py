"""Decides where an event was: its object, what is said of it, its clause, or what was told last.

Structure comes first, nearness last, and each is marked: an event whose place rests on nearness is
less to be trusted.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec.structs import replace

from timeline.domain.places import PlaceMention, Relation
from timeline.extraction.grammar import CLIMB_MAX, Token, coordinated
from timeline.extraction.parsing import lemma
from timeline.extraction.placing import PlaceHit
from timeline.extraction.scene import Scene
from timeline.extraction.triggers import Trigger

AS_NAMED_CHARACTERS_MAX = 300
_OF_CONTROL = frozenset({"ControlChanged", "ControlStated", "Withdrawal"})
_OF_PLACE = _OF_CONTROL | {"RouteCut", "RouteOpened", "SiegeBegan", "SiegeEnded"}
_AT_PLACES = frozenset({"strafe", "bomb", "shell", "bombard", "pound"})
_PRONOUNS = frozenset({"it", "there", "them"})
_FROM = re.compile(r" from \Z")
_PLAIN_MARK = re.compile(r"\A(?:(?:neighbou?ring|nearby|adjacent|adjoining) )+")
_REGION_AFTER = re.compile(r",? in (?:the )?(?:[\w-]+ )?")
_HANDLES = frozenset({"control", "possession", "hand", "eastwards", "all", "whole", "rest"})


class Where(NamedTuple):
    """Where an event was, and whether its own sentence says so."""

    hit: PlaceHit | None
    mention: PlaceMention | None
    is_structural: bool


def place_of_event(trigger: Trigger, scene: Scene, focus: PlaceHit | None) -> Where:
    """Where the event was: what it names itself, its clause, or what was last told of.

    What rests on nearness alone is never the place itself (`near`), so that it moves no control.
    """
    of_place = trigger.type in _OF_PLACE
    if trigger.type in ("Airstrike", "Shelling", "Bombing"):
        scene = scene.without(lambda hit: _is_flight(hit, trigger, scene))
    if trigger.type == "Withdrawal":
        scene = scene.without(lambda hit: _is_destination(hit, trigger, scene))
    slots = _slots(trigger)
    if focus is not None and _moves_in(trigger):
        return Where(focus, focus.mention, True)
    if (which := _told_by_which(trigger, scene)) is not None and of_place:
        return Where(which, which.mention, True)
    if (named := _named(trigger, scene)) is not None:
        return named
    if (told := _told_by_slots(slots, trigger, scene, focus)) is not None:
        return told
    if of_place and focus is not None and any(n.lower_ in _PRONOUNS for n in slots):
        return Where(focus, focus.mention, True)
    there = [c for w in (trigger.token, trigger.carrier) for c in w.subtree if _is_there(c, w)]
    if focus is not None and there:
        return Where(focus, focus.mention, True)
    clause = _in_same_clause(trigger, scene, focus)
    if clause is not None and of_place and clause.mention.relation is Relation.TOWARD:
        clause = None
    if clause is not None:
        is_road = trigger.type.startswith("Route") and clause.kind == "road"
        is_loose = trigger.type in _OF_CONTROL or (of_place and not is_road and trigger.is_nominal)
        return Where(clause, near(clause) if is_loose else clause.mention, False)
    if focus is None:
        return Where(None, None, False)
    is_siege = trigger.type.startswith("Siege")
    return Where(focus, focus.mention if is_siege else near(focus), False)


def _moves_in(trigger: Trigger) -> bool:
    """As in "X left the town and Y moved in": into what was told of last."""
    args = trigger.arguments
    return trigger.type == "Movement" and "in" in args.particles and not args.after("into", "to")


def _told_by_slots(
    slots: list[Token], trigger: Trigger, scene: Scene, focus: PlaceHit | None
) -> Where | None:
    """The first place that the words of the event name; rather a spot than a region."""
    of_place = trigger.type in _OF_PLACE
    vague: Where | None = None
    for slot in slots if of_place else [*trigger.arguments.object, *slots]:
        road = scene.road_before(slot) if trigger.type.startswith("Route") else None
        if road is not None and slot.lower_ == "it" and slot.dep_ == "dobj":
            return Where(road, road.mention, True)
        if of_place and focus is not None and slot.lower_ == "it" and slot.dep_ == "dobj":
            return Where(focus, focus.mention, True)
        noun = _named_by_apposition(slot, scene)
        hits = [h for h in scene.places_of(noun) if not h.is_aside or h.kind == "road"]
        spots = [h for h in hits if h.kind != "road"]
        hits = hits if trigger.type.startswith("Route") or not spots else spots
        if not hits:
            continue
        if (town := _quarter_of(hits[0], scene, focus)) is not None:
            return Where(focus, town, True)
        own = next((n for n in coordinated(noun) if _bears(n, hits[0], scene)), noun)
        told = Where(hits[0], _as_told(hits[0], own, trigger, scene), True)
        if of_place or not (_is_vague(hits[0]) or _is_origin(hits[0], scene)):
            return told
        vague = vague or told
    return _within_it(vague, scene) if vague is not None else None


def _bears(noun: Token, hit: PlaceHit, scene: Scene) -> bool:
    start, end = scene.parse.offsets[noun.i]
    return bool(hit.start < end and start < hit.end)


def _is_origin(hit: PlaceHit, scene: Scene) -> bool:
    """As in "a convoy from X was ambushed at Y": not where it was, if something else is told."""
    return hit.mention.relation is Relation.AT and _FROM.search(scene.before(hit)) is not None


def _within_it(told: Where, scene: Scene) -> Where:
    """As in "on the edge of X, in Y": X says more than the region of Y that it lies in."""
    if told.hit is None or not told.hit.is_region:
        return told
    before = [h for h in scene.places if h.end < told.hit.start and not h.is_region]
    if not before or before[-1].kind == "road" or before[-1].is_aside:
        return told
    between = scene.between(before[-1], told.hit)
    if not _REGION_AFTER.fullmatch(between):
        return told
    return Where(before[-1], before[-1].mention, True)


def _named(trigger: Trigger, scene: Scene) -> Where | None:
    """What was taken, held or left, by a name that the gazetteer lacks."""
    nouns = trigger.arguments.object if trigger.roles.get("obj") in ("place", "target") else []
    if trigger.type not in _OF_PLACE:  # "X was bombed", of a town that the gazetteer lacks
        nouns = (
            [n for n in nouns if _is_name(n, scene)] if lemma(trigger.token) in _AT_PLACES else []
        )
    if trigger.roles.get("subj") == "place":
        nouns = trigger.arguments.subject
    named = [n for n in nouns if "name" in scene.classes(n)]
    common = [n for n in nouns if scene.classes(n) & {"settlement", "site"}]
    named += [c for n in common for c in n.rights if c.dep_ == "appos" and _is_name(c, scene)]
    spans = [scene.parse.offsets[n.i] for n in nouns]
    known = any(p.start < b and a < p.end for p in scene.places for a, b in spans)
    if not named or known:
        return None
    phrase = scene.phrase(named[0])[:AS_NAMED_CHARACTERS_MAX] or str(named[0].text)
    phrase = _PLAIN_MARK.sub("", phrase)
    return Where(None, PlaceMention(as_named=phrase), True)


def _is_name(token: Token, scene: Scene) -> bool:
    return token.pos_ == "PROPN" and "name" in scene.classes(token)


def _is_vague(hit: PlaceHit) -> bool:
    """Whether a place is a region, or a road that the gazetteer lacks: a spot says more."""
    return hit.is_region or (hit.mention.place_id is None and hit.kind == "road")


def _told_by_which(trigger: Trigger, scene: Scene) -> PlaceHit | None:
    """As in "between X and Y, which the group has held": Y, whatever the parse hangs it on."""
    token = trigger.token
    lefts = [c for c in token.children if c.i < token.i and c.lower_ == "which"]
    if not lefts or lefts[0].i < 2 or token.doc[lefts[0].i - 1].text != ",":
        return None
    start, end = scene.parse.offsets[lefts[0].i - 2]
    hits = [h for h in scene.places if h.start < end and start < h.end]
    return hits[0] if hits and hits[0].kind in ("settlement", "site", "part") else None


def _last_town(quarter: PlaceHit, scene: Scene, focus: PlaceHit | None) -> PlaceHit | None:
    """The town that a quarter is in: the one told of last that is known."""
    if focus is None or focus.mention.place_id is not None:
        return focus
    known = [p for p in scene.all_places if p.kind == "settlement" and p.mention.place_id]
    before = [p for p in known if p.start < quarter.start and not p.is_aside]
    return before[-1] if before else focus


def _quarter_of(hit: PlaceHit, scene: Scene, focus: PlaceHit | None) -> PlaceMention | None:
    if scene.before(hit).lower().endswith(("district of ", "districts of ")):
        return None  # a part of a province, as a rule
    return _town_of(hit, _last_town(hit, scene, focus), scene.cast.text)


def _town_of(hit: PlaceHit, focus: PlaceHit | None, text: str) -> PlaceMention | None:
    """An unknown quarter as a part of the town that is told of: in it, and no more precise."""
    named = hit.mention
    is_quarter = hit.kind == "part" and not text.startswith(" of ", hit.end)
    if not is_quarter or named.place_id or focus is None or focus.kind != "settlement":
        return None
    if focus.mention.place_id is None:  # a town that the gazetteer lacks says more than its quarter
        return replace(focus.mention, relation=Relation.IN, geo_precision=2, bearing=None)
    return replace(
        focus.mention, as_named=named.as_named, relation=Relation.IN, geo_precision=2, bearing=None
    )


def _is_there(token: Token, verb: Token) -> bool:
    return token.lower_ == "there" and token.dep_ == "advmod" and token.head in (verb, verb.head)


def _named_by_apposition(noun: Token, scene: Scene) -> Token:
    """As in "X, a district south of Y, which they besieged": X, by what it is."""
    is_common = bool(scene.classes(noun) & {"settlement", "site"}) and noun.pos_ == "NOUN"
    if noun.dep_ != "appos" or not is_common or noun.head.pos_ != "PROPN":
        return noun
    return noun.head


def _is_destination(hit: PlaceHit, trigger: Trigger, scene: Scene) -> bool:
    """Whether a place is where they went: "retreated to X"."""
    after = trigger.arguments.after("to", "for", "into", "towards", "toward", "across", "through")
    spans = [scene.parse.offsets[n.i] for n in after]
    return any(hit.start < b and a < hit.end for a, b in spans)


def _is_flight(hit: PlaceHit, trigger: Trigger, scene: Scene) -> bool:
    """As in "bombing has driven thousands to X": where they went, and not where it was."""
    verb = trigger.carrier if trigger.carrier != trigger.token else trigger.token.head
    if lemma(verb) not in ("drive", "force", "send", "displace", "push"):
        return False
    after = [n for c in verb.subtree if c.lower_ in ("to", "into") for n in c.children]
    spans = [scene.parse.offsets[n.i] for n in after]
    return any(hit.start < b and a < hit.end for a, b in spans)


def _slots(trigger: Trigger) -> list[Token]:
    """The nouns in which the words of an event may name its place, best first."""
    args, slots = trigger.arguments, []
    if not trigger.is_nominal:
        if trigger.roles.get("subj") == "place":
            slots += args.subject
        slots += args.object
    if trigger.type == "Withdrawal":
        slots += args.after("from", "of")
    if trigger.type in ("ControlChanged", "ControlStated") and not trigger.is_nominal:
        for noun in args.object:
            slots += [n for c in noun.children if c.lower_ in ("of", "over") for n in c.children]
        slots += args.after("of", "over", "from")
    for word in dict.fromkeys((trigger.token, trigger.carrier)):
        adjuncts = [c for c in word.children if c.dep_ in ("prep", "advmod", "npadvmod")]
        inner = [n for c in adjuncts for n in c.subtree]
        slots += [n for n in inner if n.dep_ in ("pobj", "npadvmod", "conj")]
    return slots


def _as_told(hit: PlaceHit, noun: Token, trigger: Trigger, scene: Scene) -> PlaceMention:
    """The place, or near it when what was taken is only in or around it ("hills near X")."""
    start, end = scene.parse.offsets[noun.i]
    is_name = hit.start < end and start < hit.end
    whole = "settlement" in scene.classes(noun) and noun.tag_ == "NN"
    is_part = not (is_name or whole or lemma(noun) in _HANDLES)
    return near(hit) if is_part and trigger.type in _OF_CONTROL else hit.mention


def near(hit: PlaceHit) -> PlaceMention:
    """The place as one that only lies near, so that it moves no control."""
    mention = hit.mention
    if mention.relation not in (Relation.AT, Relation.IN):
        return mention
    if hit.is_region:
        return mention
    return replace(
        mention, relation=Relation.NEAR, geo_precision=max(2, mention.geo_precision or 2)
    )


def _in_same_clause(trigger: Trigger, scene: Scene, focus: PlaceHit | None) -> PlaceHit | None:
    """The best place of the clause: named in it, no aside, no mere region, the nearest.

    What only a later clause names is not meant, where another place was told of before.
    """
    top = trigger.carrier
    is_subject = trigger.is_nominal or trigger.token.lower_.endswith("ing")
    if is_subject and top.dep_ in ("nsubj", "csubj", "advcl") and top.head.pos_ == "VERB":
        top = top.head  # "Shelling by X wounded three in Y"
    spans = [scene.parse.offsets[t.i] for t in top.subtree if not _of_next_clause(t, top)]
    at = scene.parse.offsets[trigger.token.i][0]

    def rank(hit: PlaceHit) -> tuple[bool, bool, bool, int]:
        inside = any(hit.start < b and a < hit.end for a, b in spans)
        return (not inside, hit.is_aside, hit.is_region, abs(hit.start - at))

    if trigger.type not in _OF_PLACE:
        scene = scene.without(lambda hit: hit.start < at and _is_origin(hit, scene))

    def is_meant(hit: PlaceHit) -> bool:
        return focus is None or hit.start < at or not rank(hit)[0]

    best = min((h for h in scene.places if is_meant(h)), key=rank, default=None)
    if best is None or (
        best.is_aside and best.kind != "road" and best.mention.relation is not Relation.TOWARD
    ):
        return None
    return best


def _of_next_clause(token: Token, top: Token) -> bool:
    """Whether a word below a verb is in a clause coordinated with it that has its own subject."""
    current = token
    for _ in range(CLIMB_MAX):
        if current in (top, current.head):
            return False
        is_clause = current.dep_ == "conj" and current.head == top and current.pos_ == "VERB"
        if is_clause and any(c.dep_ in ("nsubj", "nsubjpass") for c in current.children):
            return True
        current = current.head
    return False
