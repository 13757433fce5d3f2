//! Data packets: the caller's messages and keys, and the control plane's orders.

use std::time::Duration;

use livekit::TextStreamReader;
use livekit::prelude::ParticipantIdentity;

use super::super::desk::NOTES;
use super::Watch;
use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;
use sidetone_base::signed::Inbox;
use sidetone_base::tap::RECORDING_TOPIC;
use sidetone_call::transport::{Key, RoomEvent};
use sidetone_control_plane::dispatch::leave::{self, LEAVE_TOPIC};
use sidetone_intake::budget::Bucket;
use sidetone_intake::doors::Dropped;

/// Messages kept from people who were not reported yet.
const EARLY: usize = 2;

/// Messages from people who were not reported yet: they arrived before the room's event.
#[derive(Default)]
pub(super) struct Early(Vec<(ParticipantIdentity, TextStreamReader)>);

/// The control plane's orders to this agent.
pub(in crate::room) struct Orders {
    dispatch_id: String,
    inbox: Inbox,
    /// Limits log lines about packets that are not from the control plane.
    notes: Bucket,
}

impl Orders {
    pub(in crate::room) fn new(dispatch_id: String, inbox: Inbox) -> Self {
        Self {
            dispatch_id,
            inbox,
            notes: Bucket::full(NOTES),
        }
    }

    /// A message on this topic. `None` if it is not from the control plane.
    fn take(&mut self, topic: &str, packet: &[u8]) -> Option<String> {
        match self.inbox.take(topic, clock::wall(), packet) {
            Ok(message) => Some(message),
            Err(why) => {
                if self.notes.take(clock::now(), 1) {
                    tracing::warn!(
                        topic,
                        "a message was not taken for the control plane's: {why}"
                    );
                }
                None
            }
        }
    }

    /// How long this agent may take to leave. `None` if the packet is no such order.
    fn leave(&mut self, packet: &[u8]) -> Option<Duration> {
        let request = self.take(LEAVE_TOPIC, packet)?;
        leave::read(request.as_bytes(), &self.dispatch_id)
    }
}

impl Watch<'_> {
    /// Carries out an order, if it is from the control plane.
    pub(super) async fn order(&mut self, topic: &str, packet: &[u8]) {
        match topic {
            RECORDING_TOPIC => {
                if let Some(command) = self.orders.take(topic, packet) {
                    self.tap.command(command.as_bytes());
                }
            }
            LEAVE_TOPIC => {
                if let Some(budget) = self.orders.leave(packet) {
                    tracing::info!(?budget, "the agent is asked to leave");
                    let by = LeaveBy::within(clock::now(), budget);
                    self.tell(RoomEvent::Dismissed(by)).await;
                }
            }
            _ => {}
        }
    }

    /// Somebody who is heard has pressed a key.
    pub(super) async fn pressed(&mut self, key: Key) {
        match self.keys.key(clock::now()) {
            Ok(()) => self.tell(RoomEvent::Pressed(key)).await,
            Err(Dropped { tell: true }) => {
                tracing::warn!("keys are not taken: they come faster than anybody presses them");
            }
            Err(Dropped { tell: false }) => {}
        }
    }

    /// A chat message begins to arrive.
    pub(super) fn chat(&mut self, sender: ParticipantIdentity, reader: TextStreamReader) {
        if self.is_heard(&sender) {
            let by = self.person(&sender);
            self.tasks.spawn(self.chats.read(sender, by, reader));
        } else if self.early.0.len() < EARLY {
            self.early.0.push((sender, reader));
        } else {
            reader.closer().close();
        }
    }

    /// Whether this is the caller, may turn out to be, or is somebody else who is heard.
    pub(super) fn may_write(&self, identity: &ParticipantIdentity) -> bool {
        self.caller.is_none() || self.is_heard(identity)
    }

    /// The caller is known: reads what it wrote before.
    pub(super) fn chats_of_early(&mut self) {
        for (sender, reader) in std::mem::take(&mut self.early.0) {
            if self.is_heard(&sender) {
                self.chat(sender, reader);
            } else {
                reader.closer().close();
            }
        }
    }
}
