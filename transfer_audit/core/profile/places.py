"""Where in a file something stands."""

from __future__ import annotations

import yaml

Loc = tuple[str | int, ...]
Problem = tuple[Loc, str]


class Places:
    """Line numbers of everything in a YAML file."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        self.repeated: list[str] = []
        if root is not None:
            self._visit(root, ())

    def _visit(self, node: yaml.Node, at: tuple[str, ...]) -> None:
        self._lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                place = (*at, str(key.value))
                line = key.start_mark.line + 1
                if place in self._lines:
                    self.repeated.append(f'line {line}, {".".join(place)}: also given in line {self._lines[place]}')
                self._lines[place] = line
                self._visit(value, place)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._visit(value, (*at, str(index)))

    def say(self, loc: tuple[str | int, ...], text: str) -> str:
        """`line 7, channels.joints.unit: …`, with the line of the nearest part that is in the file."""
        parts = tuple(map(str, loc))
        known = next((parts[:n] for n in range(len(parts), -1, -1) if parts[:n] in self._lines), ())
        return f'line {self._lines.get(known, 1)}, {".".join(parts) or "top"}: {text}'
