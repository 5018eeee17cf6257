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

# Licences, bans and sources of dependencies; advisories where their database can be reached.
deny:
    cargo deny check licenses bans sources

# The example, with a question.
ask QUESTION:
    cargo run --release --example retrieval -- "{{QUESTION}}"
