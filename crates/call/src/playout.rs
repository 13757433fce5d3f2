//! How much of a reply has been played, to the sample and to the word. PURE.
//! Audio of the live reply arrives faster than real time and leaves in 10 ms frames. Nothing leaves before the reply
//! is opened (committed) or while it is held; after a hold the next frame begins at the sample after the last one
//! that left.

use std::collections::VecDeque;
use std::time::Duration;

use crate::transport::SPEAKER_FRAMES;
use sidetone_base::audio::Pcm;
use sidetone_turn::ReplyId;
use sidetone_turn::words;

const FRAME: usize = Pcm::<48_000>::FRAME;
/// Samples that were sent but perhaps not played yet.
const IN_FLIGHT: u64 = (SPEAKER_FRAMES * FRAME) as u64;
/// Samples of played audio, kept in case nobody heard it: see [`Playout::take_back`].
const KEPT: usize = 4 * 48_000;
/// The assumed speech rate while a sentence's length is unknown: 15 letters a second, about 150 English words a
/// minute.
const SAMPLES_A_LETTER: u64 = 48_000 / 15;

/// The audio of the live reply, and how far it has been played.
#[derive(Debug, Default)]
pub struct Playout {
    live: Option<LiveReply>,
}

#[derive(Debug)]
struct LiveReply {
    id: ReplyId,
    open: bool,
    held: bool,
    queue: VecDeque<i16>,
    /// The last audio that left.
    played: VecDeque<i16>,
    /// Samples that arrived.
    received: u64,
    /// Samples that left.
    pushed: u64,
    sentences: Vec<PlayedSentence>,
    /// Nothing more will arrive.
    complete: bool,
    /// Bytes of the heard text that [`Playout::take_words`] has returned.
    given: usize,
}

#[derive(Debug)]
struct PlayedSentence {
    text: String,
    /// Where its words end, in bytes and in letters (see [`words::letters`]).
    ends: Vec<(usize, u64)>,
    /// First sample.
    from: u64,
    /// One past the last sample, once all of them have arrived.
    to: Option<u64>,
    /// Bytes of `text` that were heard; always ends with a word.
    heard: usize,
    /// It broke off, and will be spoken once more.
    broke_off: bool,
}

impl Playout {
    /// Starts a new reply; what was left of another is dropped. A reply that is not `open` is kept back until
    /// [`Playout::open`].
    pub fn begin(&mut self, id: ReplyId, open: bool) {
        self.live = Some(LiveReply {
            id,
            open,
            held: false,
            queue: VecDeque::new(),
            played: VecDeque::new(),
            received: 0,
            pushed: 0,
            sentences: Vec::new(),
            complete: false,
            given: 0,
        });
    }

    fn live(&mut self, id: ReplyId) -> Option<&mut LiveReply> {
        self.live.as_mut().filter(|live| live.id == id)
    }

    /// The reply may be heard from now on.
    pub fn open(&mut self, id: ReplyId) {
        if let Some(live) = self.live(id) {
            live.open = true;
        }
    }

    /// The audio that follows says `text`.
    pub fn begin_sentence(&mut self, id: ReplyId, text: String) {
        if let Some(live) = self.live(id) {
            live.end_sentence();
            live.sentences
                .push(PlayedSentence::new(text, live.received));
        }
    }

    /// The sentence begun last actually says `text`. Words that were already returned stay.
    pub fn correct(&mut self, id: ReplyId, text: &str) {
        let sentence = self.live(id).and_then(|live| live.sentences.last_mut());
        if let Some(sentence) = sentence {
            sentence.correct(text);
        }
    }

    /// More audio of the sentence begun last.
    pub fn push(&mut self, id: ReplyId, audio: &Pcm<48_000>) {
        if let Some(live) = self.live(id) {
            live.queue.extend(audio.samples());
            live.received += audio.len() as u64;
        }
    }

    /// The sentence begun last will be spoken once more: its unplayed audio is dropped, and its heard words stay.
    pub fn break_off(&mut self, id: ReplyId) {
        let Some(live) = self.live(id) else { return };
        let Some(mut sentence) = live.sentences.pop_if(|sentence| sentence.to.is_none()) else {
            return;
        };
        let played = live.pushed.max(sentence.from);
        let unplayed = (live.received - played) as usize;
        live.queue.truncate(live.queue.len() - unplayed);
        let length = sentence.paced(live.received);
        live.received = played;
        sentence.hear(played - sentence.from, length);
        sentence.text.truncate(sentence.heard);
        sentence.to = Some(played);
        sentence.broke_off = true;
        if !sentence.text.is_empty() {
            live.sentences.push(sentence);
        }
    }

