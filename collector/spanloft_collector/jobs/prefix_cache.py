"""A provider's prompt cache, simulated: how much of each prompt had been sent shortly before."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from datetime import datetime, timedelta

BLOCK_CHARS = 512
"""A prompt is compared in blocks of about 128 tokens, the step in which OpenAI's cache counts."""
MIN_TOKENS = 1_024
"""Shortest prefix that OpenAI's and Anthropic's caches keep."""
LIFETIME = timedelta(minutes=5)
"""How long an entry lives after its last use: Anthropic's default, and the lower end of OpenAI's."""
MAX_ENTRIES = 500_000


class PrefixCache:
    """Prefixes of prompts by the hash of all their blocks up to a point, with the time of their last use."""

    def __init__(self) -> None:
        self._used: dict[tuple[Hashable, bytes], tuple[datetime, tuple[str, str]]] = {}

    def look_up(
        self, owner: Hashable, prompt: str, tokens: int, at: datetime, call: tuple[str, str]
    ) -> tuple[int, tuple[str, str] | None, datetime | None]:
        """Tokens of the longest prefix that is held, the call it came from and when; then holds this prompt.

        Calls come in order of time.

        Args:
            owner: who shares a cache: provider, model and service.
            prompt: the whole prompt.
            tokens: its tokens as the provider counted them; characters are taken as equally long.
            at: start of the call, naive UTC.
            call: its trace and span id.

        Returns:
            (0, None, None) where nothing that is long enough is held.
        """
        digest = hashlib.blake2b(digest_size=12)
        held, source, since = 0, None, None
        going_on = True
        for end in range(BLOCK_CHARS, len(prompt) + 1, BLOCK_CHARS):
            digest.update(prompt[end - BLOCK_CHARS : end].encode())
            key = (owner, digest.digest())
            found = self._used.get(key)
            going_on = going_on and found is not None and at - found[0] <= LIFETIME
            if going_on and found is not None:
                held, source, since = end, found[1], found[0]
            self._used[key] = (at, call)
        if len(self._used) > MAX_ENTRIES:
            self._forget(at)
        saved = int(tokens * held / len(prompt)) if prompt else 0
        return (saved, source, since) if saved >= MIN_TOKENS else (0, None, None)

    def _forget(self, at: datetime) -> None:
        self._used = {key: value for key, value in self._used.items() if at - value[0] <= LIFETIME}
