//! A room on the simulated clock: every 10 ms a frame of the caller goes in, and a frame of the agent comes out.

use std::sync::Arc;
use std::time::Duration;

use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_base::hand::Order;
use sidetone_base::leave::{LeaveBy, LeaveOrder};
use sidetone_call::Part;
use sidetone_call::transport::{
    DisconnectReason, Floor, Key, MicFrame, Mismatch, Person, RoomCommand, RoomDriver, RoomEvent,
    Segment, Speaker, TurnTo,
};
use sidetone_config::choices::Caller;

use super::fakes::{Fakes, Mode};
use super::trace::Trace;

/// What the caller or the world does.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `join`
    Join,
    /// `say 1200 "words"`: speaks for this many milliseconds.
    Say(u64, String),
    /// `say-as Bob 1200 "words"`: one of several people speaks, who is known as such after 100 ms.
    SayAs(String, u64, String),
    /// `chat "words"`
    /// What was recorded before the agent could hear: so many ms of words, so many of silence.
    Before(u64, u64, String),
    /// `chat "words"`
    Chat(String),
    /// `mute`, `unmute`
    Mute(bool),
    Unheard(bool),
    /// `key down`, `key up`, `key cancel`
    Key(Floor),
    /// `leave hangup`, `leave reject`, `leave lost`
    Leave(DisconnectReason),
    /// `close deleted`, `close lost`
    Close(DisconnectReason),
    /// `stt fails`, `llm hangs`, `tts works`, `llm breaks`
    Provider(Part, Mode),
    /// `answer "to" "answer"`
    Answer(String, String),
    /// `unspeakable "word"`: TTS breaks in a sentence with it.
    Unspeakable(String),
    /// `soundless "word"`: TTS answers with nothing for a sentence with it.
    Soundless(String),
    /// `short 40`: TTS refuses sentences with more characters.
    Short(usize),
    /// `says "sentence" "words"`: TTS says other words.
    Says(String, String),
    /// `goes-on`: from now on the same voice starts the sentence again if TTS breaks.
    GoesOn,
    /// `stand-in`: from now on another voice takes over if TTS breaks.
    StandIn,
    /// `end-of-turn 0.1`: what the end-of-turn model returns from now on.
    EndOfTurn(f32),
    /// `usage`: from now on the model reports how many tokens its questions had.
    Usage,
    /// `takes 300`: from now on the model refuses longer questions as too long.
    Takes(usize),
    /// `press "7"`: a telephone key.
    Press(String),
    /// `tone 400`: a tone of one pitch, for this many ms.
    Tone(u64),
    /// `followed`: the caller hangs up while somebody else is in the room.
    Followed,
    /// `drain`
    Drain,
    /// `succeeded`: the agent's worker is drained, and another agent is in the room.
    Succeeded,
    /// `not-heard 500`: the room's link was down for this many ms.
    NotHeard(u64),
    /// `encrypted`: the caller's tracks are encrypted, and the agent has no key. `wrong key`, `in the clear`: the
    /// other ways in which they can differ.
    Mismatch(Mismatch),
    /// `order a1 {"type": "mute"}`: a command from the backend, with its id.
    Order(Order, String),
    /// `dismissed`: LiveKit ends the job.
    Dismissed,
    /// `unplug`: the microphone stops without notice.
    Unplug,
    /// `deaf`: the room accepts no more audio.
    Deaf,
}

