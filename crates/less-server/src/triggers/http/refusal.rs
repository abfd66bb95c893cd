//! Answers that hyper leaves to us: there is no request yet, or no place for its client.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

use super::Failure;
use crate::limits;

/// So long, and for so much of what it sends, a client that is sent away is listened to.
const LINGER: Duration = Duration::from_secs(1);

/// A whole response, after which the connection closes.
pub(super) fn answer(failure: &Failure, id: Uuid) -> Vec<u8> {
    let response = failure.response(id);
    let body = failure.told(id).to_string();
    let mut head = format!("HTTP/1.1 {}\r\n", response.status());
    for (name, value) in response.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    head += &format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    head.into_bytes()
}

/// Tells a client that there is no place for it.
pub(super) async fn refuse(mut stream: TcpStream) {
    let told = async {
        stream.write_all(&answer(&Failure::Busy, Uuid::now_v7())).await?;
        stream.shutdown().await?;
        // What it sends and nobody reads would take the answer along.
        tokio::io::copy(&mut (&mut stream).take(limits::HEAD_BYTES as u64), &mut tokio::io::sink()).await
    };
    // A client that has gone, or does not go, misses nothing.
    timeout(LINGER, told).await.ok();
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_client_for_whom_there_is_no_place_is_told_when_to_come_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut told = String::new();
        let (read, ()) = tokio::join!(client.read_to_string(&mut told), async {
            refuse(stream).await;
        });
        read.unwrap();
        let (head, body) = told.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
        assert!(head.contains("\r\nretry-after: 1\r\n") && head.contains("\r\nconnection: close"), "{head}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["code"], "busy");
    }
}
