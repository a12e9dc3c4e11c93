"""Decides who takes part in an event, and as what, from its arguments."""

from __future__ import annotations

from timeline.domain.actors import ActorMention, ActorRole
from timeline.extraction.acting import ActorHit
from timeline.extraction.grammar import Token, arguments, governing_verb, left_edge
from timeline.extraction.modality import Reading
from timeline.extraction.parsing import lemma
from timeline.extraction.scene import Scene
from timeline.extraction.targets import add_targets, struck
from timeline.extraction.triggers import Trigger


class Roles:
    """Collects the actors of one event, each once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.found: list[ActorMention] = []
        self.ids: set[str] = set()

    def add(
        self,
        tokens: list[Token],
        role: str,
        *,
        exclude_own: bool = False,
        not_: frozenset[str] = frozenset(),
    ) -> None:
        """Add the actors that these noun phrases name; a generic noun stands for none of `not_`."""
        for token in tokens:
            barred = not_ | self.ids if exclude_own else not_
            for hit in self.scene.actors_of(token, barred):
                self.add_hit(hit, role)

    def add_hit(self, hit: ActorHit, role: str) -> None:
        """Add one actor, unless it already has a role."""
        mention = self.scene.cast.mention(hit, ActorRole(role))
        key = mention.actor_id or mention.as_named
        if key in self.ids:
            return
        self.ids.add(key)
        self.found.append(mention)

    def has(self, *roles: str) -> bool:
        """Whether somebody fills one of these roles."""
        return any(a.role.value in roles for a in self.found)


_TAKES = {
    "ControlChanged": "holder",
    "ControlStated": "holder",
    "Clash": "initiator",
    "Airstrike": "initiator",
    "Shelling": "initiator",
    "Agreement": "participant",
}
_SIDES = frozenset({"army", "military", "government", "regime", "junta"})
_PLANTED = frozenset({"plant", "lay", "bury", "place", "leave", "set"})
_FIRED = frozenset(["fire", "launch", "source", "shoot", "lob", "come", "originate"])


def actors_of_event(trigger: Trigger, scene: Scene) -> list[ActorMention]:
    """Who takes part in the event, and as what."""
    roles, args = Roles(scene), trigger.arguments
    subject_role = trigger.roles.get("subj")
    doer = _TAKES.get(trigger.type, "initiator")
    if trigger.is_nominal:
        _nominal_roles(trigger, scene, roles, doer)
    if subject_role in {r.value for r in ActorRole}:
        _add_subject(trigger, str(subject_role), scene, roles)
    for preposition in ("to", "with", "against", "from", "between"):
        role = trigger.roles.get(preposition)
        if role in {r.value for r in ActorRole}:
            roles.add(args.after(preposition), str(role), exclude_own=True)
    if "hands" in trigger.roles:
        _owners_of_hands(trigger, scene, roles)
    if trigger.roles.get("obj") == "assault":
        _attackers(trigger, scene, roles)
    add_targets(trigger, scene, roles)
    if trigger.type in ("Shelling", "Airstrike") and not roles.has("initiator"):
        _from_source(trigger, scene, roles)
    if trigger.type == "Bombing" and not roles.has("initiator"):
        _who_planted(trigger, roles)
    if trigger.type == "Clash" and not roles.found:
        _sides(trigger, scene, roles)
    return roles.found


def who_says_it_is_done(
    trigger: Trigger, reading: Reading, scene: Scene, actors: list[ActorMention]
) -> list[ActorMention]:
    """As in "X was taken, the rebels said": who tells of a success without a doer had it."""
    doer = {"ControlChanged": "holder", "AircraftLoss": "initiator"}.get(trigger.type)
    if doer is None or reading.speaker is None or reading.saying is None:
        return []
    if not trigger.arguments.is_passive or any(a.role.value == doer for a in actors):
        return []
    if lemma(reading.saying) not in _ANNOUNCE | {"say", "report"}:
        return []
    known = {a.actor_id or a.as_named for a in actors}
    for hit in scene.actors_of(reading.speaker)[:1]:
        is_party = hit.actor_id is not None or scene.cast.is_irregular(hit)
        if is_party and scene.cast.fights(hit) and (hit.actor_id or hit.as_named) not in known:
            return [scene.cast.mention(hit, ActorRole(doer))]
    return []


def _add_subject(trigger: Trigger, role: str, scene: Scene, roles: Roles) -> None:
    """The subject; of "The advance cut the road" whoever advanced."""
    nouns, doer = trigger.arguments.subject, scene.cast.doer
    roles.add(nouns, role, not_=_named_others(trigger, scene))
    if not roles.found and doer is not None and any(takes_up(n) for n in nouns):
        roles.add_hit(doer, role)


def _owners_of_hands(trigger: Trigger, scene: Scene, roles: Roles) -> None:
    """As in "in the hands of X", "under X control"."""
    preps = [n for w, n in trigger.arguments.preps if w in ("into", "in", "under", "to")]
    for noun in (n for n in preps if n.dep_ == "pobj"):
        if scene.classes(noun) & {"control", "hands"} or "hand" in lemma(noun):
            owners = [c for c in noun.children if c.dep_ in ("poss", "compound", "amod", "nmod")]
            owners += [n for c in noun.children if c.dep_ == "prep" for n in c.children]
            roles.add(owners, trigger.roles["hands"])


_EVENTS = frozenset(
    {"advance", "capture", "recapture", "offensive", "assault", "push", "operation", "attack"}
    | {
        "raid",
        "strike",
        "battle",
        "fighting",
        "takeover",
        "thrust",
        "breakthrough",
        "gain",
        "campaign",
        "move",
        "victory",
        "success",
    }
)


_ANNOUNCE = frozenset({"announce", "claim", "declare"})
_UNDER_WAY = frozenset({"offensive", "advance", "operation", "campaign", "push"})


def takes_up(noun: Token) -> bool:
    """Whether a noun takes up what was told before: "The advance", "This capture"."""
    marks = [c for c in noun.children if c.dep_ in ("det", "poss")]
    return lemma(noun) in _EVENTS and any(c.lower_ in ("the", "this", "that") for c in marks)


def _attackers(trigger: Trigger, scene: Scene, roles: Roles) -> None:
    """As in "repelled an IS raid", "beat back the attackers": whose the attack was."""
    for noun in trigger.arguments.object:
        if scene.classes(noun) & {"force", "actor"} and "assault" not in scene.classes(noun):
            roles.add([noun], "initiator")
            continue
        by = [n for c in noun.children if c.lower_ in ("by", "from") for n in c.children]
        by += [] if trigger.arguments.is_passive else trigger.arguments.after("by")
        owners = [c for c in noun.lefts if c.dep_ in ("poss", "compound", "amod", "nmod")]
        for owner in [*by, *owners]:
            for hit in scene.cast.touching(*scene.parse.offsets[owner.i]):
                roles.add_hit(hit, "initiator")


def _named_others(trigger: Trigger, scene: Scene) -> frozenset[str]:
    """The ids of those whom the clause names as its other party."""
    args = trigger.arguments
    nouns = args.object + args.after("on", "against", "with", "from", "to")
    hits = [h for n in nouns for h in scene.actors_of(n) if scene.cast.is_named(h)]
    return frozenset(h.actor_id for h in hits if h.actor_id is not None)


def _nominal_roles(trigger: Trigger, scene: Scene, roles: Roles, doer: str) -> None:
    token = trigger.token
    if trigger.type == "Withdrawal":
        doer = "initiator"
    for child in token.children:
        if _is_doers(child, trigger, scene):
            roles.add([child], doer)
        if child.dep_ in ("prep", "agent") and child.lower_ in ("by", "between"):
            role = "participant" if child.lower_ == "between" else doer
            sides = [n for n in child.children if n.dep_ == "pobj"]
            roles.add([n for n in sides if child.lower_ == "by" or _is_side(n, scene)], role)
        if child.dep_ == "prep" and child.lower_ in ("on", "against", "with"):
            _nominal_target(child, trigger, scene, roles)
        roles.add(_withdrawn(child, trigger, scene), doer)
    _of_side(token, scene, roles, doer)
    a, b = scene.parse.offsets[left_edge(token)][0], scene.parse.offsets[token.i][1]
    if not roles.has(doer) and trigger.roles.get("subj") != doer:
        for hit in scene.cast.touching(a, b):
            roles.add_hit(hit, doer)
    if not roles.found:
        _told_elsewhere(trigger, scene, roles, doer)
    if trigger.carrier != token:
        by = [n for c in trigger.carrier.children if c.dep_ == "agent" for n in c.children]
        roles.add(by, doer)
        if trigger.type == "Clash" and trigger.roles.get("subj") != "initiator":
            for preposition in ("between", "with"):
                roles.add(trigger.arguments.after(preposition), "participant")


def _is_doers(child: Token, trigger: Trigger, scene: Scene) -> bool:
    """As in "X's withdrawal", "its raids"; but "its capture" is of what is taken."""
    if child.dep_ not in ("poss", "compound", "amod", "nmod"):
        return False
    if child.dep_ == "poss" and child.lower_ in ("its", "their"):
        return trigger.type not in ("ControlChanged", "SiegeBegan", "RouteCut")
    owns = {"actor", "force"} if child.dep_ == "poss" else {"actor"}
    return bool(scene.classes(child) & owns)


def _of_side(token: Token, scene: Scene, roles: Roles, doer: str) -> None:
    """As in "Army drone strikes": of the army that is told of."""
    side = next((c for c in token.lefts if c.lower_ in _SIDES and c.dep_ == "compound"), None)
    if side is None or roles.has(doer):
        return
    at, start = scene.parse.offsets[side.i][0], scene.parse.sentence.start
    stands = scene.cast.standing_for(side.lower_, at, start, frozenset())
    if stands is not None and stands.actor_id is not None:
        roles.add_hit(ActorHit(at, at, scene.phrase(side), stands.actor_id, True), doer)


def _withdrawn(child: Token, trigger: Trigger, scene: Scene) -> list[Token]:
    """As in "the withdrawal of X"; what it is of may also be the place."""
    if trigger.type != "Withdrawal" or child.dep_ != "prep" or child.lower_ != "of":
        return []
    classes = {n: scene.classes(n) for n in child.children if n.dep_ == "pobj"}
    return [n for n, held in classes.items() if held & {"actor", "force"} and "place" not in held]


def _doer_of_campaign(trigger: Trigger, scene: Scene, roles: Roles, doer: str) -> None:
    """As in "took X, two days after the offensive began": whoever took X, or acted last."""
    verb = governing_verb(trigger.carrier)
    above = arguments(verb).subject if verb is not None and verb != trigger.carrier else []
    roles.add([n for n in above if scene.classes(n) & {"actor", "force"}], doer)
    if not roles.found and scene.cast.doer is not None:
        roles.add_hit(scene.cast.doer, doer)


def _told_elsewhere(trigger: Trigger, scene: Scene, roles: Roles, doer: str) -> None:
    token = trigger.token
    if token.dep_ == "dobj" and lemma(token.head) in _ANNOUNCE:
        _announcer(token.head, scene, roles, doer)
    if not roles.found and lemma(token) in _UNDER_WAY and takes_up(token):
        _doer_of_campaign(trigger, scene, roles, doer)


def _announcer(verb: Token, scene: Scene, roles: Roles, doer: str) -> None:
    """As in "X announced the capture of Y": X, where X is one who fights."""
    for noun in arguments(verb).subject:
        for hit in scene.actors_of(noun):
            if hit.actor_id is not None and scene.cast.fights(hit):
                roles.add_hit(hit, doer)


def _is_side(noun: Token, scene: Scene) -> bool:
    """Whether a noun after "between" is a party, and no date."""
    return noun.lower_ != "sides" and bool(scene.classes(noun) & {"actor", "force", "name"})


def _nominal_target(preposition: Token, trigger: Trigger, scene: Scene, roles: Roles) -> None:
    """As in "an attack on X", "clashes with X"."""
    is_side = preposition.lower_ == "with" and trigger.type == "Clash"
    for noun in (n for n in preposition.children if n.dep_ == "pobj"):
        for hit in struck(noun, scene, frozenset(roles.ids)):
            if hit.actor_id or scene.classes(noun) & {"actor", "force"}:
                roles.add_hit(hit, "participant" if is_side else "target")


def _who_planted(trigger: Trigger, roles: Roles) -> None:
    """As in "a mine that X had planted killed two": X."""
    for noun in trigger.arguments.subject:
        laid = [c for c in noun.rights if c.dep_ in ("relcl", "acl") and lemma(c) in _PLANTED]
        roles.add([s for verb in laid for s in arguments(verb).subject], "initiator")


def _from_source(trigger: Trigger, scene: Scene, roles: Roles) -> None:
    """Whoever fired: "rockets ... launched from X's ships"."""
    for noun in [] if trigger.is_nominal else trigger.arguments.subject:
        a, b = scene.parse.offsets[left_edge(noun)][0], scene.parse.offsets[noun.i][1]
        for hit in scene.cast.touching(a, b):
            roles.add_hit(hit, "initiator")
        fired = [c for c in noun.children if c.dep_ == "acl" and lemma(c) in _FIRED]
        by = [n for c in fired for p in c.children if p.dep_ == "agent" for n in p.children]
        roles.add(by, "initiator")
    for noun in trigger.arguments.after("from"):  # "was shelled from rebel-held districts"
        a, b = scene.parse.offsets[left_edge(noun)][0], scene.parse.offsets[noun.i][1]
        for hit in scene.cast.touching(a, b) if "place" in scene.classes(noun) else []:
            roles.add_hit(hit, "initiator")
    for token in trigger.token.doc[trigger.token.i + 1 : trigger.token.i + 25]:
        if lemma(token) in _FIRED and token.tag_ in ("VBN", "VBG", "VBD"):
            nouns = [
                n
                for c in token.children
                if c.dep_ in ("prep", "agent") and c.lower_ in ("by", "from")
                for n in c.children
            ]
            for noun in nouns:
                for hit in scene.cast.touching(*scene.parse.offsets[noun.i]):
                    roles.add_hit(hit, "initiator")


def _sides(trigger: Trigger, scene: Scene, roles: Roles) -> None:
    """The sides of a fight: "between X and Y" anywhere in the clause."""
    for token in trigger.token.doc:
        if token.lower_ == "between" and abs(token.i - trigger.token.i) < 12:
            nouns = [n for n in token.children if n.dep_ == "pobj"]
            if any(scene.classes(n) & {"actor", "force"} for n in nouns):
                roles.add(nouns, "participant")
