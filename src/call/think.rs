//! The model's answer, cut into sentences as it is written.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::event::Stage;
use super::providers::ProviderError;
use super::sentences::Sentences;
use super::speak::{Item, Out};
use crate::clock;

/// Sends the sentences of `answer` to `sentences`, each as soon as it is whole, and to `out` how
/// long the model took to begin. Ends early when nobody listens.
///
/// # Errors
/// The stream's own, and a piece that takes longer than `deadline`.
pub async fn think(
    mut answer: BoxStream<'static, Result<String, ProviderError>>,
    deadline: Duration,
    sentences: mpsc::Sender<String>,
    out: &Out,
) -> Result<(), ProviderError> {
    let failed = |message: String| ProviderError {
        stage: Stage::Llm,
        message,
    };
    let begun = clock::now();
    let mut cut = Sentences::new();
    let mut any_token = false;
    loop {
        let piece = timeout(deadline, answer.next())
            .await
            .map_err(|_| failed(format!("no token within {deadline:?} (limits.llm)")))?;
        let done = piece.is_none();
        let ready = match piece {
            Some(piece) => {
                let piece = piece?;
                if !any_token && !piece.is_empty() {
                    any_token = true;
                    let took = clock::now().saturating_duration_since(begun);
                    out.send(Item::FirstToken(took)).await;
                }
                cut.push(&piece)
            }
            None => cut.finish().into_iter().collect(),
        };
        for sentence in ready {
            if sentences.send(sentence).await.is_err() {
                return Ok(());
            }
        }
        if done {
            return Ok(());
        }
    }
}
