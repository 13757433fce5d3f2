//! The model's answer, cut into sentences as it is written, and the tools it calls on the way.

use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::event::Stage;
use super::providers::{Piece, ProviderError, ToolCall};
use super::sentences::Sentences;
use super::speak::{Item, Out};
use super::toolbox::{Answer, Then, ToolRun};
use super::voice::Say;
use crate::clock;

/// A model that has not finished its first sentence (or clause) by then, counted from its first
/// token, is slow: its first words leave where a speaker may pause. Hosted models write a sentence
/// of 15 tokens in 100 to 300 ms; a local one at 40 ms a token takes 600 ms.
const SLOW: Duration = Duration::from_millis(250);

/// How an answer ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Thought {
    /// All is written.
    Said,
    /// The agent that the answer's persona now names goes on.
    HandedOver,
}

/// Sends the sentences of the answer to `sentences`, each as soon as it is whole, and to `out` how
/// long the model took to begin. Tools that the model calls run when the caller's turn is over;
/// then it is asked again. Ends early when nobody listens.
///
/// # Errors
/// The stream's own, and a piece that takes longer than `limits.llm`.
pub async fn think(
    answer: &mut Answer,
    sentences: mpsc::Sender<Say>,
    out: &Out,
) -> Result<Thought, ProviderError> {
    let mut said = false;
    answer.look_around().await;
    loop {
        let may_call = answer.question().may_call;
        let written = write(answer, &sentences, out).await?;
        said |= written.said;
        if written.calls.is_empty() || !may_call {
            return Ok(Thought::Said);
        }
        let runs = run(answer, written.calls, &sentences, &mut said).await?;
        match answer.take(runs).await {
            Then::GoOn => {}
            Then::HandOver => return Ok(Thought::HandedOver),
            Then::Transfer(sentence, transfer) => {
                if !written.said && !sentence.is_empty() {
                    sentences.send(Say::Sentence(sentence)).await.ok();
                }
                answer.hangs_up = true;
                out.send(Item::Transfer(transfer)).await;
                return Ok(Thought::Said);
            }
            Then::HangUp(goodbye) => {
                // A model that has said goodbye already does not say it twice.
                if !written.said && !goodbye.is_empty() {
                    sentences.send(Say::Sentence(goodbye)).await.ok();
                }
                answer.hangs_up = true;
                out.send(Item::HangUp).await;
                return Ok(Thought::Said);
            }
        }
    }
}

/// Waits for a round of tools; the caller hears something meanwhile when it takes long.
async fn run(
    answer: &mut Answer,
    calls: Vec<ToolCall>,
    sentences: &mpsc::Sender<Say>,
    said: &mut bool,
) -> Result<Vec<ToolRun>, ProviderError> {
    let mut running = answer.start(calls).await;
    let agent = &answer.persona.agent;
    let filler = (!*said && !agent.filler.is_empty()).then(|| agent.filler.clone());
    let runs = match filler {
        Some(filler) => match timeout(agent.filler_after, &mut running).await {
            Ok(runs) => runs,
            Err(_) => {
                *said = true;
                sentences.send(Say::Sentence(filler)).await.ok();
                running.await
            }
        },
        None => running.await,
    };
    runs.map_err(|_| ProviderError::new(Stage::Tool, "a tool panicked"))
}

/// What the model wrote at one time.
struct Written {
    said: bool,
    calls: Vec<ToolCall>,
}

async fn write(
    answer: &mut Answer,
    sentences: &mpsc::Sender<Say>,
    out: &Out,
) -> Result<Written, ProviderError> {
    let deadline = answer.persona.agent.limits.llm;
    let failed = |message: String| ProviderError::new(Stage::Llm, message);
    let begun = clock::now();
    let mut pieces = answer.persona.providers.llm.chat(answer.question());
    let mut cut = Sentences::new(answer.persona.agent.language.as_deref());
    let mut bridge = std::pin::pin!(bridge(answer));
    let mut is_bridged = answer.begun;
    let mut writes_since = None;
    let mut written = Written {
        said: false,
        calls: Vec::new(),
    };
    loop {
        let piece = {
            let mut next = std::pin::pin!(timeout(deadline, pieces.next()));
            loop {
                tokio::select! {
                    biased;
                    piece = &mut next => break piece,
                    filler = &mut bridge, if !is_bridged => {
                        is_bridged = true;
                        sentences.send(Say::Filler(filler)).await.ok();
                    }
                }
            }
        };
        is_bridged = true;
        let piece =
            piece.map_err(|_| failed(format!("no token within {deadline:?} (limits.llm)")))?;
        let done = piece.is_none();
        let piece = piece.transpose()?;
        if !answer.begun && piece.as_ref().is_some_and(|piece| !is_empty(piece)) {
            answer.begun = true;
            let took = clock::now().saturating_duration_since(begun);
            out.send(Item::FirstToken(took)).await;
        }
        let ready = match piece {
            Some(Piece::Text(text)) => {
                let now = clock::now();
                let since = *writes_since.get_or_insert(now);
                let mut ready = cut.push(&text);
                if ready.is_empty() && !written.said && now.saturating_duration_since(since) >= SLOW
                {
                    ready.extend(cut.early());
                }
                if ready.is_empty()
                    && !written.said
                    && let Some(likely) = cut.likely()
                {
                    sentences.send(Say::Likely(likely)).await.ok();
                }
                ready
            }
            Some(Piece::Call(call)) => {
                written.calls.push(call);
                Vec::new()
            }
            Some(Piece::Opaque(_) | Piece::Usage(_)) => Vec::new(),
            None => cut.finish().into_iter().collect(),
        };
        for sentence in ready {
            written.said = true;
            if sentences.send(Say::Sentence(sentence)).await.is_err() {
                written.calls.clear();
                return Ok(written);
            }
        }
        if done {
            return Ok(written);
        }
    }
}

/// What the caller hears when a model is slow to begin, when it is time for it: never before the
/// caller's turn is over. For ever without fillers.
fn bridge(answer: &Answer) -> impl Future<Output = String> + use<> {
    let config = &answer.persona.agent.stages.llm_filler;
    let (texts, after) = (config.texts.clone(), config.after);
    let turn = usize::try_from(answer.reply.0).unwrap_or_default();
    let mut committed = answer.committed.clone();
    async move {
        let over = committed.wait_for(|committed| *committed).await.is_ok();
        if texts.is_empty() || !over {
            return std::future::pending().await;
        }
        tokio::time::sleep(after).await;
        texts[turn % texts.len()].clone()
    }
}

fn is_empty(piece: &Piece) -> bool {
    matches!(piece, Piece::Text(text) if text.is_empty())
}
