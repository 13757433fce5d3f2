//! `[voicemail]`: what an agent does when a machine answers the telephone that it calls.

use std::time::Duration;

use super::request;
use super::section::Section;
use super::timing::secs;
use sidetone_base::text_enum;

text_enum! {
    /// By what a machine is known.
    Sign {
        /// A greeting as no person's.
        Greeting = "greeting",
        /// What was said.
        Words = "words",
        /// The tone.
        Tone = "tone",
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Voicemail {
    /// What is said after the tone, and the call ends; none: it ends at once.
    pub message: Option<String>,
    /// Who speaks for longer at first, without a pause, is a machine.
    pub hello: Duration,
    /// Words by which a machine is known, beside those that all agents know.
    pub words: Vec<String>,
}

/// Words by which machines are known, in the languages that agents speak. Only such as people who answer the
/// telephone do not say.
pub const WORDS: [&str; 44] = [
    "after the tone",
    "after the beep",
    "at the tone",
    "leave a message",
    "leave me a message",
    "leave your message",
    "leave your name and number",
    "record your message",
    "reached the voicemail",
    "voice mailbox",
    "nach dem signalton",
    "nach dem ton",
    "nach dem piepton",
    "hinterlassen sie",
    "eine nachricht hinterlassen",
    "hinterlasse eine nachricht",
    "mailbox von",
    "anrufbeantworter",
    "après le bip",
    "après le signal sonore",
    "laissez un message",
    "laisser un message",
    "messagerie vocale",
    "después de la señal",
    "después del tono",
    "deje su mensaje",
    "deja tu mensaje",
    "buzón de voz",
    "dopo il segnale",
    "lasciate un messaggio",
    "lascia un messaggio",
    "segreteria telefonica",
    "após o sinal",
    "deixe a sua mensagem",
    "deixe sua mensagem",
    "caixa postal",
    "na de toon",
    "na de piep",
    "laat een bericht achter",
    "po sygnale",
    "zostaw wiadomość",
    "sinyal sesinden sonra",
    "после сигнала",
    "留守番電話",
];

/// None where the file has no such table: then the agent talks to whoever answers.
pub fn read(top: &mut Section<'_>, known: &dyn Fn(&str) -> bool) -> Option<Voicemail> {
    let is_there = !top.lacks("voicemail");
    let mut section = top.section("voicemail");
    let message = section.text("message");
    if let Some(text) = &message {
        request::check_template(&section, "message", text, known);
    }
    let voicemail = Voicemail {
        message: message.map(|text| text.value.trim().to_owned()),
        hello: section.duration("hello", secs(5), secs(2)..=secs(30)),
        words: section.list("words", Vec::new()),
    };
    section.finish();
    is_there.then_some(voicemail)
}
