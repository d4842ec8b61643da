"""Two statuses of a gate -> what happened between them that is kept for good."""

from __future__ import annotations

from collections.abc import Mapping


def gate_events(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The kinds of events, in the order in which they are kept: gate_trip, cut, restored, rearm.

    :param before: values of the last status, empty before the first, with which nothing has happened yet
    """
    if not before:
        return []
    trips = [int(status.get('trips') or 0) for status in (before, now)]
    cuts = [status.get('cut', '') for status in (before, now)]
    latched = [status.get('latched') == 'true' for status in (before, now)]
    happened = {
        'gate_trip': trips[1] > trips[0],
        'cut': bool(cuts[1]) and cuts[0] != cuts[1],
        'restored': bool(cuts[0]) and not cuts[1],
        'rearm': latched == [True, False],
    }
    return [kind for kind, so in happened.items() if so]
