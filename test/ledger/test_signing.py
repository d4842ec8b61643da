"""A chain that was rewritten with fitting digests and head is found by the heads that were signed before."""

import sys

import pytest

from transfer_audit.core.errors import LedgerError
from transfer_audit.ledger.signing import sign, signatures_of, signed_heads
from transfer_audit.ledger.store import Ledger

serialization = pytest.importorskip(
    'cryptography.hazmat.primitives.serialization', reason='signatures need cryptography, which is not installed'
)


def keys(folder, name):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, none = Ed25519PrivateKey.generate(), serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    private, public = folder / f'{name}.pem', folder / f'{name}.pub'
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    public.write_bytes(key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def signed(tmp_path, book):
    """A ledger that was signed twice, and the public key."""
    private, public = keys(tmp_path, 'lab')
    for _ in range(2):
        path = book.filled(tmp_path / 'ledger.db', rounds=2)
        with Ledger.open(path, read_only=True) as ledger:
            sign(path, ledger.head, private)
    return path, public


def problems(path, public):
    with Ledger.open(path, read_only=True) as ledger:
        assert ledger.verify().ok
        return ledger.verify_signatures(public)


def test_signed_heads_lie_in_the_chain_that_grows_on(signed, book):
    path, public = signed
    assert problems(path, public) == (12, [])
    book.filled(path, rounds=1)
    assert problems(path, public) == (12, [])


def test_a_chain_that_was_rewritten_is_found(signed, book):
    path, public = signed
    for name in ('ledger.db', 'ledger.db.head'):
        path.with_name(name).unlink()
    with Ledger.open(path) as ledger:
        for _ in range(12):
            ledger.start(book.starting(task='another story'))
    last, found = problems(path, public)
    assert last == 0 and len(found) == 2 and 'entry 6 is not the one the head speaks of' in found[0]


def test_a_signature_by_another_key_or_none_at_all_is_a_problem(signed, tmp_path):
    path, _ = signed
    _, stranger = keys(tmp_path, 'stranger')
    assert len(signed_heads(path, stranger)[1]) == 2
    signatures_of(path).write_text('nonsense\n')
    assert 'line 1 is no signature' in problems(path, stranger)[1][0]
    signatures_of(path).unlink()
    assert 'is missing' in problems(path, stranger)[1][0]


def test_mistakes_are_sentences(signed, tmp_path, monkeypatch):
    path, public = signed
    with Ledger.open(path, read_only=True) as ledger:
        head = ledger.head
    with pytest.raises(LedgerError, match='cannot be read'):
        sign(path, head, tmp_path / 'none')
    with pytest.raises(LedgerError, match='no private key'):
        sign(path, head, public)
    monkeypatch.setitem(sys.modules, 'cryptography', None)
    for name in [name for name in sys.modules if name.startswith('cryptography.')]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(LedgerError, match=r'install transfer_audit\[sign\]'):
        sign(path, head, public)
