"""An app that makes a call for every line it reads, and prints when the call was over (Unix seconds)."""

from __future__ import annotations

import os
import sys
import time

import openai
import spanloft

spanloft.instrument()
client = openai.OpenAI(base_url=f"{os.environ['PROVIDER_URL']}/v1", api_key="test", max_retries=0)
for line in sys.stdin:
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": line.strip()}])
    print(time.time(), flush=True)
