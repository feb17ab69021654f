"""The parts of `client.live` that the sync and the async client share.

`feed` decides what a feed does next, `channels` implements the protocol of Realtime, and `room` tracks who is present.
They are state machines without I/O: they are told what happened and return what to do, and `_async/live.py`,
`_async/_feed_reader.py` and `_async/_socket.py` do it. `runtime` and `wires` hold what differs between asyncio and
threads.
"""
