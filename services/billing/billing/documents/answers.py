"""A form of something as an HTTP answer: inline, or as a file to keep."""

import hashlib

from starlette.responses import Response

from billing.documents.forms import Form, Shown


def answer(shown: Shown, form: Form[Shown]) -> Response:
    """The form as it is answered."""
    return _response(form.render(shown), form)


def file_answer(shown: Shown, form: Form[Shown], name: str) -> Response:
    """The form as a file; browsers keep it as `name` where it is a download."""
    response = _response(form.file(shown), form)
    if form.is_download:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _response(content: bytes, form: Form[Shown]) -> Response:
    """The ETag is the hash of the content: of a statement as JSON, the statement's."""
    etag = hashlib.sha256(content).hexdigest()
    return Response(content, media_type=form.media_type, headers={"ETag": f'"{etag}"'})
