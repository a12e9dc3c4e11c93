"""A small HTTP server on loopback that speaks the OpenAI protocol and says what a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from timeline.extraction.llm_settings import LlmSettings

Reply = tuple[int, dict[str, str], Any]
Answers = Callable[[dict[str, Any]], Reply]
KEY = "sk-secret-of-the-tests"


def said(content: str, *, finish: str = "stop", usage: bool = True) -> Reply:
    """A chat completion with that content."""
    choice = {"message": {"role": "assistant", "content": content}, "finish_reason": finish}
    body: dict[str, Any] = {"choices": [choice]}
    if usage:
        body["usage"] = {"prompt_tokens": 100, "completion_tokens": 20}
    return 200, {}, body


def claims(*told: dict[str, Any]) -> Reply:
    """A chat completion with these claims."""
    return said(json.dumps({"claims": list(told)}))


def passage_of(question: dict[str, Any]) -> str:
    """The passage that a question is about."""
    found: str = json.loads(question["messages"][-1]["content"])["passage"]
    return found


class Served:
    """What a server was asked, and how to ask it."""

    def __init__(self, port: int) -> None:
        self.questions: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{port}/v1"

    def settings(self, **changes: object) -> LlmSettings:
        fields: dict[str, Any] = {
            "url": self.url,
            "model": "test",
            "backoff_seconds": 0.01,
            "seconds_max": 5.0,
        }
        return LlmSettings(**{**fields, **changes})


@contextmanager
def serving(answers: Answers) -> Iterator[Served]:
    """Serve until the block is left; `answers` gives a status, headers and body to a question.

    A body that is an iterator is sent part by part until the connection is closed.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.questions.append(question)
            served.headers.append({"path": self.path, **dict(self.headers.items())})
            status, headers, body = answers(question)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if not isinstance(body, Iterator):
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_header("Content-Length", str(len(content)))
                body = [content]
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked has had enough
                for part in body:
                    self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
