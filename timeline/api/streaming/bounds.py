"""Every bound on subscriptions, in one place."""

from __future__ import annotations

SUBSCRIPTIONS_MAX = 5_000
SUBSCRIPTIONS_PER_CONNECTION_MAX = 50
# What a source keeps of its last messages; who is further behind reads from the tables again.
MESSAGES_KEPT_MAX = 1_000
MESSAGE_BYTES_KEPT_MAX = 4_000_000
EVENTS_READ_AT_ONCE = 200
READS_AT_ONCE_MAX = 4
# How long the log goes unlooked at when nothing rings the bell.
POLL_SECONDS = 2.0
# How long a client may take to take what is sent; it then has to connect again.
SEND_SECONDS_MAX = 30.0
INIT_SECONDS_MAX = 10.0
# For so long a stream goes on for a token that was revoked or has expired.
RECOGNISED_AGAIN_SECONDS = 30.0
KEEP_ALIVE_SECONDS = 15.0
MESSAGE_BYTES_MAX = 1_000_000
