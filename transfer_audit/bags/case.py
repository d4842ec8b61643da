"""A failed or diverged round as a folder that can be audited again, by itself and with the next family."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, Literal

from transfer_audit.bags.audit import audit_recording
from transfer_audit.bags.reader import open_bag
from transfer_audit.bags.replay import Replay
from transfer_audit.bags.trim import trim
from transfer_audit.core.binding import Binding, open_hand
from transfer_audit.core.errors import AuditError, LedgerError
from transfer_audit.core.types import NS, Round, to_ns
from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.record import RoundRecord

LEADS_S = (2.0, 5.0, 15.0)
"""How long before the onset a case begins, tried in turn; the last resort is the whole round."""
TAIL_S = 1.0
SAME_S = 0.02
"""Onsets this close are the same where the verdict gives no interval."""

Judgement = Literal['covered', 'not covered', 'worse']


def write_case(record: RoundRecord, folder: Path, model: Path | None = None, threads: int = 1) -> str:
    """Write bag, profile, model, verdict and README of a round into a new folder.

    :param model: what replaced the model of the profile, if something did
    :returns: a sentence: what was kept
    :raises AuditError: if recording or profile are gone or changed, or an audit no longer says what was recorded
    """
    binding, bag = _sources(record, folder, model)
    try:
        folder.mkdir(parents=True)
        copied = open_hand(_copy_hand(binding, folder))
        return _cut(record, binding, bag, copied, folder, threads)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise LedgerError(f'{error.filename or folder}: cannot be written: {error.strerror}') from error
    except AuditError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _cut(record: RoundRecord, binding: Binding, bag: Path, copied: Binding, folder: Path, threads: int) -> str:
    """Keep the shortest stretch of the recording that says what the whole did."""
    said = ''
    for start_ns, end_ns in _windows(record):
        shutil.rmtree(folder / 'bag', ignore_errors=True)
        with open_bag(bag) as opened:
            replay = Replay(opened, binding)
            trim(replay, _round_of(replay, record), start_ns, end_ns, folder / 'bag')
        verdict = audit_recording(folder / 'bag', copied, threads=threads)['rounds'][0]
        said = f'{verdict["verdict"]}: {verdict["reason"]}'
        if _same(record, verdict):
            kept = f'{(end_ns - start_ns) / NS:.1f} of {(record.end_ns - record.start_ns) / NS:.1f} s'
            _tell(folder, record, verdict, kept)
            return f'{folder}: {kept}; an audit of it says the same: {said}'
    raise LedgerError(
        f'round {record.round}: an audit of its recording no longer says what was recorded ({record.verdict}: '
        f'{record.reason}), but {said}'
    )


def _sources(record: RoundRecord, folder: Path, model: Path | None) -> tuple[Binding, Path]:
    if record.verdict != 'diverged' and not record.failure_case and record.real_success is not False:
        raise LedgerError(f'round {record.round} neither diverged nor failed; a case is made of one that did')
    if folder.exists():
        raise LedgerError(f'{folder}: exists already, a case is only written to a new folder')
    if record.bag is None or not Path(record.bag).exists():
        raise LedgerError(f'round {record.round}: its recording ({record.bag or "none was named"}) is not there')
    if record.bag_sha256 and sha256_of(Path(record.bag)) != record.bag_sha256:
        raise LedgerError(f'{record.bag}: was changed since round {record.round} was recorded; restore it')
    binding = open_hand(record.profile, model)
    if binding.profile.digest != record.profile_sha256 or binding.model_digest != record.model_sha256:
        raise LedgerError(f'{record.profile}: it or its model was changed since round {record.round}; restore them')
    return binding, Path(record.bag)


def _round_of(replay: Replay, record: RoundRecord) -> Round:
    for round_ in replay.rounds():
        if round_.start_ns == record.start_ns:
            return round_
    raise LedgerError(f'{replay.bag.path}: no round starts when round {record.round} of the ledger did')


def _windows(record: RoundRecord) -> list[tuple[int, int]]:
    """From the tightest around the onset to the whole round."""
    whole = (record.start_ns, record.end_ns)
    first = record.first_divergence
    if first is None:
        return [whole]
    onset_ns = record.start_ns + to_ns(first.onset_s)
    told: Any = record.document.get('first_divergence') or {}
    seen_ns = record.start_ns + to_ns(float(told.get('flagged_s') or first.onset_s))
    end_ns = min(record.end_ns, max(onset_ns, seen_ns) + to_ns(TAIL_S))
    starts = [max(record.start_ns, onset_ns - to_ns(lead_s)) for lead_s in LEADS_S]
    return [*dict.fromkeys((start_ns, end_ns) for start_ns in starts), whole]


def _same(record: RoundRecord, verdict: dict[str, Any]) -> bool:
    """Whether an audit names the same first divergence at the same time, or agrees as it did."""
    first, found = record.first_divergence, verdict['first_divergence']
    if verdict['verdict'] != record.verdict or (first is None) != (found is None):
        return False
    if first is None:
        return True
    onset_s = (verdict['start_ns'] - record.start_ns) / NS + found['onset_s']
    low, high = first.onset_interval_s or (first.onset_s, first.onset_s)
    named = all(found[name] == getattr(first, name) for name in ('channel', 'element', 'kind'))
    return named and low - SAME_S <= onset_s <= high + SAME_S


def _copy_hand(binding: Binding, folder: Path) -> Path:
    """Profile, model and the files it includes; the profile byte for byte, unless its model lies elsewhere."""
    profile = binding.profile
    inside = not Path(profile.model).is_absolute() and '..' not in Path(profile.model).parts
    model = Path(profile.model if inside else Path(profile.model).name)
    _copy_model(profile.model_path, folder / model)
    text = profile.path.read_text(encoding='utf-8')
    if not inside:
        text = re.sub(r'(?m)^model:.*$', f'model: {json.dumps(str(model))}', text)
    (folder / 'profile.yaml').write_text(text, encoding='utf-8')
    return folder / 'profile.yaml'


def _copy_model(model: Path, to: Path) -> None:
    """A model file and whatever lies in its folder and is named in it, wherever the compiler looks for it."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, to)
    named = set(re.findall(r'(?:file|filename)="([^"]+)"', model.read_text(encoding='utf-8', errors='replace')))
    names = {Path(name.partition('://')[2] or name).name for name in named}
    for file in sorted(model.parent.rglob('*')):
        if file.name in names and file.is_file() and file != model:
            (to.parent / file.relative_to(model.parent)).parent.mkdir(parents=True, exist_ok=True)
            copy = _copy_model if file.suffix == '.xml' else shutil.copyfile
            copy(file, to.parent / file.relative_to(model.parent))


