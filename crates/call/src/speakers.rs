//! Whose voice a call listens to, where it hears several people: one at a time. PURE.
//!
//! The others' voices are kept for a few seconds, so that somebody who is turned to late is heard from the first
//! word. One voice and not the sum of all, because speech recognition loses words of both when two talk at once, each
//! open microphone adds its room's noise, and only a single voice has a name.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::transport::{MicFrame, Person, TurnTo};
use crate::vad::{Vad, VadEvent};
use sidetone_base::audio::Pcm;

/// People who are heard. Each one's track costs a decoder and a detector; more would not get a word in.
pub const MOST: usize = 8;
/// Somebody who began while another spoke is turned to after this much more speech. What a microphone picks up of
/// another person in the same room ends with that person.
const OUTLASTS: Duration = Duration::from_millis(300);
/// Somebody this much louder than the one who is heard is meant, and the other is noise, or the same voice in a
/// microphone farther away. Our choice: more than the 6 dB by which people vary.
const LOUDER_DB: f32 = 9.0;
/// For so long, about two syllables.
const LOUDER_FOR: Duration = Duration::from_millis(400);
/// What is kept of a voice that is not listened to.
const KEEP: Duration = Duration::from_secs(4);
/// Whose frames have stopped for so long is gone.
const GONE: Duration = Duration::from_millis(500);
/// How fast the level of a voice follows its frames: a time constant of 200 ms.
const LEVEL_STEP: f32 = 0.05;

/// See the module's documentation.
pub struct Speakers {
    /// The judge of what is speech, in its first state.
    vad: Box<dyn Fn() -> Vad + Send>,
    /// Sound kept from before the beginning of speech.
    padding: usize,
    people: Vec<Voice>,
    /// Who is listened to, by identity.
    followed: Option<Arc<Person>>,
}

/// One person's voice.
struct Voice {
    who: Arc<Person>,
    vad: Vad,
    samples: u64,
    recent: VecDeque<i16>,
    /// When its last frame came.
    heard_at: Instant,
    speech: Option<Speech>,
    /// The end of its last speech.
    voiced_to: Option<Instant>,
    /// In dBFS, smoothed, while it speaks.
    level: f32,
    /// Since when it is clearly louder than the one who is listened to.
    louder: Option<Instant>,
}

/// Speech in progress.
struct Speech {
    since: Instant,
    /// Its first sample.
    at: u64,
    /// It pauses since then.
    paused: Option<Instant>,
}

impl Speakers {
    /// Nobody is heard yet. `vad` makes the judges, and `padding` is kept from before the beginning of speech.
    pub fn new(vad: impl Fn() -> Vad + Send + 'static, padding: Duration) -> Self {
        Self {
            vad: Box::new(vad),
            padding: Pcm::<16_000>::samples_in(padding),
            people: Vec::new(),
            followed: None,
        }
    }

    /// Takes the next 10 ms of somebody's microphone. Returns them if this is who the call listens to.
    pub fn hear(
        &mut self,
        now: Instant,
        who: &Arc<Person>,
        sound: Pcm<16_000>,
    ) -> Option<MicFrame> {
        let at = self.place_of(now, who)?;
        self.people[at].push(now, &sound);
        let is_followed =
            |voice: &Voice| self.followed.as_ref() == Some(&voice.who) && !voice.is_gone(now);
        let followed = self.people.iter().position(is_followed);
        if followed == Some(at) {
            return Some(MicFrame::from(sound));
        }
        let replaces = match followed {
            // Whoever comes first is listened to until somebody speaks.
            None => false,
            Some(followed) => self.takes_over(now, at, followed)?,
        };
        let voice = &mut self.people[at];
        voice.louder = None;
        self.followed = Some(Arc::clone(&voice.who));
        let earlier = voice.since_it_began(self.padding, sound.len());
        Some(MicFrame {
            sound,
            turn_to: Some(TurnTo {
                who: Arc::clone(who),
                earlier,
                replaces,
            }),
        })
    }

    /// Somebody is not heard any more. Whoever speaks now, or else comes next, is listened to.
    pub fn left(&mut self, identity: &str) {
        self.people.retain(|voice| voice.who.identity != identity);
        self.followed.take_if(|who| who.identity == identity);
    }

