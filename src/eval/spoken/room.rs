//! The room of a spoken conversation: each 10 ms a frame of the caller goes in, and one of the agent comes out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use super::caller::{Act, Caller};
use super::ears::Sent;
use super::played::{Next, PlayedCaller};
use crate::caller::heard::{Activity, FRAME, Span};
use crate::eval::simulated::Line;
use crate::eval::text::joined;
use sidetone_base::clock;
use sidetone_call::transport::{
    AgentState, DisconnectReason, RoomCommand, RoomDriver, RoomEvent, Segment, Speaker,
};

/// The caller hangs up after this long, whatever happens.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// An agent that has said goodbye hangs up a moment later: the caller lets it be first.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The room.
pub struct Room {
    pub(super) caller: Caller,
    /// Who goes on as the caller; none while it makes up its mind, and after it has hung up.
    pub(super) played: Option<PlayedCaller>,
    /// Gets what the microphone sends.
    pub(super) sent: Arc<Mutex<Sent>>,
    /// Hears when a turn begins.
    pub(super) turn_begins: Box<dyn Fn() + Send + Sync>,
}

/// What was said and heard.
pub struct Past {
    /// When each turn was said; none: never.
    pub said: Vec<Option<Span>>,
    /// When the agent was heard.
    pub agent: Activity,
    /// The played caller.
    pub played: Option<PlayedCaller>,
    /// Why the caller could not go on.
    pub trouble: Option<anyhow::Error>,
}

impl Room {
    /// Until the agent leaves.
    pub async fn drive(mut self, driver: RoomDriver, name: &str) -> Past {
        let RoomDriver {
            mic,
            events,
            mut speaker,
            mut commands,
        } = driver;
        let begun = clock::now();
        // A call that takes no events is ending, and says so below.
        events.send(joined(name)).await.ok();
        let mut tick = tokio::time::interval(FRAME);
        let scripted = self.caller.turns().len();
        let (mut agent, mut words) = (Activity::default(), String::new());
        let (mut listening, mut hangs_up, mut has_left) = (None, None, false);
        let (mut asked, mut trouble): (Option<BoxFuture<'static, Next>>, _) = (None, None);
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(RoomCommand::SetState(state)) => {
                        listening = Some(matches!(state, AgentState::Listening | AgentState::Idle));
                    }
                    Some(RoomCommand::Transcript(Segment { who: Speaker::Agent, text, .. })) => {
                        words += &text;
                    }
                    Some(RoomCommand::Leave) | None => {
                        let (said, played) = (self.caller.said(), self.played);
                        return Past { said, agent, played, trouble };
                    }
                    Some(_) => {}
                },
                (played, turn) = answer(&mut asked), if asked.is_some() => {
                    asked = None;
                    self.played = Some(played);
                    match turn {
                        Ok(Some(turn)) => self.caller.goes_on(turn),
                        Ok(None) => hangs_up = Some(clock::now()),
                        Err(error) => {
                            trouble = Some(error);
                            hangs_up = Some(clock::now());
                        }
                    }
                }
                _ = tick.tick() => {
                    let now = clock::now();
                    if let Ok(frame) = speaker.try_recv() {
                        agent.push(now - begun, frame.samples());
                    }
                    let voice = agent.spans().last().copied();
                    let (act, frame) = self.caller.next(now - begun, listening, voice);
                    let mut event = None;
                    match act {
                        Act::Nothing => {}
                        Act::Speaks(turn) | Act::Writes(turn) => {
                            event = self.begin(turn);
                            if turn < scripted && let Some(played) = &mut self.played {
                                played.hears(Line::Theirs(std::mem::take(&mut words)));
                                let mine = self.caller.turns()[turn].words.clone();
                                played.hears(Line::Mine(mine));
                            }
                        }
                        Act::HangsUp if asked.is_some() || hangs_up.is_some() => {}
                        Act::HangsUp => match self.played.take() {
                            Some(mut played) => {
                                played.hears(Line::Theirs(std::mem::take(&mut words)));
                                asked = Some(played.next());
                            }
                            None => hangs_up = Some(now),
                        }
                    }
                    self.sent().push(&frame);
                    // A call that is half a second behind gains nothing from old sound.
                    mic.try_send(frame.into()).ok();
                    if now - begun > LONGEST {
                        hangs_up.get_or_insert(now);
                    }
                    if !has_left && hangs_up.is_some_and(|at| at + LAST_WORD <= now) {
                        has_left = true;
                        let reason = DisconnectReason::ClientInitiated;
                        event = Some(RoomEvent::CallerLeft { reason, is_followed: false });
                    }
                    if let Some(event) = event {
                        events.send(event).await.ok();
                    }
                }
            }
        }
    }

    /// The event by which a turn begins that is written.
    fn begin(&self, turn: usize) -> Option<RoomEvent> {
        (self.turn_begins)();
        let turn = &self.caller.turns()[turn];
        if turn.sound.is_some() {
            self.sent().begins(turn);
            return None;
        }
        let text = turn.words.clone();
        Some(RoomEvent::Chat { text, by: None })
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was asked for. Pending for ever when nothing was.
async fn answer(asked: &mut Option<BoxFuture<'static, Next>>) -> Next {
    match asked {
        Some(asked) => asked.await,
        None => std::future::pending().await,
    }
}
