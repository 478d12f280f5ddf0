"""Tests of notices to subscribers."""
