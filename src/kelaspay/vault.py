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
    """AES-256-GCM under a key derived from SECRET_KEY. What was sealed for one place opens nowhere else."""

    def __init__(self, secret_key: SecretStr) -> None:
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"kelaspay vault 1")
        self._cipher = AESGCM(derived.derive(secret_key.get_secret_value().encode()))

    def seal(self, text: str, place: str) -> bytes:
        """Encrypt `text` for `place`, like "schools/acme/access_token"."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt; raises `SealBroken` when it was sealed with another key or for another place, or changed since."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealBroken(place) from None
