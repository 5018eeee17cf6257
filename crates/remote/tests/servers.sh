#!/usr/bin/env bash
# Installs the servers that the tests of tiers are run against.
set -euo pipefail

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if ! command -v redis-server > /dev/null; then
    as_root apt-get install --quiet --quiet --yes --no-install-recommends redis-server > /dev/null ||
        { as_root apt-get update --quiet --quiet &&
            as_root apt-get install --quiet --quiet --yes --no-install-recommends redis-server > /dev/null; }
fi
