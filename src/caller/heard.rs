//! Who was audible when, and what that says about latency: the caller's own ears.
//! PURE: frames and their times in, figures out.

use std::time::Duration;

use serde::Serialize;

use crate::audio::pcm;

/// A 10 ms frame at or above this level counts as voice. Speech at arm's length is about
/// -26 dBFS (ITU-T P.56 active level); codec and comfort noise lie below -60 dBFS.
const VOICED_DBFS: f32 = -45.0;
/// This much voice in a row begins an utterance: shorter is a click.
const MIN_VOICE: Duration = Duration::from_millis(20);
/// This much silence ends an utterance: pauses between words are shorter (VAD min silence).
const MIN_SILENCE: Duration = Duration::from_millis(300);
/// What a frame lasts.
pub const FRAME: Duration = Duration::from_millis(10);

/// A stretch of voice, in time since the call began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Start of the first voiced frame.
    pub start: Duration,
    /// End of the last voiced frame.
    pub end: Duration,
}

/// The stretches of voice in one direction of a call.
#[derive(Debug, Default)]
pub struct Activity {
    spans: Vec<Span>,
    /// Voice that is not yet long enough to be a span.
    rising: Option<Span>,
}

impl Activity {
    /// Takes the frame (10 ms, any rate) that began at `at`. Frames come in order of time.
    pub fn push(&mut self, at: Duration, frame: &[i16]) {
        if level_dbfs(frame) < VOICED_DBFS {
            self.rising = None;
            return;
        }
        let end = at + FRAME;
        if let Some(last) = self.spans.last_mut()
            && at.saturating_sub(last.end) < MIN_SILENCE
        {
            last.end = end;
            return;
        }
        let rising = self.rising.get_or_insert(Span { start: at, end });
        rising.end = end;
        if rising.end - rising.start >= MIN_VOICE {
            self.spans.push(*rising);
            self.rising = None;
        }
    }

    /// All stretches of voice so far, oldest first.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// How long it has been quiet at `now`; zero while somebody speaks, None before any voice.
    pub fn quiet_for(&self, now: Duration) -> Option<Duration> {
        self.spans.last().map(|last| now.saturating_sub(last.end))
    }

    /// The first stretch that was still audible after `at`.
    pub fn audible_after(&self, at: Duration) -> Option<Span> {
        self.spans.iter().copied().find(|span| span.end > at)
    }

    /// The first stretch that began at or after `at`.
    pub fn begun_after(&self, at: Duration) -> Option<Span> {
        self.spans.iter().copied().find(|span| span.start >= at)
    }
}

/// Level in dBFS; digital silence is minus infinity.
pub fn level_dbfs(frame: &[i16]) -> f32 {
    pcm::level_dbfs(frame).unwrap_or(f32::NEG_INFINITY)
}

/// What the caller's ears measured of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TurnTimes {
    /// What the caller said.
    pub said: Span,
    /// From the caller's last voiced sample sent to the first voiced sample of the answer
    /// received. None when no answer was heard.
    pub latency: Option<Duration>,
    /// Barge-in only: from the caller's first voiced sample to the agent's last.
    pub stopped_after: Option<Duration>,
}

impl TurnTimes {
    /// Measures the turn `said`, given all that was heard of the agent.
    pub fn measure(said: Span, agent: &Activity) -> Self {
        // What was audible when the caller began was interrupted, if it ended soon after;
        // what begins after the caller's last word is the answer.
        let interrupted = agent
            .spans()
            .iter()
            .find(|span| span.start < said.start && span.end > said.start);
        Self {
            said,
            latency: agent
                .begun_after(said.end)
                .map(|answer| answer.start - said.end),
            stopped_after: interrupted.map(|span| span.end - said.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Feeds 10 ms frames: voiced within any of `voiced` (ms), else silent.
    fn activity(voiced: &[(u64, u64)], until: u64) -> Activity {
        let mut activity = Activity::default();
        for at in (0..until).step_by(10) {
            let loud = voiced.iter().any(|&(from, to)| (from..to).contains(&at));
            activity.push(MS(at), &[if loud { 3_000 } else { 3 }; 160]);
        }
        activity
    }

    #[test]
    fn pauses_between_words_do_not_split_and_clicks_do_not_count() {
        let heard = activity(&[(100, 400), (600, 900), (1500, 1510), (2000, 2300)], 3000);
        let spans: Vec<_> = heard.spans().iter().map(|s| (s.start, s.end)).collect();
        assert_eq!(spans, [(MS(100), MS(900)), (MS(2000), MS(2300))]);
        assert_eq!(heard.quiet_for(MS(3000)), Some(MS(700)));
    }

    #[test]
    fn latency_is_last_voiced_sample_sent_to_first_received() {
        let agent = activity(&[(0, 500), (3000, 4000)], 5000);
        let turn = TurnTimes::measure(
            Span {
                start: MS(1000),
                end: MS(2000),
            },
            &agent,
        );
        assert_eq!(turn.latency, Some(MS(1000)));
        assert_eq!(turn.stopped_after, None);
    }

    #[test]
    fn a_barge_in_measures_how_long_the_agent_went_on() {
        let agent = activity(&[(0, 1250), (3000, 4000)], 5000);
        let turn = TurnTimes::measure(
            Span {
                start: MS(1000),
                end: MS(2000),
            },
            &agent,
        );
        assert_eq!(turn.stopped_after, Some(MS(250)));
        assert_eq!(turn.latency, Some(MS(1000)));
    }

    #[test]
    fn no_answer_is_no_latency() {
        let agent = activity(&[(0, 500)], 5000);
        let turn = TurnTimes::measure(
            Span {
                start: MS(1000),
                end: MS(2000),
            },
            &agent,
        );
        assert_eq!(turn.latency, None);
    }

    #[test]
    fn level_of_a_square_wave_is_its_amplitude() {
        assert!((level_dbfs(&[16_384; 480]) + 6.02).abs() < 0.01);
        assert_eq!(level_dbfs(&[0; 480]), f32::NEG_INFINITY);
    }
}
