"""Who a visitor is."""

from __future__ import annotations

import base64
import json
import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.web.protocol import Problem
from adapters.web.tokens import ANONYMOUS_SECONDS, AUDIENCE, KEY_FILE, Tokens, kept_key, tokens, visitor_of
from bot.config import load
from bot.errors import ConfigError

SECRET = b"s" * 32
SITE = b"i" * 32
OTHER = b"o" * 32


def refused(tokens_: Tokens, **given_: str) -> str:
    with pytest.raises(Problem) as problem:
        tokens_.session(**given_)
    assert problem.value.status == 401
    return problem.value.code


def site_token(secret: bytes = SITE, algorithm: str = "HS256", **claims: Any) -> str:
    content = {"sub": "alice", "exp": time.time() + 300} | claims
    return jwt.encode({k: v for k, v in content.items() if v is not None}, secret, algorithm=algorithm)


def test_an_anonymous_visitor_stays_the_same() -> None:
    """A token names its visitor, and renewing it keeps her."""
    ours = Tokens(secret=SECRET)
    first = ours.session()
    assert ours.read(first.token).visitor == first.visitor
    assert ours.session(token=first.token).visitor == first.visitor
    assert ours.session().visitor != first.visitor
    assert first.expires_at == pytest.approx(time.time() + ANONYMOUS_SECONDS, abs=60)


def test_a_token_that_is_no_good_begins_anew() -> None:
    """Without a good token a visitor is a new one, and gets no error."""
    ours, others = Tokens(secret=SECRET), Tokens(secret=OTHER)
    theirs = others.session()
    assert ours.session(token=theirs.token).visitor != theirs.visitor
    assert ours.session(token="rubbish").visitor


def forged() -> dict[str, str]:
    now = int(time.time())
    good = {"sub": "victim", "aud": AUDIENCE, "iat": now, "exp": now + 60}

    def signed(claims: dict[str, Any], secret: bytes = SECRET, algorithm: str = "HS256") -> str:
        return jwt.encode(claims, secret, algorithm=algorithm)

    def raw(header: object, claims: object = good, signature: str = "AAAA") -> str:
        parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
        return ".".join([*parts, signature])

    head, body, signature = signed(good).split(".")
    return {
        "another secret": signed(good, OTHER),
        "no algorithm": raw({"alg": "none", "typ": "JWT"}, signature=""),
        "another algorithm": signed(good, SECRET * 2, "HS512"),
        "expired": signed(good | {"exp": now - 3600}),
        "no expiry": signed({k: v for k, v in good.items() if k != "exp"}),
        "no subject": signed({k: v for k, v in good.items() if k != "sub"}),
        "no audience": signed({k: v for k, v in good.items() if k != "aud"}),
        "another audience": signed(good | {"aud": "elsewhere"}),
        "infinite expiry": signed(good | {"exp": float("inf")}),
        "not yet": signed(good | {"nbf": now + 3600}),
        "changed claims": raw({"alg": "HS256"}, signature=signature),
        "cut short": f"{head}.{body}",
        "empty signature": f"{head}.{body}.",
        "deep header": ".".join([base64.urlsafe_b64encode(b"[" * 4_000).decode(), body, signature]),
        "not base64": "!!.??.**",
        "not ASCII": "é.é.é",
        "empty": "..",
        "key in the header": raw({"alg": "HS256", "jwk": {"kty": "oct", "k": "c3Nz"}}),
    }


@pytest.mark.parametrize("kind", forged())
def test_a_forged_token_is_refused(kind: str) -> None:
    """Nothing but our own signature over whole, current claims lets anybody in."""
    with pytest.raises(Problem) as problem:
        Tokens(secret=SECRET, identity=SITE).read(forged()[kind])
    assert (problem.value.status, problem.value.code) == (401, "bad_token")


@settings(deadline=None)
@given(some.text(max_size=60))
def test_any_text_as_a_token_is_refused(token: str) -> None:
    """Reading never raises anything but the refusal."""
    with pytest.raises(Problem):
        Tokens(secret=SECRET).read(token)


def test_a_signed_in_visitor_is_the_sites_user() -> None:
    """The same user is the same visitor on every device, and no anonymous one can be her."""
    ours = Tokens(secret=SECRET, identity=SITE)
    session = ours.session(identity=site_token())
    assert session.visitor == "user:alice"
    assert ours.session(identity=site_token(jti="second device")).visitor == session.visitor
    assert not session.anonymous
    assert ":" not in ours.session().visitor


def test_renewing_does_not_stretch_the_sites_word() -> None:
    """A signed-in session ends when it was said to, however often it is renewed."""
    ours = Tokens(secret=SECRET, identity=SITE)
    first = ours.session(identity=site_token())
    assert ours.session(token=first.token) == first