impl Step {
    pub fn parse(line: &str) -> Self {
        let quoted: Vec<String> = line
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        let text = |n: usize| quoted.get(n).cloned().unwrap_or_default();
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["join"] => Self::Join,
            ["say", ms, ..] => Self::Say(ms.parse().unwrap(), text(0)),
            ["say-as", who, ms, ..] => Self::SayAs((*who).to_owned(), ms.parse().unwrap(), text(0)),
            ["before", ms, pause, ..] => {
                Self::Before(ms.parse().unwrap(), pause.parse().unwrap(), text(0))
            }
            ["chat", ..] => Self::Chat(text(0)),
            ["press", ..] => Self::Press(text(0)),
            ["tone", ms] => Self::Tone(ms.parse().unwrap()),
            ["followed"] => Self::Followed,
            ["key", "down"] => Self::Key(Floor::Taken),
            ["key", "up"] => Self::Key(Floor::Given),
            ["key", "cancel"] => Self::Key(Floor::Dropped),
            ["mute"] => Self::Mute(true),
            ["unmute"] => Self::Mute(false),
            ["unheard"] => Self::Unheard(true),
            ["heard"] => Self::Unheard(false),
            ["leave", reason] => Self::Leave(reason_of(reason)),
            ["close", reason] => Self::Close(reason_of(reason)),
            ["answer", ..] => Self::Answer(text(0), text(1)),
            ["unspeakable", ..] => Self::Unspeakable(text(0)),
            ["soundless", ..] => Self::Soundless(text(0)),
            ["short", characters] => Self::Short(characters.parse().unwrap()),
            ["says", ..] => Self::Says(text(0), text(1)),
            ["goes-on"] => Self::GoesOn,
            ["end-of-turn", probability] => Self::EndOfTurn(probability.parse().unwrap()),
            ["stand-in"] => Self::StandIn,
            ["usage"] => Self::Usage,
            ["takes", characters] => Self::Takes(characters.parse().unwrap()),
            ["drain"] => Self::Drain,
            ["succeeded"] => Self::Succeeded,
            ["not-heard", ms] => Self::NotHeard(ms.parse().unwrap()),
            ["encrypted"] => Self::Mismatch(Mismatch::NoKey),
            ["wrong", "key"] => Self::Mismatch(Mismatch::WrongKey),
            ["in", "the", "clear"] => Self::Mismatch(Mismatch::InTheClear),
            ["order", id, ..] => {
                let json = line.split_once('{').map_or("", |(_, json)| json);
                let json = format!("{{{json}");
                let command = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{json}: {e}"));
                let id = (*id).to_owned();
                Self::Order(Order { id, command }, json)
            }
            ["dismissed"] => Self::Dismissed,
            ["deaf"] => Self::Deaf,
            ["unplug"] => Self::Unplug,
            [stage, mode] => Self::Provider(stage_of(stage), mode_of(mode)),
            _ => panic!("unknown step {line:?}"),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Join => "join".into(),
            Self::Say(ms, words) => format!("say {ms} {words:?}"),
            Self::SayAs(who, ms, words) => format!("say-as {who} {ms} {words:?}"),
            Self::Before(ms, pause, words) => format!("before {ms} {pause} {words:?}"),
            Self::Chat(words) => format!("chat {words:?}"),
            Self::Press(key) => format!("press {key:?}"),
            Self::Tone(ms) => format!("tone {ms}"),
            Self::Followed => "followed".into(),
            Self::Key(Floor::Taken) => "key down".into(),
            Self::Key(Floor::Given) => "key up".into(),
            Self::Key(Floor::Dropped) => "key cancel".into(),
            Self::Mute(true) => "mute".into(),
            Self::Mute(false) => "unmute".into(),
            Self::Unheard(true) => "unheard".into(),
            Self::Unheard(false) => "heard".into(),
            Self::Leave(reason) => format!("leave {}", show_reason(*reason)),
            Self::Close(reason) => format!("close {}", show_reason(*reason)),
            Self::Provider(stage, mode) => {
                format!("{} {}", stage.as_str(), format!("{mode:?}").to_lowercase())
            }
            Self::Answer(to, answer) => format!("answer {to:?} {answer:?}"),
            Self::Unspeakable(word) => format!("unspeakable {word:?}"),
            Self::Soundless(word) => format!("soundless {word:?}"),
            Self::Short(characters) => format!("short {characters}"),
            Self::Says(sentence, words) => format!("says {sentence:?} {words:?}"),
            Self::GoesOn => "goes-on".into(),
            Self::EndOfTurn(probability) => format!("end-of-turn {probability}"),
            Self::StandIn => "stand-in".into(),
            Self::Usage => "usage".into(),
            Self::Takes(characters) => format!("takes {characters}"),
            Self::Drain => "drain".into(),
            Self::Succeeded => "succeeded".into(),
            Self::NotHeard(ms) => format!("not-heard {ms}"),
            Self::Mismatch(Mismatch::NoKey) => "encrypted".into(),
            Self::Mismatch(Mismatch::WrongKey) => "wrong key".into(),
            Self::Mismatch(Mismatch::InTheClear) => "in the clear".into(),
            Self::Order(order, json) => format!("order {} {json}", order.id),
            Self::Dismissed => "dismissed".into(),
            Self::Deaf => "deaf".into(),
            Self::Unplug => "unplug".into(),
        }
    }
}

const REASONS: [(&str, DisconnectReason); 5] = [
    ("hangup", DisconnectReason::ClientInitiated),
    ("reject", DisconnectReason::UserRejected),
    ("lost", DisconnectReason::ConnectionTimeout),
    ("deleted", DisconnectReason::RoomDeleted),
    ("taken", DisconnectReason::DuplicateIdentity),
];

fn reason_of(word: &str) -> DisconnectReason {
    let found = REASONS.iter().find(|(name, _)| *name == word);
    found.unwrap_or_else(|| panic!("unknown reason {word:?}")).1
}

fn show_reason(reason: DisconnectReason) -> &'static str {
    REASONS
        .iter()
        .find(|(_, known)| *known == reason)
        .unwrap()
        .0
}