    fn place_of(&mut self, now: Instant, who: &Arc<Person>) -> Option<usize> {
        let is_it = |voice: &Voice| voice.who.identity == who.identity;
        let known = self.people.iter().position(is_it);
        if known.is_some() {
            return known;
        }
        if self.people.len() >= MOST {
            self.people.retain(|voice| !voice.is_gone(now));
        }
        let place = self.people.len();
        (place < MOST).then(|| {
            let voice = Voice::new(Arc::clone(who), (self.vad)(), now);
            self.people.push(voice);
            place
        })
    }

    /// Whether one is to be listened to instead of the other, who is followed, and then whether the other's current
    /// speech counts for nothing. `None`: not now.
    fn takes_over(&mut self, now: Instant, one: usize, other: usize) -> Option<bool> {
        let Voice {
            speech,
            level,
            voiced_to,
            ..
        } = &self.people[other];
        let (speaks, level, ended) = (speech.is_some(), *level, *voiced_to);
        if !speaks {
            let is_meant =
                self.people[one].goes_on_after(now, ended) && !self.is_louder_one_speaking(one);
            return is_meant.then_some(false);
        }
        let one = &mut self.people[one];
        if one.speech.is_none() || one.level < level + LOUDER_DB {
            one.louder = None;
            return None;
        }
        let since = *one.louder.get_or_insert(now);
        (now.saturating_duration_since(since) >= LOUDER_FOR).then_some(true)
    }

    /// Whether somebody speaks clearly louder than this one, who may be the same voice in another microphone.
    fn is_louder_one_speaking(&self, one: usize) -> bool {
        let level = self.people[one].level;
        let mut people = self.people.iter();
        people.any(|voice| voice.speech.is_some() && voice.level >= level + LOUDER_DB)
    }
}

impl Voice {
    fn new(who: Arc<Person>, vad: Vad, now: Instant) -> Self {
        Self {
            who,
            vad,
            samples: 0,
            recent: VecDeque::new(),
            heard_at: now,
            speech: None,
            voiced_to: None,
            level: f32::NEG_INFINITY,
            louder: None,
        }
    }

    fn is_gone(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard_at) >= GONE
    }

    /// Whether it speaks, and has begun after another's speech has ended, or speaks on for long enough since.
    fn goes_on_after(&self, now: Instant, ended: Option<Instant>) -> bool {
        self.speech.as_ref().is_some_and(|speech| {
            let until = speech.paused.unwrap_or(now);
            ended.is_none_or(|ended| speech.since >= ended || until >= ended + OUTLASTS)
        })
    }

    fn push(&mut self, now: Instant, sound: &Pcm<16_000>) {
        self.heard_at = now;
        self.samples += sound.len() as u64;
        self.recent.extend(sound.samples());
        let excess = self.recent.len();
        let excess = excess.saturating_sub(Pcm::<16_000>::samples_in(KEEP));
        self.recent.drain(..excess);
        let level = sound.level_dbfs().unwrap_or(-100.0);
        let ago = |at: u64| {
            let ago = Pcm::<16_000>::duration_of((self.samples - at.min(self.samples)) as usize);
            now.checked_sub(ago).unwrap_or(now)
        };
        match self.vad.push(sound) {
            Some(VadEvent::SpeechStarted { at }) => {
                self.level = level;
                self.speech = Some(Speech {
                    since: ago(at),
                    at,
                    paused: None,
                });
            }
            Some(VadEvent::Paused { at }) => {
                let since = ago(at);
                if let Some(speech) = &mut self.speech {
                    speech.paused = Some(since);
                }
            }
            Some(VadEvent::Resumed) => {
                if let Some(speech) = &mut self.speech {
                    speech.paused = None;
                }
            }
            Some(VadEvent::SpeechStopped { at }) => {
                self.voiced_to = Some(ago(at));
                self.speech = None;
            }
            None => {}
        }
        if self
            .speech
            .as_ref()
            .is_some_and(|speech| speech.paused.is_none())
        {
            self.level += LEVEL_STEP * (level - self.level);
        }
    }

    /// What is kept of its speech, and a little from before it, without the last frame.
    fn since_it_began(&self, padding: usize, frame: usize) -> Pcm<16_000> {
        let kept = self.recent.len();
        let until = kept.saturating_sub(frame);
        let from = self.speech.as_ref().map_or(until, |speech| {
            let said = (self.samples - speech.at.min(self.samples)) as usize;
            kept.saturating_sub(said + padding)
        });
        Pcm::new(self.recent.range(from..until).copied().collect())
    }
}

#[cfg(test)]
mod tests;
