"""What is kept of a round, and its canonical bytes. Pure: no database, no clock."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, ValidationInfo, model_validator

from transfer_audit import __version__
from transfer_audit.core.errors import LedgerError
from transfer_audit.core.profile import Profile

Share = Annotated[float, Field(ge=0, le=1)]
Success = bool | Share
"""One trial succeeded or not; a row that stands for several trials, or for a family's members, gives their share."""
Nanoseconds = Annotated[int, Field(ge=0, lt=2**63)]
Verdict = Literal['agreed', 'diverged', 'unauditable']
FailureCase = Literal[
    '', 'drop', 'slip', 'jam', 'overload', 'timeout', 'wrong object', 'sensor fault', 'gate trip', 'other'
]
SCHEMA: Literal[2] = 2
"""Of a record. 1 had a `failure_case` of any words, and neither seed, members, provenance nor hashes of files."""

DIGITS = 12
"""Gaps are rounded to this many digits, so that 0.81 - 0.62 is 0.19."""


KEPT = object()
"""Context in which a record is read back from its canonical bytes, which were made of one that was checked."""


class Facts(BaseModel):
    """A piece of a record: unknown keys, NaN and infinities are refused, values never change."""

    model_config = ConfigDict(extra='forbid', frozen=True, allow_inf_nan=False)


class FamilyRange(Facts):
    """What one parameter of the family could be: of a model `field`, or the noise of a `channel`."""

    field: str | None = None
    channel: str | None = None
    range: tuple[float, float]
    scale: Literal['absolute', 'relative'] = 'absolute'


class FirstDivergence(Facts):
    """What parted first. Times in seconds since the round's start."""

    channel: str
    element: str
    kind: str
    onset_s: float
    onset_interval_s: tuple[float, float] | None = None


class Budgets(Facts):
    """The gate's budgets at one moment: N and model units per second; `failures` are those still allowed."""

    force: dict[str, float] = {}
    speed: float | dict[str, float] | None = None
    failures: int | None = None


class StartRecord(Facts):
    """What is known when a round starts.

    :param task: the task instance; `seed` is its seed, if it has one
    :param policy: id or file of the policy; `policy_sha256` is that of the file
    :param profile: where the profile was read from; `profile_sha256` is what it said
    :param family: parameter -> its range: friction, delay, compliance, tactile noise, whatever the profile declares
    :param members: parameter -> its value, or factor, in each member that was drawn
    :param provenance: where the numbers of the profile are from, as it says itself
    :param bag: where the round is, or will be, recorded; `bag_sha256` see `files.sha256_of`, '' while it is recorded
    """

    schema_version: Literal[2] = SCHEMA
    task: str = ''
    seed: int | None = None
    hand: str
    policy: str = ''
    policy_sha256: str = ''
    profile: str = ''
    profile_sha256: str
    model_sha256: str
    family: dict[str, FamilyRange] = {}
    members: dict[str, list[float]] = {}
    provenance: dict[str, JsonValue] = {}
    bag: str | None = None
    bag_sha256: str = ''
    versions: dict[str, str] = {}
    host: str = ''
    start_ns: Nanoseconds


class RoundRecord(StartRecord):
    """Everything that is kept of a round that was judged.

    Gaps follow from the two sides and may be left out: slip_gap = real - sim, success_gap = sim - real, null where a
    side is unknown. `document` is the round's verdict as the verdict JSON has it.

    :raises ValidationError: if a gap is given that is not the difference of its sides
    """

    round: Annotated[int, Field(ge=1)]
    end_ns: Nanoseconds
    verdict: Verdict
    reason: str
    first_divergence: FirstDivergence | None = None
    real_success: Success | None = None
    sim_success: Success | None = None
    real_slip_rate: Share | None = None
    sim_slip_rate: Share | None = None
    slip_gap: float | None = None
    success_gap: float | None = None
    budgets_before: Budgets | None = None
    budgets_after: Budgets | None = None
    budgets_why: str = ''
    failure_case: FailureCase = ''
    failure: str = ''
    note: str = ''
    document: dict[str, JsonValue] = {}

    @model_validator(mode='before')
    @classmethod
    def _fill_gaps(cls, given: Any) -> Any:
        return {**_gaps(given), **given} if isinstance(given, dict) else given

    @model_validator(mode='after')
    def _check(self, info: ValidationInfo) -> RoundRecord:
        if info.context is KEPT:
            return self
        for name, expected in _gaps(dict(self)).items():
            given = getattr(self, name)
            if (given is None) != (expected is None) or abs((given or 0) - (expected or 0)) > 1e-9:
                raise ValueError(f'{name} is {given}, but its two sides differ by {expected}')
        canonical(self.document)
        return self


