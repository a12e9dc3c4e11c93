"""Makes drafts of claims from the event words of a sentence: roles, place, date, modality, span."""

from __future__ import annotations

import re
from bisect import bisect_left

from timeline.domain.actors import ActorRole
from timeline.domain.claims import Modality, Polarity
from timeline.extraction.acting import ActorHit, Cast
from timeline.extraction.attribution import Speakers
from timeline.extraction.casualties import give_figures
from timeline.extraction.claiming import credit, is_claimed
from timeline.extraction.date_forms import DateExpression, Form
from timeline.extraction.dates import days_of
from timeline.extraction.dating import Calendar, Dating, date_event, own_dates
from timeline.extraction.drafts import Draft, place_key
from timeline.extraction.evidence import evidence_span
from timeline.extraction.figures import quantity_of
from timeline.extraction.gapping import gaps_in, told_again, without_gapped
from timeline.extraction.grammar import (
    Token,
    arguments,
    coordinated,
    governing_verb,
    is_pluperfect,
    tells_when,
)
from timeline.extraction.hanging import attached, governors
from timeline.extraction.lexicon import lexicon
from timeline.extraction.linear import agreements
from timeline.extraction.listing import listed_places
from timeline.extraction.means import means_of
from timeline.extraction.modality import Reading, read_modality
from timeline.extraction.narrative import (
    bound_by_main,
    date_shifted_clauses,
    earlier_of_running,
    move_story,
)
from timeline.extraction.parsing import Parse, lemma
from timeline.extraction.placing import PlaceHit
from timeline.extraction.roles import actors_of_event, takes_up, who_says_it_is_done
from timeline.extraction.scene import Scene
from timeline.extraction.triggers import Trigger, find_triggers, is_overtaken, lasts
from timeline.extraction.weapons import weapons_of
from timeline.extraction.whereabouts import Where, near, place_of_event

Dated = list[tuple[DateExpression, Token | None]]
LINEAR_CHARACTERS_MAX = 14
FOCUS_CHARACTERS_MAX = 6_000
LAST_DRAFTS_MAX = 50
CARRIER_TOKENS_MAX = 12
DATELINE_PLACES_MAX = 3
_NEED_PLACE = frozenset(
    {"ControlChanged", "ControlStated", "Withdrawal", "RouteCut", "RouteOpened"}
)
_VIOLENT = frozenset({"Airstrike", "Shelling", "Bombing", "Clash"})
_MAIN_CLAUSES = frozenset({"ROOT", "conj", "ccomp", "parataxis"})
_UNDERGONE = frozenset({"fall", "surrender", "capitulate"})
_POINTING = frozenset({"the", "that", "this"})


