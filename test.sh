#!/usr/bin/env bash
# All that a change has to pass: format, lints, documentation, tests, doctests, the example.
set -euo pipefail
cd "$(dirname "$0")"

crates/remote/tests/servers.sh

cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
cargo test --workspace --quiet
cargo run --quiet --example retrieval -- "annexation of Texas" > /dev/null
