"""The commands about places and actors: add, correct, merge, unmerge; and whom actors belong to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from timeline.cli_common import Casebook, Database, author, opened, out
from timeline.domain.actors import ActorKind
from timeline.domain.names import Name
from timeline.domain.places import PlaceKind
from timeline.filing.mended import Mended, Word, changes_of
from timeline.filing.mending import Mender
from timeline.filing.reference import load_actors, load_places

place_app = typer.Typer(help="Places of the gazetteer.", no_args_is_help=True)
actor_app = typer.Typer(help="Actors.", no_args_is_help=True)

YamlArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML list, as in seeds/.")]
PlaceArgument = Annotated[str, typer.Argument(metavar="PLACE", help="Its id or a name of it.")]
ActorArgument = Annotated[str, typer.Argument(metavar="ACTOR", help="Its id or a name of it.")]
DuplicateArgument = Annotated[
    str, typer.Argument(metavar="DUPLICATE", help="What is told of the other from now on.")
]
IntoArgument = Annotated[
    str, typer.Argument(metavar="INTO", help="The one under whose id and name both are shown.")
]
MergedArgument = Annotated[
    str, typer.Argument(metavar="DUPLICATE", help="The id that was merged into another.")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why, in a sentence.")]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who says so; you, when not given.")
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="Its common English name; the old one becomes an alias."),
]
AliasOption = Annotated[
    list[str] | None, typer.Option("--alias", help="Another spelling to add; may be repeated.")
]
RemoveAliasOption = Annotated[
    list[str] | None,
    typer.Option("--remove-alias", help="Another spelling to take away; may be repeated."),
]
UnsetOption = Annotated[
    list[str] | None,
    typer.Option("--unset", metavar="FIELD", help="A value to take away; may be repeated."),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(place_app, name="place")
    app.add_typer(actor_app, name="actor")


@place_app.command("add")
def add_places(path: YamlArgument, database: Database = None, casebook: Casebook = None) -> None:
    """Register the places of a YAML file."""
    with opened(database, casebook) as opened_app:
        count = opened_app.registering.register(places=load_places(path))
    out.print(f"{count} places were new")


@actor_app.command("add")
def add_actors(path: YamlArgument, database: Database = None, casebook: Casebook = None) -> None:
    """Register the actors of a YAML file."""
    with opened(database, casebook) as opened_app:
        count = opened_app.registering.register(actors=load_actors(path))
    out.print(f"{count} actors were new")


@place_app.command("correct")
def correct_place(
    place: PlaceArgument,
    name: NameOption = None,
    alias: AliasOption = None,
    remove_alias: RemoveAliasOption = None,
    kind: Annotated[
        PlaceKind | None, typer.Option("--type", help="What kind of place it is.")
    ] = None,
    latitude: Annotated[float | None, typer.Option("--latitude", help="WGS84 degrees.")] = None,
    longitude: Annotated[float | None, typer.Option("--longitude", help="WGS84 degrees.")] = None,
    geo_precision: Annotated[
        int | None,
        typer.Option("--geo-precision", help="1 the place itself, 2 near it, 3 a region."),
    ] = None,
    within: Annotated[
        str | None, typer.Option("--within", metavar="PLACE", help="What contains it.")
    ] = None,
    unset: UnsetOption = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Put right what is registered of a place; claims about it follow, at every known time."""
    values = {
        "name": name,
        "kind": kind.value if kind else None,
        "latitude": latitude,
        "longitude": longitude,
        "geo_precision": geo_precision,
        "within": within,
    }
    with _mending(database, casebook) as mending:
        mended = mending.correct_place(
            place,
            changes_of(values, unset or ()),
            _word(by, reason),
            add=[Name(name=n) for n in alias or ()],
            remove=remove_alias or (),
        )
    _print(mended, "corrected")


