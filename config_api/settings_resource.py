"""A settings resource of the whole installation: read with its ETag, saved under If-Match with its activity
log entry.

Before anything is saved the default stands and has an ETag too, so the first change needs If-Match as every
other does. Value and entry are one transaction: a crash leaves both or neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.responses import JSONResponse

from api.caller import Caller
from api.dependencies import activity
from api.etags import check_if_match, entity_tag, stale
from api.problems import Problem
from api.services import Services
from domain.errors import ConflictError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Current(Generic[T]):
    """What holds now. `row_etag` None: the default."""

    value: T
    row_etag: str | None

    @property
    def tag(self) -> str:
        """The ETag of the answer."""
        return entity_tag(self.row_etag)


@dataclass(frozen=True, slots=True)
class SettingsResource(Generic[T]):
    """`action` and `target` name it in the activity log; `show` is what the API answers, `logged` what the
    log keeps."""

    default: T
    action: str
    target: str
    show: Callable[[T], dict[str, object]]
    logged: Callable[[T], dict[str, object]]

    def read(self, services: Services) -> Current[T]:
        """One point read."""
        stored = services.settings.read(type(self.default))
        return Current(stored.value, stored.etag) if stored else Current(self.default, None)

    def read_to_change(self, services: Services, if_match: str | None) -> Current[T]:
        """Raises 428 without If-Match and 412 where it names another version."""
        current = self.read(services)
        check_if_match(if_match, current.tag, self.show(current.value))
        return current

    def save(
        self,
        services: Services,
        caller: Caller,
        current: Current[T],
        value: T,
        *,
        secrets_changed: Mapping[str, str] | None = None,
    ) -> Current[T]:
        """Raises 412 where somebody was faster. `secrets_changed` joins the entry's `after`."""
        after = {**self.logged(value), **(secrets_changed or {})}
        entry = activity(
            services, caller, f"{self.action}.changed", self.target, self.logged(current.value), after
        )
        try:
            return Current(value, services.settings.save(value, current.row_etag, entry))
        except ConflictError:
            raise self._stale(services) from None

    def reset(self, services: Services, caller: Caller, current: Current[T]) -> Current[T]:
        """The default stands again. Raises 412 where somebody was faster."""
        if current.row_etag is None:
            return current
        before, after = self.logged(current.value), self.logged(self.default)
        entry = activity(services, caller, f"{self.action}.reset", self.target, before, after)
        try:
            services.settings.reset(type(self.default), current.row_etag, entry)
        except ConflictError:
            raise self._stale(services) from None
        return Current(self.default, None)

    def answer(self, current: Current[T]) -> JSONResponse:
        """The resource with its ETag."""
        return JSONResponse(self.show(current.value), headers={"ETag": current.tag})

    def _stale(self, services: Services) -> Problem:
        current = self.read(services)
        return stale(current.tag, self.show(current.value))
