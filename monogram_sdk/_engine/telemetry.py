"""Log lines for requests, and spans where OpenTelemetry's API is installed.

The spans follow OpenTelemetry's conventions for HTTP clients (https://opentelemetry.io/docs/specs/semconv/http/http-spans/):
one of kind CLIENT for each attempt, whose context is sent to the server in the header ``traceparent``. They are
children of the span of their call, which has the name of the call.

Neither log nor spans hold a query, a header or a body, which may hold secrets.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monogram_sdk._engine import refusals
from monogram_sdk._forks import importing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Span

logger = logging.getLogger("monogram_sdk")

SCOPE = "monogram_sdk"

_API = "opentelemetry.trace"
_PROVIDER = "OTEL_PYTHON_TRACER_PROVIDER"

_TEMPLATED = ("/rest/v1/", "/functions/v1/")


def call_started(name: str) -> AbstractContextManager[Span] | None:
    """Begin the span of a call."""
    if not _is_traced():
        return None
    from opentelemetry import trace

    span = trace.get_tracer(SCOPE).start_as_current_span(name, record_exception=False, set_status_on_exception=False)
    span.__enter__()
    return span


def call_ended(span: AbstractContextManager[object] | None, error: BaseException | None) -> None:
    """End the span of a call."""
    if span is None:
        return
    if error is not None:
        from opentelemetry import trace

        _fail(trace.get_current_span(), type(error).__qualname__)
    span.__exit__(None, None, None)


class Attempt:
    """One attempt to send a request, from its start to its reply or its failure.

    Args:
        method: The HTTP method.
        path: The path, without the query.
        base: The project's URL.
        number: The number of the attempt, from 1.
        headers: The request's headers; those of the trace are added.
    """

    __slots__ = ("_method", "_number", "_path", "_span", "_started")

    def __init__(self, method: str, path: str, base: str, number: int, headers: dict[str, str]) -> None:
        self._method = method
        self._path = path
        self._number = number
        self._span = _start_span(method, path, base, number, headers) if _is_traced() else None
        self._started = time.perf_counter()

    def replied(self, status: int, headers: Mapping[str, str]) -> None:
        """Record the reply."""
        if self._span is not None:
            self._span.set_attribute("http.response.status_code", status)
            if status >= 400:
                _fail(self._span, str(status))
            self._span.end()
        if logger.isEnabledFor(logging.DEBUG):
            self._log(str(status), status, refusals.request_id(headers))

    def failed(self, exc: BaseException) -> None:
        """Record that no reply came."""
        kind = type(exc)
        if self._span is not None:
            _fail(self._span, f"{kind.__module__}.{kind.__qualname__}")
            self._span.end()
        if logger.isEnabledFor(logging.DEBUG):
            self._log(kind.__name__, None, None)

    def _log(self, outcome: str, status: int | None, request_id: str | None) -> None:
        ms = round((time.perf_counter() - self._started) * 1000, 1)
        logger.debug(
            "%s %s %s %.1f ms attempt %d request %s",
            self._method,
            self._path,
            outcome,
            ms,
            self._number,
            request_id or "-",
            extra={
                "method": self._method,
                "path": self._path,
                "status": status,
                "outcome": outcome,
                "ms": ms,
                "attempt": self._number,
                "request_id": request_id,
            },
        )


def _is_traced() -> bool:
    """Return True if the program has set up OpenTelemetry. Without that, its API makes spans that go nowhere.

    It is optional, and a program that has set it up has imported it, or has named what to set up in the environment.
    """
    if _API not in sys.modules and _PROVIDER not in os.environ:
        return False
    try:
        with importing():
            from opentelemetry import trace
    except ModuleNotFoundError:
        return False
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def _start_span(method: str, path: str, base: str, number: int, headers: dict[str, str]) -> Span:
    with importing():
        from opentelemetry import propagate, trace
    url = urlsplit(base)
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "server.address": url.hostname or "",
        "server.port": url.port or (443 if url.scheme == "https" else 80),
        "url.full": base + path,
    }
    if number > 1:
        attributes["http.request.resend_count"] = number - 1
    name = method
    # The paths of the other services contain ids and file names: too many different ones for a span's name.
    if path.startswith(_TEMPLATED):
        attributes["url.template"] = path
        name = f"{method} {path}"
    span = trace.get_tracer(SCOPE).start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)
    propagate.inject(headers, trace.set_span_in_context(span))
    return span


def _fail(span: Span, kind: str) -> None:
    from opentelemetry import trace

    span.set_attribute("error.type", kind)
    span.set_status(trace.StatusCode.ERROR)
