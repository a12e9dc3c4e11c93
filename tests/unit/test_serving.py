"""The server's settings: what they mean, and what is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from timeline.api.serving import ServerSettings, server_settings_from
from timeline.errors import InvalidSetting


def test_without_a_word_the_server_offers_what_a_desk_needs() -> None:
    assert server_settings_from({}) == ServerSettings()


def test_every_setting_is_read(tmp_path: Path) -> None:
    (tmp_path / "documents.json").write_text('{"a": "{ status { casebook } }"}', "utf-8")

    found = server_settings_from(
        {
            "TIMELINE_INTROSPECTION": "off",
            "TIMELINE_GRAPHIQL": "off",
            "TIMELINE_CORS_ORIGINS": "https://a.example, http://localhost:3000",
            "TIMELINE_DOCUMENTS": str(tmp_path / "documents.json"),
            "TIMELINE_TRUSTED_ONLY": "on",
            "TIMELINE_CACHE_SECONDS": "30",
            "TIMELINE_STATEMENT_SECONDS": "5",
            "TIMELINE_METRICS": "on",
            "TIMELINE_TRACING": "on",
            "TIMELINE_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,2001:db8::/32",
        }
    )

    assert found == ServerSettings(
        introspection=False,
        graphiql=False,
        cors_origins=("https://a.example", "http://localhost:3000"),
        documents={"a": "{ status { casebook } }"},
        trusted_only=True,
        cache_seconds=30,
        statement_seconds=5,
        metrics=True,
        tracing=True,
        trusted_proxies=("127.0.0.1", "10.0.0.0/8", "2001:db8::/32"),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIMELINE_INTROSPECTION", "maybe"),
        ("TIMELINE_CORS_ORIGINS", "*"),
        ("TIMELINE_CORS_ORIGINS", "https://a.example/path"),
        ("TIMELINE_CORS_ORIGINS", "a.example"),
        ("TIMELINE_DOCUMENTS", "/nowhere/documents.json"),
        ("TIMELINE_TRUSTED_ONLY", "on"),
        ("TIMELINE_CACHE_SECONDS", "-1"),
        ("TIMELINE_STATEMENT_SECONDS", "0"),
        ("TIMELINE_TRUSTED_PROXIES", "*"),
        ("TIMELINE_TRUSTED_PROXIES", "proxy.example"),
        ("TIMELINE_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TIMELINE_STATEMENT_SECONDS", "9" * 5000),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name}: "):
        server_settings_from({name: value})


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "documents.json").write_text(text, "utf-8")

    with pytest.raises(InvalidSetting, match=r"documents\.json"):
        server_settings_from({"TIMELINE_DOCUMENTS": str(tmp_path / "documents.json")})
