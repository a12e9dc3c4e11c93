"""Options, environment and defaults say which database; refusals are one line and one exit code."""

from __future__ import annotations

import pytest
import typer

from timeline.cli import _query_text, _variables
from timeline.cli_amend import _assignment
from timeline.cli_common import refuse, run
from timeline.errors import InvalidEvent, InvalidReport, NotFound, TimelineError
from timeline.settings import Settings, normal_url, settings_from

ENVIRONMENT = {"TIMELINE_DATABASE_URL": "postgresql://desk@db/log"}


def test_without_anything_said_it_is_a_file_here_and_the_casebook_main() -> None:
    assert settings_from(None, None, {}) == Settings("sqlite:///timeline.db", "main")


def test_an_option_comes_before_the_environment() -> None:
    assert settings_from(None, None, ENVIRONMENT).database_url == (
        "postgresql+psycopg://desk@db/log"
    )
    assert settings_from("desk.db", "syria", ENVIRONMENT) == Settings("sqlite:///desk.db", "syria")


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("desk.db", "sqlite:///desk.db"),
        ("/var/desk.db", "sqlite:////var/desk.db"),
        ("sqlite:///desk.db", "sqlite:///desk.db"),
        ("postgres://db/log", "postgresql+psycopg://db/log"),
        ("postgresql://db/log", "postgresql+psycopg://db/log"),
        ("postgresql+psycopg://db/log", "postgresql+psycopg://db/log"),
    ],
)
def test_a_database_is_named_as_people_write_it(written: str, url: str) -> None:
    assert normal_url(written) == url


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("occurred=2016-02-24", ("occurred", "2016-02-24")),
        ("occurred=2016", ("occurred", 2016)),
        ("attributed_to=a=b", ("attributed_to", "a=b")),
        ("place=null", ("place", None)),
        (' place ={"as_named": "Ithriya"}', ("place", {"as_named": "Ithriya"})),
    ],
)
def test_a_field_is_set_to_json_or_to_plain_words(
    written: str, expected: tuple[str, object]
) -> None:
    assert _assignment(written) == expected


def test_a_field_without_a_value_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="--set 'occurred' must be FIELD=VALUE"):
        _assignment("occurred")


def test_variables_are_a_json_object() -> None:
    assert _variables(None) is None
    assert _variables('{"id": "khanasser"}') == {"id": "khanasser"}
    with pytest.raises(InvalidEvent, match="--variables must be a JSON object"):
        _variables("[1]")
    with pytest.raises(InvalidEvent, match="--variables is no JSON"):
        _variables("{")


def test_a_query_may_stand_in_a_file() -> None:
    assert _query_text("{ places { id } }") == "{ places { id } }"
    with pytest.raises(InvalidReport, match=r"nothing\.graphql: cannot be read"):
        _query_text("@nothing.graphql")


def test_a_refusal_is_one_line_that_drives_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert refuse("no \x1b[31mreport\n is\u202e called \ud800 that") == 1
    assert capsys.readouterr().err == "no [31mreport is called that\n"


def failing(fault: BaseException) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise fault

    return app


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (NotFound("there is no such report"), "there is no such report\n"),
        (NotFound(), "There is nothing under that id.\n"),
        (typer.Abort(), "interrupted\n"),
        (
            UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
            "text that is not UTF-8 cannot be read or printed here; use UTF-8\n",
        ),
    ],
)
def test_what_is_refused_exits_with_one(
    fault: BaseException, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(failing(fault)) == 1
    assert capsys.readouterr().err == line


def run_with(app: typer.Typer, *arguments: str) -> int:
    import sys
    from unittest.mock import patch

    with patch.object(sys, "argv", ["timeline", *arguments]):
        return run(app)


def test_wrong_usage_exits_with_two() -> None:
    assert run_with(failing(TimelineError()), "--no-such-option") == 2


def test_an_exit_code_that_a_command_chose_is_kept() -> None:
    assert run_with(failing(typer.Exit(1))) == 1
    assert run_with(failing(typer.Exit())) == 0
