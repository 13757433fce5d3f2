//! The state machine of turn taking.

mod another;
mod longest;
mod reply;
mod turns;
mod voice;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::endpointing::Pauses;
use super::interruption::Overlap;
use super::timers::{Timer, Timers};
use super::{Closed, Config, Cut, Input, Output, Owed, Phase, Prompt, ReplyId, TurnId, UserTurn};

/// Who may speak, and when. Total and synchronous: every input is valid in every state.
/// Call [`Turn::handle_input`] with what happened, then [`Turn::poll_output`] until it returns `Timeout`, and pass
/// [`Input::Timeout`] at that time.
#[derive(Debug)]
pub struct Turn {
    config: Config,
    user: User,
    pauses: Pauses,
    /// With push-to-talk: whether the key is down. `None` without.
    key_down: Option<bool>,
    /// The spoken turn that can still grow: open from its first sound until its answer is heard.
    open: Option<OpenTurn>,
    /// A turn that was cut off, at its maximum length or by another person's voice, kept until its answer is heard.
    full: Option<OpenTurn>,
    /// It was cut off by another person's voice: nothing is answered before that turn is over.
    full_waits: bool,
    /// Set if it was cut off in a pause of speech that may continue: whether that speech is near.
    cut_speech: Option<bool>,
    /// When the caller was last heard.
    voiced_to: Option<Instant>,
    /// The live reply, at most one.
    reply: Option<Reply>,
    /// The last turn that ended.
    ended: Option<UserTurn>,
    /// What is answered as soon as nobody speaks: a turn whose caller left before hearing an answer, or one that a
    /// previous agent has not answered.
    owed: Option<Owed>,
    timers: Timers,
    outputs: VecDeque<Output>,
    turns: u64,
    replies: u64,
}

/// What the caller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    Silent,
    Speaking {
        since: Instant,
        near: bool,
        /// All voice so far is a short sound: a cough, a click.
        short: bool,
    },
    Paused {
        since: Instant,
    },
}

#[derive(Debug)]
struct OpenTurn {
    words: UserTurn,
    /// The words cover all speech so far.
    settled: bool,
    /// The last pause, until it is known whether words followed it.
    pause: Option<Duration>,
    probability: Option<f32>,
    /// The speculative reply to these words failed; the next attempt waits for the commit.
    speculation_failed: bool,
}

#[derive(Debug)]
struct Reply {
    id: ReplyId,
    turn: Option<TurnId>,
    stage: Progress,
    held: bool,
    interruptible: bool,
    /// It answers a turn that was cut off: the voice that was speaking then does not interrupt it.
    firm: bool,
    is_apology: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Speculative,
    Thinking,
    Speaking,
}

impl Turn {
    /// A conversation in which nobody has said anything.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            user: User::Silent,
            pauses: Pauses::default(),
            key_down: None,
            open: None,
            full: None,
            full_waits: false,
            cut_speech: None,
            voiced_to: None,
            reply: None,
            ended: None,
            owed: None,
            timers: Timers::default(),
            outputs: VecDeque::new(),
            turns: 0,
            replies: 0,
        }
    }

    /// Continues a conversation with these last ids of turns and replies.
    pub fn after(config: Config, turn: TurnId, reply: ReplyId) -> Self {
        Self {
            turns: turn.0,
            replies: reply.0,
            ..Self::new(config)
        }
    }

    /// Changes the settings, because another agent has taken over. Work in progress continues, and waits that have
    /// begun end as planned.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
        if !self.can_interrupt() {
            self.timers.stop(Timer::Overlap);
        }
    }

    /// The phase of the conversation.
    pub fn phase(&self) -> Phase {
        use Progress::{Speaking, Thinking};
        let stage = self.reply.as_ref().map(|reply| reply.stage);
        match (self.user, stage) {
            (_, Some(Thinking)) => Phase::Thinking,
            (_, Some(Speaking)) if self.is_held() => Phase::Held,
            (User::Speaking { .. }, Some(Speaking)) => Phase::Overlap,
            (_, Some(Speaking)) => Phase::Speaking,
            (User::Speaking { .. }, _) => Phase::UserSpeaking,
            (User::Paused { .. }, _) => Phase::Endpointing,
            (User::Silent, _) => Phase::Listening,
        }
    }

    /// The id that the next reply will have.
    pub fn next_reply(&self) -> ReplyId {
        ReplyId(self.replies + 1)
    }

    /// The spoken turn that can still grow. `None` if there is none.
    pub fn open_turn(&self) -> Option<TurnId> {
        self.open.as_ref().map(|turn| turn.words.id)
    }

    /// With push-to-talk: whether the key is down.
    pub fn key_down(&self) -> Option<bool> {
        self.key_down
    }

    /// Takes what happened. `now` must not go backwards.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::SpeechStarted { at } => self.speech_started(now, at),
            Input::AnotherSpeaks => self.another_speaks(now),
            Input::SpeechPaused { at } => self.speech_wavers(now, at),
            Input::SpeechResumed => self.speech_resumed(now),
            Input::SpeechIsNear => self.speech_is_near(now),
            Input::FloorTaken => self.floor_taken(),
            Input::FloorGiven => self.floor_given(now),
            Input::FloorDropped => {
                self.key_down = Some(false);
                self.drop_turn(Closed::TakenBack);
                self.answer_waiting(now);
            }
            Input::SpeechStopped { at } => self.speech_stopped(at),
            Input::Transcript { text, is_final } => self.transcript(now, text, is_final),
            Input::TranscriptFailed => self.transcript_failed(),
            Input::LastWords(text) => self.last_words(now, text),
            Input::EndOfTurn { probability } => self.end_of_turn(now, probability),
            Input::UserText(text) => self.user_text(now, text),
            Input::KeyPressed => self.key_pressed(),
            Input::Say {
                text,
                interruptible,
            } => self.say(now, Prompt::Say(text), interruptible),
            Input::SpeakUp => self.say(now, Prompt::Unasked, true),
            Input::Muted => self.muted(),
            Input::Resume { text, owed } => self.resume(now, text, owed),
            Input::ReplyAudible(id) => self.reply_audible(id),
            Input::ReplyFinished(id) => self.reply_finished(now, id),
            Input::ReplyFailed(id) => self.reply_failed(now, id),
            Input::UserLeft => self.user_left(),
            Input::UserReturned => self.answer_owed(),
            Input::Timeout => {}
        }
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Overlap => self.overlap_lasts(),
                Timer::Endpoint => self.commit(),
                Timer::FalseInterruption => self.release(),
                Timer::Longest => self.turn_is_full(now),
            }
        }
    }

    /// The next thing to do; ends with `Timeout`.
    pub fn poll_output(&mut self) -> Output {
        self.outputs
            .pop_front()
            .unwrap_or_else(|| Output::Timeout(self.timers.next()))
    }
}
