"""When a schedule runs: crontab lines and intervals, as Kubeflow wants them."""

import re
from typing import Any

import kfp_server_api

from bertline.errors import ConfigError

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of month", 1, 31, []),
    ("month", 1, 12, MONTHS),
    ("day of week", 0, 6, DAYS),
)
"""Name, least and greatest value of a crontab's fields, and the names that stand for values."""
SECONDS = {"m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


def cron_trigger(line: str) -> Any:
    """The trigger of a crontab line of five fields; Kubeflow puts the second before them.

    Raises ConfigError for another number of fields and for values out of range; Sunday is 0.
    Times are those of the cluster's scheduler, UTC unless it is set up otherwise.
    """
    fields = line.split()
    if len(fields) != len(FIELDS):
        names = ", ".join(name for name, *_ in FIELDS)
        raise ConfigError(f"--cron {line!r}: {len(fields)} fields; give five: {names}")
    for text, (name, least, most, words) in zip(fields, FIELDS, strict=True):
        if not all(_is_valid(part, least, most, words) for part in text.split(",")):
            raise ConfigError(f"--cron {line!r}: {name} {text!r}; give values of {least} to {most}")
    return kfp_server_api.V2beta1Trigger(
        cron_schedule=kfp_server_api.V2beta1CronSchedule(cron=" ".join(["0", *fields]))
    )


def interval_trigger(text: str) -> Any:
    """The trigger of an interval such as 30m, 12h, 1d or 2w; raises ConfigError."""
    match = re.fullmatch(r"([1-9]\d*)([mhdw])", text)
    if not match:
        raise ConfigError(f"--every {text!r}: expected a number and m, h, d or w, such as 1d")
    seconds = int(match[1]) * SECONDS[match[2]]
    return kfp_server_api.V2beta1Trigger(
        periodic_schedule=kfp_server_api.V2beta1PeriodicSchedule(interval_second=str(seconds))
    )


def trigger_text(trigger: Any) -> str:
    """A trigger as the options that make it."""
    if trigger.cron_schedule:
        return f"--cron '{trigger.cron_schedule.cron.removeprefix('0 ')}'"
    seconds = int(trigger.periodic_schedule.interval_second)
    for unit, length in reversed(SECONDS.items()):
        if seconds % length == 0:
            return f"--every {seconds // length}{unit}"
    return f"every {seconds} s"


def _is_valid(part: str, least: int, most: int, words: list[str]) -> bool:
    """Whether one of the values of a field is *, a value or a range, with or without a step."""
    match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/([1-9]\d*))?", part)
    if not match:
        return False
    first, last = match[1], match[2]
    if first == "*":
        return last is None
    values = [_value(each, words) for each in (first, last or first)]
    return all(least <= value <= most for value in values) and values == sorted(values)


def _value(text: str, words: list[str]) -> int:
    """The number that a value of a field stands for; -1 for none."""
    if text.isdecimal():
        return int(text)
    upper = text.upper()
    if upper not in words:
        return -1
    return words.index(upper) + (1 if words is MONTHS else 0)
