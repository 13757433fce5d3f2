//! What happens in the room: the caller comes and goes, types, mutes, and presses keys.

use super::Conversation;
use crate::context::clipped;
use crate::event::{CallEvent, EndReason};
use crate::ledger::Dropped;
use crate::transport::{DisconnectReason, Floor, Key, RoomEvent};
use sidetone_base::clock;
use sidetone_turn::Input;

/// Typed words beyond this are cut out of the middle: all of a call's models read them again in
/// each turn.
const MAX_TYPED: usize = 8_000;

impl Conversation {
    /// Something happened in the room.
    pub fn room_event(&mut self, event: RoomEvent) {
        if event.is_of_caller() {
            self.handover.caller_did(clock::now());
        }
        match event {
            RoomEvent::Chat { .. }
            | RoomEvent::Pressed(_)
            | RoomEvent::Say { .. }
            | RoomEvent::Floor(_)
                if self.caller.mismatch().is_some() || self.hand.is_muted() => {}
            RoomEvent::CallerJoined(caller) => {
                self.cast.meet(self.id, &caller);
                let identity = caller.identity;
                self.chat
                    .set_system(self.cast.agent().system_prompt.clone());
                self.record
                    .now(|at| CallEvent::CallerJoined { at, identity });
                let is_first = self.caller.joined();
                self.deadlines.caller_came();
                if let Some(mismatch) = self.caller.mismatch() {
                    self.tell_mismatch(mismatch);
                } else if let Some(sentence) = self.cast.agent().refusal {
                    self.refuse(sentence);
                } else if is_first {
                    self.listen_for_machine();
                    self.greet();
                } else {
                    self.input(Input::UserReturned);
                }
            }
            RoomEvent::SaidBefore(sound) => self.caller.before().recorded(sound),
            RoomEvent::CallerLeft {
                reason,
                is_followed,
            } => self.caller_left(reason, is_followed),
            RoomEvent::Chat { text, by } => {
                let text = clipped(text.trim(), MAX_TYPED);
                self.who.writes(by);
                self.to_room.caller_wrote(&text);
                self.typed(text);
            }
            RoomEvent::Pressed(key) => self.pressed(key),
            RoomEvent::Commanded(order) => self.commanded(order),
            RoomEvent::Say { text } => self.input(Input::Say {
                text,
                interruptible: true,
            }),
            RoomEvent::Floor(floor) => {
                // The key takes the microphone's place: what is said without it is not meant.
                if floor != Floor::Taken {
                    self.mic_paused();
                }
                self.input(match floor {
                    Floor::Taken => Input::FloorTaken,
                    Floor::Given => Input::FloorGiven,
                    Floor::Dropped => Input::FloorDropped,
                });
            }
            RoomEvent::MicMuted(muted) => {
                self.record.now(|at| CallEvent::CallerMuted { at, muted });
                if muted {
                    self.mic_paused();
                }
            }
            RoomEvent::Unheard(unheard) => {
                self.caller.set_unheard(unheard);
                if unheard {
                    self.mic_paused();
                }
                self.watch_silence(clock::now());
            }
            RoomEvent::NotHeard(time) => self.not_heard(time),
            RoomEvent::Mismatch(mismatch) => self.mismatched(mismatch),
            RoomEvent::Succeeded(by) => self.handover.successor_came(by),
            RoomEvent::Dismissed(by) => self.dismissed(by),
            RoomEvent::Closed { reason } => {
                self.ended = Some(match reason {
                    DisconnectReason::RoomDeleted | DisconnectReason::RoomClosed => {
                        EndReason::RoomClosed
                    }
                    _ => EndReason::ConnectionLost,
                });
            }
        }
    }

    pub(super) fn typed(&mut self, text: String) {
        if self.deadlines.is_draining() {
            self.record.ledger().refused(Dropped::Draining);
        } else if !text.is_empty() {
            self.asked.typed();
            self.input(Input::UserText(text));
        }
    }

    /// The agent stops talking at the first key, and answers when they are complete.
    fn pressed(&mut self, key: Key) {
        let now = clock::now();
        let is_first = self.keys.is_empty() && !self.deadlines.is_draining();
        if is_first {
            self.input(Input::KeyPressed);
        }
        // Somebody is there.
        self.deadlines.silence().broken();
        if is_first && self.chooses(key) {
            return self.watch_silence(now);
        }
        let rules = self.cast.agent().keys;
        if let Some(keys) = self.keys.press(now, key, &rules) {
            self.keys_complete(&keys);
        }
        self.watch_silence(now);
    }

    /// What was pressed is to the model as if it were said.
    pub(super) fn keys_complete(&mut self, keys: &str) {
        self.typed(format!("Keys pressed: {keys}"));
    }

    fn caller_left(&mut self, reason: DisconnectReason, is_followed: bool) {
        self.keys.forget();
        match reason {
            _ if is_followed => self.caller_is_gone(),
            DisconnectReason::ClientInitiated => self.ended = Some(EndReason::CallerHungUp),
            DisconnectReason::UserRejected => self.ended = Some(EndReason::CallerRejected),
            DisconnectReason::RoomDeleted => self.ended = Some(EndReason::RoomClosed),
            _ => self.caller_is_gone(),
        }
    }

    /// The caller may come back, or somebody else takes the call up.
    fn caller_is_gone(&mut self) {
        self.caller.left();
        let grace = self.cast.agent().limits.reconnect_grace;
        self.deadlines.caller_left(grace);
        self.input(Input::UserLeft);
        self.deadlines.microphone_paused();
        // A client that starts anew shows its microphone as on.
        self.caller.set_unheard(false);
        self.listen.pause(clock::now());
        self.listen.forget();
        self.asked.forget();
    }
}