class Reader:
    """Reads a report sentence by sentence and remembers what later ones lean on."""

    def __init__(
        self,
        text: str,
        places: list[PlaceHit],
        cast: Cast,
        dates: list[DateExpression],
        calendar: Calendar,
    ) -> None:
        """`text` is the cleaned one; places before `body` belong to the head of the report."""
        self.text, self.cast, self.calendar = text, cast, calendar
        self._all_places, self._all_dates = places, dates
        self.places: list[PlaceHit] = []
        self.dates: list[DateExpression] = []
        self.speakers = Speakers(text, cast)
        self.drafts: list[Draft] = []
        self.told: Draft | None = None
        self.sieges: list[Draft] = []
        self.body = 0
        self.titles: list[tuple[int, int]] = []
        self._told_at: PlaceHit | None = None
        self._told_from = 0
        self._hits: dict[int, PlaceHit] = {}

    def read(self, parse: Parse, number: int) -> list[Draft]:
        """The drafts of one sentence, which is the `number`th of the report."""
        self._look_at(parse)
        scene = Scene(parse, self.places, self.cast)
        self._note_subjects(parse, scene)
        violent = [d for d in self.drafts[-LAST_DRAFTS_MAX:] if d.type in _VIOLENT]
        violent = [d for d in violent if not d.is_nominal] or violent
        last = violent[-1].type if violent else None  # what "the attack" means
        triggers = find_triggers(parse, scene.classes, last)
        triggers = [t for t in triggers if not (t.is_nominal and is_claimed(t.token))]
        triggers = [t for t in triggers if not self._is_in_title(parse.offsets[t.token.i][0])]
        tolls = [t for t in triggers if t.type == "Casualties"]
        events = [t for t in triggers if t not in tolls] or tolls
        words = {w.i for t in events for w in (t.token, t.carrier)}
        gaps = gaps_in(parse, scene.places, self.dates, self.text)
        dated = without_gapped(attached(governors(parse, self.dates), words), gaps)
        states = [t for t in triggers if lasts(t)]
        hints = [self._draft(trigger, scene, dated, number) for trigger in states]
        self.sieges += [d for d in hints if d is not None]
        triggers = [t for t in triggers if t not in states]
        told = [t for t in triggers if t.type != "Casualties" and not is_overtaken(t, triggers)]
        drafts = [(t, self._draft(t, scene, dated, number)) for t in told]
        made = [d for _, d in drafts if d is not None]
        date_shifted_clauses(made, parse, self.dates, self.text, self.calendar)
        bound_by_main(made, parse)
        move_story(made, parse, self.calendar, number)
        made += earlier_of_running(made, parse, self.dates)
        owners = [(d, own_dates(t.token, t.carrier, dated)) for t, d in drafts if d is not None]
        made += told_again(gaps, owners, parse, self.text, self.calendar)
        made += [d for draft in list(made) for d in listed_places(draft, scene, self.text)]
        for toll in give_figures(triggers, made, self.drafts, number, scene):
            draft = self._draft(toll.trigger, scene, dated, number)
            if draft is not None:
                draft.fatalities, draft.casualties = toll.fatalities, list(toll.casualties)
                made.append(draft)
        made = [d for d in made if not self._takes_up(d)]
        credit(scene, made, self.drafts, number)
        self._remember_place(parse, made)
        self._remember_doers(made)
        self.drafts += made
        return made

    def _takes_up(self, draft: Draft) -> bool:
        """As in "The capture came after ...": it only takes up what was told, and adds nothing."""
        bare = draft.is_definite and not (draft.actors or draft.has_own_place)
        if not bare or draft.type not in _NEED_PLACE:
            return False
        return any(d.type == draft.type and d.is_occurrence for d in self.drafts[-6:])

    def _remember_doers(self, made: list[Draft]) -> None:
        """Who did the last thing told, and who attacked last: "the advance", "the attackers"."""
        for draft in (d for d in made if d.is_occurrence):
            named = [a for a in draft.actors if a.role in (ActorRole.INITIATOR, ActorRole.HOLDER)]
            if not named:
                continue
            doer = ActorHit(0, 0, named[0].as_named, named[0].actor_id)
            self.cast.doer, self.told = doer, draft
            if draft.type in _VIOLENT | {"ViolenceAgainstCivilians"}:
                self.cast.attacker = doer

    def _is_in_title(self, at: int) -> bool:
        return any(start <= at < end for start, end in self.titles)

    def _look_at(self, parse: Parse) -> None:
        """Keep at hand only what is named in the sentence and shortly before it."""
        low, high = parse.sentence.start - FOCUS_CHARACTERS_MAX, parse.sentence.end
        first = bisect_left(self._all_places, low, key=lambda p: p.start)
        last = bisect_left(self._all_places, high, key=lambda p: p.start)
        self.places = self._all_places[first:last]
        first = bisect_left(self._all_dates, parse.sentence.start, key=lambda e: e.start)
        last = bisect_left(self._all_dates, high, key=lambda e: e.start)
        self.dates = self._all_dates[first:last]

    def _note_subjects(self, parse: Parse, scene: Scene) -> None:
        for token in parse.doc:
            is_agent = token.dep_ == "pobj" and token.head.dep_ == "agent"
            if token.pos_ == "PRON" or not (token.dep_ in ("nsubj", "nsubjpass") or is_agent):
                continue
            verb = token.head.head if is_agent else token.head
            if is_agent and verb.dep_ in ("acl", "amod"):
                continue  # "rebels backed by X"
            aside = token.left_edge.i > 0 and parse.doc[token.left_edge.i - 1].text == ","
            aside = aside and lemma(verb) in lexicon().all_saying  # "..., the army insisted"
            is_main = verb.dep_ in _MAIN_CLAUSES and not aside
            is_undergoing = token.dep_ == "nsubjpass" or lemma(verb) in _UNDERGONE
            for hit in scene.actors_of(token)[:1]:
                if is_undergoing and token.pos_ == "PROPN" and hit.actor_id is None:
                    continue  # a place that the gazetteer lacks, and nobody's name
                self.cast.remember_subject(parse.offsets[token.i][0], hit, is_main=is_main)

    def _focus(self, before: int, parse: Parse) -> PlaceHit | None:
        """The place that was last told of, asides and regions aside."""
        past = [p for p in self.places if self.body <= p.start and p.end <= before]
        spots = [p for p in past if p.kind != "road" and not p.is_aside and not p.is_region]
        spots = [p for p in spots if p.kind != "part"] or spots
        told = self._told_at
        if told is None or not spots or spots[-1].start >= parse.sentence.start:
            return spots[-1] if spots else None
        return told if told.start >= self._told_from <= spots[-1].start else spots[-1]

    def _remember_place(self, parse: Parse, made: list[Draft]) -> None:
        """Where the last thing told in a main clause was: later sentences lean on it."""
        main = [
            (d, hit)
            for d in made
            if d.is_occurrence and _is_main(parse.doc[d.verb_index])
            for hit in [self._hits.get(d.token_index)]
            if hit is not None and hit.kind in ("settlement", "site") and d.has_own_place
        ]
        self._hits = {}
        if main:
            self._told_at, self._told_from = main[-1][1], parse.sentence.start

    def _draft(self, trigger: Trigger, scene: Scene, dated: Dated, number: int) -> Draft | None:
        parse, token = scene.parse, trigger.token
        reading = read_modality(token)
        if trigger.carrier != token:
            reading = _weaker(reading, read_modality(trigger.carrier))
        actors = actors_of_event(trigger, scene)
        actors += who_says_it_is_done(trigger, reading, scene, actors)
        at = parse.offsets[token.i][0]
        focus = self._focus(at, parse)
        if token.dep_ == "conj":  # "overran X, near Y, and withdrew from it"
            focus = self._hits.get(token.head.i, focus)
        where = place_of_event(trigger, scene, focus)
        if trigger.type in _NEED_PLACE and where.mention is None:
            where = self._at_dateline()
        if trigger.type in _NEED_PLACE and where.mention is None:
            return None
        if where.hit is not None:
            self._hits[token.i] = where.hit
        dating, where = self._date(trigger, reading, scene, dated, number, where)
        is_lasting = token.lower_ in ("last", "lasted", "lasting")
        if trigger.type == "SiegeBegan" and is_lasting and dating.days is None:
            return None
        draft = Draft(
            type=trigger.type,
            token_index=token.i,
            sentence=number,
            paragraph=parse.sentence.paragraph,
            evidence=self._evidence(trigger, scene, where),
            modality=reading.modality,
            polarity=reading.polarity,
            certainty=reading.certainty,
            actors=actors,
            place=where.mention,
            occurred=dating.occurred,
            attributed_to=self.speakers.words(reading, scene),
            quantity=quantity_of(_counted(trigger)),
            has_own_date=dating.days is not None,
            has_own_place=where.is_structural,
            is_nominal=trigger.is_nominal,
            is_definite=trigger.is_nominal
            and any(c.dep_ == "det" and c.lower_ in _POINTING for c in token.children),
            verb_index=trigger.carrier.i,
            is_reported=reading.saying is not None,
            is_retaken=lemma(token) in lexicon().lists["again"],
            is_entry=lemma(token) in lexicon().lists["enter"],
            is_repelled=trigger.roles.get("obj") == "assault",
            means=means_of(trigger),
            weapons=weapons_of(trigger, scene),
            taken_noun=_taken_noun(trigger, scene),
        )
        self._add_linear_actor(draft, trigger, scene)
        draft.agreed = agreements(draft, scene, self.dates, self.calendar)
        return draft

    def _at_dateline(self) -> Where:
        """Near where the report was written, for what is told before any place of its own."""
        head = [p for p in self._all_places[:DATELINE_PLACES_MAX] if p.start < self.body]
        known = next((p for p in head if p.mention.place_id and not p.is_region), None)
        return Where(known, near(known), False) if known is not None else Where(None, None, False)

    def _date(
        self,
        trigger: Trigger,
        reading: Reading,
        scene: Scene,
        dated: Dated,
        number: int,
        where: Where,
    ) -> tuple[Dating, Where]:
        """The date; "shot it down" and "had struck" are of the incident told before."""
        parse = scene.parse
        expressions = own_dates(trigger.token, trigger.carrier, dated)
        self._tell_dates_before(expressions, parse, number)
        if (said := _said_on(reading, dated)) is not None:
            told_on = days_of(said, self.calendar.dateline, None)
            if told_on is not None:
                self.calendar.tell(told_on, parse.sentence.paragraph, number, moves=False)
        forward = reading.modality in (Modality.FORECAST, Modality.HYPOTHETICAL)
        dating = date_event(
            self.calendar,
            expressions,
            trigger.carrier,
            (parse.sentence.paragraph, number),
            forward=forward,
            type_=trigger.type,
            place=place_key(where.mention),
            said=_said_on(reading, dated),
        )
        again = trigger.type == "AircraftLoss" and any(
            noun.lower_ == "it" for noun in trigger.arguments.object
        )
        if dating.days is None and not forward and (last := self._during(trigger)) is not None:
            return Dating(last.occurred, None), where  # "During the raid a jet was lost"
        is_taken_up = any(takes_up(noun) for noun in trigger.arguments.subject)
        if is_taken_up and dating.days is None and not forward and self.told is not None:
            return Dating(self.told.occurred, None), where  # "The advance also cut ..."
        if dating.days is not None or forward or not (again or is_pluperfect(trigger.carrier)):
            return dating, where
        recent = [d for d in self.drafts[-4:] if d.type == trigger.type and d.has_own_date]
        here = place_key(where.mention) if where.is_structural else None
        recent = [d for d in recent if here is None or place_key(d.place) in (None, here)]
        twin = recent[-1] if recent else None
        if twin is None:
            return dating, where
        return Dating(twin.occurred, None), (Where(None, twin.place, True) if again else where)

    def _during(self, trigger: Trigger) -> Draft | None:
        """The dated event told last, for what happened "during the raid"."""
        for prep in (c for w in (trigger.token, trigger.carrier) for c in w.children):
            nouns = [n for n in prep.children if n.dep_ == "pobj"]
            if prep.lower_ == "during" and any(takes_up(n) for n in nouns):
                dated = [d for d in self.drafts if d.is_occurrence and d.has_own_date]
                return dated[-1] if dated else None
        return None

    def _tell_dates_before(
        self, expressions: list[DateExpression], parse: Parse, number: int
    ) -> None:
        """A relative date after another in its sentence is reckoned from that one."""
        for expression in (e for e in expressions if e.form is Form.SHIFT):
            told = [d for d in self.dates if parse.sentence.start <= d.start < expression.start]
            told = [d for d in told if not d.is_relative]
            days = days_of(told[-1], self.calendar.dateline, None) if told else None
            if days is not None:
                self.calendar.tell(days, parse.sentence.paragraph, number, moves=True)

    def _evidence(self, trigger: Trigger, scene: Scene, where: Where) -> tuple[int, int]:
        parse, token = scene.parse, trigger.token
        at = parse.offsets[token.i]
        reach = where.hit.end if where.hit and where.hit.start > at[0] else 0
        is_near = abs(trigger.carrier.i - token.i) < CARRIER_TOKENS_MAX
        shown = trigger.carrier if trigger.is_nominal and is_near else token
        args = arguments(token) if trigger.is_nominal else trigger.arguments
        return evidence_span(parse, shown, args, self.text, max(reach, at[1]))

    def _add_linear_actor(self, draft: Draft, trigger: Trigger, scene: Scene) -> None:
        """For a noun without a doer in its structure: an actor right before it."""
        if draft.actors or not trigger.is_nominal:
            return
        at, start = scene.parse.offsets[trigger.token.i][0], scene.parse.sentence.start
        near = [
            h
            for h in self.cast.hits
            if 0 <= at - h.end <= LINEAR_CHARACTERS_MAX and h.start >= start
        ]
        if near and not re.search(r"[.;]", self.text[near[-1].end : at]):
            is_control = trigger.type == "ControlChanged"
            role = ActorRole.HOLDER if is_control else ActorRole.INITIATOR
            draft.actors.append(self.cast.mention(near[-1], role))
        elif trigger.type == "Withdrawal" and (verb := governing_verb(trigger.token)) is not None:
            for noun in arguments(verb).subject:
                for hit in scene.actors_of(noun)[:1]:
                    draft.actors.append(self.cast.mention(hit, ActorRole.INITIATOR))


