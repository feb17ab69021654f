"""The mailbox: its SMTP server, Mailpit's API and the pages."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.embedded.server.conftest import Server, StartServer


def send(server: Server, *, to: list[str], subject: str = "Hello", cc: str = "", text: str = "Plain words") -> None:
    """Send an email with a text, an HTML part with a picture, and an attachment."""
    message = EmailMessage()
    message["From"] = "Ada Lovelace <ada@example.test>"
    message["To"] = to[0]
    if cc:
        message["Cc"] = cc
    message["Subject"] = subject
    message["Message-ID"] = f"<{uuid4()}@example.test>"
    message["List-Unsubscribe"] = "<http://localhost/u?1>, <mailto:u@example.test>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text)
    message.add_alternative("<p>Rich <b>words</b><script>alert(1)</script><img src='cid:pic'></p>", subtype="html")
    message.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<pic>")  # type: ignore[union-attr, index]
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="letter.pdf")
    with smtplib.SMTP(server.config.host, server.config.smtp_port) as smtp:
        smtp.login("anybody", "anything")
        smtp.send_message(message, to_addrs=[*to, *([cc] if cc else [])])


def address() -> str:
    return f"{uuid4().hex}@example.test"


def search(http: httpx.Client, query: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = http.get("/api/v1/search", params={"query": query}).json()["messages"]
    return found


def test_an_email_arrives_with_all_its_parts(server: Server) -> None:
    to, blind = address(), address()
    send(server, to=[to, blind], subject="Wöchentlicher Brief", cc="carl@example.test")
    http = server.http(key="")
    summary = search(http, f"to:{to}")[0]
    assert summary["Subject"] == "Wöchentlicher Brief"
    assert summary["From"] == {"Name": "Ada Lovelace", "Address": "ada@example.test"}
    assert summary["To"] == [{"Name": "", "Address": to}]
    assert summary["Bcc"] == [{"Name": "", "Address": blind}]
    assert (summary["Attachments"], summary["Snippet"], summary["Read"]) == (1, "Plain words", False)
    message = http.get(f"/api/v1/message/{summary['ID']}").json()
    assert message["Text"].strip() == "Plain words"
    assert "data:image/png;base64," in message["HTML"]
    assert [part["FileName"] for part in message["Attachments"]] == ["letter.pdf"]
    assert message["Inline"][0]["ContentID"] == "pic"
    assert message["ListUnsubscribe"]["Links"] == ["http://localhost/u?1", "mailto:u@example.test"]
    assert message["ListUnsubscribe"]["HeaderPost"] == "List-Unsubscribe=One-Click"
    assert search(http, f"to:{to}")[0]["Read"] is True
    part = message["Attachments"][0]["PartID"]
    attachment = http.get(f"/api/v1/message/{summary['ID']}/part/{part}")
    assert (attachment.content, attachment.headers["content-type"]) == (b"%PDF-1.7", "application/pdf")
    raw = http.get(f"/api/v1/message/{summary['ID']}/raw").text
    assert raw.startswith("From: Ada Lovelace <ada@example.test>")
    headers = http.get(f"/api/v1/message/{summary['ID']}/headers").json()
    assert headers["Cc"] == ["carl@example.test"]


def test_searching(server: Server) -> None:
    to, mark = address(), uuid4().hex
    send(server, to=[to], subject=f"Weekly {mark} letter", text=f"body-{mark}")
    http = server.http(key="")
    for query in (
        f"to:{to}",
        f"TO:{to.upper()} from:ada",
        f'subject:"weekly {mark}"',
        f"body-{mark}",
        f"{mark} is:unread",
        f"{mark} has:attachment",
        f"{mark} -from:boris",
        f"addressed:{to}",
    ):
        assert len(search(http, query)) == 1, query
    for query in (f"from:{to}", f"{mark} -letter", f"{mark} is:read", f"{mark} cc:carl", f'"{mark} weekly"'):
        assert search(http, query) == [], query
    assert http.get("/api/v1/search").status_code == 400


def test_listing_reading_and_deleting(start_server: StartServer) -> None:
    server = start_server()
    http = server.http(key="")
    assert http.get("/api/v1/messages").json()["total"] == 0
    assert http.get("/api/v1/message/latest").status_code == 404
    for number in range(3):
        send(server, to=["ada@example.test"], subject=f"Number {number}")
    listed = http.get("/api/v1/messages", params={"limit": 2}).json()
    assert (listed["total"], listed["unread"], listed["messages_count"], listed["start"]) == (3, 3, 3, 0)
    assert [message["Subject"] for message in listed["messages"]] == ["Number 2", "Number 1"]
    rest = http.get("/api/v1/messages", params={"start": 2}).json()["messages"]
    assert [message["Subject"] for message in rest] == ["Number 0"]
    assert http.get("/api/v1/message/latest").json()["Subject"] == "Number 2"
    assert http.get("/api/v1/info").json()["Unread"] == 2
    first = rest[0]["ID"]
    http.put("/api/v1/messages", json={"IDs": [first], "Read": True})
    assert http.get("/api/v1/messages").json()["unread"] == 1
    assert http.request("DELETE", "/api/v1/messages", json={"IDs": [first]}).text == "ok"
    http.delete("/api/v1/search", params={"query": 'subject:"number 1"'})
    assert http.get("/api/v1/messages").json()["total"] == 1
    http.delete("/api/v1/messages")
    assert http.get("/api/v1/messages").json()["messages"] == []
    assert http.get("/api/v1/messages", params={"limit": "x"}).status_code == 400
    assert http.request("DELETE", "/api/v1/messages", content="nonsense").status_code == 400


def test_emails_survive_a_restart_and_a_lost_index(start_server: StartServer) -> None:
    server = start_server()
    send(server, to=["ada@example.test"], subject="Kept")
    server.process.stop()
    mail_dir = Path(server.config.mail_dir)
    for index in mail_dir.glob("*.json"):
        index.unlink()
    server.process.start(server.config)
    http = server.http(key="")
    assert [message["Subject"] for message in http.get("/api/v1/messages").json()["messages"]] == ["Kept"]
    for path in mail_dir.iterdir():
        path.unlink()
    assert http.get("/api/v1/messages").json()["total"] == 0


def test_pages_for_people(server: Server) -> None:
    to = address()
    send(server, to=[to], subject="<b>Bold</b> & more")
    http = server.http(key="")
    page = http.get("/mailbox", params={"query": f"to:{to}"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<b>Bold" not in page.text
    message_id = search(http, f"to:{to}")[0]["ID"]
    message = http.get(f"/mailbox/{message_id}")
    assert f'src="/view/{message_id}.html?scheme=light"' in message.text
    assert 'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"' in message.text
    assert "unsafe" not in message.headers["content-security-policy"]
    assert message.headers["content-security-policy"].startswith("default-src 'none'")
    view = http.get(f"/view/{message_id}.html")
    assert "Rich <b>words</b>" in view.text
    assert view.headers["content-security-policy"].startswith("sandbox")
    assert http.get(f"/view/{message_id}.txt").text.strip() == "Plain words"
    assert http.get("/mailbox/nothing").status_code == 404
    assert http.get("/view/nothing.html").status_code == 404


def test_an_email_loads_nothing_from_other_machines_and_programs(server: Server) -> None:
    port = httpx.URL(server.url).port
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.test", "frames@example.test", "Frames"
    # A browser connects to the host of a frame before it checks the policy.
    message.set_content(
        '<p>Words</p><IFRAME src="http://else.example.test/"></IFRAME><frame src="//b.example.test">', "html"
    )
    with smtplib.SMTP(server.config.host, server.config.smtp_port) as smtp:
        smtp.send_message(message)
    (found,) = search(server.http(), "to:frames@example.test")
    shown = server.http().get(f"/view/{found['ID']}.html")
    assert "Words" in shown.text and "<iframe" not in shown.text.lower() and "<frame" not in shown.text.lower()
    sources = shown.headers["content-security-policy"].split("img-src ")[1].split(";")[0].split()
    assert sources == ["data:", "'self'", f"http://127.0.0.1:{port}", f"http://localhost:{port}"]


def test_no_other_page_reads_or_empties_it(server: Server) -> None:
    http = server.http(key="")
    listed = http.get("/api/v1/messages", headers={"origin": "http://evil.example"})
    assert "access-control-allow-origin" not in listed.headers
    for path in ("/mailbox", "/api/v1/messages", "/view/latest.html"):
        assert http.get(path, headers={"host": "evil.example"}).status_code == 403
    assert http.post("/mailbox/delete", headers={"origin": "http://evil.example"}).status_code == 403
    assert http.post("/mailbox/delete").status_code == 403


def test_its_own_page_empties_it(start_server: StartServer) -> None:
    server = start_server()
    send(server, to=["ada@example.test"])
    http = server.http(key="")
    assert http.post("/mailbox/delete", headers={"origin": server.url}).status_code == 303
    assert http.get("/api/v1/messages").json()["total"] == 0


def test_an_email_that_is_too_large_is_refused(server: Server) -> None:
    with (
        smtplib.SMTP(server.config.host, server.config.smtp_port) as smtp,
        pytest.raises(smtplib.SMTPSenderRefused) as refused,
    ):
        smtp.sendmail("a@example.test", ["b@example.test"], b"x" * (26 * 1024 * 1024))
    assert refused.value.smtp_code == 552
