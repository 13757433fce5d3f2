//! Harbour Books, the demo's shop: what its agent is asked for, and the tiny server behind its tools.

use std::net::Ipv4Addr;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use sidetone_config::env::Env;

/// The shop's agent, a file of agent-config.
pub const AGENT: &str = "harbour-books";
/// Questions that a model of any size can answer from the agent's facts.
pub const ASK: [&str; 3] = [
    "When are you open on Saturday?",
    "How long does an order take to arrive?",
    "How do I reset my password?",
];
/// Questions for which a larger model asks the shop's server.
pub const ASK_TOOLS: [&str; 3] = [
    "When are you open on Saturday?",
    "Where is my order? Its number is four seven one one.",
    "Do you have Moby Dick, and what does it cost?",
];
/// What to ask the agent.
pub fn questions(env: &Env) -> &'static [&'static str] {
    // Of the local models only the larger ones are offered tools where they need not call one.
    match env.uses_local_models() {
        true => &ASK,
        false => &ASK_TOOLS,
    }
}

/// The port that the agent's file names.
const PORT: u16 = 3001;

/// A book on the shelves.
#[derive(Debug, Clone, Copy, Serialize)]
struct Book {
    title: &'static str,
    author: &'static str,
    price: &'static str,
    copies: u32,
}

const BOOKS: [Book; 4] = [
    book("Moby Dick", "Herman Melville", "12 dollars", 3),
    book("Emma", "Jane Austen", "9 dollars", 1),
    book("Walden", "Henry David Thoreau", "11 dollars", 0),
    book("Middlemarch", "George Eliot", "14 dollars", 2),
];

const fn book(title: &'static str, author: &'static str, price: &'static str, copies: u32) -> Book {
    Book {
        title,
        author,
        price,
        copies,
    }
}

/// Opens the shop's server, which closes when the handle is dropped.
///
/// # Errors
/// If the port is taken.
pub async fn open() -> std::io::Result<AbortOnDropHandle<()>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).await?;
    Ok(AbortOnDropHandle::new(tokio::spawn(async move {
        // It only fails if the listener does; tools then say that the server cannot be reached.
        axum::serve(listener, routes()).await.ok();
    })))
}

fn routes() -> Router {
    Router::new()
        .route("/orders/{number}", get(order))
        .route("/books", get(books))
}

async fn order(Path(number): Path<String>) -> Response {
    let order = match number.as_str() {
        "4711" => json!({"order": number, "state": "on its way", "arrives": "tomorrow"}),
        "4712" => json!({"order": number, "state": "ready to be collected in the shop"}),
        _ => {
            let text = format!("there is no order {number}");
            return (StatusCode::NOT_FOUND, text).into_response();
        }
    };
    Json(order).into_response()
}

#[derive(Deserialize)]
struct Wanted {
    words: String,
}

async fn books(Query(Wanted { words }): Query<Wanted>) -> Response {
    let words = words.to_lowercase();
    let is_wanted = |book: &&Book| {
        let known = format!("{} {}", book.title, book.author).to_lowercase();
        words.split_whitespace().all(|word| known.contains(word))
    };
    let found: Vec<&Book> = BOOKS.iter().filter(is_wanted).collect();
    Json(json!({"books": found})).into_response()
}

#[cfg(test)]
mod tests;
