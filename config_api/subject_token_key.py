"""Route that rotates the key of subject tokens."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.dependencies import CallerDep, ServicesDep, activity
from api.permissions import Permission, needs

router = APIRouter(tags=["Subject tokens"])


@router.post("/api/config/subject-token-key/rotate", summary="New subject tokens are signed with a new key")
@needs(Permission.CONFIGURATIONS_UPDATE)
def rotate_key(services: ServicesDep, caller: CallerDep) -> dict[str, Any]:
    """Tokens that have been sent stay valid: their keys are kept. Workers that run sign with the new key
    within minutes."""
    entry = activity(services, caller, "subjectTokenKey.rotated", "subjectTokenKey", None, {"key": "changed"})
    return {"keys": services.token_keys.rotate(entry)}
