//! The second step of a job: the conversation, the room's driver and the record, side by side.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Agents;
use super::prepare::{Call, Cast};
use super::record::{self, Notes};
use crate::room::{self, JoinError};
use sidetone_base::signed::Inbox;
use sidetone_call::transport::{self, Dismissal};
use sidetone_call::vad::Vad;
use sidetone_call::{CallOutcome, CallSpec, Llm, Meter};

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
}

impl Agents {
    /// Holds the conversation until it ends. The room is still joined then: a job's end is reported
    /// before its room is left.
    pub(super) async fn hold(&self, call: &Call<'_>, cast: Cast) -> Held {
        let Cast {
            persona,
            team,
            events,
            tap,
        } = cast;
        let meter = Meter::default();
        let model = meter.count(persona.providers.clone()).llm;
        let (link, driver) = transport::link();
        let (record, events_of_call) = mpsc::channel(EVENTS);
        let vad = Vad::new(&call.agent.vad);
        let spec = CallSpec {
            id: call.id,
            persona,
            team,
            vad,
            end_of_turn: (self.end_of_turn.clone()).map(|model| Arc::new(model) as _),
            meter: meter.clone(),
        };
        let dismissal = Dismissal {
            ordered: call.handle.dismissed(),
            declined: call.handle.declined(),
        };
        let key = self.livekit.key().clone();
        let inbox = Inbox::new(key, &*call.job.room_name, call.id.to_string());
        let (store, spool) = (self.store.clone(), self.spool.clone());
        let (outcome, driven, notes) = tokio::join!(
            sidetone_call::run(spec, link, record, call.handle.drained()),
            room::agent::drive(&call.room, events, driver, tap, dismissal, inbox),
            record::record(store, spool, call.id, &call.job.id, events_of_call),
        );
        Held {
            outcome,
            driven,
            meter,
            model,
            notes,
        }
    }
}
