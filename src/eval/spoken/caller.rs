//! What the caller of a spoken scenario does in each 10 ms. PURE: what it sees in, a frame and an act out.

use std::time::Duration;

use crate::caller::heard::{Activity, FRAME, Span};
use crate::caller::script::{Action, Cue, Observed, Patience, Script};
use sidetone_base::audio::Pcm;

/// Samples of a frame.
const SAMPLES: usize = Pcm::<16_000>::FRAME;

/// A turn of the caller.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Its words.
    pub words: String,
    /// How they sound; none: they are written.
    pub sound: Option<Sound>,
    /// Where in the sound they are.
    pub pieces: Vec<Piece>,
    /// When it begins.
    pub cue: Cue,
}

/// Stands in a turn's words for a pause of its recording.
pub const PAUSE: char = '…';

impl Turn {
    /// A turn that is written.
    pub fn written(words: String, cue: Cue) -> Self {
        Self {
            words,
            sound: None,
            pieces: Vec::new(),
            cue,
        }
    }

    /// A turn that sounds like this; none when its words have more pauses than its sound.
    pub fn spoken(words: String, sound: Sound, cue: Cue) -> Option<Self> {
        let texts: Vec<&str> = words.split(PAUSE).map(str::trim).collect();
        let voiced = sound.pieces(texts.len())?;
        let pieces = texts.into_iter().zip(voiced).map(|(words, voiced)| Piece {
            words: words.to_owned(),
            voiced,
        });
        Some(Self {
            pieces: pieces.collect(),
            sound: Some(sound),
            words,
            cue,
        })
    }
}

/// Words between two pauses of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The words.
    pub words: String,
    /// Where they are spoken.
    pub voiced: Vec<Span>,
}

/// A recording of somebody who speaks.
#[derive(Debug, Clone)]
pub struct Sound {
    samples: Pcm<16_000>,
    voiced: Vec<Span>,
    /// From the first voiced sample to the last.
    voice: Span,
}

impl Sound {
    /// None when nobody is heard in it.
    pub fn new(samples: Pcm<16_000>) -> Option<Self> {
        let mut activity = Activity::default();
        for (number, frame) in (0..).zip(samples.samples().chunks(SAMPLES)) {
            activity.push(FRAME * number, frame);
        }
        let voiced = activity.spans().to_vec();
        let voice = Span {
            start: voiced.first()?.start,
            end: voiced.last()?.end,
        };
        Some(Self {
            samples,
            voiced,
            voice,
        })
    }

    /// Where somebody speaks, divided at the longest pauses into so many pieces; none when it has too few pauses.
    pub fn pieces(&self, count: usize) -> Option<Vec<Vec<Span>>> {
        let pause = |after: &usize| self.voiced[after + 1].start - self.voiced[*after].end;
        let mut pauses: Vec<usize> = (0..self.voiced.len() - 1).collect();
        pauses.sort_by_key(|after| std::cmp::Reverse(pause(after)));
        let mut longest = pauses.get(..count.checked_sub(1)?)?.to_vec();
        longest.sort_unstable();
        let mut pieces = vec![Vec::new()];
        for (number, span) in self.voiced.iter().enumerate() {
            if number > 0 && longest.contains(&(number - 1)) {
                pieces.push(Vec::new());
            }
            pieces.last_mut()?.push(*span);
        }
        Some(pieces)
    }
}

/// What the caller does now, beside sending a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It waits, or goes on.
    Nothing,
    /// It begins to speak this turn.
    Speaks(usize),
    /// It writes this turn.
    Writes(usize),
    /// It has said all and heard the last answer.
    HangsUp,
}

/// The caller of one conversation.
#[derive(Debug)]
pub struct Caller {
    turns: Vec<Turn>,
    script: Script,
    /// The turn whose sound is sent, and how many of its samples are.
    playing: Option<(usize, usize)>,
    said: Vec<Option<Span>>,
}

impl Caller {
    /// Says `turns` in order, as patient as that.
    pub fn new(turns: Vec<Turn>, patience: Patience) -> Self {
        let cues = turns.iter().map(|turn| turn.cue).collect();
        Self {
            said: vec![None; turns.len()],
            script: Script::new(cues, patience),
            playing: None,
            turns,
        }
    }

    /// There is another turn, also where the script was over.
    pub fn goes_on(&mut self, turn: Turn) {
        self.script.goes_on(turn.cue);
        self.said.push(None);
        self.turns.push(turn);
    }

    /// The turns.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// What it does at `now`, and what its microphone has heard in the 10 ms before. Call it every 10 ms.
    pub fn next(
        &mut self,
        now: Duration,
        agent_listening: Option<bool>,
        agent_voice: Option<Span>,
    ) -> (Act, Pcm<16_000>) {
        let seen = Observed {
            agent_listening,
            agent_voice,
            // Silence at a recording's end is no part of the turn: there the caller already waits.
            speaking: self.playing.is_some_and(|(turn, at)| {
                let sound = self.turns[turn].sound.as_ref();
                sound.is_some_and(|sound| Pcm::<16_000>::duration_of(at) < sound.voice.end)
            }),
        };
        let act = match self.script.tick(now, seen) {
            Action::Wait => Act::Nothing,
            Action::HangUp => Act::HangsUp,
            Action::Speak(turn) => self.begin(turn, now),
        };
        (act, self.frame())
    }

    fn begin(&mut self, turn: usize, now: Duration) -> Act {
        let Some(sound) = &self.turns[turn].sound else {
            self.said[turn] = Some(Span {
                start: now,
                end: now,
            });
            return Act::Writes(turn);
        };
        let began = now.saturating_sub(FRAME);
        self.said[turn] = Some(Span {
            start: began + sound.voice.start,
            end: began + sound.voice.end,
        });
        self.playing = Some((turn, 0));
        Act::Speaks(turn)
    }

    fn frame(&mut self) -> Pcm<16_000> {
        let playing = self.playing.take();
        let Some((turn, at, sound)) =
            playing.and_then(|(turn, at)| Some((turn, at, self.turns[turn].sound.as_ref()?)))
        else {
            return Pcm::silence(FRAME);
        };
        let samples = sound.samples.samples();
        let end = (at + SAMPLES).min(samples.len());
        let mut frame = samples[at..end].to_vec();
        frame.resize(SAMPLES, 0);
        self.playing = (end < samples.len()).then_some((turn, end));
        Pcm::new(frame)
    }

    /// When each turn was said, from its first voiced sample to its last; none: never.
    pub fn said(self) -> Vec<Option<Span>> {
        self.said
    }
}

#[cfg(test)]
mod tests;
