"""``python -m fake_provider --port 0 [--ledger FILE]``: prints one JSON line with its address, then serves."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .ledger import Ledger
from .server import FakeServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="fake_provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--ledger", type=Path, help="JSON lines of what was billed")
    options = parser.parse_args()
    server = FakeServer(options.port, Ledger(options.ledger))
    port = server.server_address[1]
    print(json.dumps({"port": port, "url": f"http://127.0.0.1:{port}"}), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