@actor_app.command("correct")
def correct_actor(
    actor: ActorArgument,
    name: NameOption = None,
    alias: AliasOption = None,
    remove_alias: RemoveAliasOption = None,
    kind: Annotated[
        ActorKind | None, typer.Option("--type", help="What kind of actor it is.")
    ] = None,
    side: Annotated[
        str | None, typer.Option("--side", metavar="ACTOR", help="Its coarse allegiance.")
    ] = None,
    adjective: Annotated[
        list[str] | None,
        typer.Option("--adjective", help="All words that name it before a noun of arms."),
    ] = None,
    unset: UnsetOption = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Put right what is registered of an actor; claims that name it follow, at every known time."""
    values = {
        "name": name,
        "kind": kind.value if kind else None,
        "side": side,
        "adjectives": adjective,
    }
    with _mending(database, casebook) as mending:
        mended = mending.correct_actor(
            actor,
            changes_of(values, unset or ()),
            _word(by, reason),
            add=[Name(name=n) for n in alias or ()],
            remove=remove_alias or (),
        )
    _print(mended, "corrected")


@place_app.command("merge")
def merge_places(
    duplicate: DuplicateArgument,
    into: IntoArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Say that two ids mean one place; nothing is lost, and it can be undone."""
    with _mending(database, casebook) as mending:
        mended = mending.merge_places(duplicate, into, _word(by, reason))
    _print(mended, f"merged {mended.duplicate} into")


@actor_app.command("merge")
def merge_actors(
    duplicate: DuplicateArgument,
    into: IntoArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Say that two ids mean one actor; nothing is lost, and it can be undone."""
    with _mending(database, casebook) as mending:
        mended = mending.merge_actors(duplicate, into, _word(by, reason))
    _print(mended, f"merged {mended.duplicate} into")


@place_app.command("unmerge")
def unmerge_places(
    duplicate: MergedArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Say that a merged id means a place of its own after all."""
    with _mending(database, casebook) as mending:
        mended = mending.unmerge_places(duplicate, _word(by, reason))
    _print(mended, "unmerged")


@actor_app.command("unmerge")
def unmerge_actors(
    duplicate: MergedArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Say that a merged id means an actor of its own after all."""
    with _mending(database, casebook) as mending:
        mended = mending.unmerge_actors(duplicate, _word(by, reason))
    _print(mended, "unmerged")


@actor_app.command()
def affiliate(
    actor: ActorArgument,
    other: Annotated[str, typer.Argument(metavar="WITH", help="The other actor's id or name.")],
    according_to: Annotated[
        str, typer.Option("--according-to", metavar="SOURCE", help="Who says so.")
    ],
    relation: Annotated[
        str, typer.Option("--relation", help="Such as part_of, member_of or allied_with.")
    ] = "affiliated_with",
    from_: Annotated[
        str | None, typer.Option("--from", metavar="D", help="Since when, EDTF.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="D", help="Until when, EDTF.")] = None,
    disputed: Annotated[
        bool, typer.Option("--disputed", help="Somebody disputes it; nothing is reckoned by it.")
    ] = False,
    database: Database = None,
    casebook: Casebook = None,
) -> None:
    """Keep that a source says that an actor is affiliated with another."""
    with _mending(database, casebook) as mending:
        mended = mending.affiliate(
            actor,
            other,
            relation=relation,
            according_to=according_to,
            from_=from_,
            to=to,
            disputed=disputed,
        )
    _print(mended, "stated of")


@contextmanager
def _mending(database: str | None, casebook: str | None) -> Iterator[Mender]:
    with opened(database, casebook) as app:
        yield app.commands(author()).mending


def _word(by: str | None, reason: str | None) -> Word:
    return Word(requested_by=by or author().name, reason=reason)


def _print(mended: Mended, word: str) -> None:
    told = f"{word} {mended.id}"
    end = "nothing was appended: it is so already"
    if mended.position is not None:
        end = f"at position {mended.position}"
    out.print(f"{told}, {end}", markup=False, soft_wrap=True)