    /// All audio of the sentence begun last has arrived.
    pub fn end_sentence(&mut self, id: ReplyId) {
        if let Some(live) = self.live(id) {
            live.end_sentence();
        }
    }

    /// All audio of the reply has arrived.
    pub fn finish(&mut self, id: ReplyId) {
        if let Some(live) = self.live(id) {
            live.end_sentence();
            live.complete = true;
        }
    }

    /// Nothing more arrives, and the sentence begun last is incomplete.
    pub fn fail(&mut self, id: ReplyId) {
        if let Some(live) = self.live(id) {
            live.complete = true;
        }
    }

    /// Stops frames from leaving.
    pub fn hold(&mut self) {
        if let Some(live) = &mut self.live {
            live.held = true;
        }
    }

    /// Lets frames leave again.
    pub fn release(&mut self) {
        if let Some(live) = &mut self.live {
            live.held = false;
        }
    }

    /// Drops the reply and its unplayed audio.
    pub fn clear(&mut self) {
        self.live = None;
    }

    /// Whether [`Playout::pull`] has a frame.
    pub fn is_ready(&self) -> bool {
        self.live.as_ref().is_some_and(|live| {
            let enough = live.queue.len() >= FRAME || (live.complete && !live.queue.is_empty());
            live.open && !live.held && enough
        })
    }

    /// The next 10 ms; the last frame of a reply is padded with silence. `None` if not ready: the room plays silence.
    pub fn pull(&mut self) -> Option<Pcm<48_000>> {
        if !self.is_ready() {
            return None;
        }
        let live = self.live.as_mut()?;
        let samples = FRAME.min(live.queue.len());
        let mut frame: Vec<i16> = live.queue.drain(..samples).collect();
        live.played.extend(&frame);
        let too_old = live.played.len().saturating_sub(KEPT);
        live.played.drain(..too_old);
        frame.resize(FRAME, 0);
        live.pushed += samples as u64;
        live.listen_on();
        Some(Pcm::new(frame))
    }

    /// The audio that left last, this much of it, was not heard: it is played again. Its words that were already
    /// returned stay so.
    pub fn take_back(&mut self, unheard: Duration) {
        let Some(live) = &mut self.live else { return };
        let samples = Pcm::<48_000>::samples_in(unheard).min(live.played.len());
        for _ in 0..samples {
            let last = live.played.pop_back().unwrap_or_default();
            live.queue.push_front(last);
        }
        live.goes_back(samples);
    }

    /// What is known of the reply, without its audio. `None` if there is none.
    pub fn past(&mut self) -> Option<PastReply> {
        let live = self.live.take()?;
        Some(PastReply(LiveReply {
            queue: VecDeque::new(),
            played: VecDeque::new(),
            ..live
        }))
    }

    /// Whether all of the reply has left.
    pub fn is_done(&self) -> bool {
        self.live.as_ref().is_some_and(LiveReply::is_done)
    }

    /// Whether another frame follows immediately: one is ready, or the sentence goes on.
    pub fn expects_more(&self) -> bool {
        self.is_ready() || self.is_in_sentence()
    }

    /// The length of the audio waiting to leave.
    pub fn buffered(&self) -> Duration {
        Pcm::<48_000>::duration_of(self.live.as_ref().map_or(0, |live| live.queue.len()))
    }

    /// The length of the reply's audio that has left.
    pub fn position(&self) -> Duration {
        Pcm::<48_000>::duration_of(self.live.as_ref().map_or(0, |live| live.pushed as usize))
    }

    /// The words that were played: the only source of the agent's words in the history.
    pub fn heard(&self) -> String {
        self.live.as_ref().map(LiveReply::heard).unwrap_or_default()
    }

    /// The number of sentences of which every word was played.
    pub fn sentences_heard(&self) -> usize {
        self.live.as_ref().map_or(0, |live| {
            live.sentences
                .iter()
                .filter(|s| s.heard == s.text.len())
                .count()
        })
    }

    /// Sentences with words: their number, and how many were played to the last word. One that broke off and is
    /// spoken again counts once.
    pub fn tally(&self) -> (usize, usize) {
        let sentences = self.live.iter().flat_map(|live| &live.sentences);
        let sentences = sentences.filter(|s| !s.text.is_empty() && !s.broke_off);
        sentences.fold((0, 0), |(all, heard), s| {
            (all + 1, heard + usize::from(s.heard == s.text.len()))
        })
    }

