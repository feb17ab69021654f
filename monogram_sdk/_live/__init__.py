"""What `client.live` consists of, without anything that waits, sends or receives.

`feed` decides what a feed does next, `channels` speaks the protocol of Realtime, `room` keeps who is present. They are
told what happened and say what to do; both clients do it (`_async/live.py`, `_async/_socket.py`).
"""
