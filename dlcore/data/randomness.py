"""Random numbers that depend on what they are for, and on nothing that happened before.

Every use has its own stream, named by the seed, a purpose and a count. So training continues from any step exactly as
if it had never stopped, and no random state has to be stored.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, purpose: str, count: int = 0) -> int:
    """A 63-bit seed for one use, the same on every machine."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{count}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, purpose: str, count: int = 0) -> torch.Generator:
    """A generator on the CPU for one use."""
    return torch.Generator().manual_seed(derive(seed, purpose, count))


@contextmanager
def seeded(seed: int, purpose: str, count: int = 0, *, device: torch.device | None = None) -> Iterator[None]:
    """Torch's global random numbers, as dropout and initialisation use them, seeded inside and untouched outside."""
    with torch.random.fork_rng(devices=[device] if device is not None and device.type == "cuda" else []):
        torch.manual_seed(derive(seed, purpose, count))
        yield
