"""Message types of a bag: its own definitions first, then those rosbags knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, TypesysError, get_types_from_idl, get_types_from_msg, get_typestore

from transfer_audit.bags.blocks import Bag, Topic
from transfer_audit.core.errors import BagError, FieldError, UnknownElement, choices
from transfer_audit.core.fields import parse_path

_RULE = '=' * 80 + '\n'
_NUMBERS = {'bool', 'byte', 'char', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64',
            'float32', 'float64', 'float128'}  # fmt: skip


def typestore_of(bag: Bag, topics: Sequence[str] | None = None) -> Any:
    """A rosbags typestore that knows the types of these topics (all, if not said).

    :raises UnknownElement: if the bag has no such topic
    :raises BagError: if a type is declared neither in the bag nor by rosbags, or twice and differently
    """
    known: dict[str, Any] = {}
    for name in bag.topics if topics is None else topics:
        if name not in bag.topics:
            raise UnknownElement(str(bag.path), 'topic', name, sorted(bag.topics))
        _add(known, declared(str(bag.path), bag.topics[name]), bag.topics[name], str(bag.path))
    return registered(known, str(bag.path))


def registered(types: dict[str, Any], path: str) -> Any:
    """A typestore of these types.

    :raises BagError: if they contradict what ROS 2 has built in
    """
    store = get_typestore(Stores.EMPTY)
    try:
        store.register(types)
    except TypesysError as error:
        raise BagError(f'{path}: {error}') from error
    return store


def declared(path: str, topic: Topic) -> dict[str, Any]:
    """The type of a topic and all it is made of."""
    if not topic.definition:
        return _installed(path, topic)
    try:
        types = _parsed(topic.definition, topic.type)
        lacking = sorted(set(_parts(types, topic.type)) - set(types))
    except (TypesysError, ValueError) as error:
        why = ' '.join(str(error).split())
        raise BagError(f'{path}: the definition of {topic.type} ({topic.name}) cannot be read: {why}') from error
    if lacking:
        raise BagError(f'{path}: the definition of {topic.type} ({topic.name}) lacks {", ".join(lacking)}')
    return types


def _parsed(text: str, name: str) -> dict[str, Any]:
    if text.startswith(f'{_RULE}IDL: '):
        types: dict[str, Any] = {}
        for part in text.split(_RULE)[1:]:
            types.update(get_types_from_idl(part.partition('\n')[2]))
        return types
    return dict(get_types_from_msg(text, name))


def _installed(path: str, topic: Topic) -> dict[str, Any]:
    known = get_typestore(Stores.ROS2_JAZZY).fielddefs
    if topic.type not in known:
        raise BagError(
            f'{path}: the type {topic.type} of {topic.name} is declared neither in the bag nor in ROS 2 Jazzy'
            f'{choices(topic.type, known)}'
        )
    return {name: known[name] for name in _parts(known, topic.type)}


def _parts(known: Any, name: str) -> Iterable[str]:
    """A type and, recursively, the types of its fields, each once."""
    seen, open_names = {name}, [name]
    while open_names:
        current = open_names.pop()
        for _, form in known[current][1] if current in known else ():
            inner = form if form[0] in (Nodetype.BASE, Nodetype.NAME) else form[1][0]
            if inner[0] == Nodetype.NAME and inner[1] not in seen:
                seen.add(inner[1])
                open_names.append(inner[1])
    return seen


def _add(known: dict[str, Any], types: dict[str, Any], topic: Topic, path: str) -> None:
    for name, definition in types.items():
        if name in known and list(known[name][1]) != list(definition[1]):
            raise BagError(f'{path}: {topic.name} declares {name} differently from another topic of the bag')
        known[name] = definition


def field_width(msgtype: str, field: str, typestore: Any, where: str) -> int:
    """How many numbers each entry at a path has: 1 for plain numbers, 3 for Vector3, 7 for Pose.

    :raises FieldError: if there is no such field in the type, or no numbers there
    """
    form: Any = (Nodetype.NAME, msgtype)
    for name, index in parse_path(field):
        form = _child(form, name, typestore, where)
        if index is not None:
            if form[0] not in (Nodetype.ARRAY, Nodetype.SEQUENCE):
                raise FieldError(f'{where}: {name!r} in {field!r} is no array')
            form = form[1][0]
    if form[0] in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        form = form[1][0]
    return _count(form, typestore, f'{where}: {field!r} in {msgtype}')


def _child(form: Any, name: str, typestore: Any, where: str) -> Any:
    if form[0] != Nodetype.NAME:
        raise FieldError(f'{where}: no field {name!r} in what is not a message (an array needs [*] or an index)')
    fields = dict(typestore.get_msgdef(form[1]).fields)
    if name not in fields:
        raise FieldError(f'{where}: no field {name!r} in {form[1]}{choices(name, fields)}')
    return fields[name]


def _count(form: Any, typestore: Any, where: str) -> int:
    if form[0] == Nodetype.NAME:
        return sum(_count(inner, typestore, where) for _, inner in typestore.get_msgdef(form[1]).fields)
    if form[0] != Nodetype.BASE or form[1][0] not in _NUMBERS:
        raise FieldError(f'{where} leads to text or arrays, numbers were expected')
    return 1
