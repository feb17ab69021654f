"""Spaces: found, join, lead, leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monogram_sdk import MembershipRole, NewsletterVisibility, RotationType, errors
from tests.sdk.support import PNG

from .conftest import AsyncClub, AsyncPeople


async def test_the_leader_changes_a_space_and_others_do_not(club: AsyncClub) -> None:
    changed = await club.leader.spaces.update(
        club.space.id,
        name="Sunday Readers",
        description="Novels",
        rotation_type=RotationType.MANUAL,
        newsletter_visibility=NewsletterVisibility.MEMBERS,
    )
    assert (changed.name, changed.description, changed.rotation_type) == ("Sunday Readers", "Novels", "MANUAL")
    assert (await club.leader.spaces.update(club.space.id, description=None)).description is None
    with pytest.raises(errors.PermissionDeniedError, match="not allowed to change"):
        await club.member.spaces.update(club.space.id, name="Mine")
    with pytest.raises(errors.SpaceNotFoundError):
        await club.stranger.spaces.update(club.space.id, name="Mine")
    with pytest.raises(errors.InvalidValueError, match="nothing to change"):
        await club.leader.spaces.update(club.space.id)


async def test_lists_hold_what_is_mine_and_what_is_public(club: AsyncClub, people: AsyncPeople) -> None:
    public = await club.stranger.spaces.create(name="Open House", is_public=True)
    assert [space.id for space in await club.member.spaces.list().all()] == [club.space.id]
    seen = [space.id async for space in people.nobody().spaces.list_public()]
    assert public.id in seen and club.space.id not in seen
    assert (await club.member.spaces.join(public.id)).role == MembershipRole.MEMBER
    assert [space.id for space in await club.member.spaces.list().all()] == [club.space.id, public.id]
    with pytest.raises(errors.NotSignedInError):
        await people.nobody().spaces.list().all()


async def test_each_way_of_not_getting_in_has_its_own_error(club: AsyncClub) -> None:
    with pytest.raises(errors.InviteRequiredError):
        await club.stranger.spaces.join(club.space.id)
    with pytest.raises(errors.InviteInvalidError):
        await club.stranger.spaces.join(invite_code="NOSUCHCODE")
    with pytest.raises(errors.InvalidValueError, match="Neither space_id nor invite_code"):
        await club.stranger.spaces.join()
    once = await club.leader.spaces.create_invite(club.space.id, max_uses=1)
    with pytest.raises(errors.AlreadyMemberError):
        await club.member.spaces.join(invite_code=once.code)
    assert (await club.stranger.spaces.join(invite_code=once.code.lower())).space_id == club.space.id


async def test_invites_are_listed_without_codes_and_can_be_withdrawn(club: AsyncClub) -> None:
    until = datetime.now(UTC) + timedelta(days=1)
    made = await club.leader.spaces.create_invite(club.space.id, max_uses=3, expires_at=until)
    assert made.expires_at == until and made.code not in repr(made)
    listed = await club.leader.spaces.invites(club.space.id).first()
    assert listed is not None and listed.id == made.id and not hasattr(listed, "code")
    assert await club.member.spaces.invites(club.space.id).all() == []
    assert (await club.leader.spaces.revoke_invite(made.id)).revoked_at is not None
    with pytest.raises((errors.InviteInvalidError, errors.InviteExpiredError)):
        await club.stranger.spaces.join(invite_code=made.code)
    with pytest.raises(errors.PermissionDeniedError):
        await club.member.spaces.create_invite(club.space.id)
    with pytest.raises(errors.InvalidValueError, match="time zone"):
        await club.leader.spaces.create_invite(club.space.id, expires_at=datetime(2030, 1, 1))


async def test_roles_the_curator_and_the_leader_change(club: AsyncClub) -> None:
    leader_id = club.space.leader_id
    member_id = (await club.member.profiles.get()).id
    promoted = await club.leader.spaces.set_member_role(club.space.id, member_id, MembershipRole.ADMIN)
    assert promoted.role == MembershipRole.ADMIN
    await club.leader.spaces.set_member_role(club.space.id, member_id, MembershipRole.MEMBER)
    rotation = await club.leader.spaces.assign_curator(club.space.id, member_id)
    assert (rotation.curator_id, rotation.week_number) == (member_id, 1)
    assert [entry.week_number for entry in await club.member.spaces.rotations(club.space.id).all()] == [1]
    assert (await club.member.spaces.membership(club.space.id)).role == MembershipRole.CURATOR
    with pytest.raises(errors.PenHolderRoleError):
        await club.leader.spaces.set_member_role(club.space.id, member_id, MembershipRole.MEMBER)
    with pytest.raises(errors.LeaderRoleFixedError):
        await club.leader.spaces.set_member_role(club.space.id, leader_id, MembershipRole.MEMBER)
    assert len(await club.member.spaces.preview_rotation(club.space.id, weeks=2)) == 2
    with pytest.raises(errors.NotAMemberError):
        await club.leader.spaces.transfer_leadership(club.space.id, uuid4())
    assert (await club.leader.spaces.transfer_leadership(club.space.id, member_id)).leader_id == member_id
    with pytest.raises(errors.PermissionDeniedError):
        await club.leader.spaces.transfer_leadership(club.space.id, leader_id)


async def test_members_leave_and_are_removed(club: AsyncClub) -> None:
    with pytest.raises(errors.LeaderMustStayError):
        await club.leader.spaces.leave(club.space.id)
    with pytest.raises(errors.NotAMemberError):
        await club.leader.spaces.remove_member(club.space.id, uuid4())
    await club.member.spaces.leave(club.space.id)
    with pytest.raises(errors.SpaceNotFoundError):
        await club.member.spaces.leave(club.space.id)
    with pytest.raises(errors.SpaceNotFoundError):
        await club.member.spaces.members(club.space.id).all()
    member_id = (await club.member.profiles.get()).id
    with pytest.raises(errors.NotAMemberError):
        await club.leader.spaces.membership(club.space.id, user_id=member_id)
    # Who was faster to leave is kept out all the same.
    await club.leader.spaces.update(club.space.id, is_public=True)
    await club.leader.spaces.remove_member(club.space.id, member_id)
    await club.leader.spaces.remove_member(club.space.id, member_id)
    with pytest.raises(errors.RemovedFromSpaceError):
        await club.member.spaces.join(club.space.id)


async def test_a_space_has_a_picture_and_can_be_deleted(club: AsyncClub) -> None:
    first = await club.leader.spaces.set_cover(club.space.id, PNG)
    assert first.cover_path is not None
    assert club.leader.spaces.cover_url(first.cover_path).endswith(f"/object/public/covers/{first.cover_path}")
    with pytest.raises(errors.PermissionDeniedError, match="You do not lead this space") as refused:
        await club.member.spaces.set_cover(club.space.id, PNG)
    assert "leader" in str(refused.value.hint) and "limit" not in str(refused.value)
    assert (await club.leader.spaces.remove_cover(club.space.id)).cover_path is None
    with pytest.raises(errors.PermissionDeniedError):
        await club.member.spaces.delete(club.space.id)
    await club.leader.spaces.delete(club.space.id)
    with pytest.raises(errors.SpaceNotFoundError):
        await club.leader.spaces.delete(club.space.id)
    with pytest.raises(errors.SpaceNotFoundError):
        await club.leader.spaces.get(club.space.id)


async def test_events_are_numbered_without_a_gap(club: AsyncClub) -> None:
    events = await club.member.spaces.events(club.space.id, page_size=2).all()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    later = await club.member.spaces.events(club.space.id, after=2).all()
    assert later == events[2:]
    assert await club.stranger.spaces.events(club.space.id).all() == []


async def test_ids_are_checked_before_anything_is_sent(club: AsyncClub) -> None:
    with pytest.raises(errors.InvalidValueError, match="space_id must be a UUID"):
        await club.leader.spaces.get("not-an-id")
    assert (await club.leader.spaces.get(str(club.space.id))).id == club.space.id


async def test_a_language_is_written_in_its_usual_case(people: AsyncPeople) -> None:
    ada = await people.sign_up("Ada")
    space = await ada.spaces.create(name="Test Book Club", language="pt-br")
    assert space.language == "pt-BR"
    assert (await ada.spaces.update(space.id, language="DE")).language == "de"
    assert (await ada.settings.update(language="zh-hant")).language == "zh-Hant"
    for other in ("de-CH-1996", "ca-valencia"):
        with pytest.raises(errors.InvalidValueError, match="BCP 47"):
            await ada.settings.update(language=other)
