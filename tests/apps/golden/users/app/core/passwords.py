"""Passwords: hashing with Argon2id (RFC 9106) and the rules for a new one."""

import re
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.config import Settings

MIN_LENGTH = 12
MAX_LENGTH = 128
HASHES_AT_ONCE = 4
"""Each takes tens of MiB: a burst of logins must not use up the memory, nor all processors."""
REPETITION = r"^(.{1,4})\1+$"
"""A few characters over and over."""
UNUSABLE = "!"
"""Stored for an account nobody can log in to with a password; no input hashes to it."""

COMMON = frozenset(
    """
    passwordpassword password1234 password12345 password123456 passw0rd1234 123456789012
    1234567890123 12345678901234 123456789012345 1234567890123456 qwertyuiop12 qwertyuiop123
    qwertyuiopas qwertyuiopasdf qwerty123456 qwerty12345678 1q2w3e4r5t6y 1q2w3e4r5t6y7u
    1qaz2wsx3edc 1qaz2wsx3edc4rfv zaq12wsxcde3 abcdefghijkl abcdefghijklm abcdefghijklmnop
    abc123456789 abcd12345678 iloveyou1234 iloveyouiloveyou letmein12345 letmein123456
    welcome12345 welcome123456 adminadminadmin administrator administrator1 administrator123
    admin1234567 admin12345678 changeme1234 changeme12345 changemechangeme trustno1trustno1
    football1234 baseball1234 superman1234 sunshine1234 princess1234 monkeymonkey dragondragon
    masterpassword mypassword12 mypassword123 secretsecret secret123456 correcthorsebatterystaple
    asdfghjkl123 asdfasdfasdf zxcvbnm12345 zxcvbnmzxcvbnm aaaaaaaaaaaa 111111111111 000000000000
    121212121212 123123123123 123412341234 112233445566 987654321098 098765432109 p@ssw0rd1234
    p@ssword1234 pa$$word1234 password!234 password@123 welcome@1234 summer202412 winter202412
    """.split()  # noqa: SIM905 - a list of words reads better as words
)


class Passwords:
    """Hashes and checks passwords at the configured cost."""

    def __init__(self, settings: Settings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
        )
        self._turn = BoundedSemaphore(HASHES_AT_ONCE)
        self._dummy = self._hasher.hash("a password nobody has")

    def hash(self, password: str) -> str:
        """Return the encoded hash, with its salt and parameters."""
        with self._turn:
            return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password is the stored one.

        A missing account (None) and an unusable hash cost the same time as a wrong password, so
        the answer time does not tell which e-mail addresses exist.
        """
        known = stored is not None and stored != UNUSABLE
        try:
            with self._turn:
                matches = self._hasher.verify(stored if known and stored else self._dummy, password)
        except (VerificationError, InvalidHashError):
            return False
        return matches and known

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether the stored hash was made at another cost than the configured one."""
        return self._hasher.check_needs_rehash(stored)


def weakness(password: str, email: str) -> str | None:
    """Say why this password may not be chosen, or None. Length is the schema's business."""
    lowered = password.lower()
    if lowered in COMMON or re.fullmatch(REPETITION, lowered):
        return "This password is among the first an attacker tries; choose another."
    name, _, _ = email.lower().partition("@")
    if email.lower() in lowered or (len(name) >= 4 and name in lowered):
        return "The password must not contain the e-mail address."
    return None
