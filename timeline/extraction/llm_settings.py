"""Reads the settings of the LLM extractor from the environment: which endpoint, how much of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from timeline.errors import InvalidSetting

ANSWER_TOKENS_MAX = 1_500
RUN_TOKENS_MAX = 1_000_000
SECONDS_MAX = 120.0
PASSAGE_CHARACTERS_MAX = 3_000


@dataclass(frozen=True)
class LlmSettings:
    """How a model is asked.

    Attributes:
        url: The endpoint's base, such as `https://api.example.org/v1`.
        model: Which model it is asked for.
        key: What is shown to it; never printed.
        price: What a million tokens cost, in and out; `None` when nobody said.
        answer_tokens_max: Of one answer.
        run_tokens_max: Of all questions and answers of a run.
        seconds_max: That one answer may take.
        passage_characters_max: Of the report that are shown at once.
        backoff_seconds: Before the first question that is asked again; doubled each time.
    """

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    price: tuple[float, float] | None = None
    answer_tokens_max: int = ANSWER_TOKENS_MAX
    run_tokens_max: int = RUN_TOKENS_MAX
    seconds_max: float = SECONDS_MAX
    passage_characters_max: int = PASSAGE_CHARACTERS_MAX
    backoff_seconds: float = 1.0

    @property
    def host(self) -> str:
        """The endpoint as it may be printed."""
        return urlsplit(self.url).netloc


def llm_settings(environment: Mapping[str, str] | None = None) -> LlmSettings:
    """The settings that stand in the environment.

    Raises:
        InvalidSetting: one is missing, or cannot be used.
    """
    env = os.environ if environment is None else environment
    url, model = env.get("TIMELINE_LLM_URL", "").strip(), env.get("TIMELINE_LLM_MODEL", "").strip()
    if not url or not model:
        missing = "TIMELINE_LLM_MODEL" if url else "TIMELINE_LLM_URL"
        raise InvalidSetting(
            missing,
            "the extractor llm needs it: the URL of an OpenAI-compatible endpoint, such as"
            " http://127.0.0.1:8080/v1, and the name of a model there",
        )
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_usable = is_usable and (parts.port is None or parts.port > 0)
    except ValueError:
        is_usable = False
    if not is_usable or parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidSetting(
            "TIMELINE_LLM_URL",
            "is no http or https URL such as http://127.0.0.1:8080/v1; a key goes into"
            " TIMELINE_LLM_KEY",
        )
    key = env.get("TIMELINE_LLM_KEY", "").strip() or None
    if key is not None and not (key.isascii() and key.isprintable()):
        raise InvalidSetting("TIMELINE_LLM_KEY", "holds characters that cannot be sent")
    return LlmSettings(
        url=url.rstrip("/").removesuffix("/chat/completions"),
        model=model,
        key=key,
        price=_price(env.get("TIMELINE_LLM_PRICE")),
        answer_tokens_max=int(_number(env, "TIMELINE_LLM_ANSWER_TOKENS", ANSWER_TOKENS_MAX, 16)),
        run_tokens_max=int(_number(env, "TIMELINE_LLM_TOKENS", RUN_TOKENS_MAX, 1)),
        seconds_max=_number(env, "TIMELINE_LLM_SECONDS", SECONDS_MAX, 1),
    )


def _number(env: Mapping[str, str], name: str, default: float, least: float) -> float:
    told = env.get(name, "").strip()
    if not told:
        return default
    try:
        number = float(told)
    except ValueError:
        number = -1.0
    if not least <= number <= 1e9:
        raise InvalidSetting(name, f"must be a number from {least:g} on, not {told!r}")
    return number


def _price(told: str | None) -> tuple[float, float] | None:
    if not (told or "").strip():
        return None
    try:
        into, out = (float(n) for n in (told or "").split("/"))
    except ValueError:
        into, out = -1.0, -1.0
    if not (0 <= into <= 1e6 and 0 <= out <= 1e6):
        raise InvalidSetting(
            "TIMELINE_LLM_PRICE",
            "must be what a million tokens cost in and out, such as 0.15/0.60",
        )
    return into, out