def _tell(folder: Path, record: RoundRecord, verdict: dict[str, Any], kept: str) -> None:
    facts = {'schema': 1, 'record': record.model_dump(mode='json', exclude={'document'}), 'verdict': verdict}
    (folder / 'case.json').write_text(json.dumps(facts, indent=1, allow_nan=False) + '\n', encoding='utf-8')
    failed = f'{record.failure_case} {record.failure}'.strip() or 'not said'
    (folder / 'README.md').write_text(
        f'# Round {record.round}: {record.verdict}\n\n{verdict["reason"]}\n\n'
        f'Task: {record.task or "not said"}. Hand: {record.hand}. Policy: {record.policy or "not said"}. '
        f'Failure: {failed}. Kept: {kept}.\n\n'
        f'The same verdict again: `transfer-audit audit bag --profile profile.yaml`\n\n'
        f'Another family: `transfer-audit regress . --profile NEXT.yaml`\n',
        encoding='utf-8',
    )


def judge_case(folder: Path, binding: Binding, threads: int = 1) -> tuple[Judgement, str]:
    """Audit a case with another profile: is it covered now, and what an audit says.

    :raises AuditError: if it is no case or cannot be audited
    """
    try:
        before: dict[str, Any] = json.loads((folder / 'case.json').read_text(encoding='utf-8'))['verdict']
        first = before['first_divergence']
        known_s = None if first is None else (first['onset_interval_s'] or [first['onset_s']])[0]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AuditError(f'{folder}: is no case; `transfer-audit ledger case N` writes one') from error
    verdict = audit_recording(folder / 'bag', binding, threads=threads)['rounds'][0]
    found = verdict['first_divergence']
    said = f'{verdict["verdict"]}: {verdict["reason"]}'
    if verdict['verdict'] == 'agreed':
        return 'covered', said
    later_ns = verdict['start_ns'] - before['start_ns']
    earlier = found is None or known_s is None or later_ns / NS + found['onset_s'] < known_s - SAME_S
    return ('worse' if earlier else 'not covered'), said
