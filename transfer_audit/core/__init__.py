"""Measure: numpy, scipy, mujoco, pydantic and the standard library only; no clock, no topic, no file of a bag."""
