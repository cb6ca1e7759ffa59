"""Six-field NCRONTAB schedules: second, minute, hour, day, month, day of week, all in UTC.

Follows the NCrontab library that the Functions host uses ("Timer trigger for Azure Functions", NCRONTAB
expressions): a day must fit both the day and the day-of-week field, Sunday is 0.
"""

import calendar
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MONTHS = tuple(name.lower() for name in calendar.month_abbr)[1:]
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SEARCH_LIMIT_YEARS = 12  # two leap years apart at most are eight years, around 2100


class ScheduleError(ValueError):
    """The expression is no NCRONTAB schedule, or never occurs."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> tuple[int, ...]:
        return tuple(sorted({value for part in text.split(",") for value in self._part(part)}))

    def _part(self, part: str) -> range:
        span, slash, step_text = part.partition("/")
        step = self._number(step_text, 1, self.high + 1) if slash else 1
        if span in ("*", "?"):
            return range(self.low, self.high + 1, step)
        first_text, dash, last_text = span.partition("-")
        first = self._value(first_text)
        last = self._value(last_text) if dash else (self.high if step > 1 else first)
        if last < first:
            raise ScheduleError(f"{self.name}: {part!r} runs backwards")
        return range(first, last + 1, step)

    def _value(self, text: str) -> int:
        for position, name in enumerate(self.names):
            if len(text) >= 3 and text.lower().startswith(name):
                return position + self.low
        return self._number(text, self.low, self.high)

    def _number(self, text: str, low: int, high: int) -> int:
        if not (text.isascii() and text.isdigit()) or len(text) > 4 or not low <= int(text) <= high:
            raise ScheduleError(f"{self.name}: {text!r} is not a number from {low} to {high}")
        return int(text)


FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 0, 6, DAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a timer is due."""

    expression: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    days_of_week: tuple[int, ...]

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence after `moment` (aware), in UTC. Raises ScheduleError when there is none."""
        at = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        last_year = at.year + SEARCH_LIMIT_YEARS
        while at.year <= last_year:
            if at.month not in self.months:
                at = (at.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)
            elif at.day not in self.days or (at.weekday() + 1) % 7 not in self.days_of_week:
                at = at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0, second=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at = at.replace(second=0) + timedelta(minutes=1)
            elif at.second not in self.seconds:
                at += timedelta(seconds=1)
            else:
                return at
        raise ScheduleError(f"the schedule {self.expression!r} never occurs")

    def shortest_interval(self, moment: datetime, occurrences: int = 5) -> timedelta:
        """The shortest time between the next occurrences after `moment`."""
        times = [self.next_after(moment)]
        for _ in range(occurrences):
            times.append(self.next_after(times[-1]))
        return min(later - earlier for earlier, later in itertools.pairwise(times))


def parse(expression: str) -> Schedule:
    """Reads an expression of six fields, or of five (then at second 0). Raises ScheduleError."""
    texts = expression.split()
    if len(texts) == 5:
        texts = ["0", *texts]
    if len(texts) != len(FIELDS):
        raise ScheduleError(f"{expression!r} has {len(texts)} fields, an NCRONTAB schedule has six")
    return Schedule(expression, *(field.parse(text) for field, text in zip(FIELDS, texts, strict=True)))
