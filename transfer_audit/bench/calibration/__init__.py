"""Calibrations held against a known truth, and against brute force on real recordings."""
