"""For each code of ours, a call that is refused with it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from tests.sql.test_replies import LONG_AGO
from tests.support.stories import balance, grant_tokens
from tests.support.world import World

WRONG_CALLS: dict[str, Callable[[World], object]] = {}


def wrong_call(code: str) -> Callable[[Callable[[World], object]], Callable[[World], object]]:
    """Register a story that ends in this refusal."""

    def register(call: Callable[[World], object]) -> Callable[[World], object]:
        assert code not in WRONG_CALLS
        WRONG_CALLS[code] = call
        return call

    return register


@wrong_call("MG001")
def invalid_value(world: World) -> object:
    return world.cast["leader"].rows("leaderboard", limit_count=0)


@wrong_call("MG101")
def space_not_found(world: World) -> object:
    return world.cast["outsider"].rows("member_profiles", space_id=world.club.id)


@wrong_call("MG102")
def not_a_member(world: World) -> object:
    return world.cast["leader"].call("assign_curator", space_id=world.club.id, user_id=world.ids["olga"])


@wrong_call("MG103")
def invite_invalid(world: World) -> object:
    return world.cast["outsider"].call("join_space", invite_code="NEVER-MADE")


@wrong_call("MG104")
def invite_expired(world: World) -> object:
    world.actors.run(
        "update public.space_invites set expires_at = now() - interval '1 second' where id = %s", world.ids["invite"]
    )
    return world.cast["outsider"].call("join_space", invite_code=world.ids["invite_code"])


@wrong_call("MG105")
def invite_used_up(world: World) -> object:
    code = world.cast["leader"].call("create_invite", space_id=world.club.id, max_uses=1)["code"]
    world.cast["ex_member"].call("join_space", invite_code=code)
    return world.cast["outsider"].call("join_space", invite_code=code)


@wrong_call("MG106")
def already_member(world: World) -> object:
    return world.cast["member"].call("join_space", invite_code=world.ids["invite_code"])


@wrong_call("MG107")
def leader_must_stay(world: World) -> object:
    return world.cast["leader"].run("select public.leave_space(%s)", world.club.id)


@wrong_call("MG108")
def leader_role_fixed(world: World) -> object:
    leader = world.cast["leader"]
    return leader.call("set_member_role", space_id=world.club.id, user_id=leader.id, role="MEMBER")


@wrong_call("MG109")
def invite_required(world: World) -> object:
    return world.cast["outsider"].insert("memberships", space_id=world.club.id)


@wrong_call("MG110")
def pen_holder_role(world: World) -> object:
    return world.cast["leader"].call(
        "set_member_role", space_id=world.club.id, user_id=world.ids["boris"], role="MEMBER"
    )


@wrong_call("MG111")
def removed_from_space(world: World) -> object:
    world.cast["leader"].run("select public.remove_member(%s, %s)", world.club.id, world.ids["eleni"])
    return world.cast["member"].call("join_space", invite_code=world.ids["invite_code"])


@wrong_call("MG112")
def invite_withdrawn(world: World) -> object:
    world.cast["leader"].update("space_invites", world.ids["invite"], revoked_at="now")
    return world.cast["leader"].update("space_invites", world.ids["invite"], revoked_at=None)


@wrong_call("MG201")
def prompt_not_found(world: World) -> object:
    return world.cast["curator"].rows("reorder_prompts", space_id=world.club.id, prompt_ids=[uuid4()])


@wrong_call("MG202")
def week_closed(world: World) -> object:
    return world.cast["curator"].insert("prompts", space_id=world.club.id, week_number=1, question="Late?")


@wrong_call("MG203")
def week_full(world: World) -> object:
    for number in range(8):
        world.cast["curator"].insert("prompts", space_id=world.club.id, question=f"Question {number}?")
    return None


@wrong_call("MG204")
def order_taken(world: World) -> object:
    return world.cast["curator"].insert("prompts", space_id=world.club.id, question="First?", order=1)


@wrong_call("MG205")
def prompt_answered(world: World) -> object:
    return world.cast["curator"].update("prompts", world.ids["prompt"], question="Another?")


@wrong_call("MG206")
def no_prompts(world: World) -> object:
    return world.cast["outsider"].rows("publish_prompts", space_id=world.ids["park"])


@wrong_call("MG207")
def prompt_published(world: World) -> object:
    return world.cast["curator"].update("prompts", world.ids["prompt"], is_published=False)


@wrong_call("MG208")
def newsletter_exists(world: World) -> object:
    return world.cast["leader"].insert("newsletters", space_id=world.club.id)


@wrong_call("MG301")
def prompt_not_open(world: World) -> object:
    return world.cast["member"].insert("responses", prompt_id=world.ids["unpublished_prompt"], content="Early")


@wrong_call("MG302")
def response_empty(world: World) -> object:
    return world.cast["member"].insert("responses", prompt_id=world.ids["prompt"], content=" \n", is_published=True)


@wrong_call("MG303")
def response_published(world: World) -> object:
    return world.cast["author"].update("responses", world.ids["response"], is_published=False)


@wrong_call("MG304")
def response_exists(world: World) -> object:
    return world.cast["author"].insert("responses", prompt_id=world.ids["prompt"], content="Again")


@wrong_call("MG305")
def response_not_selectable(world: World) -> object:
    return world.cast["leader"].rows(
        "select_responses", space_id=world.club.id, week_number=2, response_ids=[world.ids["draft"]]
    )


@wrong_call("MG306")
def image_path_foreign(world: World) -> object:
    path = f"{world.club.id}/{world.ids['chloe']}/cat.png"
    return world.cast["member"].insert("responses", prompt_id=world.ids["prompt"], image_path=path)


@wrong_call("MG307")
def response_not_found(world: World) -> object:
    return world.cast["leader"].rows(
        "select_responses", space_id=world.club.id, week_number=2, response_ids=[world.ids["response"], uuid4()]
    )


@wrong_call("MG308")
def edit_conflict(world: World) -> object:
    leader = world.cast["leader"]
    return leader.update("spaces", world.club.id, name="Of another device", version=2**31 - 1)


@wrong_call("MG312")
def caption_without_image(world: World) -> object:
    return world.cast["member"].insert(
        "responses", prompt_id=world.ids["prompt"], content="Words", image_caption="A cat"
    )


@wrong_call("MG310")
def confirmation_required(world: World) -> object:
    return world.cast["member"].call("delete_account", confirm="somebody.else@example.test")


@wrong_call("MG311")
def sign_in_too_old(world: World) -> object:
    member = world.cast["member"]
    email = world.actors.one("select email from auth.users where id = %s", member.id)
    return member.call("delete_account", confirm=email)


@wrong_call("MG002")
def limit_reached(world: World) -> object:
    world.actors.run("update private.limits set amount = 0 where code = 'spaces'")
    return world.cast["leader"].insert("spaces", name="One too many")


@wrong_call("MG003")
def reply_too_slow(world: World) -> object:
    return world.cast["leader"].run(f"{LONG_AGO} update public.spaces set name = 'New' where id = '{world.club.id}'")


@wrong_call("MG309")
def newsletter_draft(world: World) -> object:
    return world.cast["leader"].call(
        "set_newsletter_visibility", newsletter_id=world.ids["newsletter_draft"], visibility="PUBLIC"
    )


@wrong_call("MG401")
def newsletter_not_found(world: World) -> object:
    return world.cast["member"].call("publish_newsletter", newsletter_id=world.ids["newsletter_draft"])


@wrong_call("MG402")
def newsletter_published(world: World) -> object:
    return world.cast["leader"].update("newsletters", world.ids["newsletter"], title="Rewritten")


@wrong_call("MG403")
def nothing_selected(world: World) -> object:
    leader = world.cast["leader"]
    leader.rows("select_responses", space_id=world.club.id, week_number=2, response_ids=None)
    return leader.call("generate_newsletter", space_id=world.club.id)


@wrong_call("MG404")
def newsletter_stale(world: World) -> object:
    world.cast["author"].update("responses", world.ids["response"], content="That one.")
    return world.cast["leader"].call("publish_newsletter", newsletter_id=world.ids["newsletter_draft"])


@wrong_call("MG501")
def insufficient_tokens(world: World) -> object:
    return world.cast["author"].call("transfer_tokens", recipient_id=world.ids["olga"], amount=10**9)


@wrong_call("MG502")
def idempotency_conflict(world: World) -> object:
    author, olga = world.cast["author"], world.ids["olga"]
    author.call("transfer_tokens", recipient_id=olga, amount=1, idempotency_key="thanks")
    return author.call("transfer_tokens", recipient_id=olga, amount=2, idempotency_key="thanks")


@wrong_call("MG503")
def gift_to_self(world: World) -> object:
    author = world.cast["author"]
    return author.call("transfer_tokens", recipient_id=author.id, amount=1)


@wrong_call("MG504")
def recipient_not_found(world: World) -> object:
    return world.cast["author"].call("transfer_tokens", recipient_id=uuid4(), amount=1)


@wrong_call("MG505")
def ledger_append_only(world: World) -> object:
    return world.actors.run("delete from public.transactions where id = %s", world.ids["transaction"])


@wrong_call("MG506")
def already_posted(world: World) -> object:
    """The gift's own row is missing: by hand only."""
    world.actors.run("delete from public.token_gifts where id = %s", world.ids["gift"])
    world.actors.run("delete from private.used_ids where id = %s", world.ids["gift"])
    return world.cast["author"].insert("token_gifts", id=world.ids["gift"], recipient_id=world.ids["eleni"], amount=1)