fn stage_of(word: &str) -> Part {
    [Part::Stt, Part::Llm, Part::Tts, Part::Tool]
        .into_iter()
        .find(|stage| stage.as_str() == word)
        .unwrap_or_else(|| panic!("unknown stage {word:?}"))
}

fn mode_of(word: &str) -> Mode {
    match word {
        "works" => Mode::Works,
        "fails" => Mode::Fails,
        "hangs" => Mode::Hangs,
        "breaks" => Mode::Breaks,
        "stalls" => Mode::Stalls,
        "slow" => Mode::Slow,
        "late" => Mode::Late,
        _ => panic!("unknown mode {word:?}"),
    }
}

/// Plays the steps until the call leaves.
pub async fn drive(
    driver: RoomDriver,
    steps: Vec<(u64, Step)>,
    fakes: Arc<Fakes>,
    drain: LeaveOrder,
    trace: Trace,
) {
    let RoomDriver {
        mic,
        events,
        mut speaker,
        mut commands,
    } = driver;
    let mut steps = std::collections::VecDeque::from(steps);
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let (mut here, mut muted, mut deaf) = (false, false, false);
    // Until when the caller speaks, and with which amplitude.
    let mut speaks: (u128, i16) = (0, 0);
    let mut tone_until = 0;
    let mut turn_to = None;
    let mut shown = Shown::new(trace.clone());
    loop {
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(RoomCommand::Leave) | None => {
                    shown.silent();
                    return trace.note("| the agent leaves");
                }
                Some(RoomCommand::SetState(state)) => {
                    trace.note(&format!("| {}", state.as_str()));
                }
                Some(RoomCommand::Dtmf(keys)) => trace.note(&format!("| keys {keys}")),
                Some(RoomCommand::Transcript(segment)) => shown.transcript(segment),
                Some(RoomCommand::Announce(text)) => trace.note(&format!("| announces {text:?}")),
                Some(RoomCommand::Answer { id, outcome }) => {
                    trace.note(&format!("| answers {id}: {outcome:?}"));
                }
                // The reply's event contains the same figures.
                Some(RoomCommand::Timing(_)) => {}
            },
            _ = tick.tick() => {
                let now = trace.now();
                while let Some((_, step)) = steps.pop_front_if(|(ms, _)| u128::from(*ms) <= now) {
                    trace.note(&format!("> {}", step.show()));
                    let event = match step {
                        Step::Join => {
                            here = true;
                            Some(RoomEvent::CallerJoined(Caller {
                                identity: "ada".into(),
                                name: "Ada".into(),
                                ..Caller::default()
                            }))
                        }
                        Step::Say(ms, words) => {
                            speaks = (now + u128::from(ms), fakes.utterance(&words));
                            None
                        }
                        Step::SayAs(who, ms, words) => {
                            let amplitude = fakes.utterance(&words);
                            speaks = (now + u128::from(ms) - 100, amplitude);
                            turn_to = Some(TurnTo {
                                who: Arc::new(Person { identity: who.to_lowercase(), name: who }),
                                earlier: Pcm::new(tone(amplitude, 1600)),
                                replaces: false,
                            });
                            None
                        }
                        Step::Tone(ms) => {
                            tone_until = now + u128::from(ms);
                            None
                        }
                        Step::Before(ms, pause, words) => {
                            let mut sound = tone(fakes.utterance(&words), ms as usize * 16);
                            sound.extend(vec![0; pause as usize * 16]);
                            Some(RoomEvent::SaidBefore(Pcm::new(sound)))
                        }
                        Step::Key(floor) => Some(RoomEvent::Floor(floor)),
                        Step::Chat(text) => Some(RoomEvent::Chat { text, by: None }),
                        Step::Mute(mute) => {
                            muted = mute;
                            Some(RoomEvent::MicMuted(mute))
                        }
                        Step::Unheard(unheard) => Some(RoomEvent::Unheard(unheard)),
                        Step::Leave(reason) => {
                            here = false;
                            Some(RoomEvent::CallerLeft { reason, is_followed: false })
                        }
                        Step::Followed => {
                            here = false;
                            let reason = DisconnectReason::ClientInitiated;
                            Some(RoomEvent::CallerLeft { reason, is_followed: true })
                        }
                        Step::Press(key) => {
                            let key = key.chars().next().and_then(Key::new);
                            key.map(RoomEvent::Pressed)
                        }
                        Step::NotHeard(ms) => {
                            Some(RoomEvent::NotHeard(Duration::from_millis(ms)))
                        }
                        Step::Mismatch(mismatch) => Some(RoomEvent::Mismatch(mismatch)),
                        Step::Order(order, _) => Some(RoomEvent::Commanded(order)),
                        Step::Succeeded => {
                            let by = LeaveBy::within(clock::now(), LeaveBy::HANDED_OVER);
                            Some(RoomEvent::Succeeded(by))
                        }
                        Step::Dismissed => {
                            let by = LeaveBy::within(clock::now(), LeaveBy::TERMINATED);
                            Some(RoomEvent::Dismissed(by))
                        }
                        Step::Close(reason) => Some(RoomEvent::Closed { reason }),
                        Step::Provider(stage, mode) => {
                            fakes.set(stage, mode);
                            None
                        }
                        Step::Answer(to, answer) => {
                            fakes.answer(&to, &answer);
                            None
                        }
                        Step::Unspeakable(word) => {
                            fakes.unspeakable(&word);
                            None
                        }
                        Step::Soundless(word) => {
                            fakes.soundless(&word);
                            None
                        }
                        Step::Short(characters) => {
                            fakes.short(characters);
                            None
                        }
                        Step::Says(sentence, words) => {
                            fakes.says(&sentence, &words);
                            None
                        }
                        Step::GoesOn => {
                            fakes.goes_on();
                            None
                        }
                        Step::StandIn => {
                            fakes.stand_in();
                            None
                        }
                        Step::EndOfTurn(probability) => {
                            fakes.end_of_turn(probability);
                            None
                        }
                        Step::Usage => {
                            fakes.tell_usage();
                            None
                        }
                        Step::Takes(characters) => {
                            fakes.take(characters);
                            None
                        }
                        Step::Drain => {
                            drain.give(LeaveBy::within(clock::now(), LeaveBy::ASKED));
                            None
                        }
                        Step::Unplug => {
                            muted = true;
                            None
                        }
                        Step::Deaf => {
                            deaf = true;
                            None
                        }
                    };
                    if let Some(event) = event {
                        events.send(event).await.ok();
                    }
                }
                if here && !muted {
                    let amplitude = if now < speaks.0 { speaks.1 } else { 0 };
                    let frame = match now < tone_until {
                        true => beep(),
                        false => tone(amplitude, 160),
                    };
                    mic.try_send(MicFrame {
                        sound: Pcm::new(frame),
                        turn_to: turn_to.take(),
                    })
                    .ok();
                }
                if !deaf {
                    match speaker.try_recv() {
                        Ok(frame) => shown.frame(&frame),
                        Err(_) => shown.silent(),
                    }
                }
            }
        }
    }
}

