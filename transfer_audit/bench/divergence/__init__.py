"""How well the first divergence is found and named: known faults of known size, and hours of none."""