    /// Whether more audio of the sentence begun last is to come.
    pub fn is_in_sentence(&self) -> bool {
        let last = self.live.as_ref().and_then(|live| live.sentences.last());
        last.is_some_and(|sentence| sentence.to.is_none())
    }

    /// The words played since the last call, to append to the transcript.
    pub fn take_words(&mut self) -> Option<String> {
        let live = self.live.as_mut()?;
        let mut heard = live.heard();
        // There can be fewer than before, if some were taken back.
        let is_more = heard.len() > live.given;
        is_more.then(|| {
            let words = heard.split_off(live.given);
            live.given += words.len();
            words
        })
    }
}

/// A finished reply, without its audio.
#[derive(Debug)]
pub struct PastReply(LiveReply);

impl PastReply {
    /// The audio that left last, this much of it, was not heard. Returns the words that were.
    pub fn take_back(&mut self, unheard: Duration) -> String {
        // The rest will never arrive.
        self.0.complete = false;
        self.0.goes_back(Pcm::<48_000>::samples_in(unheard));
        self.0.heard()
    }
}

impl PlayedSentence {
    fn new(text: String, from: u64) -> Self {
        let mut letters = 0;
        let mut at = 0;
        let counted = |end| {
            letters += words::letters(&text[at..end]) as u64;
            at = end;
            (end, letters)
        };
        let ends = words::ends(&text).into_iter().map(counted).collect();
        Self {
            text,
            ends,
            from,
            to: None,
            heard: 0,
            broke_off: false,
        }
    }

    /// Moves the heard words up to what was played, `played` of `length` samples, assuming that all letters take
    /// equally long. Words are only ever removed by taking them back.
    fn hear(&mut self, played: u64, length: u64) {
        let heard = if played >= length {
            self.text.len()
        } else {
            let letters = words::letters(&self.text) as u64;
            let is_played = |(_, before): &(usize, u64)| before * length <= played * letters;
            let words = self.ends.partition_point(is_played);
            words.checked_sub(1).map_or(0, |last| self.ends[last].0)
        };
        self.heard = self.heard.max(heard);
    }

    /// Replaces the words, keeping the same share of them as heard.
    fn correct(&mut self, text: &str) {
        let heard = self.ends.partition_point(|(end, _)| *end <= self.heard);
        let follows = match heard.checked_sub(1) {
            None => 0,
            Some(last) => words::ends(text).get(last).copied().unwrap_or(text.len()),
        };
        let whole = format!("{}{}", &self.text[..self.heard], &text[follows..]);
        *self = Self {
            to: self.to,
            heard: self.heard,
            ..Self::new(whole, self.from)
        };
    }

    /// The estimated number of its samples, when `received` samples of the reply have arrived.
    fn paced(&self, received: u64) -> u64 {
        let rate = words::letters(&self.text) as u64 * SAMPLES_A_LETTER;
        // It is incomplete: at least one more sample will arrive.
        rate.max(received - self.from + 1)
    }
}

impl LiveReply {
    fn end_sentence(&mut self) {
        if let Some(sentence) = self
            .sentences
            .last_mut()
            .filter(|sentence| sentence.to.is_none())
        {
            sentence.to = Some(self.received);
        }
    }

    fn is_done(&self) -> bool {
        self.open && self.complete && self.queue.is_empty()
    }

    /// This many samples were not played after all.
    fn goes_back(&mut self, samples: usize) {
        self.pushed = self.pushed.saturating_sub(samples as u64);
        for sentence in &mut self.sentences {
            sentence.heard = 0;
        }
        self.listen_on();
    }

    /// Moves the heard words up to the position. Words are only ever removed by taking them back.
    fn listen_on(&mut self) {
        let position = if self.is_done() {
            self.pushed
        } else {
            self.pushed.saturating_sub(IN_FLIGHT)
        };
        for sentence in &mut self.sentences {
            let played = position.saturating_sub(sentence.from);
            let length = match sentence.to {
                Some(to) => to - sentence.from,
                None => sentence.paced(self.received),
            };
            sentence.hear(played, length);
        }
    }

    fn heard(&self) -> String {
        let mut all = String::new();
        for sentence in self.sentences.iter().filter(|sentence| sentence.heard > 0) {
            let heard = &sentence.text[..sentence.heard];
            if !all.is_empty() {
                all += words::between(&all, heard);
            }
            all += heard;
        }
        all
    }
}

#[cfg(test)]
mod tests;
