//! An agent's timing: when it hears speech, when it replies, when it yields, and how long it waits.

use std::time::Duration;

use super::built_in::{self, BuiltIn};
use super::phrases;
use super::section::{Section, Text};

/// When sound counts as speech.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VadConfig {
    /// The probability from which a frame starts speech, 0 to 1.
    pub threshold: f32,
    /// The probability below which a frame may end speech; not above `threshold`.
    pub deactivation_threshold: f32,
    /// How long speech must last to count.
    pub min_speech: Duration,
    /// How long silence must last to end speech.
    pub silence_duration: Duration,
    /// After how much silence STT starts, ahead of the end of speech; at most `silence_duration`.
    pub stt_after: Duration,
    /// How much audio from before the start of speech is kept for STT.
    pub prefix_padding: Duration,
}

/// What happens when nobody speaks, and when the time is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceConfig {
    /// Mutual silence after which the caller counts as away. 0 for never.
    pub away_after: Duration,
    /// Said then; may be empty.
    pub still_there: String,
    /// Mutual silence after which the agent hangs up. 0 for never.
    pub hang_up_after: Duration,
    /// Said before the agent hangs up because of silence, or because the call has reached its maximum duration; may be
    /// empty.
    pub goodbye: String,
}

/// When a caller's input by telephone keys is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysConfig {
    /// The input is complete if no key is pressed for this long.
    pub gap: Duration,
    /// The key that completes the input immediately. `None` if only the gap does.
    pub end: Option<char>,
}

/// Deadlines: nothing in a call waits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For the transcript of an utterance, retries included.
    pub stt: Duration,
    /// For the first token of the model, and for each following one.
    pub llm: Duration,
    /// For the first audio of a sentence, and for each following piece.
    pub tts: Duration,
    /// How much silence in the middle of a reply makes the agent give it up.
    pub dead_air: Duration,
    /// How long a caller who vanished may take to come back.
    pub reconnect_grace: Duration,
    /// How long to wait for the first caller.
    pub wait_for_caller: Duration,
    /// The maximum duration of a call.
    pub max_duration: Duration,
    /// What a call may consume of its providers.
    pub budget: Budget,
}

/// What a call may consume of its providers, counting those of all its agents. It is more than honest callers use in
/// hours, and it stops what somebody else runs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Tokens of prompts and completions.
    pub tokens: u64,
    /// Characters sent to be spoken.
    pub characters: u64,
    /// Speech sent to be transcribed; some of it is sent again when the caller continues.
    pub listening: Duration,
    /// Requests to models per minute, in the long run; a third of them may come at once. Any more wait.
    pub questions_a_minute: u32,
}

/// Milliseconds.
pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Seconds.
pub const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Reads `[vad]`.
pub fn vad(mut section: Section<'_>) -> VadConfig {
    let default = VadConfig::default();
    let vad = VadConfig {
        threshold: section.fraction("threshold", default.threshold, 0.0..=1.0),
        deactivation_threshold: section.fraction(
            "deactivation_threshold",
            default.deactivation_threshold,
            0.0..=1.0,
        ),
        min_speech: section.duration("min_speech", default.min_speech, ms(10)..=secs(1)),
        silence_duration: section.duration(
            "silence_duration",
            default.silence_duration,
            ms(30)..=secs(3),
        ),
        stt_after: section.duration("stt_after", default.stt_after, ms(10)..=secs(3)),
        prefix_padding: section.duration("prefix_padding", default.prefix_padding, ms(0)..=secs(2)),
    };
    if vad.deactivation_threshold > vad.threshold {
        let message = format!(
            "vad.deactivation_threshold = {} must not be above vad.threshold = {}; 0.15 below it \
             is usual",
            vad.deactivation_threshold, vad.threshold
        );
        section.complain_here(message);
    }
    section.finish();
    VadConfig {
        stt_after: vad.stt_after.min(vad.silence_duration),
        ..vad
    }
}

/// Reads `[endpointing]`, for callers who speak this language.
pub fn endpointing(mut section: Section<'_>, language: Option<&str>) -> sidetone_turn::Endpointing {
    let mut default = sidetone_turn::Endpointing::default();
    if let Some(phrases) = phrases::of(language) {
        default.open_words = phrases.open_words();
    }
    default.complete_phrases = phrases::complete(language);
    let endpointing = sidetone_turn::Endpointing {
        min_delay: section.duration("min_delay", default.min_delay, ms(0)..=secs(10)),
        max_delay: section.duration("max_delay", default.max_delay, ms(0)..=secs(30)),
        threshold: section.fraction("threshold", default.threshold, 0.0..=1.0),
        digits_delay: section.duration("digits_delay", default.digits_delay, ms(0)..=secs(30)),
        unfinished_delay: section.duration(
            "unfinished_delay",
            default.unfinished_delay,
            ms(0)..=secs(30),
        ),
        open_words: section.list("open_words", default.open_words),
        complete_delay: section.duration(
            "complete_delay",
            default.complete_delay,
            ms(0)..=secs(30),
        ),
        complete_phrases: section.list("complete_phrases", default.complete_phrases),
        dynamic: section.flag("dynamic", default.dynamic),
        longest_turn: section.duration("longest_turn", default.longest_turn, secs(5)..=secs(600)),
    };
    if endpointing.min_delay > endpointing.max_delay {
        let message = format!(
            "endpointing.min_delay = {:?} must not be above endpointing.max_delay = {:?}",
            endpointing.min_delay, endpointing.max_delay
        );
        section.complain_here(message);
    }
    section.finish();
    endpointing
}

