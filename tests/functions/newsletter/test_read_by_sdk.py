"""Newsletters as the SDK reads them."""

from __future__ import annotations

import pytest

from monogram_sdk import Monogram, errors
from monogram_sdk.local import Stack
from monogram_sdk.models import Newsletter
from tests.functions.newsletter.conftest import Circle, Pipeline
from tests.functions.newsletter.test_newsletter import text_of


def test_the_sdk_reads_it_as_bytes(circle: Circle, pipeline: Pipeline, stack: Stack) -> None:
    draft = circle.draft(["Bread. It rose while I read."])
    for published in (False, True):
        if published:
            pipeline.render(circle.publish(draft))
        assert b"Bread. It rose while I read." in circle.member.newsletters.html(draft.id)
        assert "It rose while I read." in text_of(circle.member.newsletters.pdf(draft.id, size="LETTER"))
        preview = circle.leader.newsletters.preview(draft.id)
        assert ("Draft" in preview.page) != published
        for part in (preview.page, preview.mail.html, preview.mail.text):
            assert "Bread. It rose while I read." in part
        assert preview.mail.subject == draft.title
        assert preview.warnings == () and len(preview.mail.html) < preview.mail.size < 20_000
        assert "No more email" not in preview.mail.text
    with Monogram.admin_client(url=stack.api_url, key=stack.secret_key) as service:
        assert b"Bread. It rose" in service.newsletters.html(draft.id)


def test_the_sdk_says_what_is_not_there(circle: Circle, stack: Stack) -> None:
    draft = circle.draft()
    for ask in (circle.outsider.newsletters.html, circle.outsider.newsletters.pdf, circle.outsider.newsletters.preview):
        with pytest.raises(errors.NewsletterNotFoundError) as caught:
            ask(draft.id)
        assert caught.value.status == 404
    with pytest.raises(errors.InvalidValueError, match="A4, LETTER"):
        circle.leader.newsletters.pdf(draft.id, size="A5")  # type: ignore[arg-type]
    with Monogram(url=stack.api_url, key=stack.publishable_key) as nobody:
        with pytest.raises(errors.NewsletterNotFoundError):
            nobody.newsletters.html(draft.id)


def test_publishing_returns_before_anything_is_rendered(circle: Circle) -> None:
    newsletter: Newsletter = circle.publish(circle.draft())
    assert newsletter.is_published
    assert newsletter.html_path is None
