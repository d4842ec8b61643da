"""Traces -> what they say of delay, noise, friction and compliance, and of what they cannot say.

The way: `traces` (what was commanded and measured in a round) -> measurements and fits -> `quantities`.
"""
