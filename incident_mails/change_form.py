"""What a person may do with mails, as request bodies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from api.models import RequestBody
from api.path_ids import MAX_ID_CHARS

MAX_MAILS = 100
_Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]


class MailChange(RequestBody):
    """Exactly one of these."""

    read: Annotated[bool | None, Field(description="For the whole team.")] = None
    incident: Annotated[_Id | None, Field(description="Moves the mail there.")] = None
    link: Annotated[None, Field(description="null: out of its incident, into triage.")] = None
    suggestion: Literal["accept", "refuse"] | None = None
    undo: Annotated[_Id | None, Field(description="Takes a change back, by its id.")] = None

    @model_validator(mode="after")
    def _one(self) -> MailChange:
        given = self.model_fields_set
        if len(given) != 1 or (given != {"link"} and getattr(self, next(iter(given))) is None):
            raise PydanticCustomError(
                "one_change",
                "Send exactly one of read, incident, link (null), suggestion and undo, with a value.",
            )
        return self


class TriageAction(RequestBody):
    """`incident` with `link`, `change` with `undo`, neither with `dismiss`."""

    action: Literal["link", "dismiss", "undo"]
    incident: _Id | None = None
    change: Annotated[_Id | None, Field(description="The id that the change's answer gave as `undo`.")] = None

    @model_validator(mode="after")
    def _fits(self) -> TriageAction:
        wanted = {"link": "incident", "undo": "change", "dismiss": None}[self.action]
        for name in ("incident", "change"):
            if (getattr(self, name) is not None) != (name == wanted):
                raise PydanticCustomError(
                    "action_arguments", "The action link takes incident, undo takes change, dismiss neither."
                )
        return self


class TriageActions(TriageAction):
    """The same for several mails."""

    mails: Annotated[list[_Id], Field(min_length=1, max_length=MAX_MAILS)]