def upgraded(body: dict[str, Any]) -> dict[str, Any]:
    """The body of a start or a close as it is written today, from one of any schema."""
    if body.get('schema_version', 1) == SCHEMA:
        return body
    words = body.get('failure_case', '')
    known = words in get_args(FailureCase)
    told = {} if known else {'failure_case': 'other', 'failure': words}
    return {**body, **told, 'schema_version': SCHEMA}


def _gaps(sides: Mapping[str, Any]) -> dict[str, float | None]:
    return {
        'slip_gap': difference(sides.get('real_slip_rate'), sides.get('sim_slip_rate')),
        'success_gap': difference(sides.get('sim_success'), sides.get('real_success')),
    }


def difference(minuend: float | None, subtrahend: float | None) -> float | None:
    """A gap, rounded; None where a side is unknown."""
    if not isinstance(minuend, (int, float)) or not isinstance(subtrahend, (int, float)):
        return None
    return round(float(minuend) - float(subtrahend), DIGITS)


def start_record(
    profile: Profile,
    model_sha256: str,
    start_ns: int,
    task: str = '',
    policy: str = '',
    bag: str | None = None,
    **added: Any,
) -> StartRecord:
    """The start of a round under this profile, on this machine, with these versions.

    :param added: what neither of them knows: seed, policy_sha256, bag_sha256, members
    """
    return StartRecord(
        task=task,
        hand=profile.hand,
        policy=policy,
        profile=str(profile.path),
        profile_sha256=profile.digest,
        model_sha256=model_sha256,
        family={
            name: FamilyRange(field=p.field, channel=p.channel, range=p.range, scale=p.scale)
            for name, p in profile.family.parameters.items()
        },
        provenance=json.loads(json.dumps(profile.provenance, default=str)),
        bag=bag,
        versions=versions(),
        host=platform.node(),
        start_ns=start_ns,
        **added,
    )


def round_record(number: int, start: StartRecord, verdict: Mapping[str, Any], **added: Any) -> RoundRecord:
    """A round's record from its start and its entry in the verdict JSON.

    :param added: fields a verdict does not have (budgets_before, budgets_after, budgets_why, failure_case, note), or
        that are known better than it says (sim_success of an imported panel, bag)
    :raises LedgerError: if a value is none that a record can have
    """
    real, sim = verdict['metrics']['real'], verdict['metrics']['shadow']
    first = verdict['first_divergence']
    fields = {
        **dict(start),
        'round': number,
        'end_ns': verdict['end_ns'],
        'verdict': verdict['verdict'],
        'reason': verdict['reason'],
        'first_divergence': first and {name: first.get(name) for name in FirstDivergence.model_fields},
        'real_success': real['success'],
        'sim_success': sim['success'],
        'real_slip_rate': real['slip_rate'],
        'sim_slip_rate': sim['slip_rate'],
        'document': dict(verdict),
    }
    try:
        return RoundRecord.model_validate({**fields, **added})
    except ValidationError as error:
        first_error = error.errors()[0]
        place = '.'.join(map(str, first_error['loc'])) or 'record'
        raise LedgerError(f'round {number} cannot be kept: {place}: {first_error["msg"]}') from error


def versions() -> dict[str, str]:
    """What took part: this package, Python, and those of mujoco, numpy and rclpy that are installed."""
    found = {'transfer_audit': __version__, 'python': platform.python_version()}
    for name, distributions in _DISTRIBUTIONS.items():
        version = next(filter(None, map(_version, distributions)), None)
        if version is not None:
            found[name] = version
    return found


_DISTRIBUTIONS = {'mujoco': ('mujoco',), 'numpy': ('numpy',), 'rclpy': ('rclpy', 'ros-rclpy')}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def canonical(value: Any) -> bytes:
    """The one way a value is written: JSON in UTF-8, keys sorted, no spaces, floats by repr.

    :raises ValueError: on NaN, an infinity, or text that is no Unicode
    :raises TypeError: on what JSON does not have
    """
    return _canonical(value).encode('utf-8')


_canonical = json.JSONEncoder(sort_keys=True, separators=(',', ':'), ensure_ascii=False, allow_nan=False).encode
# Made once: to make an encoder takes as long as to use it.
