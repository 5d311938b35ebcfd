"""Encrypts what must not be read in a stolen database: tokens and keys, each bound to the place where it stands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kelaspay.faults import SealBroken

if TYPE_CHECKING:
    from pydantic import SecretStr

KEY_BYTES = 32
NONCE_BYTES = 12


class Vault:
    """AES-256-GCM under a key derived from SECRET_KEY. What was sealed for one place opens nowhere else.

    While the key is being changed, what the `old` one sealed opens too; everything is sealed with the new one.
    """

    def __init__(self, secret_key: SecretStr, old: SecretStr | None = None) -> None:
        self._cipher = _cipher(secret_key)
        self._old = _cipher(old) if old is not None else None

    def seal(self, text: str, place: str) -> bytes:
        """Encrypt `text` for `place`, like "schools/acme/access_token"."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt; raises `SealBroken` when it was sealed with another key or for another place, or changed since."""
        opened = _opened(self._cipher, sealed, place)
        if opened is None and self._old is not None:
            opened = _opened(self._old, sealed, place)
        if opened is None:
            raise SealBroken(place)
        return opened

    def is_new(self, sealed: bytes, place: str) -> bool:
        """Whether it has the new key's seal."""
        return _opened(self._cipher, sealed, place) is not None


def _cipher(secret_key: SecretStr) -> AESGCM:
    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"kelaspay vault 1")
    return AESGCM(derived.derive(secret_key.get_secret_value().encode()))


def _opened(cipher: AESGCM, sealed: bytes, place: str) -> str | None:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode()).decode()
    except (InvalidTag, ValueError):
        return None
