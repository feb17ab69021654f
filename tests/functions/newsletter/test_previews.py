"""What a leader sees of a newsletter before it is published."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from monogram_sdk.models import NewsletterVisibility, PreviewWarningKind
from tests.functions.newsletter.conftest import Circle, Pipeline
from tests.functions.newsletter.test_pictures import shown_in


def test_a_preview_says_what_no_typeface_has(circle: Circle) -> None:
    preview = circle.leader.newsletters.preview(circle.draft(["A rune of my own: \ue123, and 雨 and 🌧️."]).id)
    assert [(one.kind, one.characters, one.typeface) for one in preview.warnings] == [("NO_TYPEFACE", "\ue123", None)]


def test_a_preview_says_what_the_email_has_no_room_for(circle: Circle) -> None:
    """Of each response that is cut it says whose it is, how long it is, and how much of it is left."""
    texts = ["語" * 9_999, "It rose while I read. " * 20, "語" * 9_998, "語" * 9_997, "語" * 9_996]
    draft = circle.draft(texts)
    preview = circle.leader.newsletters.preview(draft.id)
    assert 88_000 < preview.mail.size <= 102 * 1024
    author = draft.content.prompts[0].responses[0].author.display_name
    assert [(one.kind, one.author, one.length) for one in preview.warnings] == [
        (PreviewWarningKind.RESPONSE_SHORTENED, author, len(text)) for text in texts if text.startswith("語")
    ]
    kept = [one.kept or 0 for one in preview.warnings]
    assert 5_000 < min(kept) and max(kept) - min(kept) <= 2
    assert preview.mail.text.count("語") == sum(kept)


def test_a_preview_says_what_the_pdf_has_no_room_for(circle: Circle) -> None:
    """Emoji take more room than prose: of three long responses of them each loses as much, and a short one nothing."""
    draft = circle.draft(["🦊" * 9_999, "It rose while I read.", "🦊" * 9_998, "🦊" * 9_997])
    warnings = circle.leader.newsletters.preview(draft.id).warnings
    shortened = [one for one in warnings if one.kind == PreviewWarningKind.PDF_SHORTENED]
    author = draft.content.prompts[0].responses[0].author.display_name
    assert [(one.author, one.length) for one in shortened] == [(author, 9_999), (author, 9_998), (author, 9_997)]
    kept = [one.kept or 0 for one in shortened]
    assert 6_000 < min(kept) and max(kept) - min(kept) <= 1


def test_a_preview_shows_what_is_ready_and_names_what_is_not(circle: Circle, pipeline: Pipeline, picture: Path) -> None:
    draft = circle.draft(["Look."], image=picture)
    early = circle.leader.newsletters.preview(draft.id)
    path = draft.content.prompts[0].responses[0].image_path
    assert early.pending == (path,)
    assert "data:image/jpeg" not in early.page and "<!--" not in early.page
    pipeline.derive()
    preview = circle.leader.newsletters.preview(draft.id)
    assert preview.pending == () and "data:image/jpeg" in preview.page


@pytest.mark.parametrize("visibility", list(NewsletterVisibility))
def test_the_email_of_a_preview_is_the_one_that_is_sent(
    circle: Circle, pipeline: Pipeline, picture: Path, browser: Browser, visibility: NewsletterVisibility
) -> None:
    circle.leader.spaces.update(circle.space.id, newsletter_visibility=visibility)
    circle.member.profiles.set_avatar(picture)
    circle.leader.spaces.set_cover(circle.space.id, picture)
    draft = circle.draft(["Look.", "No picture."], image=picture)
    pending = circle.leader.newsletters.preview(draft.id)
    assert len(pending.pending) == 3 and "<img" not in pending.mail.html
    pipeline.derive()
    before = circle.leader.newsletters.preview(draft.id).mail
    sent = pipeline.render(circle.publish(draft))["mail"]
    after = circle.leader.newsletters.preview(draft.id).mail
    assert after.subject == before.subject == sent["subject"]
    date = re.compile(r"Draft|\d+ \w+ \d{4}")
    for mail in (before, after):
        shown = shown_in(mail.html)
        assert len(shown) == len(shown_in(sent["html"])) == 4
        assert all(one.startswith("data:image/jpeg;base64,") for one in shown), [one[:60] for one in shown]
        plain = re.sub(r' src="[^"]*"', "", mail.html)
        assert f"/newsletter/{draft.id}" in plain and "could not be shown" not in plain
        assert date.sub("", mail.text) == date.sub("", after.text)
        assert date.sub("", plain) == date.sub("", re.sub(r' src="[^"]*"', "", after.html))
        # Pictures and a reader's own links are where they are sent, so the size counts addresses.
        assert len(plain) < mail.size < 20_000 and abs(mail.size - after.size) < 20
        with browser.new_page() as page:
            page.set_content(mail.html)
            widths = page.evaluate("[...document.images].map(one => one.complete && one.naturalWidth)")
        assert len(widths) == 4 and all(widths)
    assert f"/newsletter/{draft.id}#" in after.text and "/pictures/" not in after.text
