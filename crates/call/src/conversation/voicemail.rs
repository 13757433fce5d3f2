//! A machine has answered the telephone that the agent calls: it is not talked to, and gets a message or nothing.

use std::time::Duration;

use super::Conversation;
use crate::event::{CallEvent, EndReason};
use crate::voicemail::{Ear, Told};
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_base::leave::LeaveBy;
use sidetone_turn::Input;

/// Longest message, the call's leaving included.
const MESSAGE: Duration = Duration::from_secs(90);

impl Conversation {
    /// From now on it is listened for a machine, where the agent's file asks for it.
    pub(super) fn listen_for_machine(&mut self) {
        self.voicemail = self.cast.agent().voicemail.as_ref().map(Ear::new);
    }

    /// The next 10 ms. True: a machine says them, and nobody answers it.
    pub(super) fn hears_machine(&mut self, frame: &Pcm<16_000>) -> bool {
        let is_speaking = self.listen.is_speaking();
        let Some(ear) = &mut self.voicemail else {
            return false;
        };
        if let Some(told) = ear.push(frame, is_speaking) {
            self.machine(told);
        }
        self.is_machine()
    }

    /// Words of whoever has answered. True: they are a machine's.
    pub(super) fn says_machine(&mut self, text: &str) -> bool {
        if let Some(told) = self.voicemail.as_mut().and_then(|ear| ear.said(text)) {
            self.machine(told);
        }
        self.is_machine()
    }

    pub(super) fn is_machine(&self) -> bool {
        self.voicemail.as_ref().is_some_and(Ear::is_machine)
    }

    fn machine(&mut self, told: Told) {
        let message = (self.cast.agent().voicemail.as_ref()).and_then(|v| v.message.clone());
        match (told, message) {
            (Told::Machine(sign), message) => {
                self.record.now(|at| CallEvent::Machine { at, sign });
                // Nothing that it said is answered, and the agent is silent.
                self.input(Input::FloorTaken);
                self.listen.pause(clock::now());
                self.listen.forget();
                self.asked.forget();
                if message.is_none() {
                    self.end(EndReason::Voicemail);
                }
            }
            (Told::Speak, Some(message)) => self.leave_message(message),
            (Told::Speak, None) => self.end(EndReason::Voicemail),
        }
    }

    /// Says the message to its end, and hangs up.
    fn leave_message(&mut self, message: String) {
        let by = LeaveBy::within(clock::now(), MESSAGE);
        self.say_to_the_end(message, by, EndReason::Voicemail);
    }
}
