import pytest

from bertline.errors import ConfigError
from pipelines.cluster.triggers import cron_trigger, interval_trigger, trigger_text


@pytest.mark.parametrize(
    "line",
    [
        "* * * * *",
        "*/15 0-6,22 1,15 JAN-mar MON-FRI",
        "59 23 31 12 6",
        "5/10 * * * SUN",
    ],
)
def test_second_is_put_before_a_crontab_line(line: str) -> None:
    trigger = cron_trigger(line)
    assert trigger.cron_schedule.cron == f"0 {line}"
    assert trigger_text(trigger) == f"--cron '{line}'"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 3 * *", "4 fields; give five: minute, hour, day of month, month, day of week"),
        ("0 0 3 * * 1", "6 fields"),
        ("@daily", "1 fields"),
        ("60 * * * *", "minute '60'; give values of 0 to 59"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day of month '0'; give values of 1 to 31"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 7", "day of week '7'; give values of 0 to 6"),
        ("* * * MON *", "month 'MON'"),
        ("*/0 * * * *", "minute '*/0'"),
        ("5-1 * * * *", "minute '5-1'"),
        ("*-5 * * * *", "minute '*-5'"),
        ("1,,2 * * * *", "minute '1,,2'"),
        ("-1 * * * *", "minute '-1'"),
    ],
)
def test_wrong_crontab_lines(line: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        cron_trigger(line)
    assert f"--cron {line!r}: {message}" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("12h", 43200), ("1d", 86400), ("2w", 1209600)]
)
def test_intervals(text: str, seconds: int) -> None:
    trigger = interval_trigger(text)
    assert trigger.periodic_schedule.interval_second == str(seconds)
    assert trigger_text(trigger) == f"--every {text}"


@pytest.mark.parametrize("text", ["0d", "1", "1.5h", "d", "1 d", "-1d", "1y"])
def test_wrong_intervals(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a number and m, h, d or w, such as 1d"):
        interval_trigger(text)


def test_interval_of_somebody_else() -> None:
    trigger = interval_trigger("1m")
    trigger.periodic_schedule.interval_second = "90"
    assert trigger_text(trigger) == "every 90 s"