def test_a_page_may_keep_the_jwt_that_it_was_given() -> None:
    """Out of date, it still says who is meant: the session that it once began goes on, and none begins."""
    ours = Tokens(secret=SECRET, identity=SITE)
    first = ours.session(identity=site_token())
    old = site_token(exp=int(time.time()) - 3_600)
    assert ours.session(identity=old, token=first.token) == first
    assert refused(ours, identity=old) == "bad_identity"
    assert refused(ours, identity=old, token=ours.session().token) == "bad_identity"
    bob = ours.session(identity=site_token(sub="bob"))
    assert refused(ours, identity=old, token=bob.token) == "bad_identity"
    forged = site_token(OTHER, exp=int(time.time()) - 3_600)
    assert refused(ours, identity=forged, token=first.token) == "bad_identity"


@pytest.mark.parametrize(
    "identity",
    [
        site_token(OTHER),
        site_token(exp=None),
        site_token(sub=None),
        site_token(exp=int(time.time()) - 60),
        site_token(sub=""),
        site_token(SITE * 2, "HS512"),
        site_token(sub="\ud800"),
        Tokens(secret=SECRET).session().token,
        "rubbish",
    ],
)
def test_a_bad_identity_is_refused_and_not_made_anonymous(identity: str) -> None:
    """Somebody who says that she is signed in is believed or refused, never let in as somebody else."""
    assert refused(Tokens(secret=SECRET, identity=SITE), identity=identity) == "bad_identity"


def test_an_identity_needs_its_secret() -> None:
    """Without the site's secret nobody is signed in, whatever stands in the token."""
    assert refused(Tokens(secret=SECRET), identity=site_token()) == "identity_unknown"


def test_anonymous_visitors_can_be_kept_out() -> None:
    """With `anonymous = false` a new visitor, and one with an old anonymous token, has to sign in."""
    old = Tokens(secret=SECRET).session().token
    ours = Tokens(secret=SECRET, identity=SITE, anonymous=False)
    assert refused(ours) == "identity_required"
    assert refused(ours, token=old) == "identity_required"
    with pytest.raises(Problem):
        ours.read(old)
    assert ours.session(identity=site_token()).visitor == "user:alice"


@settings(deadline=None)
@given(some.text(min_size=1, max_size=40), some.text(min_size=1, max_size=40))
def test_two_users_are_two_visitors(one: str, other: str) -> None:
    """A user's name maps to exactly one visitor, of harmless characters, without colons of its own."""
    first, second = visitor_of(one), visitor_of(other)
    assert (first == second) == (one == other)
    assert first.count(":") == 1
    assert first.isascii()
    assert first.isprintable()


# -- secrets -------------------------------------------------------------------------------------------
def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    """Tokens outlive a restart; the key is its owner's alone, and no draft of it stays."""
    folder = tmp_path / "new"
    key = kept_key(folder)
    assert kept_key(folder) == key
    assert len(key) >= 32
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == [KEY_FILE]
    assert kept_key(tmp_path / "other") != key


def test_a_damaged_key_is_not_used(tmp_path: Path) -> None:
    """A key that was cut short is named, with what to do."""
    (tmp_path / KEY_FILE).write_text("short")
    with pytest.raises(ConfigError, match="Remove it"):
        kept_key(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Where no key can be kept, the error names the variable that helps."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigError, match="FRONTDESK_WEB__TOKEN_SECRET"):
        kept_key(blocked / "data")


def test_a_site_for_users_alone_needs_their_secret(tmp_path: Path) -> None:
    """`anonymous = false` without an identity secret stops the start."""
    config = load(environ={"FRONTDESK_WEB__ANONYMOUS": "false"}, overrides={"data": str(tmp_path)})
    with pytest.raises(ConfigError, match="FRONTDESK_WEB__IDENTITY_SECRET"):
        tokens(config)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"FRONTDESK_WEB__TOKEN_SECRET": "short"}, "too short"),
        ({"FRONTDESK_WEB__IDENTITY_SECRET": "short"}, "too short"),
        ({"FRONTDESK_WEB__TOKEN_SECRET": "x" * 32, "FRONTDESK_WEB__IDENTITY_SECRET": "x" * 32}, "the same"),
    ],
)
def test_a_secret_that_protects_nothing_stops_the_start(
    tmp_path: Path, environment: dict[str, str], named: str
) -> None:
    """Short secrets can be guessed, equal ones confuse the two kinds of token; the error does not repeat them."""
    with pytest.raises(ConfigError, match=named) as error:
        tokens(load(environ=environment, overrides={"data": str(tmp_path)}))
    assert "x" * 32 not in str(error.value)
