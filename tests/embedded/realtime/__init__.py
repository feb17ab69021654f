"""Tests of the local stack's Realtime."""
