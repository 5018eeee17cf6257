//! A wire that can be held: what is said over it stands still from then on, and nobody hangs up.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Takes connections and hands them on to a socket, for as long as the process lives.
pub struct Proxy {
    port: u16,
    /// So many more bytes of answers go over.
    allowed: Arc<AtomicU64>,
}

impl Proxy {
    pub fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let allowed = Arc::new(AtomicU64::new(u64::MAX));
        let held = Arc::clone(&allowed);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, held) = (client.unwrap(), Arc::clone(&held));
                let Ok(server) = UnixStream::connect(&socket) else {
                    continue;
                };
                let mut there = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = std::io::copy(&mut there.0, &mut there.1);
                    let _ = there.1.shutdown(Shutdown::Both);
                });
                thread::spawn(move || answers(server, client, &held));
            }
        });
        Self { port, allowed }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Holds the wire after so many bytes more.
    pub fn hold_after(&self, bytes: u64) {
        self.allowed.store(bytes, Ordering::SeqCst);
    }
}

fn answers(mut server: UnixStream, mut client: TcpStream, allowed: &AtomicU64) {
    let mut buffer = [0; 64 * 1024];
    loop {
        let Ok(read @ 1..) = server.read(&mut buffer) else {
            let _ = client.shutdown(Shutdown::Both);
            return;
        };
        let left = allowed.load(Ordering::SeqCst);
        let given = left.min(read as u64);
        if left != u64::MAX {
            allowed.store(left - given, Ordering::SeqCst);
        }
        // What does not go over is lost, and both sides go on waiting.
        if client.write_all(&buffer[..given as usize]).is_err() {
            return;
        }
    }
}
