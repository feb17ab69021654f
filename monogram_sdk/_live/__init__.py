"""What `client.live` consists of.

`feed` decides what a feed does next, `channels` speaks the protocol of Realtime, `room` keeps who is present. They wait
for nothing, send nothing and receive nothing: they are told what happened and say what to do. Both clients do it
(`_async/live.py`, `_async/_socket.py`), with what differs between their worlds: `runtime` and `wires`.
"""
