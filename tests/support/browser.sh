#!/bin/sh
# Make sure that there is a browser for tests/browser: any Chromium or Chrome that is installed, else Debian's.
# Where it may not be installed, it says how, and the tests are skipped (where CI is set, they fail).
set -eu
for name in chromium chromium-browser google-chrome-stable google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Chromium for tests/browser …"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null && exit 0
fi
echo "tests/browser needs Chromium; on Debian and Ubuntu: sudo apt-get install chromium" >&2
