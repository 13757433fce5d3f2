//! The model's answer, cut into sentences as it is written, and the tools it calls on the way.

use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::context;
use super::part::Part;
use super::providers::{Fault, Piece, ProviderError};
use super::reply_item::{ReplyItem, ReplyOut};
use super::sentences::Sentences;
use super::toolbox::{AfterRound, Answering, Round, ToolNews, ToolRun};
use super::voice::Say;
use sidetone_base::clock;

/// A model whose first sentence (or clause) is not complete by then, counted from its first token, is slow: its first
/// words leave where a speaker may pause. Hosted models write a sentence of 15 tokens in 100 to 300 ms; a local one
/// at 40 ms a token takes 600 ms.
const SLOW: Duration = Duration::from_millis(250);

/// A model that has written nothing, also when it was asked for words once more.
pub const NOTHING: &str = "the model's answer has nothing that can be spoken";

/// How an answer ended.
#[derive(Debug, PartialEq, Eq)]
pub enum AnswerEnd {
    /// Everything is written.
    Said,
    /// The agent that the answer's persona now names continues.
    HandedOver,
}

/// Sends each sentence of the answer to `sentences` as soon as it is complete, and the time to the first token to
/// `out`. Tools that the model calls run when the caller's turn is over; then the model is asked again. A model that
/// leaves the caller without words is asked for them, once. Ends early if the receiver is gone.
///
/// # Errors
/// The stream's own, a piece that takes longer than `limits.llm`, and no words for a caller who waits for some.
pub async fn think(
    answer: &mut Answering,
    sentences: mpsc::Sender<Say>,
    out: &ReplyOut,
) -> Result<AnswerEnd, ProviderError> {
    // Whether the caller has heard anything, and whether anything of the answer.
    let (mut said, mut answered) = (false, false);
    answer.look_around().await;
    loop {
        let may_call = answer.may_call();
        let written = ask(answer, &sentences, out).await?;
        said |= written.said;
        answered |= written.said;
        answer.owes_words &= !written.said;
        if written.round.calls.is_empty() || !may_call {
            // Some models write nothing after a tool's result, or at all.
            if !written.said && (!answered || answer.owes_words) {
                if std::mem::replace(&mut answer.is_urged, true) {
                    return Err(ProviderError::new(Part::Llm, NOTHING));
                }
                continue;
            }
            if !written.round.opaque.is_empty() {
                out.send(ReplyItem::Opaque(written.round.opaque)).await;
            }
            return Ok(AnswerEnd::Said);
        }
        let (round, runs) = run(answer, written.round, &sentences, &mut said).await?;
        match answer.take(round, runs).await {
            AfterRound::GoOn => {}
            AfterRound::HandOver => return Ok(AnswerEnd::HandedOver),
            AfterRound::Transfer(sentence, transfer) => {
                if !written.said && !sentence.is_empty() {
                    say(answer, sentence, &sentences).await;
                }
                answer.hangs_up = true;
                out.send(ReplyItem::Transfer(transfer)).await;
                return Ok(AnswerEnd::Said);
            }
            AfterRound::HangUp(goodbye) => {
                // A model that has said goodbye already must not say it twice.
                if !written.said && !goodbye.is_empty() {
                    say(answer, goodbye, &sentences).await;
                }
                answer.hangs_up = true;
                out.send(ReplyItem::HangUp).await;
                return Ok(AnswerEnd::Said);
            }
        }
    }
}

/// Waits for a round of tools; if it takes long, the caller hears a filler meanwhile.
async fn run(
    answer: &mut Answering,
    round: Round,
    sentences: &mpsc::Sender<Say>,
    said: &mut bool,
) -> Result<(Round, Vec<ToolRun>), ProviderError> {
    let (round, mut running) = answer.start(round).await;
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
    let runs = runs.map_err(|_| ProviderError::new(Part::Tool, "a tool panicked"))?;
    Ok((round, runs))
}

/// What the model wrote in one go.
#[derive(Default)]
struct Written {
    said: bool,
    round: Round,
}

/// Asks the model; if the request is too long, again with a shorter one. The caller notices nothing but the time.
async fn ask(
    answer: &mut Answering,
    sentences: &mpsc::Sender<Say>,
    out: &ReplyOut,
) -> Result<Written, ProviderError> {
    loop {
        let mut written = Written::default();
        match write(answer, &mut written, sentences, out).await {
            Ok(()) => return Ok(written),
            Err(error) if error.fault == Fault::TooLong && written.round.text.is_empty() => {
                if !answer.shorten().await {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

async fn write(
    answer: &mut Answering,
    written: &mut Written,
    sentences: &mpsc::Sender<Say>,
    out: &ReplyOut,
) -> Result<(), ProviderError> {
    let deadline = answer.persona.agent.limits.llm;
    let failed = |message: String| ProviderError::new(Part::Llm, message);
    let begun = clock::now();
    let question = answer.question();
    let asked = context::size(&question.messages);
    let mut pieces = answer.persona.providers.llm.chat(question);
    answer.tell(ToolNews::Asked(answer.reply)).await;
    let mut cut = Sentences::new(answer.persona.agent.language.as_deref());
    let mut bridge = std::pin::pin!(bridge(answer));
    let mut is_bridged = answer.begun;
    let mut writes_since = None;
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
        let piece =
            piece.map_err(|_| failed(format!("no token within {deadline:?} (limits.llm)")))?;
        let done = piece.is_none();
        let piece = piece.transpose()?;
        let begins = piece.as_ref().is_none_or(|piece| !is_empty(piece));
        is_bridged |= begins;
        if !answer.begun && begins && !done {
            answer.begun = true;
            let took = clock::now().saturating_duration_since(begun);
            out.send(ReplyItem::FirstToken(took)).await;
        }
        let ready = match piece {
            Some(Piece::Text(text)) => {
                let now = clock::now();
                let since = *writes_since.get_or_insert(now);
                written.round.text += &text;
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
            // It is not silent: what it writes takes longer than a sentence.
            Some(Piece::Calling) => Vec::new(),
            Some(Piece::Call(call)) => {
                written.round.calls.push(call);
                Vec::new()
            }
            Some(Piece::Opaque(opaque)) => {
                written.round.opaque.extend(opaque);
                Vec::new()
            }
            Some(Piece::Usage(usage)) => {
                answer.tell(ToolNews::Measured(asked, usage)).await;
                Vec::new()
            }
            None => cut.finish().into_iter().collect(),
        };
        for sentence in ready {
            written.said = true;
            if !say(answer, sentence, sentences).await {
                written.round.calls.clear();
                return Ok(());
            }
        }
        if done {
            return Ok(());
        }
    }
}

/// Sends a sentence. `false` if the receiver is gone.
async fn say(answer: &Answering, sentence: String, sentences: &mpsc::Sender<Say>) -> bool {
    answer.tell(ToolNews::Written(answer.reply)).await;
    sentences.send(Say::Sentence(sentence)).await.is_ok()
}

/// The filler that the caller hears when a model is slow to begin, once it is due: never before the caller's turn is
/// over. Pending forever without fillers.
fn bridge(answer: &Answering) -> impl Future<Output = String> + use<> {
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
    match piece {
        Piece::Text(text) => text.is_empty(),
        Piece::Call(_) => false,
        Piece::Calling | Piece::Opaque(_) | Piece::Usage(_) => true,
    }
}
