//! Who was audible when, and what that says about latency: the caller's own ears. PURE: frames and their times in,
//! figures out.

use std::time::Duration;

use serde::Serialize;

use sidetone_base::audio::pcm;

/// A 10 ms frame at or above this level counts as voice. Speech at arm's length is about -26 dBFS (ITU-T P.56 active
/// level); codec and comfort noise are below -60 dBFS.
const VOICED_DBFS: f32 = -45.0;
/// This much voice in a row begins an utterance: shorter is a click.
const MIN_VOICE: Duration = Duration::from_millis(20);
/// This much silence ends an utterance: pauses between words are shorter (VAD min silence).
const MIN_SILENCE: Duration = Duration::from_millis(300);
/// The length of a frame.
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

    /// How long it has been quiet at `now`: zero while somebody speaks, `None` before any voice.
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

/// Silence of this length within a reply is heard as a break: 40 ms, two lost packets.
const BREAK_FRAMES: usize = 4;

/// How often a voice that makes no pauses of its own breaks off and continues.
pub fn breaks(voice: &[i16]) -> usize {
    let (mut quiet, mut voiced, mut found) = (0, false, 0);
    for frame in voice.chunks(480) {
        if level_dbfs(frame) < VOICED_DBFS {
            quiet += 1;
        } else {
            found += usize::from(voiced && quiet >= BREAK_FRAMES);
            (quiet, voiced) = (0, true);
        }
    }
    found
}

/// Joins stretches of voice into replies: a new one begins after a caller's turn.
pub fn replies(agent: &[Span], turns: &[Span]) -> Vec<Span> {
    let mut replies: Vec<(Duration, Span)> = Vec::new();
    for span in agent {
        match replies.last_mut() {
            Some((begun, reply))
                if !turns
                    .iter()
                    .any(|turn| (*begun..span.start).contains(&turn.start)) =>
            {
                reply.end = span.end;
                *begun = span.start;
            }
            _ => replies.push((span.start, *span)),
        }
    }
    replies.into_iter().map(|(_, reply)| reply).collect()
}

/// Level in dBFS; digital silence is minus infinity.
pub fn level_dbfs(frame: &[i16]) -> f32 {
    pcm::level_dbfs(frame).unwrap_or(f32::NEG_INFINITY)
}

/// What the caller heard of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TurnTimes {
    /// What the caller said.
    pub said: Span,
    /// From the caller's last voiced sample sent to the first voiced sample of the answer received. `None` if no answer
    /// was heard.
    pub latency: Option<Duration>,
    /// Barge-in only: from the caller's first voiced sample to the agent's last.
    pub stopped_after: Option<Duration>,
}

impl TurnTimes {
    /// Measures the turn `said`, given everything heard from the agent.
    pub fn measure(said: Span, agent: &Activity) -> Self {
        // Speech that was audible when the caller began was interrupted if it ended soon after; speech that begins
        // after the caller's last word is the answer.
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
mod tests;
