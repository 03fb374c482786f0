"""The master key and what it wraps: envelope encryption of the clients' data keys.

Belongs here: the key file, wrapping and unwrapping of data keys, rotation of the master key.
Does not belong here: tokens and tables (`credentials.py`).

The key file holds one Fernet key a line, newest first. It lies outside the lake with mode 0600: who copies the lake or the
database cannot read a credential. Losing the file loses every credential (accounts have to be connected again), nothing else.
"""

import contextlib
import os
import stat
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from contracts.errors import NotReadyError, PulsoError

_PRIVATE = 0o600


class VaultError(PulsoError):
    """Something encrypted could not be opened with the keys at hand."""


class Vault:
    """Opens the master key file at each use: it is small, and a rotation in another process is seen at once."""

    def __init__(self, master_key_path: Path) -> None:
        self._path = master_key_path

    def create(self) -> bool:
        """Make the key file with mode 0600 unless it exists. Returns whether it was made."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return True

    def new_wrapped_key(self) -> bytes:
        """A fresh data key, wrapped."""
        return self._master().encrypt(Fernet.generate_key())

    def open_data_key(self, wrapped_key: bytes) -> Fernet:
        """Raises VaultError when no master key in the file fits."""
        try:
            return Fernet(self._master().decrypt(wrapped_key))
        except InvalidToken as error:
            raise VaultError(
                f"No key in {self._path.name} opens this client's credentials: restore the file, or connect the accounts again."
            ) from error

    def rewrap(self, wrapped_key: bytes) -> bytes:
        """The same data key under the newest master key. Raises VaultError like `open_data_key`."""
        try:
            return self._master().rotate(wrapped_key)
        except InvalidToken as error:
            raise VaultError(f"No key in {self._path.name} opens a data key: nothing was rotated.") from error

    def add_newest(self) -> None:
        """Put a new master key in front; the old ones still open what they wrapped."""
        self._write([Fernet.generate_key(), *self._keys()])

    def drop_old(self) -> None:
        """Keep the newest master key alone. Call once everything is wrapped under it."""
        self._write(self._keys()[:1])

    def _master(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in self._keys()])

    def _keys(self) -> list[bytes]:
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            content = self._path.read_bytes()
        except FileNotFoundError as error:
            raise NotReadyError("There is no master key yet: run `pulso prepare`.") from error
        if mode & 0o077:
            raise VaultError(f"{self._path.name} can be read by others (mode {mode:04o}): run `chmod 600` on it.")
        return content.split()

    def _write(self, keys: list[bytes]) -> None:
        """Replace the file in one step, so that a crash leaves the old keys or the new ones."""
        beside = self._path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"\n".join(keys) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
