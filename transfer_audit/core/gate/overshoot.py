"""How far a tip may get past its budget before the gate can act: what was seen, and what must be expected."""

from __future__ import annotations

import numpy as np

from transfer_audit.core.gate.forces import Forces
from transfer_audit.core.gate.latency import Latency
from transfer_audit.core.types import NS

SAMPLES_S = 0.05
"""Two readings of a slow hand: one shows the contact, the next how fast its force rises."""


def expected(forces: Forces, latency: Latency) -> dict[str, float | None]:
    """The worst overshoot of each tip, N; None while its latency or its steepest rise is not known.

    A force that rises from nothing at the steepest rate seen (or at the budget of rate, if that is more) reaches
    rate * (latency + age + two readings) before a hold shows; what of that lies over the budget is the overshoot. It
    cannot be less than what was seen.
    """
    if not latency.known:
        return dict.fromkeys(forces.labels)
    late_s = (latency.ns + forces.oldest_ns) / NS + SAMPLES_S
    limits = forces.rate_limits.now
    steepest = np.maximum(forces.steepest, np.where(np.isinf(limits), 0.0, limits))
    past = np.maximum(np.maximum(steepest * late_s - forces.budget, forces.excess), 0.0)
    return {
        label: float(value) if rate > 0 and np.isfinite(value) else None
        for label, value, rate in zip(forces.labels, past, steepest, strict=True)
    }


def sentence(forces: Forces, latency: Latency, speed: float | None) -> str:
    """The same for people.

    :param speed: the smallest speed budget in force, model units per second, or None
    """
    if not forces.labels:
        return 'no force budget'
    age_s = forces.oldest_ns / NS
    travel = '' if speed is None else f', {speed * age_s:.3g} rad or m of closing at the speed budget'
    worst = int(np.argmax(forces.excess))
    seen = f'{forces.labels[worst]} by {forces.excess[worst]:.3g} N' if forces.excess[worst] > 0 else 'none'
    if not latency.known:
        return (
            f'forces acted on were up to {age_s * 1e3:.1f} ms old{travel}; the latency of the hand is not known: '
            f'no force is foretold; seen over budget: {seen}'
        )
    told = {label: value for label, value in expected(forces, latency).items() if value is not None}
    worst_label = max(told, key=lambda label: told[label], default='')
    expects = f'{worst_label} by {told[worst_label]:.3g} N' if told else 'not known before a first contact'
    return (
        f'forces acted on were up to {age_s * 1e3:.1f} ms old{travel}, motion follows a command after '
        f'{latency.ns / 1e6:.1f} ms; to expect at worst: {expects}; seen over budget: {seen}'
    )
