"""The engine of requests: how a call of the SDK gets its reply.

1. A public method is marked as a call (`call.async_call`). While it runs, a context variable holds its `Call`, whose
   deadline covers everything the method does, including a refresh of the session. Pages and reads of a feed are not
   methods of a resource: they open their call where they send.
2. The method builds a `request.Request` (with `monogram_sdk._query` for the Data API) and passes it to
   `AsyncEngine.send`.
3. `_async.engine` adds the access token of the person in `_async.sessions`, unless the request has a token of its own.
4. `_async.sender` makes the attempts. Each one gets a token, a line in the log and a span (`telemetry`), and is one
   exchange, which ends in a reply, a refusal by the server (`refusals`) or a failure of the network (`failures`).
   `retrying` decides whether to try again, and how long to wait first. The sender also records whether the server may
   have carried out an attempt that failed (`MonogramError.uncertain`).
5. `_async.network` makes the exchange, over the connection pool of this process and event loop (`_async.pools`,
   `_async.connections`), or over the transport that the program passed (`_async.transport`). `_async.backend` limits
   each wait for the network to the time left in the call.
6. The method reads the `reply.Reply` with `monogram_sdk._parse`.

Each part uses only the parts below it: engine, sessions, sender, network. `_async.library` lets the clients of
supabase-py send through the engine. `process` holds what differs between event loops and threads. `_sync` is generated.
"""

from __future__ import annotations
