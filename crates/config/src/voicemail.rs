//! `[voicemail]`: what an agent does when an answering machine takes its call.

use std::time::Duration;

use super::request;
use super::section::Section;
use super::timing::secs;
use sidetone_base::text_enum;

text_enum! {
    /// How an answering machine was recognised.
    Sign {
        /// A greeting unlike any person's.
        Greeting = "greeting",
        /// What was said.
        Words = "words",
        /// The tone.
        Tone = "tone",
    }
}

/// What an agent does when an answering machine takes its call.
#[derive(Debug, Clone, PartialEq)]
pub struct Voicemail {
    /// Said after the tone, before the call ends. `None` to end it at once.
    pub message: Option<String>,
    /// Whoever speaks for longer than this at the start, without a pause, is a machine.
    pub hello: Duration,
    /// Words by which a machine is recognised, in addition to those that all agents know.
    pub words: Vec<String>,
}

/// Words by which machines are recognised, in the languages that agents speak: only those that people who answer the
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

/// Reads the table. `None` if the file has no such table: the agent then talks to whoever answers.
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
