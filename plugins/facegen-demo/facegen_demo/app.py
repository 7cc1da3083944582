"""The web application: the page, and what it asks for."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from facegen.core.errors import DataError
from facegen.inference.sample import Subject
from facegen_demo.drawing import DemoModel
from facegen_demo.guard import Guard
from facegen_demo.one_job import OneJob
from facegen_demo.uploads import MAX_BYTES, MAX_PICTURES, MAX_SECONDS, as_path, check_seconds

PAGE = Path(__file__).parent / "page"


def create_app(drawing: DemoModel, hosts: frozenset[str]) -> Starlette:
    """Make the application.

    Args:
        drawing: the model.
        hosts: accepted values of the Host header.
    """
    job = OneJob()
    max_pictures = min(MAX_PICTURES, drawing.max_candidates or MAX_PICTURES)
    limits = {"max_bytes": MAX_BYTES, "max_seconds": MAX_SECONDS, "max_pictures": max_pictures}

    async def page(request: Request) -> Response:
        return FileResponse(PAGE / "index.html")

    async def model(request: Request) -> Response:
        return JSONResponse({**drawing.description(), **limits})

    async def faces(request: Request) -> Response:
        return await job.respond(request, lambda form: draw_faces(drawing, form))

    async def between(request: Request) -> Response:
        return await job.respond(request, lambda form: draw_between(drawing, form))

    async def match(request: Request) -> Response:
        return await job.respond(request, lambda form: rank_pictures(drawing, form))

    routes = [
        Route("/", page),
        Route("/api/model", model),
        Route("/api/faces", faces, methods=["POST"]),
        Route("/api/between", between, methods=["POST"]),
        Route("/api/match", match, methods=["POST"]),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, hosts=hosts)])


def draw_faces(drawing: DemoModel, form: FormData) -> Mapping[str, Any]:
    """Draw faces of one person: fields speech, name, text and seed."""
    with ExitStack() as files:
        return asdict(drawing.faces(_subject(form, files), _seed(form)))


def draw_between(drawing: DemoModel, form: FormData) -> Mapping[str, Any]:
    """Draw a path between two people: fields as of `draw_faces`, and again with the ending _b."""
    with ExitStack() as files:
        people = [_subject(form, files, ending) for ending in ("", "_b")]
        return asdict(drawing.between(people, _seed(form)))


def rank_pictures(drawing: DemoModel, form: FormData) -> Mapping[str, Any]:
    """Rank pictures for a voice: fields speech, pictures and detect."""
    uploads = [upload for upload in form.getlist("pictures") if isinstance(upload, UploadFile) and upload.size]
    with ExitStack() as files:
        speech = _speech(form, files, "speech")
        if speech is None:
            raise DataError("something is missing: record a voice or choose a file")
        if len(uploads) > MAX_PICTURES:
            raise DataError(f"{len(uploads)} pictures are too many; choose {MAX_PICTURES} at most")
        pictures = [
            (Path(upload.filename or "picture").name, files.enter_context(as_path(upload))) for upload in uploads
        ]
        ranked = drawing.match(speech, pictures, detect=form.get("detect") == "yes")
        return {"candidates": [asdict(candidate) for candidate in ranked], "chance": 1 / len(ranked)}


def _subject(form: FormData, files: ExitStack, ending: str = "") -> Subject:
    values = {name: str(form.get(f"{name}{ending}") or "").strip() or None for name in ("name", "text")}
    return Subject("", _speech(form, files, f"speech{ending}"), values["name"], values["text"])


def _speech(form: FormData, files: ExitStack, field: str) -> Path | None:
    upload = form.get(field)
    if not isinstance(upload, UploadFile) or not upload.size:
        return None
    path = files.enter_context(as_path(upload))
    check_seconds(path)
    return path


def _seed(form: FormData) -> int:
    text = str(form.get("seed") or "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise DataError(f"seed = {text[:20]!r}: must be a whole number from 0 to 999,999,999")
    return int(text)
