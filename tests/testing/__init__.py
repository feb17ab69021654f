"""Tests of what users of the SDK test with."""
