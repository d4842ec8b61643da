"""transfer_audit: name the first divergence between a real hand and its simulation.

The way of the data, live and offline alike:

1. a profile (one YAML per hand) is checked and bound to its MuJoCo model: `core.profile`, `core.binding`
2. messages become rows of numbers, once, at the seam: `nodes.convert` (live) or `bags.replay` (offline)
3. the shadow mirrors each command in a family of K models, behind the watermark: `core.family`, `core.shadow`
4. real and simulated rows meet on the audit clock; gaps stay gaps: `core.align`, `core.timing`
5. what lies outside the family's envelope is accumulated; the earliest onset is the first divergence: `core.divergence`
6. a judge turns a round into its verdict: `core.judge`; causes and phases: `core.attribution`, `core.phases`;
   the words: `core.conclusion`, `core.verdict`
7. the gate lets commands through within budgets, and cuts these when both sides disagree: `core.gate`
8. the ledger keeps each round for good: `ledger`
9. people look at it: `cli`, `report`, `watch`; the tool measures itself: `bench`

Where the family comes from: recordings are measured (`core.calibrate`), the family is held against them
(`core.coverage`) and its next version proposed (`core.propose`); `lab` goes the whole way on an emulated hand.

Imports point one way: cli, watch, nodes, report, bench, lab -> bags, ledger -> core. Nothing in `core` asks the time.
"""

__version__ = '0.1.0'
