"""Six-field NCRONTAB schedules give the occurrences that Microsoft's examples name."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.host.ncrontab import ScheduleError, parse

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def after(expression: str, moment: str) -> str:
    """The next occurrence, both as ISO 8601 without a zone."""
    occurrence = parse(expression).next_after(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    return occurrence.replace(tzinfo=None).isoformat()


@pytest.mark.parametrize(
    "expression, moment, expected",
    [
        ("0 */5 * * * *", "2026-11-24T14:31:10", "2026-11-24T14:35:00"),
        ("0 */5 * * * *", "2026-11-24T14:35:00", "2026-11-24T14:40:00"),
        ("*/10 * * * * *", "2026-12-31T23:59:50", "2027-01-01T00:00:00"),
        ("0 30 9 * * MON-FRI", "2026-11-27T10:00:00", "2026-11-30T09:30:00"),
        ("0 30 9 * * 1-5", "2026-11-27T10:00:00", "2026-11-30T09:30:00"),
        ("0 0 0 * * sunday", "2026-11-24T00:00:00", "2026-11-29T00:00:00"),
        ("0 30 9 * Jan Mon", "2026-11-24T00:00:00", "2027-01-04T09:30:00"),
        ("0 0 9-17/4 * * *", "2026-11-24T09:00:00", "2026-11-24T13:00:00"),
        ("5,8,10 * * * * *", "2026-11-24T09:00:05", "2026-11-24T09:00:08"),
        ("0 5/20 * * * *", "2026-11-24T09:00:00", "2026-11-24T09:05:00"),
        ("0 5/20 * * * *", "2026-11-24T09:25:00", "2026-11-24T09:45:00"),
        ("0 0 0 29 2 *", "2097-01-01T00:00:00", "2104-02-29T00:00:00"),
        ("0 0 0 13 * FRI", "2026-11-24T00:00:00", "2027-08-13T00:00:00"),
        ("*/5 * * * *", "2026-11-24T09:01:00", "2026-11-24T09:05:00"),
        ("0 0 0 31 * *", "2026-11-24T00:00:00", "2026-12-31T00:00:00"),
    ],
)
def test_next_occurrence(expression: str, moment: str, expected: str) -> None:
    assert after(expression, moment) == expected


@pytest.mark.parametrize(
    "expression",
    [
        *("", "* * * *", "* * * * * * *", "60 * * * * *", "* * 24 * * *", "* * * 0 * *", "* * * * 13 *"),
        *("* * * * * 7", "*/0 * * * * *", "5-1 * * * * *", "a * * * * *", "1,,2 * * * * *", "-1 * * * * *"),
        *("1- * * * * *", "/5 * * * * *", "٣ * * * * *", "00:05:00"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse(expression)


def test_schedule_that_never_occurs_is_refused_when_asked() -> None:
    with pytest.raises(ScheduleError, match="never occurs"):
        after("0 0 0 30 2 *", "2026-01-01T00:00:00")


@given(MOMENTS, st.integers(0, 59), st.integers(0, 59), st.integers(0, 23), st.integers(0, 6))
def test_occurrence_fits_its_fields_and_is_the_first_after_the_moment(
    moment: datetime, second: int, minute: int, hour: int, day_of_week: int
) -> None:
    occurrence = parse(f"{second} {minute} {hour} * * {day_of_week}").next_after(moment)
    assert (occurrence.second, occurrence.minute, occurrence.hour) == (second, minute, hour)
    assert (occurrence.weekday() + 1) % 7 == day_of_week
    assert timedelta(0) < occurrence - moment <= timedelta(days=7)


@given(st.text(max_size=30))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        parse(text)
    except ScheduleError:
        return
    assert len(text.split()) in (5, 6)
