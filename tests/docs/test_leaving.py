"""The programs of the guide to leaving work as they are written."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from monogram_sdk import Monogram, errors
from monogram_sdk.local import Stack
from tests.conftest import ROOT, Api
from tests.docs.programs import run
from tests.sdk._sync.test_auth_messages import newest_code
from tests.sdk.support import PASSWORD, new_email

PAGE = ROOT / "docs" / "guides" / "leaving.md"


def programs() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_its_program_takes_a_copy_and_deletes_the_account(api: Api, tmp_path: Path) -> None:
    copy, delete, _ = programs()
    email = new_email("Boris")
    with Monogram(url=api.url, key=api.publishable_key) as client:
        client.auth.sign_up(email=email, password=PASSWORD, display_name="Boris")
        program = f"email, password = {email!r}, {PASSWORD!r}\n{copy}{delete}"
        assert run(program, api, tmp_path) == (0, "True\n", "")
        try:
            client.auth.sign_in_with_password(email=email, password=PASSWORD)
        except errors.InvalidCredentialsError:
            return
    raise AssertionError("The account still exists.")


def test_after_a_new_password_the_account_is_deleted_with_a_code(stack: Stack) -> None:
    *_, by_mail = programs()
    email, new = new_email("Boris"), "another horse battery 8"
    with Monogram(url=stack.api_url, key=stack.publishable_key) as client:
        client.auth.sign_up(email=email, password=PASSWORD, display_name="Boris")
        client.auth.update_user(password=new)
        with pytest.raises(errors.SignInTooOldError):
            client.auth.delete_account(confirm=email)
        exec(dedent(by_mail), {"client": client, "email": email, "input": lambda _: newest_code(stack, email)})
        with pytest.raises(errors.InvalidCredentialsError):
            client.auth.sign_in_with_password(email=email, password=new)
