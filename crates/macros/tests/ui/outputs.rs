use refrain::func;

#[func]
fn nothing(x: u8) {
    drop(x);
}

#[func(cache)]
fn unit(x: u8) -> () {
    drop(x);
}

#[func]
fn checked(x: u8) -> Result<(), String> {
    drop(x);
    Ok(())
}

#[func]
fn borrowed(x: &str) -> &str {
    x
}

#[func]
fn hidden(x: u8) -> impl Iterator<Item = u8> {
    0..x
}

#[func]
fn never() -> ! {
    loop {}
}

struct Plain;

#[func(cache)]
fn not_encodable() -> Plain {
    Plain
}

struct Silent;

#[func]
fn silent() -> Result<u8, Silent> {
    Ok(1)
}

fn main() {}
