//! What a caller hears from all voices in the room: who, when, and what, identified by its tone. PURE: frames and
//! their times in, pieces out.

use std::collections::BTreeMap;
use std::time::Duration;

use sidetone::caller::heard::{Activity, FRAME, Span, level_dbfs};

use super::tones::{Sound, hz_of};

/// A frame at or above this level is voice (as in `caller::heard`).
const VOICED_DBFS: f32 = -45.0;
/// Frames of voice whose tone is measured together.
const WINDOW: usize = 10;
/// Pieces of the same sound with less silence between them are merged.
const PAUSE: Duration = Duration::from_secs(1);
/// Shorter sounds were not spoken, but are artifacts of a codec at a beginning or an end.
const LEAST: Duration = Duration::from_millis(300);
/// Two voices at once for less than this are the end of one and the beginning of the other.
const OVERLAP: Duration = Duration::from_millis(100);

/// A voice is a track: two tracks of a participant are two voices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Voice {
    /// The participant's identity.
    pub identity: String,
    /// LiveKit's id of the track.
    pub track: String,
}

/// A stretch of one sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    pub sound: Sound,
    pub span: Span,
    /// How much of it was voice that was identified by its tone.
    pub voiced: Duration,
}

impl Piece {
    /// From its first sound to its last, including what a jitter buffer had to conceal in between.
    pub fn lasted(&self) -> Duration {
        self.span.end - self.span.start
    }
}

/// One voice as it is heard.
#[derive(Debug, Default)]
struct Ear {
    activity: Activity,
    window: Vec<i16>,
    since: Duration,
    pieces: Vec<Piece>,
}

impl Ear {
    fn push(&mut self, at: Duration, frame: &[i16]) {
        self.activity.push(at, frame);
        if level_dbfs(frame) < VOICED_DBFS {
            self.end_of_voice(at);
            return;
        }
        if self.window.is_empty() {
            self.since = at;
        }
        self.window.extend_from_slice(frame);
        if self.window.len() < WINDOW * frame.len() {
            return;
        }
        let sound = hz_of(&self.window, 48_000.0).and_then(Sound::of_hz);
        self.window.clear();
        let (start, end) = (self.since, at + FRAME);
        // Also across a window that was identified as something else. Unknown sound continues the previous piece.
        let since = start.saturating_sub(PAUSE);
        let before = self.pieces.iter_mut().rev();
        let mut before = before.take_while(|piece| piece.span.end >= since);
        match before.find(|piece| sound.is_none_or(|sound| piece.sound == sound)) {
            Some(piece) => {
                piece.span.end = end;
                piece.voiced += end - start;
            }
            None => self.pieces.push(Piece {
                sound: sound.unwrap_or(Sound::Other),
                span: Span { start, end },
                voiced: end - start,
            }),
        }
    }

    /// The pieces that are long enough to have been spoken.
    fn said(&self) -> impl Iterator<Item = Piece> {
        let pieces = self.pieces.iter().copied();
        pieces.filter(|piece| piece.voiced >= LEAST)
    }

    /// The rest is too short to be identified by its tone: it belongs to the previous piece.
    fn end_of_voice(&mut self, at: Duration) {
        let is_some = !self.window.is_empty();
        self.window.clear();
        let last = self.pieces.iter_mut().max_by_key(|piece| piece.span.end);
        if let Some(piece) = last.filter(|piece| is_some && piece.span.end == self.since) {
            piece.span.end = at;
            piece.voiced += at - self.since;
        }
    }
}

/// All voices.
#[derive(Debug, Default)]
pub struct Ears {
    ears: BTreeMap<Voice, Ear>,
}

impl Ears {
    /// Takes 10 ms of a voice at 48 kHz that came out of the jitter buffer `at` this time.
    pub fn push(&mut self, voice: &Voice, at: Duration, frame: &[i16]) {
        match self.ears.get_mut(voice) {
            Some(ear) => ear.push(at, frame),
            None => self.ears.entry(voice.clone()).or_default().push(at, frame),
        }
    }

    /// Pieces of all voices, in the order of their beginnings.
    pub fn pieces(&self) -> Vec<(&Voice, Piece)> {
        let mut all: Vec<_> = (self.ears.iter())
            .flat_map(|(voice, ear)| ear.said().map(move |piece| (voice, piece)))
            .collect();
        all.sort_by_key(|(_, piece)| piece.span.start);
        all
    }

    /// When anybody was heard: separate stretches, in order.
    pub fn spans(&self) -> Vec<Span> {
        let mut all: Vec<Span> = (self.ears.values())
            .flat_map(|ear| ear.activity.spans().iter().copied())
            .collect();
        all.sort_by_key(|span| span.start);
        let mut joined: Vec<Span> = Vec::new();
        for span in all {
            match joined.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => joined.push(span),
            }
        }
        joined
    }

    /// Who was heard, and the first and last sound of each.
    pub fn speakers(&self) -> BTreeMap<&str, Span> {
        let mut all: BTreeMap<&str, Span> = BTreeMap::new();
        for (voice, ear) in &self.ears {
            let spans = ear.activity.spans();
            let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
                continue;
            };
            let heard = all.entry(&voice.identity).or_insert(*first);
            heard.start = heard.start.min(first.start);
            heard.end = heard.end.max(last.end);
        }
        all
    }

    /// The total time in which two voices sounded at once.
    pub fn two_at_once(&self) -> Duration {
        let ears: Vec<&Ear> = self.ears.values().collect();
        let mut sum = Duration::ZERO;
        for (index, one) in ears.iter().enumerate() {
            for other in &ears[index + 1..] {
                for a in one.activity.spans() {
                    for b in other.activity.spans() {
                        let both = (a.end.min(b.end)).saturating_sub(a.start.max(b.start));
                        sum += if both >= OVERLAP {
                            both
                        } else {
                            Duration::ZERO
                        };
                    }
                }
            }
        }
        sum
    }

    /// How much of the answer to the `n`th question was heard after `since`, by any voice.
    pub fn of_answer(&self, n: usize, since: Duration) -> Duration {
        let of_it = |piece: &Piece| matches!(piece.sound, Sound::Answer { n: of, .. } if of == n);
        (self.ears.values())
            .flat_map(Ear::said)
            .filter(|piece| of_it(piece) && piece.span.end > since)
            .map(|piece| piece.lasted())
            .sum()
    }

    /// How long nobody has been heard at `now`; `None` before the first sound.
    pub fn quiet_for(&self, now: Duration) -> Option<Duration> {
        (self.ears.values())
            .filter_map(|ear| ear.activity.quiet_for(now))
            .min()
    }
}

mod tests;