/// Reads `[interruption]`, for callers who speak this language.
pub fn interruption(
    mut section: Section<'_>,
    language: Option<&str>,
) -> sidetone_turn::Interruption {
    let default = sidetone_turn::Interruption {
        backchannels: phrases::backchannels(language),
        stop_phrases: phrases::stop(language),
        ..Default::default()
    };
    let interruption = sidetone_turn::Interruption {
        enabled: section.flag("enabled", default.enabled),
        min_duration: section.duration("min_duration", default.min_duration, ms(0)..=secs(5)),
        min_words: section.count("min_words", default.min_words, 0..=20),
        false_interruption_timeout: section.duration(
            "false_interruption_timeout",
            default.false_interruption_timeout,
            ms(0)..=secs(30),
        ),
        backchannels: section.list("backchannels", default.backchannels),
        stop_phrases: section.list("stop_phrases", default.stop_phrases),
    };
    section.finish();
    interruption
}

/// Reads `[silence]`, for an agent with these built-in sentences.
pub fn silence(mut section: Section<'_>, built_in: &BuiltIn) -> SilenceConfig {
    let default = SilenceConfig::default();
    let range = ms(0)..=secs(24 * 3600);
    let words = |text: Option<Text<'_>>, default: &str| {
        text.map_or_else(|| default.to_owned(), |text| text.value.trim().to_owned())
    };
    let silence = SilenceConfig {
        away_after: section.duration("away_after", default.away_after, range.clone()),
        still_there: words(section.text("still_there"), built_in.still_there),
        hang_up_after: section.duration("hang_up_after", default.hang_up_after, range),
        goodbye: words(section.text("goodbye"), built_in.goodbye),
    };
    section.finish();
    silence
}

/// Reads `[keys]`.
pub fn keys(mut section: Section<'_>) -> KeysConfig {
    let default = KeysConfig::default();
    let gap = section.duration("gap", default.gap, ms(300)..=secs(30));
    let end = match section.text("end") {
        None => default.end,
        Some(text) => {
            let mut signs = text.value.chars();
            match (signs.next(), signs.next()) {
                (None, _) => None,
                (Some(sign @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Some(sign),
                _ => {
                    let message = format!(
                        "keys.end = {:?} is not a telephone key; write one of 0 to 9, *, #, A to D, or \
                         \"\" for none",
                        text.value
                    );
                    section.complain(&text.place, message);
                    None
                }
            }
        }
    };
    section.finish();
    KeysConfig { gap, end }
}

/// Reads `[limits]`.
pub fn limits(mut section: Section<'_>) -> Limits {
    let default = Limits::default();
    let stage = ms(100)..=secs(120);
    let limits = Limits {
        stt: section.duration("stt", default.stt, stage.clone()),
        llm: section.duration("llm", default.llm, stage.clone()),
        tts: section.duration("tts", default.tts, stage),
        dead_air: section.duration("dead_air", default.dead_air, secs(1)..=secs(120)),
        reconnect_grace: section.duration(
            "reconnect_grace",
            default.reconnect_grace,
            ms(0)..=secs(600),
        ),
        wait_for_caller: section.duration(
            "wait_for_caller",
            default.wait_for_caller,
            secs(1)..=secs(600),
        ),
        max_duration: section.duration(
            "max_duration",
            default.max_duration,
            secs(1)..=secs(24 * 3600),
        ),
        budget: budget(&mut section),
    };
    section.finish();
    limits
}

/// The keys of `[limits]` that limit consumption.
fn budget(section: &mut Section<'_>) -> Budget {
    let default = Budget::default();
    let mut most = |key, default: u64| {
        let default = usize::try_from(default).unwrap_or(usize::MAX);
        section.count(key, default, 1..=1_000_000_000) as u64
    };
    Budget {
        tokens: most("max_tokens", default.tokens),
        characters: most("max_characters", default.characters),
        listening: section.duration(
            "max_listening",
            default.listening,
            secs(1)..=secs(48 * 3600),
        ),
        questions_a_minute: {
            let default = default.questions_a_minute as usize;
            let most = section.count("questions_a_minute", default, 10..=6_000);
            u32::try_from(most).unwrap_or(u32::MAX)
        },
    }
}

impl Default for VadConfig {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            deactivation_threshold: 0.35,
            min_speech: ms(50),
            silence_duration: ms(180),
            stt_after: ms(30),
            prefix_padding: ms(500),
        }
    }
}

impl Default for SilenceConfig {
    fn default() -> Self {
        let built_in = built_in::of(None);
        Self {
            away_after: secs(15),
            still_there: built_in.still_there.into(),
            hang_up_after: secs(60),
            goodbye: built_in.goodbye.into(),
        }
    }
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self {
            gap: secs(2),
            end: Some('#'),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stt: secs(10),
            llm: secs(10),
            tts: secs(10),
            dead_air: secs(6),
            reconnect_grace: secs(30),
            wait_for_caller: secs(60),
            max_duration: secs(3600),
            budget: Budget::default(),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            tokens: 10_000_000,
            characters: 300_000,
            listening: secs(6 * 3600),
            questions_a_minute: 60,
        }
    }
}
