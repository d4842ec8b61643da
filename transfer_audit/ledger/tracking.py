"""Rounds as runs of an MLflow tracking server, beside the trainings that made their policies."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.export import flat
from transfer_audit.ledger.rounds import LedgerRound

IDENTITY = 'transfer_audit.round'
"""The tag that tells a round that is there already."""
METRICS = ('real_success', 'sim_success', 'success_gap', 'real_slip_rate', 'sim_slip_rate', 'slip_gap', 'first_onset_s')
PARAMS = ('task', 'seed', 'policy', 'policy_sha256', 'profile', 'profile_sha256', 'model_sha256', 'bag', 'host')
TAGS = (
    'verdict', 'reason', 'first_channel', 'first_element', 'first_kind', 'failure_case', 'note', 'bag_sha256', 'state',
)  # fmt: skip
LONGEST = 5000
"""Characters of a value that every MLflow server takes."""


def send(rounds: Sequence[LedgerRound], uri: str) -> int:
    """Make a run of every round that ended and is not there yet, in the experiment `transfer_audit/<hand>`.

    Outcomes are metrics, what the round was made with are parameters, what was judged are tags.

    :param uri: of the tracking server, or `sqlite:///FILE`
    :returns: how many runs were made
    :raises LedgerError: if mlflow is missing or the server refuses
    """
    client, refused = _client(uri)
    try:
        known: dict[str, set[str]] = {}
        made = 0
        for round_ in rounds:
            if round_.state == 'open':
                continue
            experiment = _experiment(client, f'transfer_audit/{round_.start.hand}')
            if experiment not in known:
                known[experiment] = set(_identities(client, experiment))
            if identity(round_) not in known[experiment]:
                _make(client, experiment, round_)
                made += 1
    except refused as error:
        raise LedgerError(f'{uri}: {" ".join(str(error).split())}') from error
    return made


def identity(round_: LedgerRound) -> str:
    """What no other round of any ledger has."""
    return f'{round_.robot or round_.start.host}/{round_.number}/{round_.start.start_ns}'


def _client(uri: str) -> tuple[Any, tuple[type[Exception], ...]]:
    # A server that is away is said within seconds, not after minutes of trying again.
    os.environ.setdefault('MLFLOW_HTTP_REQUEST_MAX_RETRIES', '1')
    try:
        mlflow: Any = importlib.import_module('mlflow')
        exceptions: Any = importlib.import_module('mlflow.exceptions')
    except ModuleNotFoundError as error:
        raise LedgerError('runs of MLflow need mlflow; install transfer_audit[mlflow]') from error
    refused = (exceptions.MlflowException, ModuleNotFoundError)
    try:
        return mlflow.MlflowClient(tracking_uri=uri), refused
    except refused as error:
        raise LedgerError(f'{uri}: {" ".join(str(error).split())}') from error


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _identities(client: Any, experiment: str) -> Iterator[str]:
    token = None
    while True:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        for run in page:
            yield run.data.tags.get(IDENTITY, '')
        token = page.token
        if not token:
            return


def _make(client: Any, experiment: str, round_: LedgerRound) -> None:
    """One run. It gets its identity last, so that one that was cut off half-way is made again."""
    entities: Any = importlib.import_module('mlflow.entities')
    row = flat(round_)
    end_ms = (round_.end_ns or round_.start.start_ns) // 1_000_000
    name = f'{round_.robot} round {round_.number}'.strip()
    run = client.create_run(experiment, start_time=round_.start.start_ns // 1_000_000, run_name=name).info.run_id
    client.log_batch(
        run,
        metrics=[entities.Metric(key, float(row[key]), end_ms, 0) for key in METRICS if row.get(key) is not None],
        params=[entities.Param(key, str(row[key])[:LONGEST]) for key in PARAMS if row.get(key) not in (None, '')],
        tags=[entities.RunTag(key, str(row[key])[:LONGEST]) for key in TAGS if row.get(key) not in (None, '')],
    )
    client.set_terminated(run, 'FINISHED' if round_.state == 'closed' else 'KILLED', end_ms)
    client.set_tag(run, IDENTITY, identity(round_))
