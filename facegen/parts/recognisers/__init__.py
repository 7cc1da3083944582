"""Judges from outside, which learnt from other data than a run."""