@wrong_call("MG507")
def balance_too_large(world: World) -> object:
    grant_tokens(world.actors, world.cast["member"], 2**53 - 1 - balance(world.actors, world.cast["member"]))
    return world.cast["author"].call("transfer_tokens", recipient_id=world.ids["eleni"], amount=1)


@wrong_call("MG508")
def proof_not_found(world: World) -> object:
    return world.cast["outsider"].call("ledger_proof", newsletter_id=world.ids["newsletter"])


@wrong_call("MG601")
def item_not_found(world: World) -> object:
    return world.cast["member"].call("purchase_item", item_id=world.ids["withdrawn_item"])


@wrong_call("MG602")
def out_of_stock(world: World) -> object:
    world.cast["admin"].update("store_items", world.ids["item"], stock=0)
    return world.cast["member"].call("purchase_item", item_id=world.ids["item"])


@wrong_call("MG603")
def already_owned(world: World) -> object:
    world.cast["member"].call("purchase_item", item_id=world.ids["item"])
    return world.cast["member"].call("purchase_item", item_id=world.ids["item"])


@wrong_call("MG604")
def purchase_not_found(world: World) -> object:
    return world.cast["member"].call("activate_purchase", purchase_id=world.ids["purchase"])


@wrong_call("MG605")
def theme_not_owned(world: World) -> object:
    return world.cast["member"].run(
        "update public.settings set active_theme_id = %s where user_id = auth.uid()", world.ids["theme"]
    )


@wrong_call("MG701")
def badge_not_earned(world: World) -> object:
    return world.cast["author"].call("set_badge_display", badge_id=world.ids["other_badge"], is_displayed=False)


@wrong_call("MG801")
def username_taken(world: World) -> object:
    world.cast["author"].update("users", world.ids["chloe"], username="chloe")
    return world.cast["member"].update("users", world.ids["eleni"], username="CHLOE")


@wrong_call("MG901")
def id_taken(world: World) -> object:
    return world.cast["outsider"].insert("spaces", id=world.ids["response"], name="Mine")


@wrong_call("MG902")
def account_gone(world: World) -> object:
    return world.actors.known(uuid4()).insert("spaces", name="Mine")
