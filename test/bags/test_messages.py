"""Texts and whole messages of low-rate topics."""

import pytest

from transfer_audit.bags.messages import decode_messages, decode_strings
from transfer_audit.core.errors import BagError, FieldError

TEXT = 'std_msgs/msg/String'


def test_texts_in_order(ros):
    block = ros.block([ros.String('trial 1'), ros.String(''), ros.String('größer')])
    assert decode_strings(block, TEXT, ros.store, 'data', 'bag /trial') == ['trial 1', '', 'größer']


def test_whole_messages_with_their_times(ros):
    block = ros.block([ros.String('a'), ros.String('b')])
    found = list(decode_messages(block, TEXT, ros.store, 'bag /trial'))
    assert [(stamp, message.data) for stamp, message in found] == list(zip(block.receive_ns, 'ab', strict=True))


def test_a_path_that_leads_to_numbers(ros):
    block = ros.block([ros.Float64(1.0)])
    with pytest.raises(FieldError, match=r"bag: message 0 .*: text was expected at 'data', found float"):
        decode_strings(block, 'std_msgs/msg/Float64', ros.store, 'data', 'bag')


def test_a_path_to_nowhere(ros):
    with pytest.raises(FieldError, match=r"bag: message 0 .*: no field 'date'"):
        decode_strings(ros.block([ros.String('')]), TEXT, ros.store, 'date', 'bag')


def test_a_text_that_is_cut_off(ros):
    raws = [ros.raw(ros.String('whole')), ros.raw(ros.String('whole'))[:-3]]
    with pytest.raises(BagError, match=r'bag: message 1 .* is no std_msgs/msg/String'):
        decode_strings(ros.block(raws), TEXT, ros.store, 'data', 'bag')
