#!/bin/sh
# The browser tests drive Debian's Chromium; Playwright's own download is not used.
set -eu
if [ "$(id -u)" -eq 0 ]; then sudo=""; else sudo="sudo"; fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Chromium is missing: install it with your system's package manager (package chromium)" >&2
    exit 1
fi
echo "Installing Chromium for the browser tests ..."
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null
