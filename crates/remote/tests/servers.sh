#!/usr/bin/env bash
# Installs the servers that the tests of tiers are run against: redis-server of the system, and moto under target/.
set -euo pipefail
cd "$(dirname "$0")"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Packages of the system, with their lists anew where these are too old or missing.
install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --quiet --quiet --yes --no-install-recommends "$@" > /dev/null
}

for program in redis-server openssl; do
    command -v "$program" > /dev/null || install "$program" || { as_root apt-get update --quiet --quiet && install "$program"; }
done

moto=../../../target/moto
if ! cmp --silent requirements.txt "$moto/requirements.txt"; then
    rm -rf "$moto"
    python3 -m pip --version > /dev/null 2>&1 || install python3-pip
    python3 -m pip install --quiet --no-deps --no-compile --disable-pip-version-check --root-user-action=ignore \
        --target "$moto" --requirement requirements.txt
    cp requirements.txt "$moto/"
fi
