"""The keys of one stack: random, generated once for each folder, and readable by its owner only."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from supabase_embedded._files import write_private
from supabase_embedded.errors import FolderError

_TEN_YEARS = 10 * 365 * 24 * 3600


@dataclass(frozen=True, repr=False)
class Keys:
    """The secrets of one stack. Its `repr` shows none of them."""

    publishable_key: str
    secret_key: str
    jwt_secret: str
    anon_key: str
    """The older form of the publishable key: a token signed with the JWT secret."""
    service_role_key: str
    """The older form of the secret key."""
    service_password: str
    """The password of the database roles that the services log in as."""

    @classmethod
    def generate(cls) -> Keys:
        """Generate new random keys."""
        jwt_secret = secrets.token_urlsafe(40)
        return cls(
            publishable_key=f"sb_publishable_{secrets.token_urlsafe(24)}",
            secret_key=f"sb_secret_{secrets.token_urlsafe(24)}",
            jwt_secret=jwt_secret,
            anon_key=_role_token("anon", jwt_secret),
            service_role_key=_role_token("service_role", jwt_secret),
            service_password=secrets.token_urlsafe(24),
        )

    @classmethod
    def of(cls, path: Path, *, may_generate: bool) -> Keys:
        """Read the keys from a file, or generate them and write the file.

        Args:
            path: The file.
            may_generate: Whether the file may be missing. It must exist if a database was created with its passwords.

        Raises:
            FolderError: The file is damaged, or it is missing and must not be.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{field.name: str(content[field.name]) for field in fields(cls)})
        except FileNotFoundError:
            if not may_generate:
                raise FolderError(
                    f"{path} is missing, and the database beside it cannot be opened without its passwords. "
                    "Restore the file, or delete the folder to start over."
                ) from None
        except PermissionError as error:
            raise FolderError(f"{path} belongs to another account. Use that account, or another folder.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{path} is damaged. Restore a good copy, or delete the folder to start over.") from error
        keys = cls.generate()
        write_private(path, json.dumps(asdict(keys), indent=2) + "\n")
        return keys


def _role_token(role: str, secret: str) -> str:
    import jwt  # Imported here because it is slow and needed only once for each folder.

    now = int(time.time())
    claims = {"iss": "supabase", "ref": "local", "role": role, "iat": now, "exp": now + _TEN_YEARS}
    return jwt.encode(claims, secret, algorithm="HS256")
