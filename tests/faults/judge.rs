//! Sums up what callers found. PURE.

use std::collections::BTreeSet;
use std::time::Duration;

use sidetone::caller::heard::Span;

use super::record::Memory;
use super::tones::{SUBJECTS, Sound, answer_lasts};

/// More than half of a greeting: one that is cut in two by an unclear sound counts as one.
const GREETED: Duration = Duration::from_secs(1);

/// Shorter sounds may be unclear ones.
const EXCUSE: Duration = Duration::from_millis(500);

/// The findings of one caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether nobody answered any more.
    pub alone: bool,
    /// The longest wait for any sound while it was the agent's turn.
    pub silence: Duration,
    /// Greetings after the first.
    pub greeted_again: usize,
    /// Answers that were repeated although the caller had heard them.
    pub answered_again: usize,
    /// How long two voices sounded at once.
    pub two_voices: Duration,
    /// Answers of agents that did not know the previous question.
    pub forgot: usize,
    /// Questions that had to be repeated, counted each time.
    pub asked_again: usize,
    /// Answers heard completely.
    pub answered: usize,
    /// Agents that were heard.
    pub agents: usize,
    /// Sentences that only an agent says that has lost something: that the line was cut, that a part failed.
    pub excuses: usize,
    /// What the record lacks, and its false statements.
    pub lost: Vec<String>,
    pub untrue: Vec<String>,
    /// When the record was complete and correct, after the caller had hung up; `None` if not in time.
    pub settled: Option<Duration>,
}

impl Found {
    /// Evaluates what was heard. The record is requested later.
    pub fn by(caller: &Memory) -> Self {
        let (ears, script) = (&caller.ears, &caller.script);
        let again = |n: usize| {
            let times = caller.heard_of(n).as_secs_f64() / answer_lasts(n).as_secs_f64();
            ((times + 0.1) as usize).saturating_sub(caller.times_asked(n))
        };
        // Most of it: an unclear sound may seem like this for a moment.
        let forgot = ears.pieces().into_iter().filter(|(_, piece)| {
            matches!(piece.sound, Sound::Answer { n, remembers: false }
                if n > 0 && piece.voiced > answer_lasts(n) / 2)
        });
        let pieces = ears.pieces();
        let agents: BTreeSet<&str> = (pieces.iter())
            .map(|(voice, _)| voice.identity.as_str())
            .collect();
        let excuses = pieces.iter().filter(|(_, piece)| {
            matches!(piece.sound, Sound::Other | Sound::AsksAgain) && piece.voiced > EXCUSE
        });
        let first_times = SUBJECTS.iter().enumerate();
        let first_times = first_times.filter(|(n, _)| caller.times_asked(*n) > 0);
        Self {
            alone: script.is_alone(),
            silence: longest_silence(caller.stay, script.mine(), &ears.spans()),
            greeted_again: caller.greetings(GREETED).saturating_sub(1),
            answered_again: (0..SUBJECTS.len()).map(again).sum(),
            two_voices: ears.two_at_once(),
            forgot: forgot.count(),
            asked_again: script.asked().len() - first_times.count(),
            answered: script.answered(),
            agents: agents.len(),
            excuses: excuses.count(),
            ..Self::default()
        }
    }

    /// What the caller noticed of a fault that must not be noticed.
    pub fn noticed(&self) -> Vec<String> {
        let mut noticed = Vec::new();
        for (what, times) in [
            ("greeted again", self.greeted_again),
            ("had to ask again", self.asked_again),
            ("answered without what was said before", self.forgot),
            ("heard an excuse", self.excuses),
        ] {
            if times > 0 {
                noticed.push(format!("{what}, {times} times"));
            }
        }
        noticed
    }

    /// Violations of the product's promises: nobody alone, one voice, nothing lost, a correct record.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.alone {
            broken.push(format!("alone after {} answers", self.answered));
        }
        if !self.two_voices.is_zero() {
            broken.push(format!("two voices for {:?}", self.two_voices));
        }
        if self.answered_again > 0 {
            broken.push(format!("{} answers said again", self.answered_again));
        }
        broken.extend(self.lost.iter().map(|what| format!("lost: {what}")));
        broken.extend(self.untrue.iter().map(|what| format!("untrue: {what}")));
        broken
    }
}

/// The longest stretch of a stay in which it was not the caller's turn and nobody was heard.
pub fn longest_silence(stay: Span, mine: &[Span], heard: &[Span]) -> Duration {
    let mut taken: Vec<Span> = mine.iter().chain(heard).copied().collect();
    taken.sort_by_key(|span| span.start);
    let mut free_from = stay.start;
    let mut longest = Duration::ZERO;
    for span in taken {
        longest = longest.max(span.start.min(stay.end).saturating_sub(free_from));
        free_from = free_from.max(span.end);
    }
    longest.max(stay.end.saturating_sub(free_from))
}

mod tests;
