#!/bin/sh
# The browser tests drive Debian's Chromium; Playwright's own download is not used. Its headless shell draws no window
# around a page, which spares a quarter of the CPU; where that can't be had, Chromium itself will do.
set -eu
if [ "$(id -u)" -eq 0 ]; then sudo=""; else sudo="sudo"; fi
# Nobody is asked for a password as long as there is a browser.
if [ -n "$sudo" ] && command -v chromium >/dev/null 2>&1; then sudo="sudo -n"; fi

install() {
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1
}

if command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium's headless shell for the browser tests ..."
    if install chromium-headless-shell; then exit; fi
    if $sudo apt-get update -qq && install chromium-headless-shell; then exit; fi
fi
if command -v chromium >/dev/null 2>&1; then exit; fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Chromium is missing: install it with your system's package manager (package chromium)" >&2
    exit 1
fi
echo "Installing Chromium for the browser tests ..."
$sudo apt-get update -qq
install chromium
