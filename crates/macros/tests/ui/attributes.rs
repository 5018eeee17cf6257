use refrain::func;

#[func(outptu = "a")]
fn misspelt() -> u8 {
    1
}

#[func(colour = "red")]
fn unknown() -> u8 {
    1
}

#[func(output = 5, cache = "yes", retries = "two", timeout = "soon")]
fn wrong_values() -> u8 {
    1
}

#[func(cache, cache, output = "", cache_key)]
fn twice() -> u8 {
    1
}

#[func(ttl = "1d")]
fn timed() -> u8 {
    1
}

#[func(timeout = "0s")]
fn no_time() -> u8 {
    1
}

#[func(cache, cache_backend = "cachierr")]
fn misspelt_backend() -> u8 {
    1
}

#[func(cache, cache_backend = "redis")]
fn unknown_backend() -> u8 {
    1
}

fn main() {
    let _ = refrain::functions![misspelt, unknown, wrong_values, twice, timed, no_time];
    let _ = refrain::functions![misspelt_backend, unknown_backend];
}
