"""Finds statements that tell of no event: denials, causes, intents, presence, identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timeline.domain.actors import ActorRole
from timeline.domain.claims import Modality, StatementKind
from timeline.extraction.drafts import Draft
from timeline.extraction.evidence import evidence_span
from timeline.extraction.grammar import Token, arguments
from timeline.extraction.lexicon import lexicon
from timeline.extraction.parsing import Parse, lemma
from timeline.extraction.roles import Roles
from timeline.extraction.scene import Scene

if TYPE_CHECKING:
    from timeline.extraction.events import Reader

_KINDS = {
    "blame": StatementKind.CAUSE,
    "attribute": StatementKind.CAUSE,
    "vow": StatementKind.INTENT,
    "threaten": StatementKind.INTENT,
    "pledge": StatementKind.INTENT,
    "promise": StatementKind.INTENT,
    "plan": StatementKind.INTENT,
    "think": StatementKind.OPINION,
    "believe": StatementKind.OPINION,
    "predict": StatementKind.OPINION,
    "expect": StatementKind.OPINION,
    "warn": StatementKind.OPINION,
}


def statements_of(parse: Parse, reader: Reader, number: int) -> list[Draft]:
    """The statements of one sentence."""
    scene = Scene(parse, reader.places, reader.cast)
    found: list[Draft] = []
    for token in parse.doc:
        if token.pos_ not in ("VERB", "AUX"):
            continue
        kind = _kind(token, parse)
        if kind is None:
            continue
        args = arguments(token)
        roles = Roles(scene)
        role = ActorRole.CANDIDATE if kind is StatementKind.IDENTITY else ActorRole.INITIATOR
        nouns = args.subject
        if kind is StatementKind.IDENTITY:
            nouns = [c for c in token.children if c.dep_ in ("attr", "oprd", "pobj")] + args.after(
                "from"
            )
        roles.add(nouns, role.value)
        if kind is StatementKind.IDENTITY and not roles.found:
            continue
        denies = kind is StatementKind.DENIAL
        found.append(
            Draft(
                type="Statement",
                statement_kind=kind,
                token_index=token.i,
                sentence=number,
                paragraph=parse.sentence.paragraph,
                verb_index=token.i,
                evidence=evidence_span(parse, token, args, reader.text),
                modality=Modality.DENIED if denies else Modality.ASSERTED,
                actors=roles.found,
                occurred=reader.calendar.undated(),
                attributed_to=reader.speakers.of(token, scene),
            )
        )
    return found


def _kind(token: Token, parse: Parse) -> StatementKind | None:
    low = lemma(token)
    if low in lexicon().saying["denial"]:
        return StatementKind.DENIAL
    if low in _KINDS and token.dep_ in ("ROOT", "conj", "ccomp"):
        return _KINDS[low]
    if low == "pledge" or (low in ("swear", "declare") and "allegiance" in parse.doc.text):
        return StatementKind.ALLEGIANCE
    if low == "be" and any(c.dep_ == "acomp" and c.lower_ == "full" for c in token.children):
        return StatementKind.PRESENCE
    if (
        low in ("name", "call")
        and any(c.dep_ == "oprd" for c in token.children)
        and token.tag_ == "VBN"
    ):
        return StatementKind.IDENTITY
    if low == "be" and any(c.dep_ == "prep" and c.lower_ == "from" for c in token.children):
        return StatementKind.IDENTITY
    return None
