"""The small lab of this field, end to end: train in simulation, transfer, see the gap, find its cause, close it.

The way: `profiles` (the hand and its family) -> `train` (a `policy` that does the `task`, by CMA-ES on many `hands`)
-> `transfer` (rounds on the emulated hand: bags, verdicts, ledger) -> `explain` (what the family lacks) -> the same
again with the proposed family: `run`. What a person sees: `story`, `figure`.
"""
