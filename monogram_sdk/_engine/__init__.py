"""The engine of requests: how a call of the SDK gets its reply.

1. A public method is marked as a call (`call.async_call`): while it runs, a context variable holds its `Call`, with the
   deadline, for whatever it does, a refresh of the session included. What is no method, a page or a read of a feed,
   opens its call where it is sent.
2. The method builds a `request.Request` (`monogram_sdk._query` for the Data API) and gives it to `AsyncEngine.send`.
3. `_async.engine` adds who it is from: the person in `_async.sessions`, or whoever the request itself names.
4. `_async.sender` makes the attempts: a token, a line in the log and a span (`telemetry`), then one exchange. What came
   of it is a reply, a refusal (`refusals`) or a failure of the network (`failures`); `retrying` says whether to try
   again, and `retrying.backoff` after how long. It also knows what an error leaves open (`MonogramError.uncertain`).
5. `_async.network` makes the exchange over the pool of this process and this event loop, or over the transport that
   the program gave. `_async.backend` cuts each wait for the network to what is left of the call's deadline.
6. The method reads the `reply.Reply` with `monogram_sdk._parse`.

Each part knows those below it and none above: engine, sessions, sender, network. `_async.library` lets supabase-py's
clients send through the engine. `process` forgets in a forked process what belongs to its parent. `_sync` is generated.
"""

from __future__ import annotations
