"""Profiles, settings, notifications, tokens, badges and the store."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monogram_sdk import BalanceVisibility, StoreItemKind, errors
from tests.sdk.support import PNG

from .conftest import AsyncClub, AsyncPeople
from .faults import AsyncFaults


async def test_a_person_changes_their_profile(people: AsyncPeople) -> None:
    ada, boris = await people.sign_up("Ada"), await people.sign_up("Boris")
    name = f"ada_{uuid4().hex[:12]}"
    profile = await ada.profiles.update(display_name="Ada L.", username=name, bio="Reads")
    assert (profile.display_name, profile.username, profile.bio) == ("Ada L.", name, "Reads")
    assert (await ada.profiles.update(bio=None)).bio is None
    with pytest.raises(errors.UsernameTakenError):
        await boris.profiles.update(username=name.upper())
    with pytest.raises(errors.InvalidValueError, match="display_name"):
        await ada.profiles.update(display_name="")
    path = (await ada.profiles.set_avatar(PNG)).avatar_path
    assert path is not None and path in ada.profiles.avatar_url(path)
    replaced = (await ada.profiles.set_avatar(PNG)).avatar_path
    assert replaced not in (None, path)
    assert (await ada.profiles.remove_avatar()).avatar_path is None


async def test_settings_are_there_can_be_changed_and_made_anew(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    assert (await ada.settings.get()).timezone == "UTC"
    assert (await ada.settings.get()).show_on_leaderboard is BalanceVisibility.SPACES
    changed = await ada.settings.update(timezone="Europe/Lisbon", show_on_leaderboard=False)
    assert (changed.timezone, changed.show_on_leaderboard) == ("Europe/Lisbon", BalanceVisibility.NOBODY)
    assert (await ada.settings.update(show_on_leaderboard=True)).show_on_leaderboard is BalanceVisibility.EVERYBODY
    changed = await ada.settings.update(show_on_leaderboard=BalanceVisibility.SPACES)
    assert changed.show_on_leaderboard is BalanceVisibility.SPACES
    with pytest.raises(errors.InvalidValueError, match="timezone"):
        await ada.settings.update(timezone="Mars/Olympus")
    with pytest.raises(errors.ThemeNotOwnedError):
        await ada.settings.update(active_theme_id=str(uuid4()))
    await ada.settings.delete()
    with pytest.raises(errors.NotFoundError, match="the defaults apply"):
        await ada.settings.get()
    assert not (await ada.settings.update(email_newsletters=False)).email_newsletters


async def test_notifications_are_read(club: AsyncClub) -> None:
    unread = await club.member.notifications.list(unread=True).all()
    assert unread, "prompts were published"
    assert await club.member.notifications.mark_read([unread[0].id]) == 1
    assert len(await club.member.notifications.list(unread=True).all()) == len(unread) - 1
    assert await club.member.notifications.mark_read() == len(unread) - 1
    assert await club.member.notifications.mark_read() == 0
    assert len(await club.member.notifications.list().all()) == len(unread)


async def test_gifts_are_refused_for_reasons(club: AsyncClub) -> None:
    await club.member.responses.submit(club.prompt.id, content="Dune")
    me, other = (await club.member.profiles.get()).id, (await club.leader.profiles.get()).id
    with pytest.raises(errors.InsufficientTokensError):
        await club.member.tokens.gift(other, amount=1_000_000)
    with pytest.raises(errors.GiftToSelfError):
        await club.member.tokens.gift(me, amount=1)
    with pytest.raises(errors.RecipientNotFoundError):
        await club.member.tokens.gift(uuid4(), amount=1)
    with pytest.raises(errors.InvalidValueError):
        await club.member.tokens.gift(other, amount=0)
    key = str(uuid4())
    first = await club.member.tokens.gift(other, amount=5, idempotency_key=key)
    assert await club.member.tokens.gift(other, amount=5, idempotency_key=key) == first
    with pytest.raises(errors.IdempotencyConflictError):
        await club.member.tokens.gift(other, amount=6, idempotency_key=key)
    # An empty key, for example from a missing header, must not be replaced by a new one.
    before = await club.member.tokens.balance()
    theme = await club.member.store.items(kind=StoreItemKind.THEME).first()
    assert theme is not None
    for empty in ("", " ", "x" * 201):
        with pytest.raises(errors.InvalidValueError, match="1 to 200 characters"):
            await club.member.tokens.gift(other, amount=1, idempotency_key=empty)
        with pytest.raises(errors.InvalidValueError, match="1 to 200 characters"):
            await club.member.store.purchase(theme.id, idempotency_key=empty)
        with pytest.raises(errors.InvalidValueError, match="1 to 200 characters"):
            await club.leader.spaces.create_invite(club.space.id, idempotency_key=empty)
    assert await club.member.tokens.balance() == before
    assert {rule.code async for rule in club.member.tokens.reward_rules()} >= {"response", "curation", "streak"}


async def test_badges_are_earned_shown_and_hidden(club: AsyncClub, people: AsyncPeople) -> None:
    await club.member.responses.submit(club.prompt.id, content="Dune")
    badges = {badge.code: badge async for badge in people.nobody().badges.list()}
    progress = {entry.code: entry for entry in await club.member.badges.progress()}
    assert set(progress) == set(badges)
    assert progress["first_words"].earned_at is not None
    assert await club.member.badges.check() == [], "they have been awarded already"
    hidden = await club.member.badges.set_display(badges["first_words"].id, is_displayed=False, order=3)
    assert (hidden.is_displayed, hidden.display_order) == (False, 3)
    with pytest.raises(errors.BadgeNotEarnedError):
        await club.member.badges.set_display(badges["generous"].id, is_displayed=True)
    with pytest.raises(errors.NotSignedInError):
        await people.nobody().badges.earned().all()


async def test_a_theme_is_bought_and_used(club: AsyncClub, people: AsyncPeople) -> None:
    theme = await club.member.store.items(kind=StoreItemKind.THEME).first()
    assert theme is not None
    assert (await people.nobody().store.get(theme.id)).id == theme.id
    await club.member.responses.submit(club.prompt.id, content="Dune")
    purchase = await club.member.store.purchase(theme.id)
    with pytest.raises(errors.AlreadyOwnedError):
        await club.member.store.purchase(theme.id)
    with pytest.raises(errors.ItemNotFoundError):
        await club.member.store.purchase(uuid4())
    assert (await club.member.store.activate(purchase.id)).is_active
    assert (await club.member.settings.get()).active_theme_id == theme.id
    assert not (await club.member.store.activate(purchase.id, active=False)).is_active
    assert [one.id for one in await club.member.store.purchases().all()] == [purchase.id]
    assert (await club.member.store.get_purchase(purchase.id)).item_id == theme.id
    with pytest.raises(errors.PurchaseNotFoundError):
        await club.leader.store.activate(purchase.id)


async def test_platform_admins_keep_the_store(people: AsyncPeople) -> None:
    service, ada = people.service(), await people.sign_up("Ada")
    code = f"test_{uuid4().hex[:12]}"
    item = await service.store.create_item(code=code, name="Badge ribbon", kind=StoreItemKind.PROFILE_FLAIR, price=5)
    with pytest.raises(errors.ConflictError):
        await service.store.create_item(code=code, name="Twin", kind=StoreItemKind.PROFILE_FLAIR, price=5)
    assert (await service.store.update_item(item.id, price=7, stock=1)).stock == 1
    with pytest.raises(errors.PermissionDeniedError):
        await ada.store.update_item(item.id, price=1)
    with pytest.raises(errors.PermissionDeniedError):
        await ada.store.create_item(code=f"{code}_x", name="Mine", kind=StoreItemKind.THEME, price=1)
    await service.store.delete_item(item.id)
    with pytest.raises(errors.ItemNotFoundError):
        await ada.store.get(item.id)


async def test_a_picture_that_is_refused_leaves_no_file_behind(people: AsyncPeople) -> None:
    faults = AsyncFaults()
    ada = await people.sign_up("Ada", faults=faults)
    me = (await ada.profiles.get()).id
    space = await ada.spaces.create(name="Test Book Club")
    # Reading the row, uploading the picture; and then the row cannot be changed.
    faults.then("ok", "ok", 403)
    with pytest.raises(errors.PermissionDeniedError):
        await ada.profiles.set_avatar(PNG)
    faults.then("ok", "ok", 403)
    with pytest.raises(errors.PermissionDeniedError):
        await ada.spaces.set_cover(space.id, PNG)
    storage = people.service().responses._files._storage
    assert await storage.from_("avatars").list(str(me)) == []
    assert await storage.from_("covers").list(str(space.id)) == []
