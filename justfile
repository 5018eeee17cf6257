# What a change has to pass, the same as the README's test command and CI.
test:
    ./test.sh

# Figures for docs/benchmarks.md; needs ninja (ninja-build) for the comparison.
bench:
    cargo bench --bench graph
    cargo bench --bench outputs
    cargo bench --bench eviction
    cargo bench --bench remote

# What tests do in rounds, in many more of them: processes killed and stopped, power lost, orders of threads.
soak:
    REFRAIN_SOAK=1 cargo test -p refrain-store --lib crash -- --nocapture
    REFRAIN_SOAK=1 cargo test -p refrain --test killed --test stopped --test interleavings -- --nocapture
    REFRAIN_SOAK_STEPS=100000 cargo test -p refrain --test model_api -- --nocapture
    REFRAIN_SOAK_STEPS=5000 cargo test -p refrain-cli --test model_binary -- --nocapture

# Each reader of bytes for a while, with a fuzzer: needs a nightly toolchain and cargo-fuzz. What it finds is told and
# kept in fuzz/artifacts; inputs that reach more than those of fuzz/corpus are in fuzz/found.
fuzz SECONDS="60":
    for target in $(cargo +nightly fuzz list); do \
        mkdir -p fuzz/found/$target && \
        cargo +nightly fuzz run -s none -a $target fuzz/found/$target fuzz/corpus/$target -- \
            -max_total_time={{SECONDS}} -rss_limit_mb=1024 -timeout=10 || exit 1; \
    done

# Licences, bans and sources of dependencies; advisories where their database can be reached.
deny:
    cargo deny check licenses bans sources

# The example, with a question.
ask QUESTION:
    cargo run --release --example retrieval -- "{{QUESTION}}"
