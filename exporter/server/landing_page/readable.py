"""Numbers, durations and times as people write them."""

_ROUGH = 10
"""From so many hours or days on, the smaller unit says nothing."""

_HUGE = 1e9


def number(value: float, digits: int = 0) -> str:
    """Write a number so that it fits into a column, whatever IonQ sent."""
    return f"{value:,.{digits}f}" if value < _HUGE else f"{value:.1e}"


def count(items: int, noun: str) -> str:
    """Write ``no request``, ``1 request`` or ``1,204 requests``."""
    if items == 1:
        return f"1 {noun}"
    return f"{items:,} {noun}s" if items else f"no {noun}"


def duration(seconds: float) -> str:
    """Write a duration, rounded down: ``45 s``, ``28 min``, ``3 h 12 min``, ``17 d``."""
    minutes, hours, days = (int(seconds // unit) for unit in (60, 3600, 86400))
    if not minutes:
        return f"{int(seconds)} s"
    if not hours:
        return f"{minutes} min"
    if hours < _ROUGH:
        return f"{hours} h {minutes % 60} min".removesuffix(" 0 min")
    if not days:
        return f"{hours} h"
    return f"{days} d {hours % 24} h".removesuffix(" 0 h") if days < _ROUGH else f"{number(days)} d"


def age(timestamp: float, now: float) -> str:
    """Write how long ago a Unix time was, or how far ahead it is."""
    seconds = now - timestamp
    if 0 <= seconds < 1:
        return "just now"
    return f"{duration(seconds)} ago" if seconds > 0 else f"in {duration(-seconds)}"
