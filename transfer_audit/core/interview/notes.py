"""What was found or guessed, and why; and what a person is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Noted:
    """A value for the profile, where it is from, and whether that is a guess."""

    value: Any
    why: str = ''
    guessed: bool = False

    @property
    def comment(self) -> str:
        """What stands behind it in the file."""
        return f'guessed: {self.why}' if self.guessed else self.why


@dataclass(frozen=True)
class Question:
    """Something the recording does not settle. `best` is the guess; `choices` all answers, or none for a number."""

    text: str
    best: str
    choices: tuple[str, ...]
    why: str


Ask = Callable[[Question], str]
"""Puts a question to a person and gives back the answer."""


@dataclass
class Draft:
    """A profile in the making: plain mappings whose leaves are `Noted`.

    `left_out` holds what is not in it, or does not fit, and why.
    """

    profile: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def guesses(self) -> list[tuple[str, str]]:
        """Every guess: its place, and value and reason in one sentence."""
        return list(_guesses('', self.profile))


def _guesses(at: str, part: Any) -> Sequence[tuple[str, str]]:
    if isinstance(part, Noted):
        shown = f'{part.value}; ' if not isinstance(part.value, dict) else ''
        return [(at, f'{shown}{part.why}')] if part.guessed else []
    return [
        guess for key, inner in part.items() for guess in _guesses(f'{at}.{key}' if at else str(key), inner)
    ]  # fmt: skip


class Desk:
    """Settles what is sure, asks for what is not, and takes the guess where there is nobody to ask."""

    def __init__(self, ask: Ask | None) -> None:
        self._ask = ask

    @property
    def asks(self) -> bool:
        """Whether there is somebody to ask."""
        return self._ask is not None

    def settle(self, question: Question, sure: bool = False) -> Noted:
        """The best answer if it is sure or nobody can be asked; else a person's."""
        if sure:
            return Noted(question.best, question.why)
        if self._ask is None:
            return Noted(question.best, question.why, guessed=True)
        answer = self._ask(question)
        return Noted(answer, question.why if answer == question.best else 'as you said')
