"""The async client against a real stack. `scripts/unasync.py` makes the tests of the sync client from these."""
