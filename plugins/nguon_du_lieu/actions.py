"""What people do on the page: each a POST with a reason. Its forms are in `templates/actions`."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
