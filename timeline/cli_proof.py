"""The commands of proof: verify, seal, proof and withhold."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from timeline import presentation
from timeline.bootstrap import Application, all_projections, system_clock
from timeline.cli_common import Casebook, Database, opened, out, progress_bar
from timeline.errors import InvalidEvent, InvalidReport, VerificationFailed
from timeline.projections import search_index
from timeline.projections.replaying import verified
from timeline.store import keys, proofs, seals
from timeline.store.archive import archive as write_archive
from timeline.store.archive_check import verify_archive
from timeline.store.seals import SealResult
from timeline.store.verify import VerifyResult, verify_documents, verify_log

SealOption = Annotated[
    Path | None, typer.Option("--seal", metavar="FILE", help="A seal of this log.")
]
TrustedOption = Annotated[
    Path | None,
    typer.Option("--trusted", metavar="FILE", help="Public keys (OpenSSH lines) that you trust."),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Standard output when not given.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    for command in (verify, archive, seal, proof, withhold):
        app.command()(command)


def verify(
    log_only: Annotated[bool, typer.Option("--log-only", help="Not the projections.")] = False,
    seal_file: SealOption = None,
    proof_file: Annotated[
        Path | None,
        typer.Option("--proof", metavar="FILE", help="Check a proof by --seal; no database."),
    ] = None,
    trusted: TrustedOption = None,
    archive_folder: Annotated[
        Path | None,
        typer.Option("--archive", metavar="DIR", help="Check an archive alone; no database."),
    ] = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Check the chain, the documents and the projections; or a seal, or a proof offline."""
    trusted_keys = keys.load_public_keys(trusted) if trusted else ()
    if proof_file is not None:
        if seal_file is None:
            raise InvalidEvent("a proof is checked against a seal; give --seal FILE")
        checked = proofs.verify_proof(
            proofs.read_proof(proof_file), seals.read_seal(seal_file), trusted_keys
        )
        _require_seal(checked, "the proof")
        told = "and its content" if checked.is_content_proved else "but not its content"
        out.print(f"the event is in the sealed log, {told}")
        return
    if archive_folder is not None:
        _verify_archive(archive_folder, seal_file, trusted_keys)
        return
    with opened(database, casebook, caught_up=False) as app:
        _verify_database(app, seal_file, trusted_keys, log_only=log_only)


def _verify_archive(
    folder: Path, seal_file: Path | None, trusted_keys: Collection[Ed25519PublicKey]
) -> None:
    given = seals.read_seal(seal_file) if seal_file else None
    result = verify_archive(folder, given, trusted_keys)
    if not result.holds:
        raise VerificationFailed(
            f"the archive does not hold at position {result.position}: {result.reason}"
        )
    if given is not None and result.sealed is not None:
        _require_seal(result.sealed, "the seal")
        out.print(f"the archive begins with the {given.statement.position} events that were sealed")
    withheld = f", {result.withheld} withheld" if result.withheld else ""
    out.print(
        f"casebook {result.casebook}: {result.events} events{withheld} and {result.documents}"
        f" documents checked, all hold\nlast hash {result.last_hash}",
        markup=False,
        soft_wrap=True,
    )


