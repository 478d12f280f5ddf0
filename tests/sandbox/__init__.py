"""Tests of the stand-in city."""
