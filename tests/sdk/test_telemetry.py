"""The log's fields, and OpenTelemetry's spans, as the guide describes them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Api
from tests.support.proxy import FaultyProxy, Request

SPANS = """
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from monogram_sdk import Monogram, errors

memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)


def told():
    for span in memory.get_finished_spans():
        parent = span.parent.span_id if span.parent else 0
        ids = f"{span.context.span_id:x} {parent:x}"
        print(span.name, span.kind.name, span.status.status_code.name, ids, dict(span.attributes))
    memory.clear()
    print()


with Monogram() as client:
    client.badges.list().first_page()
    try:
        client.tokens.gift("00000000-0000-0000-0000-000000000001", amount=1)
    except errors.MonogramError:
        pass
    told()
    client.auth.sign_in_with_otp(email='ada@example.test')
    told()
with Monogram(url="CLOSED", retries=0) as client:
    try:
        client.badges.list().first_page()
    except errors.TransportError:
        pass
    told()
"""


def run(code: str, url: str, api: Api) -> str:
    """Run a program."""
    environment = {**os.environ, "SUPABASE_URL": url, "SUPABASE_PUBLISHABLE_KEY": api.publishable_key}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_spans_follow_the_conventions_and_reach_the_server(api: Api) -> None:
    traceparents: list[str] = []
    faults: list[str | None] = ["503", None]

    def plan(request: Request) -> str | None:
        traceparents.extend(re.findall(r"traceparent: 00-\w{32}-(\w{16})-\w\w", request.raw.decode()))
        return faults.pop(0) if faults else None

    with FaultyProxy(api.url) as proxy:
        closed = proxy.url  # Nobody listens there after this block.
    with FaultyProxy(api.url) as proxy:
        proxy.plan = plan
        said = run(SPANS.replace("CLOSED", closed), proxy.url, api)
    calls, code, failure = ([line.split(" ", 6) for line in part.splitlines()] for part in said.split("\n\n")[:3])
    assert len(calls) == 6, calls
    first, second, probe, page, refused, gift = calls
    for attempt in (first, second, probe):
        assert attempt[:3] == ["GET", "/rest/v1/badges", "CLIENT"] and attempt[5] == page[3], "below the call's span"
    assert first[3] == "ERROR" and "'http.response.status_code': 503" in first[6] and "'error.type': '503'" in first[6]
    assert "resend_count" not in first[6] and "'http.request.resend_count': 1" in second[6]
    assert second[3] == "UNSET" and "'http.response.status_code': 200" in second[6]
    assert f"'url.full': '{proxy.url}/rest/v1/badges'" in second[6] and "'server.address': '127.0.0.1'" in second[6]
    assert page[0] == "badges.page" and page[1:3] == ["INTERNAL", "UNSET"]
    assert refused[:2] == ["POST", "/rest/v1/rpc/transfer_tokens"] and gift[:3] == ["tokens.gift", "INTERNAL", "ERROR"]
    assert {f"{int(one, 16):x}" for one in traceparents} >= {first[4], second[4], refused[4]}

    # Of a service whose paths may hold ids or names, the method alone is the name.
    assert ["POST", "CLIENT"] in [line[:2] for line in code]
    assert not any("ada" in line[0] + line[1] for line in code)

    attempts = [line for line in failure if line[0] == "GET"]
    assert attempts and {line[3] for line in attempts} == {"ERROR"}
    assert all("'error.type': 'httpcore.ConnectError'" in line[6] for line in attempts)
    ended = [line for line in failure if line[0] == "badges.page"]
    assert [line[2] for line in ended] == ["ERROR"] and "ConnectionFailedError" in " ".join(ended[0][5:])


def test_without_the_api_nothing_is_missed(api: Api) -> None:
    code = "import sys; sys.modules['opentelemetry'] = None\nfrom monogram_sdk import Monogram\n"
    assert run(code + "with Monogram() as c: print(c.badges.list().first_page().cursor)", api.url, api) == "None\n"


@pytest.mark.long
@pytest.mark.parametrize("page", ["observability", "retries"])
def test_the_guides_programs_run(page: str, api: Api) -> None:
    text = Path(ROOT / "docs" / "guides" / f"{page}.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert re.fullmatch(r"(\w+ \S+ \d+\n)*\d+ badges\n", run(program, api.url, api))
