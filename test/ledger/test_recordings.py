"""The hash of a recording is kept once the recording is complete, and says later whether it was changed."""

from transfer_audit.ledger.files import sha256_of
from transfer_audit.ledger.recordings import keep_hashes
from transfer_audit.ledger.store import Ledger


def test_a_complete_recording_is_hashed_once_for_all_its_rounds(tmp_path, book):
    bag, other = tmp_path / 'bag', tmp_path / 'running'
    for folder in (bag, other):
        folder.mkdir()
        (folder / 'bag_0.mcap').write_bytes(b'messages')
    (bag / 'metadata.yaml').write_text('complete')
    with Ledger.open(tmp_path / 'ledger.db') as ledger:
        for recorded in (bag, bag, other, None):
            number = ledger.start(book.starting(bag=recorded and str(recorded)))
            if number != 2:
                ledger.close(number, book.closing(number, bag=recorded and str(recorded)))
        assert keep_hashes(ledger) == [(bag, [1, 2])]
        ledger.close(2, book.closing(2, bag=str(bag)))
        assert keep_hashes(ledger) == [] and ledger.unhashed() == {str(other): [3]}
        rounds, whole = ledger.rounds(), ledger.verify()
    digest = sha256_of(bag)
    assert [round_.start.bag_sha256 for round_ in rounds] == [digest, digest, '', '']
    assert [round_.record.bag_sha256 for round_ in rounds] == [digest, digest, '', '']
    assert whole.ok
