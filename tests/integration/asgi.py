"""Asks an ASGI application in this process, over HTTP without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from starlette.applications import Starlette


class Client:
    """Requests to one application, in one event loop."""

    def __init__(self, app: Starlette) -> None:
        self._app, self._runner = app, asyncio.Runner()

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        return self._runner.run(self._request(method, path, **given))

    async def _request(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
            return await client.request(method, path, **given)

    def get(self, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        return self.request("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        return self.request("POST", path, **given)

    def ask(
        self,
        query: str,
        token: str | None,
        **variables: Any,  # noqa: ANN401
    ) -> httpx.Response:
        """Ask GraphQL with a token, or with none."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        given = {"query": query, "variables": variables}
        return self.post("/graphql", json=given, headers=headers)

    def close(self) -> None:
        self._runner.close()
