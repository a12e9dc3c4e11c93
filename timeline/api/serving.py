"""What the server offers and to whom, as the environment of `timeline serve` says it."""

from __future__ import annotations

import gc
import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from timeline.errors import InvalidSetting

STATEMENT_SECONDS_DEFAULT = 10
STATEMENT_SECONDS_MAX = 120
CACHE_SECONDS_MAX = 86_400
PERSISTED_DOCUMENTS_MAX = 10_000
YOUNG_OBJECTS_MAX = 10_000


@dataclass(frozen=True)
class ServerSettings:
    """What `timeline serve` offers, and to whom.

    Attributes:
        introspection: Whether the schema can be asked for.
        graphiql: Whether a browser gets GraphiQL at /graphql.
        cors_origins: The origins whose pages may read answers and open websockets.
        documents: Persisted documents: id -> document.
        trusted_only: Whether documents that are not persisted are refused.
        cache_seconds: For how long an answer to GET may be used again without asking.
        statement_seconds: How long one statement of a request may take in the database.
        metrics: Whether /metrics is served.
        tracing: Whether OpenTelemetry is told of each operation.
        trusted_proxies: The addresses and networks whose `X-Forwarded-For` says who asks.
    """

    introspection: bool = True
    graphiql: bool = True
    cors_origins: tuple[str, ...] = ()
    documents: Mapping[str, str] = field(default_factory=dict)
    trusted_only: bool = False
    cache_seconds: int = 0
    statement_seconds: int = STATEMENT_SECONDS_DEFAULT
    metrics: bool = False
    tracing: bool = False
    trusted_proxies: tuple[str, ...] = ()


def settle_memory() -> None:
    """Tell the collector of cycles that what there is now stays; called once, before serving.

    A large answer is so many new objects that everything the process has ever loaded would be
    walked over for it, which costs more than to make the answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS_MAX, *gc.get_threshold()[1:])


def server_settings_from(environment: Mapping[str, str] | None = None) -> ServerSettings:
    """The server's settings from the environment; docs/serving.md lists them.

    Raises:
        InvalidSetting: one of them cannot be used; the message names it.
    """
    env = os.environ if environment is None else environment
    documents = _documents(env)
    trusted_only = _switch(env, "TIMELINE_TRUSTED_ONLY", default=False)
    if trusted_only and not documents:
        raise InvalidSetting(
            "TIMELINE_TRUSTED_ONLY", "it needs documents: name a file in TIMELINE_DOCUMENTS"
        )
    return ServerSettings(
        introspection=_switch(env, "TIMELINE_INTROSPECTION", default=True),
        graphiql=_switch(env, "TIMELINE_GRAPHIQL", default=True),
        cors_origins=_origins(env),
        documents=documents,
        trusted_only=trusted_only,
        cache_seconds=_number(env, "TIMELINE_CACHE_SECONDS", 0, 0, CACHE_SECONDS_MAX),
        statement_seconds=_number(
            env, "TIMELINE_STATEMENT_SECONDS", STATEMENT_SECONDS_DEFAULT, 1, STATEMENT_SECONDS_MAX
        ),
        metrics=_switch(env, "TIMELINE_METRICS", default=False),
        tracing=_switch(env, "TIMELINE_TRACING", default=False),
        trusted_proxies=_networks(env),
    )


def _switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name, "").strip().lower()
    if value not in ("", "on", "off"):
        raise InvalidSetting(name, "write on or off")
    return default if not value else value == "on"


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = env.get(name, "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdecimal() and least <= int(value[:20]) <= most):
        raise InvalidSetting(name, f"write a whole number from {least} to {most}")
    return int(value)


def _origins(env: Mapping[str, str]) -> tuple[str, ...]:
    name = "TIMELINE_CORS_ORIGINS"
    origins = tuple(o.strip() for o in env.get(name, "").split(",") if o.strip())
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}":
            raise InvalidSetting(
                name, f"{origin!r} is no origin; write https://HOST or https://HOST:PORT"
            )
    return origins


def _networks(env: Mapping[str, str]) -> tuple[str, ...]:
    name = "TIMELINE_TRUSTED_PROXIES"
    networks = tuple(n.strip() for n in env.get(name, "").split(",") if n.strip())
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise InvalidSetting(
                name, f"{network!r} is no address or network; write 10.0.0.7 or 10.0.0.0/8"
            ) from None
    return networks


def _documents(env: Mapping[str, str]) -> dict[str, str]:
    name = "TIMELINE_DOCUMENTS"
    path = env.get(name, "").strip()
    if not path:
        return {}
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as fault:
        raise InvalidSetting(name, f"{path} cannot be read ({fault.strerror})") from None
    except ValueError:
        raise InvalidSetting(name, f"{path} is not JSON") from None
    fits = isinstance(found, dict) and all(isinstance(text, str) for text in found.values())
    if not fits or len(found) > PERSISTED_DOCUMENTS_MAX:
        raise InvalidSetting(
            name, f"{path} must be an object of id and document, at most {PERSISTED_DOCUMENTS_MAX}"
        )
    return dict(found)
