//! An HTTP server that answers each request with the same bytes, whatever it is asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// What a connection is answered with, and may then do with itself.
type Answer = dyn Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync;

/// Starts one, for as long as the process lives, and gives its address.
pub fn start(answer: Box<Answer>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer: &'static Answer = Box::leak(answer);
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            thread::spawn(move || {
                // Who hangs up has heard enough.
                let _ = asked(&client).and_then(|()| answer(&mut { client }));
            });
        }
    });
    address
}

/// A status and headers, and a body of the length it says.
pub fn answering(status: &str, headers: &str, body: &[u8]) -> String {
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    answer.extend_from_slice(body);
    start(Box::new(move |client| client.write_all(&answer)))
}

/// Takes a request, which has to be read before it is answered.
fn asked(client: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).map(drop)
}
