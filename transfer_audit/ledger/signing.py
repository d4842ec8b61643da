"""Heads signed with an Ed25519 key: a chain that was rewritten as a whole has none of them."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.chain import Head
from transfer_audit.ledger.head import beside

PURPOSE = b'head of a transfer_audit ledger '
"""What a signature is for, so that one made for another purpose does not count."""


def signatures_of(ledger: Path, robot: str = '') -> Path:
    """`<ledger>.sig`: a line for each signed head of its own chain, `SEQUENCE:SHA256 SIGNATURE`."""
    return beside(ledger, robot, '.sig')


def sign(ledger: Path, head: Head, key: Path, robot: str = '') -> None:
    """Add a signature of the head of a ledger's chain.

    :param key: private Ed25519 key, PEM without a password
    :raises LedgerError: if the key cannot be used or the signature not be written
    """
    signature = _private(key).sign(_signed(head)).hex()
    path = signatures_of(ledger, robot)
    try:
        with path.open('ab') as file:
            file.write(f'{head} {signature}\n'.encode('ascii'))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LedgerError(f'{path}: cannot be written: {error.strerror}') from error


def signed_heads(ledger: Path, key: Path, robot: str = '') -> tuple[list[Head], list[str]]:
    """The heads that are signed by a key, and a sentence for each line that is no signature by it.

    :param key: public Ed25519 key, PEM
    :raises LedgerError: if the key cannot be used
    """
    public, path = _public(key), signatures_of(ledger, robot)
    try:
        lines = path.read_text(encoding='utf-8', errors='replace').splitlines()
    except FileNotFoundError:
        return [], [f'{path} is missing: no head was ever signed, or the signatures were taken away']
    except OSError as error:
        raise LedgerError(f'{path}: cannot be read: {error.strerror}') from error
    heads: list[Head] = []
    problems: list[str] = []
    invalid = _module('exceptions').InvalidSignature
    for number, line in enumerate(lines, 1):
        text, _, signature = line.partition(' ')
        try:
            head = Head.parse(text)
            public.verify(bytes.fromhex(signature), _signed(head))
            heads.append(head)
        except (LedgerError, ValueError, invalid):
            problems.append(f'{path}: line {number} is no signature by {key}')
    return heads, problems


def _signed(head: Head) -> bytes:
    return PURPOSE + str(head).encode('ascii')


def _private(path: Path) -> Any:
    load = _module('hazmat.primitives.serialization').load_pem_private_key
    return _key(path, lambda pem: load(pem, None), 'Ed25519PrivateKey', 'private')


def _public(path: Path) -> Any:
    load = _module('hazmat.primitives.serialization').load_pem_public_key
    return _key(path, load, 'Ed25519PublicKey', 'public')


def _key(path: Path, load: Any, kind: str, word: str) -> Any:
    try:
        key = load(path.read_bytes())
    except OSError as error:
        raise LedgerError(f'{path}: cannot be read: {error.strerror}') from error
    except (ValueError, TypeError, _module('exceptions').UnsupportedAlgorithm) as error:
        raise LedgerError(f'{path}: is no {word} key in PEM without a password') from error
    if not isinstance(key, getattr(_module('hazmat.primitives.asymmetric.ed25519'), kind)):
        raise LedgerError(f'{path}: is no {word} Ed25519 key; `openssl genpkey -algorithm ed25519` makes one')
    return key


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f'cryptography.{name}')
    except ModuleNotFoundError as error:
        raise LedgerError('signatures need cryptography; install transfer_audit[sign]') from error
