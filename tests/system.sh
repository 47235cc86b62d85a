#!/bin/sh
# Installs what the browser tests need, where that is possible; tests that miss something skip (with
# REQUIRE_ALL=1, as in CI, they fail).
set -u
have() { command -v "$1" >/dev/null 2>&1; }
if ! have chromium && have apt-get && [ "$(id -u)" = 0 ]; then
  echo 'Installing Chromium for the browser tests …'
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
fi
if have npm && [ ! -e adapters/web/widget/node_modules/.package-lock.json ]; then
  (cd adapters/web/widget && npm ci --no-audit --no-fund --silent)
fi
have chromium || echo 'Chromium is missing: the browser tests are skipped.'
have npm || echo 'Node.js is missing: the tests of the widget build are skipped.'
exit 0
