"""The ledger: who was enrolled, and with which fields, as keyed hashes. Pure; without the key it tells nothing.

An entry is 32 bytes: HMAC-SHA256 of the address, and of the address with its fields, each cut to 16: equal fields of
two people look different. A segment is a row of entries; the segments of a campaign are read oldest first, and the
last entry of an address counts.
"""

import hmac
import secrets
from collections.abc import Iterable, Iterator

from reconciler.diagnostics import StateError, error
from reconciler.model.base import canonical
from reconciler.model.roster import Lead

HASH_BYTES = 16
ENTRY_BYTES = 2 * HASH_BYTES

FIELD = "\x1f"
"""What a field begins with in the text that is hashed; doubled, it stands for itself."""

_BLOCK = 64


def new_ledger_key() -> bytes:
    """Make a key: 32 random bytes."""
    return secrets.token_bytes(32)


def ledger_key_id(key: bytes) -> str:
    """Return what tells keys apart and gives none away: 16 hexadecimal digits."""
    return hmac.digest(key, b"reconciler ledger key id", "sha256")[:8].hex()


def address_hash(key: bytes, address: str) -> bytes:
    """Return the keyed hash of an address in its normal form (`addresses.normal_address`)."""
    return hmac.digest(key, address.encode(), "sha256")[:HASH_BYTES]


def entry_of(key: bytes, lead: Lead) -> bytes:
    """Return the ledger entry of a lead."""
    fields = hmac.digest(key, message_of(lead).encode(), "sha256")[:HASH_BYTES]
    return address_hash(key, lead.email) + fields


def message_of(lead: Lead) -> str:
    """Write address and fields so that no two leads look the same; a name of a field has no `=` in it."""
    fields = (f"{FIELD}{name}={value.replace(FIELD, FIELD * 2)}" for name, value in sorted(lead.fields.items()))
    return lead.email + "".join(fields)


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """Return what HMAC-SHA256 puts before the inner and the outer text (RFC 2104); the key has 64 bytes at most."""
    padded = key.ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


def read_segments(segments: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return {address hash: fields hash} of segments, oldest first. Raises `StateError` where one is damaged."""
    return {entry[:HASH_BYTES]: entry[HASH_BYTES:] for entry in read_entries(segments)}


def read_entries(segments: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the entries of segments. Raises `StateError` where one is damaged."""
    for segment in segments:
        check_segment(segment)
        for start in range(0, len(segment), ENTRY_BYTES):
            yield segment[start : start + ENTRY_BYTES]


def check_segment(segment: bytes) -> None:
    """Raise `StateError` where a segment is no row of entries."""
    if len(segment) % ENTRY_BYTES:
        raise StateError(
            error(
                "ledger-damaged",
                f"A ledger segment of the state has {len(segment)} bytes, no multiple of {ENTRY_BYTES}.",
                hint="Restore the state from a backup: without its ledger nobody knows who was written to.",
            )
        )


def list_digest(key: bytes, sums: Iterable[int]) -> str:
    """Return a keyed digest of a list, in hexadecimal, of the sums of its entries' halves: equal for equal people.

    The entries are outputs of a keyed hash: who does not know the key finds no other list of equal sums.
    """
    return hmac.digest(key, canonical(list(sums)).encode(), "sha256").hex()
