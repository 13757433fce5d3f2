//! What happens in the room: the caller comes and goes, types, mutes, and presses keys.

use super::{Caller, Conversation};
use crate::call::context::clipped;
use crate::call::event::{CallEvent, EndReason};
use crate::call::ledger::Dropped;
use crate::transport::{DisconnectReason, Floor, RoomEvent};
use sidetone_base::clock;
use sidetone_turn::Input;

/// Typed words beyond this are cut out of the middle: all of a call's models read them again in
/// each turn.
const MAX_TYPED: usize = 8_000;

impl Conversation {
    /// Something happened in the room.
    pub fn room_event(&mut self, event: RoomEvent) {
        match event {
            RoomEvent::Chat { .. } | RoomEvent::Say { .. } | RoomEvent::Floor(_)
                if self.encrypted => {}
            RoomEvent::CallerJoined {
                identity,
                name,
                attributes,
            } => {
                let at = self.journal.offset(clock::now());
                self.meet(&identity, &name, &attributes);
                self.journal.push(CallEvent::CallerJoined { at, identity });
                self.caller = Caller::Here;
                if self.encrypted {
                    self.greeted = true;
                    self.tell_encrypted();
                } else if std::mem::replace(&mut self.greeted, true) {
                    self.input(Input::UserReturned);
                } else {
                    self.greet();
                }
            }
            RoomEvent::SaidBefore(sound) => self.before.recorded(sound),
            RoomEvent::CallerLeft { reason } => self.caller_left(reason),
            RoomEvent::Chat { text } => {
                let text = clipped(text.trim(), MAX_TYPED);
                if self.drain_by.is_some() {
                    self.ledger.refused(Dropped::Draining);
                } else if !text.is_empty() {
                    self.transcribed = None;
                    self.input(Input::UserText(text));
                }
            }
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
                let at = self.journal.offset(clock::now());
                self.journal.push(CallEvent::CallerMuted { at, muted });
                if muted {
                    self.mic_paused();
                }
            }
            RoomEvent::Unheard(unheard) => {
                self.unheard = unheard;
                if unheard {
                    self.mic_paused();
                }
                self.watch_silence(clock::now());
            }
            RoomEvent::Encrypted => self.encrypted(),
            RoomEvent::Dismissed => self.dismissed(),
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

    fn caller_left(&mut self, reason: DisconnectReason) {
        match reason {
            DisconnectReason::ClientInitiated => self.ended = Some(EndReason::CallerHungUp),
            DisconnectReason::UserRejected => self.ended = Some(EndReason::CallerRejected),
            DisconnectReason::RoomDeleted => self.ended = Some(EndReason::RoomClosed),
            _ => {
                let until = clock::now() + self.agent.limits.reconnect_grace;
                self.caller = Caller::Lost { until };
                self.input(Input::UserLeft);
                self.mic_by = None;
                // A client that starts anew shows its microphone as on.
                self.unheard = false;
                self.listen.pause(clock::now());
                self.listen.forget();
                // An answer after the caller is back has no latency worth the name.
                self.asked = None;
            }
        }
    }
}
