//! What comes in packets: messages of the caller's, and the control plane's word.

use livekit::TextStreamReader;
use livekit::prelude::ParticipantIdentity;

use super::Watch;
use sidetone_base::clock;
use sidetone_base::tap::RECORDING_TOPIC;

/// Messages of people who were not seen yet that are kept.
const EARLY: usize = 2;

/// Messages of people who were not seen yet: their words came before the room's.
#[derive(Default)]
pub(super) struct Early(Vec<(ParticipantIdentity, TextStreamReader)>);

impl Watch<'_> {
    /// Does what the control plane says, if it is the control plane.
    pub(super) fn order(&mut self, topic: &str, packet: &[u8]) {
        if topic != RECORDING_TOPIC {
            return;
        }
        match self.inbox.take(topic, clock::wall(), packet) {
            Ok(command) => self.tap.command(command.as_bytes()),
            Err(why) if !std::mem::replace(&mut self.is_forgery_logged, true) => {
                tracing::warn!(
                    topic,
                    "a message was not taken for the control plane's: {why}"
                );
            }
            Err(_) => {}
        }
    }

    /// A chat message begins to arrive.
    pub(super) fn chat(&mut self, sender: ParticipantIdentity, reader: TextStreamReader) {
        if self.is_caller(&sender) {
            self.tasks.spawn(self.chats.read(sender, reader));
        } else if self.early.0.len() < EARLY {
            self.early.0.push((sender, reader));
        } else {
            reader.closer().close();
        }
    }

    /// Whether this is the caller, or may turn out to be.
    pub(super) fn may_be_caller(&self, identity: &ParticipantIdentity) -> bool {
        self.caller.is_none() || self.is_caller(identity)
    }

    /// The caller is known: what it wrote before is read.
    pub(super) fn chats_of_early(&mut self) {
        for (sender, reader) in std::mem::take(&mut self.early.0) {
            if self.is_caller(&sender) {
                self.chat(sender, reader);
            } else {
                reader.closer().close();
            }
        }
    }
}
