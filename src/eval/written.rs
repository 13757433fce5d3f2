//! A conversation in writing: the caller writes, and reads the answers.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::scenario::Scenario;
use super::script::Script;
use super::text::{Seen, drive};
use super::told::Told;
use sidetone_base::clock;
use sidetone_base::leave::LeaveOrder;
use sidetone_call::transport::{self, AgentState, DisconnectReason, RoomEvent};
use sidetone_call::vad::Vad;
use sidetone_call::{CallEvent, CallSpec, EndReason, Meter, Persona};

/// An answer that takes longer counts as none.
const TURN_DEADLINE: Duration = Duration::from_secs(60);

/// How long the caller waits for the agent to hang up.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Holds the conversation; answers what came of each turn (the greeting first), and why it ended.
pub async fn hold(
    scenario: &Scenario,
    script: &mut Script,
    first: Persona,
    team: Vec<Persona>,
) -> (Vec<Told>, EndReason) {
    let (link, driver) = transport::link();
    let (write, written) = mpsc::channel(4);
    let (seen, mut see) = mpsc::channel(64);
    let (record, mut events) = mpsc::channel(64);
    let spec = CallSpec {
        id: Uuid::nil(),
        vad: Vad::new(&first.agent.vad),
        end_of_turn: None,
        persona: first,
        team,
        meter: Meter::default(),
        earlier: None,
    };
    let call = sidetone_call::run(spec, link, record, LeaveOrder::default());
    let room = drive(driver, &scenario.caller, written, seen);
    let caller = async {
        let (_, mut heard, first_words) = listened(&mut see, clock::now()).await;
        let mut waits = vec![first_words];
        while let Some(text) = script.next(heard).await {
            let asked = clock::now();
            if write
                .send(RoomEvent::Chat { text, by: None })
                .await
                .is_err()
            {
                break;
            }
            let (is_there, words, first_words) = listened(&mut see, asked).await;
            waits.push(first_words);
            if !is_there {
                return waits;
            }
            heard = words;
        }
        // An agent that has said goodbye hangs up a moment later: it may be first.
        let left = async { while !matches!(see.recv().await, Some(Seen::Left) | None) {} };
        if tokio::time::timeout(LAST_WORD, left).await.is_ok() {
            return waits;
        }
        let reason = DisconnectReason::ClientInitiated;
        write
            .send(RoomEvent::CallerLeft {
                reason,
                is_followed: false,
            })
            .await
            .ok();
        while !matches!(see.recv().await, Some(Seen::Left) | None) {}
        waits
    };
    let listen = async {
        let mut all = Vec::new();
        while let Some(event) = events.recv().await {
            all.push(event);
        }
        all
    };
    let (outcome, (), waits, events) = tokio::join!(call, room, caller, listen);
    let mut turns = by_turn(events);
    for (turn, wait) in turns.iter_mut().zip(waits) {
        turn.first_words = wait;
    }
    (turns, outcome.reason)
}

/// Waits until the agent has answered and listens again; whether it is still there, its words, and
/// how long the first took.
async fn listened(
    see: &mut mpsc::Receiver<Seen>,
    since: Instant,
) -> (bool, String, Option<Duration>) {
    let (mut said, mut first_words) = (String::new(), None);
    let until = since + TURN_DEADLINE;
    loop {
        match tokio::time::timeout_at(until.into(), see.recv()).await {
            Ok(Some(Seen::State(AgentState::Listening))) | Err(_) => {
                return (true, said, first_words);
            }
            Ok(Some(Seen::Words(words))) if !words.is_empty() => {
                let took = clock::now().saturating_duration_since(since);
                first_words.get_or_insert(took);
                said += &words;
            }
            Ok(Some(Seen::Left) | None) => return (false, said, first_words),
            Ok(Some(_)) => {}
        }
    }
}

/// The call's events, cut where the caller's turns begin.
fn by_turn(events: Vec<CallEvent>) -> Vec<Told> {
    let mut turns = vec![Told::default()];
    let mut last_turn = None;
    for event in events {
        let now = turns.len() - 1;
        match event {
            CallEvent::CallerTurn { turn_id, .. } if last_turn != Some(turn_id) => {
                last_turn = Some(turn_id);
                turns.push(Told::default());
            }
            CallEvent::AgentTurn(turn) if turn.is_final => {
                turns[now].say(&turn.text_heard);
            }
            CallEvent::ToolCall(called) => turns[now].tools.push(called),
            CallEvent::Error { stage, message, .. } => {
                turns[now]
                    .errors
                    .push(format!("{}: {message}", stage.as_str()));
            }
            _ => {}
        }
    }
    turns
}
