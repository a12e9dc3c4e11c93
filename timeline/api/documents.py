"""Decides which document a request means, and whether this server runs it for such a request.

A client may send a document, or the hash of one: of a persisted document that the server was
started with, or of one that a client sent with its hash before (automatic persisted queries). In
trusted-only mode nothing but persisted documents runs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from hashlib import sha256

from graphql import FieldNode, OperationType, Visitor, visit

from timeline.api.endpoint import Asked, RequestRefused
from timeline.api.limits import DOCUMENT_LENGTH_MAX, DOCUMENTS_KEPT
from timeline.api.schema import operation_type, parsed_document
from timeline.api.serving import ServerSettings

_INTROSPECTION = frozenset({"__schema", "__type"})
_SUBSCRIBE = (
    "a subscription is asked for over a websocket (graphql-transport-ws), or with"
    " Accept: text/event-stream"
)


class Documents:
    """The documents that the server knows by their hash, and the rules on all of them."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._trusted = frozenset(settings.documents.values())
        self._seen: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, asked: Asked, *, is_get: bool = False, streams: bool = False) -> Asked:
        """The request with its document, if it may be run.

        Args:
            asked: What was asked; its query may be missing when it has a hash.
            is_get: Whether it came by GET, which must not change anything.
            streams: Whether the answer can go on: only then subscriptions may be asked for.

        Raises:
            RequestRefused: it may not be run; says why.
        """
        query = self._query(asked)
        kind = operation_type(query, asked.operation_name)
        if is_get and kind is OperationType.MUTATION:
            raise RequestRefused(405, "a mutation is sent by POST", "BAD_USER_INPUT", allow="POST")
        if kind is OperationType.SUBSCRIPTION and not streams:
            raise RequestRefused(400, _SUBSCRIBE, is_document=True)
        if not self._settings.introspection and _introspects(query):
            text = "introspection is switched off on this server"
            raise RequestRefused(400, text, "GRAPHQL_VALIDATION_FAILED", is_document=True)
        return asked if query is asked.query else asked._replace(query=query)

    def _query(self, asked: Asked) -> str:
        if asked.document_id is None:
            query = asked.query
        elif asked.query:
            query = self._remembered(asked.document_id, asked.query)
        else:
            query = self._settings.documents.get(asked.document_id) or self._known(
                asked.document_id
            )
        if self._settings.trusted_only and query not in self._trusted:
            text = "this server runs persisted documents only; send the hash of one"
            raise RequestRefused(400, text, "DOCUMENT_NOT_TRUSTED", is_document=True)
        return query

    def _remembered(self, document_id: str, query: str) -> str:
        if sha256(query.encode()).hexdigest() != document_id.lower():
            raise RequestRefused(400, "sha256Hash is not the SHA-256 of the query")
        if not self._settings.trusted_only and len(query) <= DOCUMENT_LENGTH_MAX:
            with self._lock:
                self._seen[document_id.lower()] = query
                self._seen.move_to_end(document_id.lower())
                if len(self._seen) > DOCUMENTS_KEPT:
                    self._seen.popitem(last=False)
        return query

    def _known(self, document_id: str) -> str:
        with self._lock:
            query = self._seen.get(document_id.lower())
        if query is None:
            # Apollo's clients know this message and send the document then.
            text = "PersistedQueryNotFound"
            raise RequestRefused(400, text, "PERSISTED_QUERY_NOT_FOUND", is_document=True)
        return query


def _introspects(query: str) -> bool:
    return _introspects_kept(query) if len(query) <= DOCUMENT_LENGTH_MAX else _finds(query)


@lru_cache(maxsize=DOCUMENTS_KEPT)
def _introspects_kept(query: str) -> bool:
    return _finds(query)


def _finds(query: str) -> bool:
    document = parsed_document(query)
    if document is None:
        return False
    finder = _IntrospectionFinder()
    visit(document, finder)
    return finder.found


class _IntrospectionFinder(Visitor):
    """Looks for the fields that tell of the schema, wherever they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.found = self.found or node.name.value in _INTROSPECTION
