"""Access tokens, refresh and logout over HTTP."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.config import Settings
from app.models.refresh_token import RefreshToken
from app.models.user import User
from tests.support import API, Actor, MovableClock, assert_problem, log_in


def refresh(client: TestClient, token: str) -> Any:
    return client.post(f"{API}/auth/refresh", json={"refresh_token": token})


# Access tokens


def test_access_token_has_every_claim(user: Actor) -> None:
    encoded = user.headers["Authorization"].removeprefix("Bearer ")

    claims = jwt.decode(encoded, options={"verify_signature": False})

    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "type"}
    assert claims["exp"] - claims["iat"] <= 15 * 60


def test_access_token_ends(
    client: TestClient, settings: Settings, time: MovableClock, user: Actor
) -> None:
    time.advance(minutes=settings.access_token_minutes, seconds=-1)
    assert client.get(f"{API}/me", headers=user.headers).status_code == 200

    time.advance(seconds=1)

    assert_problem(client.get(f"{API}/me", headers=user.headers), 401)


def forged(settings: Settings, user: Actor, kind: str) -> str:
    encoded = user.headers["Authorization"].removeprefix("Bearer ")
    key = settings.secret_key.get_secret_value()
    claims = jwt.decode(encoded, options={"verify_signature": False})
    header, body, signature = encoded.split(".")
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    return {
        "nothing": "",
        "garbage": "garbage",
        "no algorithm": f"{unsigned}.{body}.",
        "other algorithm": jwt.encode(claims, key * 2, algorithm="HS512"),
        "other key": jwt.encode(claims, key[::-1], algorithm="HS256"),
        "cut signature": f"{header}.{body}.{signature[:-4]}",
        "other issuer": jwt.encode(claims | {"iss": "else"}, key, algorithm="HS256"),
        "other audience": jwt.encode(claims | {"aud": "else"}, key, algorithm="HS256"),
        "other type": jwt.encode(claims | {"type": "refresh"}, key, algorithm="HS256"),
        "other subject": jwt.encode(claims | {"sub": claims["sid"]}, key, algorithm="HS256"),
        "subject of no form": jwt.encode(claims | {"sub": "1"}, key, algorithm="HS256"),
        "no expiry": jwt.encode(
            {name: value for name, value in claims.items() if name != "exp"},
            key,
            algorithm="HS256",
        ),
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "nothing",
        "garbage",
        "no algorithm",
        "other algorithm",
        "other key",
        "cut signature",
        "other issuer",
        "other audience",
        "other type",
        "other subject",
        "subject of no form",
        "no expiry",
    ],
)
def test_forged_token_is_refused(
    client: TestClient, settings: Settings, user: Actor, kind: str
) -> None:
    headers = {"Authorization": f"Bearer {forged(settings, user, kind)}"}

    answer = client.get(f"{API}/me", headers=headers)

    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", [None, "Basic dXNlcjpwYXNz", "Bearer", "token"])
def test_missing_token_is_401(client: TestClient, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}

    answer = client.get(f"{API}/me", headers=headers)

    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_token_of_another_installation_is_refused(
    start: Callable[..., TestClient], user: Actor
) -> None:
    client = start(secret_key="another-key-0123456789-abcdefghij")

    assert_problem(client.get(f"{API}/me", headers=user.headers), 401)


# Refresh


def test_refresh_rotates_both_tokens(client: TestClient, user: Actor) -> None:
    body = refresh(client, user.refresh_token).json()

    assert body["refresh_token"] != user.refresh_token
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert client.get(f"{API}/me", headers=headers).status_code == 200
    assert refresh(client, body["refresh_token"]).status_code == 200


def test_reuse_ends_the_whole_family(client: TestClient, user: Actor) -> None:
    newest = refresh(client, user.refresh_token).json()

    assert_problem(refresh(client, user.refresh_token), 401)

    assert_problem(refresh(client, newest["refresh_token"]), 401)
    headers = {"Authorization": f"Bearer {newest['access_token']}"}
    assert_problem(client.get(f"{API}/me", headers=headers), 401)


def test_reuse_leaves_other_sessions_alone(
    client: TestClient, session: Session, user: Actor
) -> None:
    second = log_in(client, session.get_one(User, user.id))
    refresh(client, user.refresh_token)
    refresh(client, user.refresh_token)

    assert client.get(f"{API}/me", headers=second.headers).status_code == 200


def test_of_refreshes_sent_at_once_one_wins(client: TestClient, user: Actor) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: refresh(client, user.refresh_token), range(4))
        statuses = [answer.status_code for answer in answers]

    assert statuses.count(200) <= 1


def test_refresh_token_is_stored_only_as_fingerprint(session: Session, user: Actor) -> None:
    stored = session.scalars(select(RefreshToken.fingerprint)).all()

    assert stored
    assert user.refresh_token not in stored


def test_refresh_token_ends_when_unused(
    client: TestClient, settings: Settings, time: MovableClock, user: Actor
) -> None:
    time.advance(days=settings.refresh_token_days)

    assert_problem(refresh(client, user.refresh_token), 401)


def test_session_ends_however_often_it_is_refreshed(
    client: TestClient, settings: Settings, time: MovableClock, user: Actor
) -> None:
    token = user.refresh_token
    step = settings.refresh_token_days * 24 - 1
    for _ in range((settings.session_days * 24 - 1) // step):
        time.advance(hours=step)
        token = refresh(client, token).json()["refresh_token"]
    time.advance(hours=step)

    assert_problem(refresh(client, token), 401)


def test_unknown_refresh_token_is_401(client: TestClient) -> None:
    assert_problem(refresh(client, "x" * 43), 401)


# Logout


def test_logout_ends_this_session_only(client: TestClient, session: Session, user: Actor) -> None:
    second = log_in(client, session.get_one(User, user.id))

    assert client.post(f"{API}/auth/logout", headers=user.headers).status_code == 204

    assert_problem(client.get(f"{API}/me", headers=user.headers), 401)
    assert_problem(refresh(client, user.refresh_token), 401)
    assert client.get(f"{API}/me", headers=second.headers).status_code == 200


def test_logout_all_ends_every_session_of_the_caller(
    client: TestClient, session: Session, user: Actor, other: Actor
) -> None:
    second = log_in(client, session.get_one(User, user.id))

    assert client.post(f"{API}/auth/logout-all", headers=user.headers).status_code == 204

    assert_problem(client.get(f"{API}/me", headers=second.headers), 401)
    assert_problem(refresh(client, second.refresh_token), 401)
    assert client.get(f"{API}/me", headers=other.headers).status_code == 200


def test_refresh_after_deactivation_is_401(client: TestClient, admin: Actor, user: Actor) -> None:
    client.patch(f"{API}/users/{user.id}", json={"is_active": False}, headers=admin.headers)

    assert_problem(refresh(client, user.refresh_token), 401)
