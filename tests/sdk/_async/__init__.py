"""The asynchronous client against a real stack. `scripts/unasync.py` makes the tests of the other client from these."""
