"""What the C library keeps of memory that was freed: with large buffers in several threads, more than they hold."""

from __future__ import annotations

import ctypes
from contextlib import suppress

LARGE = 2 << 20
_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of mallopt(3)."""


def give_large_blocks_back() -> None:
    """Let blocks from this size on go back to the system when they are freed.

    Left alone, glibc raises that size to the largest block that was freed yet, up to 32 MB; from then on such blocks
    are taken out of each thread's own heap, which keeps them. Other C libraries have no such call, and no such habit.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, LARGE)
