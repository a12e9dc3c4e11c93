"""Asks an OpenAI-compatible endpoint, again where that may help, and keeps account of it.

What may pass is asked again: no connection, no answer in time, 429 and 5xx, at most ATTEMPTS_MAX
times with growing pauses. What will not pass ends the run, since no other report would be read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from timeline.errors import ExtractorUnavailable, ExtraNotInstalled
from timeline.extraction.llm_settings import LlmSettings

if TYPE_CHECKING:
    import httpx

ATTEMPTS_MAX = 5
PAUSE_SECONDS_MAX = 60.0
ANSWER_BYTES_MAX = 2_000_000
TOLD_CHARACTERS_MAX = 200
_WRONGLY_ASKED = (400, 422, 500)  # llama-cpp-python's server has 500 for what it does not know
# Broken JSON, UTF-8 that is none, and brackets without end.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
CHARACTERS_PER_TOKEN = 4  # of English, where an endpoint does not count


class Usage(Struct):
    """What a run has used up; `is_guessed` where the endpoint did not count tokens."""

    requests: int = 0
    repeated: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    is_guessed: bool = False


class Answer(Struct, frozen=True):
    """What a model wrote; `is_cut` when it was not done."""

    content: str
    is_cut: bool


class _Message(Struct):
    content: str | None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _Counted(Struct):
    prompt_tokens: Annotated[int, Meta(ge=0)] = 0
    completion_tokens: Annotated[int, Meta(ge=0)] = 0


class _Completion(Struct):
    choices: list[_Choice]
    usage: _Counted | None = None


class Endpoint:
    """One endpoint during one run."""

    def __init__(self, settings: LlmSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        """Prepare to ask; nothing is sent yet.

        Raises:
            ExtraNotInstalled: httpx is not there.
        """
        try:
            import httpx  # noqa: F401
        except ImportError:
            raise ExtraNotInstalled("the extractor llm", "llm") from None
        self.settings, self.usage, self._sleep = settings, Usage(), sleep
        self._length_field, self._is_plain, self._has_temperature = "max_tokens", False, True

    def ask(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> Answer:
        """The answer to a question, in JSON of a schema as far as the endpoint can hold it to that.

        Raises:
            ExtractorUnavailable: the endpoint does not answer, or the run's tokens are used up.
        """
        used = self.usage.tokens_in + self.usage.tokens_out
        if used >= self.settings.run_tokens_max:
            raise self._unavailable(
                f"the run has used {used} tokens, of at most {self.settings.run_tokens_max};"
                " raise TIMELINE_LLM_TOKENS, or run again to go on"
            )
        began = time.monotonic()
        try:
            completion = self._completion(self._posted(messages, schema))
        finally:
            self.usage.seconds += time.monotonic() - began
        choice = completion.choices[0]
        content = self._without_key(choice.message.content or "")
        counted = completion.usage
        if counted is None:
            self.usage.is_guessed = True
            asked = sum(len(m["content"]) for m in messages)
            counted = _Counted(asked // CHARACTERS_PER_TOKEN, len(content) // CHARACTERS_PER_TOKEN)
        self.usage.tokens_in += counted.prompt_tokens
        self.usage.tokens_out += counted.completion_tokens
        return Answer(content, choice.finish_reason == "length")

    def _posted(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> bytes:
        import httpx

        told, attempt = "", 0
        while attempt < ATTEMPTS_MAX:
            if attempt:
                self.usage.repeated += 1
            attempt += 1
            self.usage.requests += 1
            wait = self.settings.backoff_seconds * 2 ** (attempt - 1)
            try:
                response, content = self._sent(self._body(messages, schema))
            except httpx.TimeoutException:
                told = f"no answer within {self.settings.seconds_max:g} s"
            except (httpx.RequestError, httpx.InvalidURL) as fault:
                told = f"no connection ({self._line(str(fault))})"
            else:
                if response.is_success:
                    return content
                text = content.decode(errors="replace")
                told = self._told(response.status_code, text)
                if response.status_code in _WRONGLY_ASKED and self._adapts(text):
                    continue
                if response.status_code != 429 and response.status_code < 500:
                    raise self._unavailable(told)
                wait = max(wait, _asked_to_wait(response))
            if attempt < ATTEMPTS_MAX:
                self._sleep(min(wait, PAUSE_SECONDS_MAX))
        raise self._unavailable(f"{told}, {ATTEMPTS_MAX} times; run again to go on")

    def _sent(self, body: dict[str, Any]) -> tuple[httpx.Response, bytes]:
        """What came back, read no further than its bounds of time and size."""
        import httpx

        headers = {"Authorization": f"Bearer {self.settings.key}"} if self.settings.key else {}
        seconds_max = self.settings.seconds_max
        began, content = time.monotonic(), bytearray()
        url = f"{self.settings.url}/chat/completions"
        with httpx.stream("POST", url, json=body, headers=headers, timeout=seconds_max) as response:
            for part in response.iter_bytes():
                content += part
                if len(content) > ANSWER_BYTES_MAX:
                    raise self._unavailable(f"its answer is longer than {ANSWER_BYTES_MAX} bytes")
                if time.monotonic() - began > seconds_max:  # httpx bounds each part alone
                    raise httpx.ReadTimeout("it goes on and on", request=response.request)
        return response, bytes(content)

    def _body(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": messages,
            self._length_field: self.settings.answer_tokens_max,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "claims", "strict": True, "schema": schema},
            },
        }
        if self._is_plain:
            body["response_format"] = {"type": "json_object", "schema": schema}
        if self._has_temperature:
            body["temperature"] = 0
        return body

    def _adapts(self, refusal: str) -> bool:
        """Whether the endpoint refused a part of the question that it can be asked without."""
        if "max_tokens" in refusal and self._length_field == "max_tokens":
            self._length_field = "max_completion_tokens"
        elif "temperature" in refusal and self._has_temperature:
            self._has_temperature = False
        elif ("response_format" in refusal or "json_schema" in refusal) and not self._is_plain:
            self._is_plain = True
        else:
            return False
        return True

    def _completion(self, content: bytes) -> _Completion:
        try:
            found = msgspec.json.decode(content, type=_Completion)
        except _UNREADABLE as fault:
            raise self._unavailable(f"its answer is no chat completion ({fault})") from None
        if not found.choices:
            raise self._unavailable("its answer has no choices")
        return found

    def _told(self, status: int, text: str) -> str:
        """What an endpoint said, in a line without the key."""
        try:
            fault = msgspec.json.decode(text)["error"]
            text = fault["message"] if isinstance(fault, dict) else str(fault)
        except (*_UNREADABLE, KeyError, TypeError):
            pass
        return f"it answered {status}: {self._line(str(text))[:TOLD_CHARACTERS_MAX]}"

    def _line(self, text: str) -> str:
        return self._without_key(" ".join(text.split()))

    def _without_key(self, text: str) -> str:
        return text.replace(self.settings.key, "***") if self.settings.key else text

    def _unavailable(self, reason: str) -> ExtractorUnavailable:
        return ExtractorUnavailable(f"model {self.settings.model} at {self.settings.host}", reason)


def _asked_to_wait(response: httpx.Response) -> float:
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdecimal() else 0.0
