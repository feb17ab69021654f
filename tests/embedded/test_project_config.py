"""The settings in a project's config.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from supabase_embedded import _project_config
from supabase_embedded.errors import FolderError
from supabase_embedded.project import Project


def test_settings_come_from_the_projects_config(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert _project_config.functions(project) == {}
    assert (_project_config.auth(project), _project_config.unsupported(project)) == ({}, [])
    (tmp_path / "config.toml").write_text(
        '[functions.open]\nverify_jwt = false\nimport_map = "./functions/deno.json"\n[functions.off]\nenabled = false\n'
    )
    assert _project_config.functions(project) == {
        "open": {"verify_jwt": False, "enabled": True, "import_map": str(tmp_path / "functions" / "deno.json")},
        "off": {"verify_jwt": True, "enabled": False},
    }
    (tmp_path / "config.toml").write_text(
        '[auth]\nsite_url = "https://club.test"\njwt_expiry = 60\nenable_signup = false\nminimum_password_length = 10\n'
        "enabled = true\nenable_anonymous_sign_ins = true\nadditional_redirect_urls = []\n"
        "[auth.email]\nsecure_password_change = true\nenable_confirmations = true\ndouble_confirm_changes = false\n"
        'enable_signup = false\notp_expiry = 90\nmax_frequency = "2m"\notp_length = 6\n'
        "[auth.mfa]\nmax_enrolled_factors = 10\n[auth.mfa.totp]\nenroll_enabled = true\n"
        '[auth.external.apple]\nenabled = false\nclient_id = "x"\n'
    )
    assert _project_config.auth(project) == {
        "site_url": "https://club.test",
        "jwt_expiry": 60,
        "enable_signup": False,
        "minimum_password_length": 10,
        "secure_password_change": True,
        "confirm_email": True,
        "double_confirm_changes": False,
        "enable_email_signup": False,
        "otp_expiry": 90,
    }
    unmet = ["enable_anonymous_sign_ins", "email.max_frequency", "mfa.totp.enroll_enabled"]
    assert _project_config.unsupported(project) == unmet
    for wrong, said in (
        ('[auth]\njwt_expiry = "soon"', r"`jwt_expiry` below ..auth.. has to be a whole number"),
        ("[auth]\njwt_expiry = true", r"`jwt_expiry` below ..auth.. has to be a whole number"),
        ("[auth]\njwt_expiry = -5", r"`jwt_expiry` below ..auth.. has to be between 1 and 604,800, not -5"),
        ("[auth]\nminimum_password_length = 2", r"`minimum_password_length` .* between 6 and 72, not 2"),
        ("[auth.email]\notp_expiry = 0", r"`email.otp_expiry` .* between 1 and 86,400, not 0"),
        ('[auth]\nsite_url = "a b"', r"`site_url` .* a URL without spaces"),
        ("auth = 5", r"`.auth.` has to be a table"),
    ):
        (tmp_path / "config.toml").write_text(f"{wrong}\n")
        with pytest.raises(FolderError, match=said):
            _project_config.auth(project)
    for wrong, said in (
        ('[functions.a]\nverify_jwt = "false"', r"`.functions.a.`: `verify_jwt` has to be true or false"),
        ("[functions]\na = 1", r"`.functions.a.` has to be a table"),
    ):
        (tmp_path / "config.toml").write_text(f"{wrong}\n")
        with pytest.raises(FolderError, match=said):
            _project_config.functions(project)
    (tmp_path / "config.toml").write_text("[functions")
    with pytest.raises(FolderError, match="not valid TOML"):
        _project_config.functions(project)


def test_a_value_may_be_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path / "supabase")
    project.supabase_dir.mkdir()
    (project.supabase_dir / "config.toml").write_text(
        '[auth]\nsite_url = "env(SITE)"\njwt_expiry = "env(SECONDS)"\nenable_signup = "env(OPEN)"\n'
    )
    (tmp_path / ".env").write_text("SITE=https://club.test\nSECONDS=5\n")
    (project.supabase_dir / ".env").write_text("SECONDS=60\n")
    with pytest.raises(FolderError, match=r"`enable_signup` .* uses the variable OPEN, which is not set"):
        _project_config.auth(project)
    monkeypatch.setenv("OPEN", "false")
    assert _project_config.auth(project) == {
        "site_url": "https://club.test", "jwt_expiry": 60, "enable_signup": False,
    }  # fmt: skip
    monkeypatch.setenv("SECONDS", "often")
    with pytest.raises(FolderError, match="has to be a whole number"):
        _project_config.auth(project)


def test_unsupported_settings_are_listed(tmp_path: Path) -> None:
    def named(text: str) -> list[str]:
        (tmp_path / "config.toml").write_text(text)
        return _project_config.unsupported(Project(tmp_path))

    assert named("[auth]\nenabled = false\nenable_refresh_token_rotation = false\n") == [
        "enabled", "enable_refresh_token_rotation",
    ]  # fmt: skip
    assert named("[auth]\nrefresh_token_reuse_interval = 0\n") == ["refresh_token_reuse_interval"]
    assert named('[auth]\n"odd[/name]" = 1\n') == ["odd[/name]"]
    assert named('[auth.sessions]\ntimebox = "24h"\n') == ["sessions.timebox"]
    assert named("[auth.rate_limit]\nemail_sent = 2\ntoken_refresh = 150\n") == ["rate_limit"]
    assert named('[auth.email.smtp]\nenabled = true\nhost = "h"\nport = 25\n') == ["email.smtp"]
    assert named('[auth.hook.send_email]\nenabled = false\nuri = "pg-functions://postgres/x/y"\n') == []
    # As `supabase init` writes it.
    assert named(
        "[auth]\nenabled = true\nadditional_redirect_urls = []\nenable_manual_linking = false\n"
        'password_requirements = ""\n'
        '[auth.sms]\nenable_signup = false\nenable_confirmations = false\ntemplate = "{{ .Code }}"\n'
        '[auth.sms.twilio]\nenabled = false\nauth_token = "env(X)"\n'
        "[auth.mfa]\nmax_enrolled_factors = 10\n"
        '[auth.mfa.phone]\nenroll_enabled = false\nverify_enabled = false\notp_length = 6\nmax_frequency = "5s"\n'
        '[auth.external.apple]\nenabled = false\nsecret = "env(X)"\n'
        '[auth.oauth_server]\nenabled = false\nauthorization_url_path = "/consent"\n'
    ) == []  # fmt: skip
