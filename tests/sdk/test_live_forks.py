"""Feeds, rooms and sessions after a fork."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from monogram_sdk import AsyncMonogram, LiveStatus, MemorySessionStorage, Monogram, errors
from tests.conftest import Api
from tests.sdk.forks import SLOW_IMPORTS, run_in_forks
from tests.sdk.support import PASSWORD, new_email
from tests.support.long import long

LIVE_CHILDREN = """
import os, signal
from monogram_sdk import Monogram, errors
url, key, token, refresh, space = sys.argv[1:]
with Monogram(url=url, key=key) as client:
    client.auth.set_session(access_token=token, refresh_token=refresh)
    for number in range(10):
        feed, responses = client.live.events(space, after=0), client.live.responses(space, after=0)
        feed.__enter__()
        assert next(feed).seq == 1, "and there are more at hand"
        responses.__enter__()
        if (child := os.fork()) == 0:
            signal.alarm(10)
            try:
                for old in (feed, responses):
                    try:
                        next(old)
                    except errors.ConfigError as exc:
                        assert "before the process was forked" in str(exc)
                    else:
                        raise AssertionError("the parent's feed goes on")
                    old.close()
                with client.live.events(space, after=0) as mine:
                    assert [next(mine).seq, next(mine).seq] == [1, 2]
            except BaseException:
                __import__("traceback").print_exc()
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, number
        assert next(feed).seq == 2
        feed.close()
        responses.close()
"""


@pytest.mark.long
@pytest.mark.parametrize("host", ["127.0.0.1", *long("localhost")])
def test_a_child_that_is_forked_off_right_after_a_feed_began(api: Api, host: str) -> None:
    with Monogram(url=api.url, key=api.publishable_key) as client:
        client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        space, session = client.spaces.create(name="Forked"), client.auth.session()
        assert session is not None
        client.prompts.create(space.id, question="What did you read?")
        client.prompts.publish(space.id)
    arguments = [api.url.replace("127.0.0.1", host), api.publishable_key, session.access_token]
    more = [session.refresh_token, str(space.id)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SLOW_IMPORTS + LIVE_CHILDREN, *arguments, *more],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_room_is_the_parents(api: Api) -> None:
    with Monogram(url=api.url, key=api.publishable_key) as client:
        client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        space = client.spaces.create(name="Forked")
        with client.live.presence(space.id) as room:
            uses: list[Callable[[], object]] = [lambda: room.here, lambda: next(room), lambda: room.set_writing(True)]

            def child() -> None:
                for use in uses:
                    with pytest.raises(errors.ConfigError, match="before the process was forked"):
                        use()
                room.close()

            assert run_in_forks(child)() == []
            assert len(room.here) == 1


def test_a_session_and_what_is_live_go_on_in_children_and_in_other_loops(api: Api) -> None:
    storage = MemorySessionStorage()
    options = {"url": api.url, "key": api.publishable_key}
    with Monogram(**options, session_storage=storage) as client:
        client.auth.sign_up(email=new_email("ada"), password=PASSWORD)
        space = client.spaces.create(name="Forked")
        with client.live.events(space.id, after=0) as feed:
            seen = [next(feed).seq]
            while feed.status is not LiveStatus.LIVE:
                client.live._socket.flush()
                time.sleep(0.05)

            def child() -> None:
                with pytest.raises(errors.ConfigError, match="before the process was forked"):
                    while True:
                        next(feed)
                statuses: list[LiveStatus] = []
                with client.live.events(space.id, after=0, on_status=lambda one, _: statuses.append(one)) as mine:
                    first = next(mine)
                    client.spaces.update(space.id, name="In the child")
                    assert first.seq == 1
                    end = time.monotonic() + 20
                    while mine.status is not LiveStatus.LIVE and time.monotonic() < end:
                        mine._reader._advance()
                    assert mine.status is LiveStatus.LIVE
                client.close()

            assert run_in_forks(child, child)() == []
            assert seen == [1] and feed.status is LiveStatus.LIVE

    async def follow(client: AsyncMonogram) -> None:
        feed = client.live.events(space.id, after=0)
        async with feed:
            assert (await anext(feed)).seq == 1
            end = time.monotonic() + 20
            while feed.status is not LiveStatus.LIVE and time.monotonic() < end:
                await feed._reader._advance()
            assert feed.status is LiveStatus.LIVE

    other = AsyncMonogram(**options, session_storage=storage)
    asyncio.run(follow(other))
    asyncio.run(follow(other))