def archive(
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="A folder of its own.")],
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Write the log to Parquet files with checksums; again, only what is new."""
    with opened(database, casebook, caught_up=False) as app, progress_bar("archiving") as told:
        done = write_archive(app.store, output, told)
    out.print(
        f"positions 1 to {done.last_position} in {done.written + done.kept} files,"
        f" {done.written} written, {done.kept} kept\nlast hash {done.last_hash}",
        soft_wrap=True,
    )


def _verify_database(
    app: Application,
    seal_file: Path | None,
    trusted_keys: Collection[Ed25519PublicKey],
    *,
    log_only: bool,
) -> None:
    name = app.settings.casebook
    _require(verify_log(app.engine, name), "the log")
    if seal_file is not None:
        given = seals.read_seal(seal_file)
        _require_seal(seals.verify_seal(app.engine, name, given, trusted_keys), "the seal")
        out.print(f"the log begins with the {given.statement.position} events that were sealed")
    _require(verify_documents(app.engine, name), "the documents")
    if log_only:
        return
    found = verified(app.store, all_projections(), app.runner)
    if found.different:
        raise VerificationFailed(
            f"the tables {', '.join(found.different)} are not what the log says;"
            " run `timeline rebuild`"
        )
    if found.halted:
        told = "; ".join(str(status) for status in found.halted)
        raise VerificationFailed(f"not all of the log is projected: {told}")
    reason = search_index.fault(app.engine)
    if reason is not None:
        raise VerificationFailed(
            f"the index of the table search_texts does not hold ({reason});"
            " run `timeline rebuild search`"
        )
    out.print(f"projections: equal to a replay of {found.events} events")


def _require(result: VerifyResult, what: str) -> None:
    if not result.holds:
        where = f" at position {result.position}" if result.position is not None else ""
        raise VerificationFailed(f"{what} does not hold{where}: {result.reason}")
    withheld = f", {result.withheld} withheld" if result.withheld else ""
    out.print(f"{what}: {result.checked} checked{withheld}, all hold")


def _require_seal(result: SealResult, what: str) -> None:
    if not result.holds:
        where = f" at position {result.position}" if result.position is not None else ""
        raise VerificationFailed(f"{what} does not hold{where}: {result.reason}")
    trust = "which you trust" if result.is_trusted else "not checked against keys that you trust"
    out.print(f"{what}: signed by {result.key_id}, {trust}", markup=False)


def seal(
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The private key, Ed25519.")],
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make the key pair, FILE and FILE.pub, first.")
    ] = False,
    output: OutputOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Sign the head of the log, after verifying all of it, and export a small file."""
    with opened(database, casebook) as app:
        if new_key:
            keys.generate_key(key)
        private = keys.load_private_key(key)
        made = seals.seal(app.engine, app.settings.casebook, private, system_clock())
    _write(seals.as_file(made), output)


def proof(
    position: Annotated[int, typer.Argument(metavar="POSITION", help="Of the event.", min=1)],
    seal_file: SealOption = None,
    with_content: Annotated[
        bool, typer.Option("--content/--no-content", help="Put the event's content in, or not.")
    ] = True,
    output: OutputOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Export a proof that an event is in the log, to be checked offline by `verify --proof`."""
    with opened(database, casebook) as app:
        end = seals.read_seal(seal_file) if seal_file else None
        made = proofs.proof(
            app.engine, app.settings.casebook, position, end, with_content=with_content
        )
    _write(seals.as_file(made), output)


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(content.decode())
        return
    try:
        output.write_bytes(content)
    except OSError as fault:
        raise InvalidReport(str(output), f"cannot be written: {fault.strerror}") from None
    out.print(f"written to {output}", markup=False)


def withhold(
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it stays in the log for ever, so name nobody.")
    ],
    report: Annotated[
        str | None, typer.Option("--report", metavar="ID", help="All that the log holds of it.")
    ] = None,
    positions: Annotated[
        list[int] | None, typer.Option("--position", metavar="N", help="One event; repeatable.")
    ] = None,
    documents: Annotated[
        list[str] | None,
        typer.Option("--document", metavar="SHA256", help="One document; repeatable."),
    ] = None,
    even_shared: Annotated[
        bool, typer.Option("--even-shared", help="Also documents that other reports stand on.")
    ] = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Destroy the content of events and documents for good; the chain, seals and proofs hold."""
    single = bool(positions or documents)
    if single == (report is not None):
        raise InvalidEvent("give either --report, or --position and --document")
    with opened(database, casebook) as app:
        if report is not None:
            done = app.withholding.withhold_report(report, reason)
        else:
            done = app.withholding.withhold(
                positions or (), documents or (), reason, even_shared=even_shared
            )
    out.print(f"withheld {len(done.positions)} events and {len(done.documents)} documents")
    for note in done.notes:
        out.print(presentation.printable(note), markup=False, style="yellow")
    if done.positions or done.documents:
        where = "the database file" if done.is_scrubbed else "backups, replicas or free pages"
        told = "no longer holds" if done.is_scrubbed else "may still hold"
        out.print(f"{where} {told} the erased bytes; backups are yours to erase", style="dim")
