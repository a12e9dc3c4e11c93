"""Walks through a report's claims with a person: key by key, each decision stored when it is made.

Nothing waits in memory but the correction of the claim on the screen, so a walk may be broken off
at any time and goes on with what nobody has signed yet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from timeline import presentation_review as shown
from timeline.domain.claims import ClaimType, ReviewStatus, StatementKind, Verdict
from timeline.domain.events import Claim
from timeline.errors import InvalidEvent, TimelineError
from timeline.filing.reviewing import Reviewing, Signature
from timeline.presentation import printable
from timeline.projections.reading import Entry


@dataclass
class Walk:
    """One person's walk through one report.

    `key` waits for a key, `line` for a line after a prompt; both raise `KeyboardInterrupt` or
    `EOFError` when the person breaks off.
    """

    reviewing: Reviewing
    report_id: str
    reviewed_by: str
    console: Console
    key: Callable[[], str]
    line: Callable[[str], str]
    _text: str | None = field(default=None, init=False)

    def run(self, *, again: bool) -> None:
        """Show each claim that nobody has signed, or with `again` each, until the person stops.

        Raises:
            NotFound: no such report.
        """
        entries = self.reviewing.claims(self.report_id)
        self._text = self.reviewing.text(self.report_id)
        self.console.print(shown.head_text(self.reviewing.version(self.report_id), entries))
        wanted = [e for e in entries if again or e.review is ReviewStatus.UNREVIEWED]
        if not wanted:
            self._say("every claim is signed; --again walks through them once more", "green")
        try:
            for number, entry in enumerate(wanted, 1):
                if not self._one(entry, number, len(wanted)):
                    break
            if not entries:
                self._say("nothing was read out of this report; n adds a claim, q quits", "yellow")
                while self._pressed("nq") == "n":
                    self._add()
        finally:
            # What the person did is told however the walk ends.
            entries = self.reviewing.claims(self.report_id)
            self.console.print(Text("\n").append_text(shown.counts_text(entries)))
            opinions = self.reviewing.opinions(self.report_id)
            if opinions:
                self.console.print(shown.opinions_text(opinions, entries, self._text))
                self._say("--accept CLAIM files a claim of a second opinion", "dim")

    def _one(self, entry: Entry, number: int, total: int) -> bool:
        """One claim until it is decided or skipped; whether the walk goes on."""
        changes: dict[str, Any] = {}
        claim: Claim = entry.claim
        while True:
            self.console.print(shown.claim_card(entry, claim, self._text, number, total))
            self.console.print(shown.keys_text())
            pressed = self._pressed("acrnsq")
            if pressed == "q":
                return False
            if pressed == "s":
                return True
            if pressed == "n":
                self._add()
            elif pressed == "c":
                claim = self._correct(entry, claim, changes)
            elif pressed == "a":
                if self._sign(Signature(entry.claim.claim_id, Verdict.ACCEPTED, changes or None)):
                    return True
            elif self._reject(entry, changes):
                return True

    def _pressed(self, keys: str) -> str:
        """The next key that means something; others are passed over."""
        while True:
            key = self.key()
            if key in ("\x03", "\x1c"):
                raise KeyboardInterrupt
            if key in ("\x04", ""):
                raise EOFError
            if key.casefold() in keys:
                return key.casefold()

    def _sign(self, signature: Signature) -> bool:
        try:
            (made,) = self.reviewing.sign(self.report_id, [signature], reviewed_by=self.reviewed_by)
        except TimelineError as fault:
            self._say(str(fault), "bold red")
            return False
        where = f", at position {made.position}" if made.position else " already"
        style = "red" if made.review is ReviewStatus.REJECTED else "green"
        self._say(f"{made.review.value}{where}", style)
        return True

    def _reject(self, entry: Entry, changes: dict[str, Any]) -> bool:
        if changes:
            self._say("what was corrected here is dropped", "yellow")
            changes.clear()
        reason = self.line("why is it rejected? (Enter: back) ").strip()
        if not reason:
            return False
        return self._sign(Signature(entry.claim.claim_id, Verdict.REJECTED, reason=reason))

    def _correct(self, entry: Entry, claim: Claim, changes: dict[str, Any]) -> Claim:
        """The claim with one more field put right; as it was when the person gives up."""
        self._say("type and words cannot be corrected: reject the claim and add another", "dim")
        typed = self.line("which field? (1-9, Enter: back) ").strip()
        if not typed:
            return claim
        with self._told():
            name = shown.field_named(typed)
            self._say(f"{shown.HINTS[name]}; - takes it away", "dim")
            value = self.line(f"{name}: ").strip()
            if not value:
                return claim
            tried = {**changes, name: shown.typed_value(name, value)}
            claim = self.reviewing.put_right(entry, tried)
            changes.update(tried)
        return claim

    def _add(self) -> None:
        """A claim that was not read out of the report, in five lines."""
        with self._told():
            fields = self._asked()
            if fields is None:
                return
            made = self.reviewing.add(self.report_id, fields, reviewed_by=self.reviewed_by)
            self._say(f"added as {made.claim_id}, at position {made.position}", "green")

    def _asked(self) -> dict[str, Any] | None:
        typed = self.line("what happened? (type, Enter: back) ").strip()
        if not typed:
            return None
        type_ = shown.chosen(typed, ClaimType)
        fields: dict[str, Any] = {"type": type_}
        if type_ == ClaimType.STATEMENT:
            kind = self.line(f"which kind? ({', '.join(StatementKind)}) ")
            fields["statement_kind"] = shown.chosen(kind, StatementKind)
        if self._text is not None:
            fields["quote"] = self.line("which words say so? ").strip()
            if self._text.count(fields["quote"]) != 1:
                raise InvalidEvent("quote words that stand in the report exactly once")
        for label in ("when", "where", "who"):
            name = shown.FIELDS[label]
            value = self.line(f"{label}? ({shown.HINTS[name]}; Enter: not told) ").strip()
            if value:
                fields[name] = shown.typed_value(name, value)
        return fields

    def _told(self) -> contextlib.AbstractContextManager[None]:
        return _told(self._say)

    def _say(self, what: str, style: str) -> None:
        self.console.print(Text(printable(what), style=style))


@contextlib.contextmanager
def _told(say: Callable[[str, str], None]) -> Iterator[None]:
    """What is refused is told in one sentence, and the walk goes on where it was."""
    try:
        yield
    except TimelineError as fault:
        say(str(fault), "bold red")


def accepted(entries: Sequence[Entry], targets: Sequence[str]) -> list[Signature]:
    """The acceptances of some claims, or of all that nobody has reviewed when one is "all"."""
    if "all" in targets:
        open_ = [e.claim.claim_id for e in entries if e.review is ReviewStatus.UNREVIEWED]
        return [Signature(claim_id, Verdict.ACCEPTED) for claim_id in open_]
    return [Signature(target, Verdict.ACCEPTED) for target in targets]
