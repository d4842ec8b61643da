"""Where measurements lie among the members: rank histograms, and how many independent samples they hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from transfer_audit.core.types import Array

Counts = npt.NDArray[np.int64]
GROUPS = 4
"""Groups of ranks that the test of uniformity compares."""


def pits(real: Array, members: Array, noise: Array, rng: np.random.Generator) -> Array:
    """The probability integral transform of the measurements among the members (Gneiting, Balabdaoui, Raftery 2007).

    The noise of the measurement is added to the members first (Hamill 2001), so that a measurement of one more member
    has every rank alike; within a rank the value is drawn.

    :param real: shape (N,); `members` free of noise, shape (K, N); `noise` shape (K,)
    :returns: shape (N,), in [0, 1]; NaN where `real` is
    """
    count = len(members)
    noisy = members + noise[:, None] * rng.standard_normal(members.shape)
    rank = (noisy < real).sum(axis=0)
    return np.where(np.isnan(real), np.nan, (rank + rng.random(len(real))) / (count + 1))


def histogram(values: Array, members: int) -> Counts:
    """The rank histogram (Anderson 1996, Talagrand), shape (min(members, 16) + 1,): counts of equally likely ranks."""
    return np.histogram(values[~np.isnan(values)], bins=min(members, 16) + 1, range=(0.0, 1.0))[0]


def inside(values: Array, members: int) -> tuple[float, float]:
    """The share of measurements that lie between the lowest and the highest member, and the share expected of one more
    member: (K - 1) / (K + 1)."""
    edge = 1.0 / (members + 1)
    known = values[~np.isnan(values)]
    share = float(((known >= edge) & (known <= 1 - edge)).mean()) if len(known) else float('nan')
    return share, (members - 1) / (members + 1)


def effective(rounds: Sequence[Array], blocks: Sequence[int]) -> float:
    """How many independent samples series hold.

    n / (1 + 2 * sum of the autocorrelations), summed up to the first that is not positive (Geyer 1992), and no more
    than there are blocks of time: what a model misses lasts longer than what noise makes of its ranks.

    :param rounds: transforms of each round in order of time, each of shape (N,)
    :param blocks: blocks of time in which each has samples
    """
    return float(sum(min(_effective(one[~np.isnan(one)]), count) for one, count in zip(rounds, blocks, strict=True)))


def _effective(pit: Array) -> float:
    series = stats.norm.ppf(np.clip(pit, 1e-3, 1 - 1e-3))
    count = len(series)
    if count == 0:
        return 0.0
    centred = series - series.mean()
    if count < 4 or not centred.any():
        return 1.0
    spectrum = np.fft.rfft(centred, 2 * count)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:count]
    correlation /= correlation[0]
    ends = np.flatnonzero(correlation <= 0)
    lasting = correlation[1 : int(ends[0]) if len(ends) else count].sum()
    return float(max(1.0, count / (1.0 + 2.0 * lasting)))


def uniform(rounds: Sequence[Array], blocks: Sequence[int]) -> float | None:
    """How likely ranks as uneven as these are if each is as likely as the other; None with too few to tell.

    Pearson's statistic over GROUPS, scaled from samples down to independent samples (Rao, Scott 1981): in one motion
    the next sample lies where the last one did.
    """
    values = np.concatenate([one[~np.isnan(one)] for one in rounds]) if len(rounds) else np.empty(0)
    independent = effective(rounds, blocks)
    if independent < 5 * GROUPS:
        return None
    share = np.histogram(values, bins=GROUPS, range=(0.0, 1.0))[0] / len(values)
    return float(stats.chi2.sf(independent * GROUPS * ((share - 1 / GROUPS) ** 2).sum(), GROUPS - 1))
