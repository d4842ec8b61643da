"""An unknown model and an unknown recording -> the first profile of a hand, every guess marked as one."""

from transfer_audit.core.interview.bare import without_recording
from transfer_audit.core.interview.interview import interview
from transfer_audit.core.interview.notes import Ask, Draft, Noted, Question
from transfer_audit.core.interview.streams import Mark, Recording, Stream
from transfer_audit.core.interview.things import Things, read_things

__all__ = [
    'Ask',
    'Draft',
    'Mark',
    'Noted',
    'Question',
    'Recording',
    'Stream',
    'Things',
    'interview',
    'read_things',
    'without_recording',
]
