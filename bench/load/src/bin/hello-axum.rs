//! What a hello costs in axum, without any process behind it: a ceiling for every front.

use axum::{Router, routing::get};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::var("PORT")?.parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, Router::new().route("/hello", get(|| async { "hello" }))).await?;
    Ok(())
}
