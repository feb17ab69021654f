"""The people of `monogram_sdk.testing`."""

from __future__ import annotations

import pytest

from monogram_sdk import errors
from monogram_sdk._addresses import address_of
from monogram_sdk.local import Stack
from monogram_sdk.testing import Testbed


def test_a_person_may_have_any_name(stack: Stack) -> None:
    names = ["Zoë Person", "Zoe Person", "Seán O'Hara", "ليلى", "王芳", "J. R. R. Tolkien", "🌻 Ada", "x" * 80]
    with Testbed(url=stack.api_url, publishable_key=stack.publishable_key, secret_key=stack.secret_key) as testbed:
        people = [testbed.person(name) for name in names]
        for name, person in zip(names, people, strict=True):
            assert person.name == name == person.client.profiles.get().display_name
            assert person.email.isascii() and testbed.service().admin.get_user(person.id).email == person.email
        assert len({person.email for person in people}) == len(names)
        with pytest.raises(errors.UserExistsError):
            testbed.person("ليلى")


def test_an_address_is_readable_where_the_name_is() -> None:
    assert address_of("Ada") == "ada@example.test"
    assert address_of("Ada  Lovelace") == "ada-lovelace@example.test"
    assert address_of("Zoë").startswith("zoe-") and address_of("ليلى").startswith("person-")
