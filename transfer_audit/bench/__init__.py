"""Measure the tool itself: every figure is a ratio of what was measured in the same run."""
