use refrain::func;

struct Thing;

impl Thing {
    #[func]
    fn method(&self) -> u8 {
        1
    }
}

#[func]
async fn later() -> u8 {
    1
}

#[func]
unsafe fn danger() -> u8 {
    1
}

#[func]
extern "C" fn foreign() -> u8 {
    1
}

#[func]
fn generic<T: Clone>(x: T) -> T {
    x
}

#[func]
fn sized<const N: usize>(x: &[u8; N]) -> usize {
    x.len()
}

#[func]
fn lifetimes<'a>(x: &'a str) -> usize {
    x.len()
}

fn main() {}
