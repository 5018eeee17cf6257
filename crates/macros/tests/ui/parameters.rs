use refrain::func;

struct NotClone;

#[func]
fn cloned(x: NotClone) -> u8 {
    drop(x);
    1
}

#[func]
fn changed(x: &mut Vec<u8>) -> u8 {
    x.pop().unwrap_or(1)
}

#[func]
fn nameless((a, b): (u8, u8)) -> u8 {
    a + b
}

#[func]
fn ignored(_: u8) -> u8 {
    1
}

#[func]
fn any(x: impl Clone) -> u8 {
    drop(x);
    1
}

#[func]
fn object(x: &dyn std::fmt::Debug) -> String {
    format!("{x:?}")
}

#[func]
fn nested(x: Vec<&str>) -> usize {
    x.len()
}

#[func]
fn referred(#[default(Vec::new())] x: &Vec<u8>) -> usize {
    x.len()
}

#[func]
fn two(#[default(1)] #[default(2)] x: u8) -> u8 {
    x
}

#[func]
fn mistyped(#[default("five")] x: u8) -> u8 {
    x
}

#[func]
fn empty(#[default] x: u8) -> u8 {
    x
}

fn main() {}
