//! The manifest to begin with.

/// The files of a small pipeline that runs wherever there is a shell, each with its path and text: the
/// manifest first, then the files that it reads.
pub fn starter() -> [(&'static str, &'static str); 3] {
    [
        ("refrain.toml", include_str!("starter/refrain.toml")),
        ("texts/rain.txt", include_str!("starter/texts/rain.txt")),
        ("texts/star.txt", include_str!("starter/texts/star.txt")),
    ]
}
