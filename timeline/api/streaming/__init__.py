"""Subscriptions: messages made once for all who asked the same, over websockets and SSE."""