def _said_on(reading: Reading, dated: Dated) -> DateExpression | None:
    """The date on which the speaker said it."""
    saying = reading.saying
    if saying is None:
        return None
    return next((e for e, g in dated if g is not None and g.i == saying.i), None)


def _is_main(verb: Token) -> bool:
    return verb.dep_ in _MAIN_CLAUSES or tells_when(verb)


def _taken_noun(trigger: Trigger, scene: Scene) -> str | None:
    """What is taken or left, where it is told by a common noun alone: "several hamlets"."""
    if trigger.is_nominal or trigger.type != "ControlChanged":
        return None
    for noun in trigger.arguments.object[:1]:
        a, b = scene.parse.offsets[noun.i]
        named = any(p.start < b and a < p.end for p in scene.places) or scene.places_of(noun)
        if noun.pos_ == "NOUN" and not named and scene.classes(noun) & {"settlement", "site"}:
            return lemma(noun)
    return None


def _counted(trigger: Trigger) -> list[Token]:
    """The nouns whose number may be the quantity of an event."""
    nouns = [n for o in trigger.arguments.object for n in coordinated(o)]
    preps = [c for c in trigger.token.children if c.dep_ == "prep"]
    return nouns + [n for prep in preps for n in prep.children]


def _weaker(first: Reading, second: Reading) -> Reading:
    """The less assertive of two readings of one event."""
    is_negated = Polarity.NEGATED in (first.polarity, second.polarity)
    return Reading(
        first.modality if first.modality is not Modality.ASSERTED else second.modality,
        Polarity.NEGATED if is_negated else Polarity.POSITIVE,
        second.certainty if first.certainty.value == "certain" else first.certainty,
        first.speaker if first.speaker is not None else second.speaker,
        first.saying if first.saying is not None else second.saying,
    )
