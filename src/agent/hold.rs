//! The second step of a job: the conversation, the room's driver and the record, side by side.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::Agents;
use super::handover::hand_over;
use super::prepare::{Call, Cast};
use super::record::{self, Notes};
use super::spool::Writer;
use crate::room::agent::Commission;
use crate::room::quality::Quality;
use crate::room::{self, JoinError};
use sidetone_base::leave::{LeaveOrder, Step};
use sidetone_base::signed::Inbox;
use sidetone_call::holding::Holding;
use sidetone_call::transport::{self, Dismissal};
use sidetone_call::vad::Vad;
use sidetone_call::{CallOutcome, CallSpec, Llm, Meter};
use sidetone_config::agent::AgentConfig;

/// Call events on their way to the store; the call keeps what does not fit.
const EVENTS: usize = 256;

/// A conversation that has ended.
pub(super) struct Held {
    pub(super) outcome: CallOutcome,
    /// Err: the agent's voice could not be published.
    pub(super) driven: Result<(), JoinError>,
    /// What the call took of its providers.
    pub(super) meter: Meter,
    /// The first agent's model, counted by `meter`: it makes the call's result.
    pub(super) model: Arc<dyn Llm>,
    /// What was written down of it.
    pub(super) notes: Notes,
    /// What its sound went through.
    pub(super) quality: Quality,
    /// Writes it; not ended yet.
    pub(super) writer: Writer,
}

impl Agents {
    /// Holds the conversation until it ends. The room is still joined then: a job's end is reported
    /// before its room is left.
    pub(super) async fn hold(&self, call: &Call<'_>, cast: Cast) -> Held {
        let Cast {
            persona,
            team,
            began,
            earlier,
            beside,
            events,
            tap,
            traced,
            overheard,
        } = cast;
        let meter = Meter::default();
        let budget = &persona.agent.limits.budget;
        let model = meter.count(began, budget.questions_a_minute).llm;
        let (link, driver) = transport::link();
        let (record, events_of_call) = mpsc::channel(EVENTS);
        let vad = Vad::new(&persona.agent.vad);
        let spec = CallSpec {
            id: call.id,
            persona,
            team,
            vad,
            end_of_turn: (self.end_of_turn.clone()).map(|model| Arc::new(model) as _),
            meter: meter.clone(),
            earlier,
        };
        let dismissal = Dismissal {
            ordered: call.handle.dismissed(),
            declined: call.handle.declined(),
        };
        let keys = self.livekit.signer();
        let quality = Quality::default();
        let commission = Commission {
            dispatch_id: call.job.dispatch_id.clone(),
            inbox: Inbox::new(keys, &*call.job.room_name, call.id.to_string()),
            standing: Some(call.place.clone()),
            encryption: call.agent.encryption.clone(),
            holding: holding(&call.agent).await,
            quality: quality.clone(),
            is_dialled: call.is_dialled,
            several: (call.agent.several_speakers).then_some(call.agent.vad),
            overheard,
        };
        let (store, spool) = (self.store.clone(), self.spool.clone());
        let (over, drain) = (LeaveOrder::default(), LeaveOrder::default());
        let to_call = driver.events.downgrade();
        let (outcome, driven, (notes, writer)) = tokio::join!(
            async {
                let held = sidetone_call::run(spec, link, record, drain.clone());
                let outcome = tokio::select! {
                    outcome = held => outcome,
                    never = hand_over(&call.place, call.handle, &drain, to_call) => match never {},
                };
                over.give(outcome.leave_by);
                outcome
            },
            async {
                // A room that takes nothing any more is not waited for.
                let left =
                    async { sleep_until(over.given().await.until(Step::Record).into()).await };
                let room = &call.room;
                let driven = room::agent::drive(room, events, driver, tap, dismissal, commission);
                tokio::select! {
                    driven = driven => driven,
                    () = left => Ok(()),
                }
            },
            record::record(
                store,
                spool,
                call.id,
                record::Part {
                    job: &call.job.id,
                    agent: &call.agent.name,
                    asking: call.place.asking(),
                    is_dialled: call.is_dialled,
                },
                events_of_call,
                beside,
                traced,
            ),
        );
        Held {
            outcome,
            driven,
            meter,
            model,
            notes,
            quality,
            writer,
        }
    }
}

/// The sound of the agent's file, as it is now. Without it the call goes on: it was there when the file was read.
async fn holding(agent: &AgentConfig) -> Option<Holding> {
    let config = agent.holding.clone()?;
    let (after, volume) = (config.after, config.volume);
    let read = tokio::task::spawn_blocking(move || config.read()).await;
    match read.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(sound) => Some(Holding::new(sound, after, volume)),
        Err(error) => {
            tracing::warn!(agent = agent.name, %error, "there is no holding sound");
            None
        }
    }
}
