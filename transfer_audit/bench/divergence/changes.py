"""What a fault does: to the hand's body, to the commands on their way to its servos, or to its messages."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mujoco.batch import Batch

from transfer_audit.bench.divergence.worlds import Change
from transfer_audit.core.binding import Binding
from transfer_audit.core.types import NS, Array, Columns


def rows_of(binding: Binding, field: str, target: str) -> list[int]:
    """The entries of a model field that belong to a joint, to its actuators, a geom or a body."""
    model = binding.model
    if field.startswith('dof_'):
        return [int(model.joint(target).dofadr[0])]
    if field.startswith('actuator_'):
        joint = model.joint(target).id
        return [actuator for actuator in range(model.nu) if model.actuator_trnid[actuator, 0] == joint]
    return [int(getattr(model, field.split('_')[0])(target).id)]


def scaled(binding: Binding, field: str, target: str, factor: float, columns: slice = slice(None)) -> Change:
    """Multiply entries of a model field."""

    def change(hand: Batch) -> None:
        values = hand.expand(field)
        rows = rows_of(binding, field, target)
        part = (slice(None), rows) if values.ndim == 2 else (slice(None), rows, columns)
        values[part] = values[part] * factor

    return change


def added(binding: Binding, field: str, target: str, amount: float) -> Change:
    """Add to entries of a model field; masses carry through to what is derived from them."""

    def change(hand: Batch) -> None:
        hand.expand(field)[:, rows_of(binding, field, target)] += amount
        if field == 'body_mass':
            state = hand.state.copy()
            hand.set_const()
            hand.state[:] = state

    return change


def weakened(binding: Binding, joint: str, share: float) -> Change:
    """A position servo whose gain has dropped by a share."""

    def change(hand: Batch) -> None:
        rows = rows_of(binding, 'actuator_gainprm', joint)
        hand.expand('actuator_gainprm')[:, rows, 0] *= 1.0 - share
        hand.expand('actuator_biasprm')[:, rows, 1] *= 1.0 - share

    return change


def slippery(binding: Binding, geom: str, friction: float) -> Change:
    """A tip whose sliding friction has dropped to a value."""

    def change(hand: Batch) -> None:
        hand.expand('geom_friction')[:, rows_of(binding, 'geom_friction', geom), 0] = friction

    return change


def delayed(controls: Array, steps: int, at_step: int, columns: list[int]) -> Array:
    """Controls that act later from a step on, shape (T, A)."""
    index = np.arange(len(controls))
    late = np.where(index >= at_step, np.maximum(index - steps, 0), index)
    out = controls.copy()
    out[:, columns] = controls[late][:, columns]
    return out


def with_backlash(controls: Array, play: float, column: int) -> Array:
    """Controls behind a gear with play (Krasnosel'skii and Pokrovskii 1989), centred at the start."""
    out = controls.copy()
    value = float(controls[0, column])
    for step, target in enumerate(controls[:, column].tolist()):
        value = min(max(value, target - play / 2), target + play / 2)
        out[step, column] = value
    return out


Edit = Callable[[Columns, int], Columns]


def _from(columns: Columns, at_ns: int) -> int:
    return int(np.searchsorted(columns.stamp_ns, at_ns))


def with_values(columns: Columns, values: Array) -> Columns:
    """The same messages with other numbers."""
    return Columns(columns.receive_ns, columns.stamp_ns, values)


def affine(column: int, scale: float, offset: float) -> Edit:
    """A sensor that reads value * scale + offset."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        values = columns.values.copy()
        begin = _from(columns, at_ns)
        values[begin:, column] = values[begin:, column] * scale + offset
        return with_values(columns, values)

    return edit


def swapped(first: int, second: int) -> Edit:
    """Two elements exchanged."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        values = columns.values.copy()
        begin = _from(columns, at_ns)
        values[begin:, [first, second]] = values[begin:, [second, first]]
        return with_values(columns, values)

    return edit


def lagging(column: int, time_constant_s: float) -> Edit:
    """A sensor behind a first-order lag."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        values = columns.values.copy()
        begin = max(1, _from(columns, at_ns))
        share = 1 - np.exp(-np.diff(columns.stamp_ns[begin - 1 :]) / NS / time_constant_s)
        for index, part in enumerate(share.tolist(), begin):
            before = values[index - 1, column]
            values[index, column] = before + part * (columns.values[index, column] - before)
        return with_values(columns, values)

    return edit


def stuck(column: int, seconds: float) -> Edit:
    """A sensor that repeats its last value, to the bit, for a while."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        values = columns.values.copy()
        begin, end = _from(columns, at_ns), _from(columns, at_ns + round(seconds * NS))
        values[begin:end, column] = values[max(0, begin - 1), column]
        return with_values(columns, values)

    return edit


def dropped(seconds: float) -> Edit:
    """No messages for a while."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        begin, end = _from(columns, at_ns), _from(columns, at_ns + round(seconds * NS))
        return columns[np.r_[0:begin, end : len(columns)]]

    return edit


def stepped(seconds: float) -> Edit:
    """Header stamps that jump."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        moved = np.where(columns.stamp_ns >= at_ns, round(seconds * NS), 0)
        return Columns(columns.receive_ns, columns.stamp_ns + moved, columns.values)

    return edit


def drifting(rate: float) -> Edit:
    """Header stamps of a clock that goes fast, by `rate` seconds a second."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        moved = np.rint(np.maximum(columns.stamp_ns - at_ns, 0) * rate).astype(np.int64)
        return Columns(columns.receive_ns, columns.stamp_ns + moved, columns.values)

    return edit


def disordered(seconds: float, share: float = 0.3) -> Edit:
    """Some messages held up on their way, so that later ones overtake them."""

    def edit(columns: Columns, at_ns: int) -> Columns:
        held = np.random.default_rng(at_ns % 2**32).random(len(columns)) < share
        wait = np.where(held & (columns.stamp_ns >= at_ns), round(seconds * NS), 0)
        late = Columns(columns.receive_ns + wait, columns.stamp_ns, columns.values)
        return late[np.argsort(late.receive_ns, kind='stable')]

    return edit
