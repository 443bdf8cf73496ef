"""Keeps the page's API key in a cookie that no script can read, so that photos load as plain images."""

from fastapi import APIRouter, Request, Response

from service.access.gate import COOKIE, presented_key
from service.routes.schemas import documented_errors

_KEPT_SECONDS = 30 * 24 * 3600

router = APIRouter(tags=["access"])


@router.post("/session", status_code=204, summary="Keep the API key in a cookie", responses=documented_errors(401, 429))
async def keep_key(request: Request, response: Response) -> None:
    """For the page: keeps the key that comes in a header for 30 days, out of reach of scripts and other sites."""
    response.set_cookie(
        COOKIE,
        presented_key(request.headers),
        max_age=_KEPT_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


@router.delete("/session", status_code=204, summary="Forget the API key", responses=documented_errors(401, 429))
async def forget_key(response: Response) -> None:
    """Deletes the cookie; the key itself stays valid until it is removed from the service's keys."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