/// Alternating samples, so that it has a level and no low frequencies: no echo.
fn tone(amplitude: i16, samples: usize) -> Vec<i16> {
    let tone = (0..samples).map(|n| if n % 2 == 0 { amplitude } else { -amplitude });
    tone.collect()
}

/// 10 ms of 1 kHz.
fn beep() -> Vec<i16> {
    let wave = |n: u8| (std::f32::consts::TAU * f32::from(n) / 16.0).sin();
    (0..160).map(|n| (wave(n) * 6_000.0) as i16).collect()
}

/// What the caller hears and reads.
struct Shown {
    trace: Trace,
    /// The number of voice frames since it began.
    frames: usize,
    /// The agent's open segment: its id, the time of its first words, and its words.
    segment: Option<(String, u128, String)>,
}

impl Shown {
    fn new(trace: Trace) -> Self {
        Self {
            trace,
            frames: 0,
            segment: None,
        }
    }

    fn frame(&mut self, frame: &Pcm<48_000>) {
        assert_eq!(frame.len(), 480, "a frame is 10 ms");
        if self.frames == 0 {
            self.trace.note("| voice");
        }
        self.frames += 1;
    }

    fn silent(&mut self) {
        if self.frames > 0 {
            self.trace
                .note(&format!("| silence after {} ms of voice", self.frames * 10));
            self.frames = 0;
        }
    }

    fn transcript(&mut self, segment: Segment) {
        let Segment {
            who,
            by,
            id,
            text,
            is_final,
        } = segment;
        let caller = by.map_or("caller".to_owned(), |by| format!("caller {by}"));
        let id = id.rsplit('_').next().unwrap_or_default().to_owned();
        match who {
            Speaker::Caller if is_final => self.trace.note(&format!("| {id} {caller}: {text:?}")),
            Speaker::Caller => self
                .trace
                .note(&format!("| {id} {caller}, so far: {text:?}")),
            Speaker::Agent => {
                let now = self.trace.now();
                let open = self.segment.get_or_insert((id.clone(), now, String::new()));
                assert_eq!(open.0, id, "one segment is open at a time");
                open.2 += &text;
                if is_final && let Some((id, since, words)) = self.segment.take() {
                    self.trace
                        .note(&format!("| {id} agent: {words:?}, since {since}"));
                }
            }
        }
    }
}
