//! A spoken conversation: recordings go into a call's microphone, 10 ms at a time, and voice activity, turn ends and
//! interruptions are what they are in any call. On a simulated clock nothing is asked of anybody, and a minute
//! takes a moment; in real time the call's providers hear and speak.

pub mod caller;
pub mod ears;
pub mod heard;
pub mod judge;
pub mod played;
mod room;
pub mod voice;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use uuid::Uuid;

use self::caller::{Caller, PAUSE, Sound, Turn};
use self::ears::Sent;
use self::played::PlayedCaller;
use self::room::Room;
use super::scenario::Scenario;
use super::told::Told;
use crate::caller::script::{Cue, Patience};
use sidetone_base::audio::wav;
use sidetone_base::leave::LeaveOrder;
use sidetone_call::vad::Vad;
use sidetone_call::{CallSpec, EndOfTurn, EndReason, Meter, Persona, transport};

/// A caller who is not greeted speaks after this.
const NO_GREETING: Duration = Duration::from_secs(1);

/// All that a spoken conversation needs.
pub struct Spoken {
    /// The caller's name.
    pub name: String,
    /// What the caller says.
    pub turns: Vec<Turn>,
    /// Who goes on as the caller after that.
    pub played: Option<PlayedCaller>,
    /// Who answers.
    pub first: Persona,
    /// To whom the caller may be handed.
    pub team: Vec<Persona>,
    /// The end-of-turn model, where there is one.
    pub end_of_turn: Option<Arc<dyn EndOfTurn>>,
    /// Gets what the microphone sends.
    pub sent: Arc<Mutex<Sent>>,
    /// Hears when a turn begins.
    pub turn_begins: Box<dyn Fn() + Send + Sync>,
}

/// What came of it.
pub struct Held {
    /// Each turn; the first is the greeting.
    pub turns: Vec<Told>,
    /// Why it ended.
    pub ended: EndReason,
    /// The caller whom a model played.
    pub played: Option<PlayedCaller>,
}

/// The turns of a scenario, whose words are these; their recordings are read.
///
/// # Errors
/// A recording cannot be read, nobody speaks in it, or it has too few pauses.
pub fn turns(scenario: &Scenario, words: &[String]) -> anyhow::Result<Vec<Turn>> {
    let turns = scenario.turns.iter().zip(words).map(|(turn, words)| {
        let cue = turn.talks_over_ms.map(Duration::from_millis);
        let cue = cue.map_or(Cue::AgentDone, Cue::AgentSpeakingFor);
        match &turn.sound {
            Some(file) => spoken(file, words, cue),
            None => Ok(Turn::written(words.clone(), cue)),
        }
    });
    turns.collect()
}

fn spoken(file: &Path, words: &str, cue: Cue) -> anyhow::Result<Turn> {
    let shown = file.display();
    let sound = Sound::new(wav::read(file)?)
        .with_context(|| format!("{shown}: nobody is heard in it: all of it is below -45 dBFS"))?;
    Turn::spoken(words.to_owned(), sound, cue).with_context(|| {
        let pauses = words.matches(PAUSE).count();
        format!(
            "{shown}: its words have {pauses} pauses ({PAUSE}), and it has fewer of 300 ms or more"
        )
    })
}

/// Holds the conversation on a clock that leaps to wherever something happens next.
///
/// # Errors
/// The call panicked, or the caller could not go on.
pub async fn hold_simulated(spoken: Spoken) -> anyhow::Result<Held> {
    // A clock belongs to a runtime, and only one of one thread can have it simulated.
    let held = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(hold(spoken))
    });
    held.await?
}

/// Holds the conversation on the clock that there is.
///
/// # Errors
/// The caller could not go on.
pub async fn hold(spoken: Spoken) -> anyhow::Result<Held> {
    let (link, driver) = transport::link();
    let (record, mut recorded) = mpsc::channel(64);
    let agent = &spoken.first.agent;
    let mut patience = Patience::default();
    if agent.greeting.is_empty() {
        patience.greeting = NO_GREETING;
    }
    let spec = CallSpec {
        id: Uuid::nil(),
        vad: Vad::new(&agent.vad),
        end_of_turn: spoken.end_of_turn,
        persona: spoken.first,
        team: spoken.team,
        meter: Meter::default(),
        earlier: None,
    };
    let call = sidetone_call::run(spec, link, record, LeaveOrder::default());
    let room = Room {
        caller: Caller::new(spoken.turns, patience),
        played: spoken.played,
        sent: spoken.sent,
        turn_begins: spoken.turn_begins,
    };
    let room = room.drive(driver, &spoken.name);
    let listen = async {
        let mut all = Vec::new();
        while let Some(event) = recorded.recv().await {
            all.push(event);
        }
        all
    };
    let (outcome, past, events) = tokio::join!(call, room, listen);
    match past.trouble {
        Some(trouble) => Err(trouble),
        None => Ok(Held {
            turns: heard::by_turn(events, &past.said, &past.agent),
            ended: outcome.reason,
            played: past.played,
        }),
    }
}

#[cfg(test)]
mod tests;
