//! Scripts as data, and properties of random scripts.
//!
//! A script in `scripts/` is a trace: `>` lines are inputs, `<` lines the outputs expected of the machine, `=` lines
//! the phase it must be in. The runner takes the inputs, runs them with timeouts delivered on time, and compares the
//! whole trace. `BLESS=1` writes the actual trace instead.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// An arbitrary time, the same for all: only offsets matter.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no other way to make an `Instant`"
)]
fn zero() -> Instant {
    static ZERO: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *ZERO.get_or_init(Instant::now)
}

/// A machine, its clock and its outputs.
struct Stage {
    turn: Turn,
    zero: Instant,
    wake: Option<Instant>,
    trace: Vec<(u128, Output)>,
}

impl Stage {
    fn new(config: Config) -> Self {
        let zero = zero();
        Self {
            turn: Turn::new(config),
            zero,
            wake: None,
            trace: Vec::new(),
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.zero + Duration::from_millis(ms)
    }

    fn input(&mut self, ms: u64, input: Input) {
        let now = self.at(ms);
        self.turn.handle_input(now, input);
        loop {
            match self.turn.poll_output() {
                Output::Timeout(wake) => {
                    assert!(wake.is_none_or(|wake| wake > now), "a timeout in the past");
                    self.wake = wake;
                    break;
                }
                output => self.trace.push((ms.into(), output)),
            }
        }
    }

    /// The next timeout at or before `ms`, in milliseconds, rounded up: never early.
    fn next_wake(&self, ms: u64) -> Option<u64> {
        let wake = self.wake?.duration_since(self.zero).as_nanos();
        let wake = wake.div_ceil(1_000_000) as u64;
        (wake <= ms).then_some(wake)
    }

    fn show(&self, output: &Output) -> String {
        match output {
            Output::StartReply {
                id,
                turn,
                prompt,
                speculative,
            } => {
                let turn = turn.map_or("-".into(), |turn| format!("turn{}", turn.0));
                let speculative = if *speculative { " speculative" } else { "" };
                let prompt = match prompt {
                    Prompt::Answer(text) => format!("answer {text:?}"),
                    Prompt::Rest => "rest".into(),
                    Prompt::Unasked => "unasked".into(),
                    Prompt::Say(text) => format!("say {text:?}"),
                    Prompt::Phrase(text) => format!("phrase {text:?}"),
                    Prompt::Apology => "apology".into(),
                };
                format!("start{} {turn}{speculative} {prompt}", id.0)
            }
            Output::CommitReply(id) => format!("commit{}", id.0),
            Output::CancelReply(id) => format!("cancel{}", id.0),
            Output::HoldPlayout => "hold".into(),
            Output::ReleasePlayout => "release".into(),
            Output::TurnEnded(turn) => {
                let ms = |at: Instant| at.duration_since(self.zero).as_millis();
                let (from, to) = (ms(turn.started_at), ms(turn.ended_at));
                format!("turn{} {:?} {from}..{to}", turn.id.0, turn.text)
            }
            Output::CutTurn(id, cut) => format!("cut turn{} {cut:?}", id.0),
            Output::CloseTurn(id, Closed::Answered) => format!("close turn{}", id.0),
            Output::CloseTurn(id, why) => format!("close turn{} {why:?}", id.0),
            Output::Timeout(_) => unreachable!("not traced"),
        }
    }
}

fn quoted(rest: &str) -> String {
    rest.trim().trim_matches('"').to_owned()
}

fn number(rest: &str) -> u64 {
    rest.trim()
        .parse()
        .unwrap_or_else(|_| panic!("not a number: {rest:?}"))
}

/// `stopped 1200` and the like, at `ms`. Audio times default to `ms`.
fn parse_input(stage: &Stage, ms: u64, line: &str) -> Input {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let at = stage.at(if rest.is_empty() {
        ms
    } else {
        rest.parse().unwrap_or(ms)
    });
    let id = || ReplyId(number(rest));
    match word {
        "started" => Input::SpeechStarted { at },
        "stopped" => Input::SpeechStopped { at },
        "final" => Input::Transcript {
            text: quoted(rest),
            is_final: true,
        },
        "interim" => Input::Transcript {
            text: quoted(rest),
            is_final: false,
        },
        "another" => Input::AnotherSpeaks,
        "near" => Input::SpeechIsNear,
        "pauses" => Input::SpeechPaused { at },
        "resumes" => Input::SpeechResumed,
        "floor-taken" => Input::FloorTaken,
        "floor-given" => Input::FloorGiven,
        "floor-dropped" => Input::FloorDropped,
        "stt-failed" => Input::TranscriptFailed,
        "last-words" => Input::LastWords(Some(quoted(rest))),
        "last-words-failed" => Input::LastWords(None),
        "end-of-turn" => Input::EndOfTurn {
            probability: rest.parse().unwrap(),
        },
        "chat" => Input::UserText(quoted(rest)),
        "key" => Input::KeyPressed,
        "say" => Input::Say {
            text: quoted(rest),
            interruptible: true,
        },
        "announce" => Input::Say {
            text: quoted(rest),
            interruptible: false,
        },
        "resume" => Input::Resume {
            text: quoted(rest),
            owed: None,
        },
        // Turn 9 of the previous agent.
        "resume-owing" => Input::Resume {
            text: "Sorry.".into(),
            owed: Some(Owed {
                turn: Some(TurnId(9)),
                prompt: match quoted(rest).as_str() {
                    "" => Prompt::Rest,
                    text => Prompt::Answer(text.into()),
                },
            }),
        },
        "speak-up" => Input::SpeakUp,
        "muted" => Input::Muted,
        "audible" => Input::ReplyAudible(id()),
        "finished" => Input::ReplyFinished(id()),
        "failed" => Input::ReplyFailed(id()),
        "left" => Input::UserLeft,
        "returned" => Input::UserReturned,
        _ => panic!("unknown input {line:?}"),
    }
}

fn parse_config(config: &mut Config, line: &str) {
    let (key, value) = line
        .split_once(" = ")
        .unwrap_or_else(|| panic!("not a setting: {line:?}"));
    match key {
        "speculative" => config.speculative = value == "true",
        "min_words" => config.interruption.min_words = number(value) as usize,
        "interruption" => config.interruption.enabled = value == "true",
        "longest_turn" => config.endpointing.longest_turn = Duration::from_millis(number(value)),
        _ => panic!("unknown setting {key:?}"),
    }
}

/// Runs the `>` lines of a script and writes the whole trace.
fn run_script(script: &str) -> String {
    let mut config = Config::default();
    let mut out = String::new();
    let mut stage: Option<Stage> = None;
    let mut phase = Phase::Listening;
    let mut show = |stage: &mut Stage, ms: u64, out: &mut String| {
        for (at, output) in std::mem::take(&mut stage.trace) {
            writeln!(out, "{at:>6} < {}", stage.show(&output)).unwrap();
        }
        if stage.turn.phase() != phase {
            phase = stage.turn.phase();
            writeln!(out, "{ms:>6} = {phase:?}").unwrap();
        }
    };
    for line in script.lines() {
        if line.starts_with('#') || line.is_empty() {
            writeln!(out, "{line}").unwrap();
        } else if let Some(setting) = line.strip_prefix("set ") {
            parse_config(&mut config, setting);
            writeln!(out, "{line}").unwrap();
        } else if let Some((ms, input)) = line.split_once(" > ") {
            let ms = number(ms);
            let stage = stage.get_or_insert_with(|| Stage::new(config.clone()));
            while let Some(wake) = stage.next_wake(ms) {
                stage.input(wake, Input::Timeout);
                show(stage, wake, &mut out);
            }
            writeln!(out, "{ms:>6} > {input}").unwrap();
            if input != "end" {
                let input = parse_input(stage, ms, input);
                stage.input(ms, input);
                show(stage, ms, &mut out);
            }
        }
    }
    out
}

#[test]
fn scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scripts");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 15, "the scripts are not there");
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let expected = std::fs::read_to_string(&file).unwrap();
        let actual = run_script(&expected);
        if bless {
            std::fs::write(&file, actual).unwrap();
        } else if actual != expected {
            wrong.push(format!(
                "{}\n--- expected\n{expected}\n+++ actual\n{actual}",
                file.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// --- random scripts ---

fn any_input() -> impl Strategy<Value = (u64, Kind)> {
    let text = prop::sample::select(vec!["", "yeah", "stop", "what time is it", "book a table"]);
    let kind = prop_oneof![
        6 => Just(Kind::Started),
        6 => Just(Kind::Near),
        2 => Just(Kind::Another),
        2 => Just(Kind::Pauses),
        2 => Just(Kind::Resumes),
        6 => Just(Kind::Stopped),
        6 => (text.clone(), prop::bool::weighted(0.8)).prop_map(|(t, f)| Kind::Transcript(t, f)),
        1 => Just(Kind::SttFailed),
        3 => (text.clone(), prop::bool::weighted(0.8)).prop_map(|(t, ok)| Kind::LastWords(ok.then_some(t))),
        1 => (0.0f32..1.0).prop_map(Kind::EndOfTurn),
        1 => text.prop_map(Kind::Chat),
        1 => Just(Kind::Key),
        1 => any::<bool>().prop_map(Kind::Say),
        1 => Just(Kind::SpeakUp),
        1 => Just(Kind::Muted),
        5 => (0u64..3).prop_map(Kind::Audible),
        4 => (0u64..3).prop_map(Kind::Finished),
        2 => (0u64..3).prop_map(Kind::Failed),
        1 => Just(Kind::Left),
        1 => Just(Kind::Returned),
    ];
    (0u64..900, kind)
}

/// An input whose reply ids are counted back from the latest reply, so that most are live.
#[derive(Debug, Clone)]
enum Kind {
    Started,
    Another,
    Near,
    Pauses,
    Resumes,
    Stopped,
    Transcript(&'static str, bool),
    SttFailed,
    LastWords(Option<&'static str>),
    EndOfTurn(f32),
    Chat(&'static str),
    Key,
    Say(bool),
    SpeakUp,
    Muted,
    Audible(u64),
    Finished(u64),
    Failed(u64),
    Left,
    Returned,
}

impl Kind {
    fn input(&self, now: Instant, latest: u64) -> Input {
        let id = |back: &u64| ReplyId(latest.saturating_sub(*back));
        match self {
            Self::Started => Input::SpeechStarted { at: now },
            Self::Another => Input::AnotherSpeaks,
            Self::Near => Input::SpeechIsNear,
            Self::Pauses => Input::SpeechPaused { at: now },
            Self::Resumes => Input::SpeechResumed,
            Self::Stopped => Input::SpeechStopped { at: now },
            Self::Transcript(text, is_final) => Input::Transcript {
                text: (*text).into(),
                is_final: *is_final,
            },
            Self::SttFailed => Input::TranscriptFailed,
            Self::LastWords(text) => Input::LastWords(text.map(Into::into)),
            Self::EndOfTurn(p) => Input::EndOfTurn { probability: *p },
            Self::Chat(text) => Input::UserText((*text).into()),
            Self::Key => Input::KeyPressed,
            Self::Say(interruptible) => Input::Say {
                text: "hello".into(),
                interruptible: *interruptible,
            },
            Self::SpeakUp => Input::SpeakUp,
            Self::Muted => Input::Muted,
            Self::Audible(back) => Input::ReplyAudible(id(back)),
            Self::Finished(back) => Input::ReplyFinished(id(back)),
            Self::Failed(back) => Input::ReplyFailed(id(back)),
            Self::Left => Input::UserLeft,
            Self::Returned => Input::UserReturned,
        }
    }
}

/// What an observer of inputs and outputs knows: the reference that the machine is checked against.
#[derive(Default)]
struct Observer {
    latest: u64,
    live: Option<Live>,
    speaking_since: Option<u64>,
    /// The current speech is known to be near.
    near: bool,
    /// All voice so far is a short sound.
    short: bool,
    /// The speech counts from now on.
    restarts: bool,
    ended: Vec<(TurnId, String)>,
    /// Turns that were cut off, and turns that were closed.
    cut: Vec<TurnId>,
    closed: Vec<TurnId>,
    /// The speech was cut off in a pause, and has not continued.
    is_cut: bool,
}

struct Live {
    id: ReplyId,
    turn: Option<TurnId>,
    prompt: Prompt,
    speculative: bool,
    held: bool,
}

impl Observer {
    /// Checks one output and records it.
    fn output(&mut self, output: &Output) {
        match output {
            Output::StartReply {
                id,
                turn,
                prompt,
                speculative,
            } => {
                assert!(self.live.is_none(), "two live replies");
                assert!(id.0 > self.latest, "reply ids only grow");
                self.latest = id.0;
                let (turn, prompt) = (*turn, prompt.clone());
                if let (Prompt::Answer(text), false) = (&prompt, *speculative) {
                    let (ended, words) = self.ended.last().expect("a turn ended before its answer");
                    assert_eq!((Some(*ended), words), (turn, text));
                }
                let speculative = *speculative;
                self.live = Some(Live {
                    id: *id,
                    turn,
                    prompt,
                    speculative,
                    held: false,
                });
            }
            Output::CommitReply(id) => {
                let live = self.live.as_mut().expect("a live reply is committed");
                assert_eq!(live.id, *id);
                assert!(live.speculative, "committed twice");
                let (ended, words) = self.ended.last().expect("a turn ended before its commit");
                assert_eq!(Some(*ended), live.turn);
                assert_eq!(Prompt::Answer(words.clone()), live.prompt);
                live.speculative = false;
            }
            Output::CancelReply(id) => {
                assert_eq!(
                    self.live.as_ref().map(|live| live.id),
                    Some(*id),
                    "cancelled twice"
                );
                self.live = None;
            }
            Output::HoldPlayout => {
                let live = self.live.as_mut().expect("a live reply is held");
                assert!(!live.held && !live.speculative);
                live.held = true;
            }
            Output::ReleasePlayout => {
                let live = self.live.as_mut().expect("a live reply is released");
                assert!(live.held, "released what was not held");
                live.held = false;
            }
            Output::TurnEnded(turn) => {
                assert!(turn.started_at <= turn.ended_at);
                self.ended.push((turn.id, turn.text.clone()));
            }
            Output::CutTurn(id, cut) => {
                assert!(!self.closed.contains(id), "cut after its end");
                assert!(!self.cut.contains(id), "cut twice");
                self.cut.push(*id);
                self.is_cut = *cut == Cut::InPause;
                // What continues counts as new speech.
                (self.restarts, self.short) = (true, false);
            }
            Output::CloseTurn(id, _) => {
                assert!(!self.closed.contains(id), "closed twice");
                self.closed.push(*id);
            }
            Output::Timeout(_) => {}
        }
    }

    /// A reply ended by itself.
    fn reply_ended(&mut self, id: ReplyId) {
        self.live.take_if(|live| live.id == id);
    }
}

fn run_random(script: &[(u64, Kind)], config: Config) -> Vec<(u128, Output)> {
    let min_duration = config.interruption.min_duration;
    let always_holds = config.interruption.enabled && config.interruption.min_words == 0;
    let mut stage = Stage::new(config);
    let mut seen = Observer::default();
    let mut all = Vec::new();
    let mut ms = 0;
    let mut step = |stage: &mut Stage, ms: u64, input: Input| {
        let before = stage.turn.phase();
        let stale = matches!(&input, Input::ReplyAudible(id) | Input::ReplyFinished(id)
            | Input::ReplyFailed(id) if seen.live.as_ref().map(|live| live.id) != Some(*id));
        match &input {
            Input::ReplyFinished(id) | Input::ReplyFailed(id) => seen.reply_ended(*id),
            Input::SpeechStarted { .. } if seen.speaking_since.is_none() || seen.is_cut => {
                seen.is_cut = false;
                (seen.speaking_since, seen.near, seen.short) = (Some(ms), false, false);
            }
            Input::SpeechPaused { .. } => {
                let voiced = seen.speaking_since.map(|since| ms - since);
                seen.short =
                    voiced.is_some_and(|ms| Duration::from_millis(ms) < min_duration * 2 / 3);
            }
            Input::SpeechResumed => {
                seen.short = false;
                if std::mem::take(&mut seen.is_cut) {
                    seen.speaking_since = Some(ms);
                }
            }
            Input::SpeechIsNear => seen.near = seen.speaking_since.is_some(),
            Input::SpeechStopped { .. } | Input::UserLeft | Input::Muted => {
                (seen.speaking_since, seen.is_cut) = (None, false);
            }
            _ => {}
        }
        // Restarted when a reply begins while speech is in progress.
        if matches!(
            &input,
            Input::UserText(_) | Input::Say { .. } | Input::SpeakUp
        ) {
            seen.speaking_since = seen.speaking_since.map(|_| ms);
        }
        let uninterruptible = matches!(
            &input,
            Input::Say {
                interruptible: false,
                ..
            }
        );
        stage.input(ms, input);
        let outputs = std::mem::take(&mut stage.trace);
        for (_, output) in &outputs {
            seen.output(output);
        }
        if std::mem::take(&mut seen.restarts) {
            seen.speaking_since = seen.speaking_since.map(|_| ms);
        }
        if stale {
            assert!(outputs.is_empty(), "a stale id did something: {outputs:?}");
            assert_eq!(before, stage.turn.phase(), "a stale id changed the phase");
        }
        if let Some(live) = &seen.live
            && let Some(since) = seen.speaking_since
            && always_holds
            && seen.near
            && !seen.short
            && !seen.is_cut
            && live.turn.is_none_or(|turn| !seen.cut.contains(&turn))
            && !uninterruptible
            && live.prompt != Prompt::Say("hello".into())
            && Duration::from_millis(ms - since) >= min_duration
        {
            assert!(
                live.held,
                "speech for {min_duration:?} and the voice is not held"
            );
        }
        all.extend(outputs);
        seen.latest
    };
    let mut latest = 0;
    for (wait, kind) in script {
        let next = ms + wait;
        while let Some(wake) = stage.next_wake(next) {
            latest = step(&mut stage, wake, Input::Timeout);
        }
        ms = next;
        let input = kind.input(stage.at(ms), latest);
        latest = step(&mut stage, ms, input);
    }
    step(&mut stage, ms, Input::UserLeft);
    assert!(stage.wake.is_none() && stage.turn.phase() == Phase::Listening);
    assert!(seen.live.is_none(), "a reply never ended");
    for turn in &seen.cut {
        assert!(seen.closed.contains(turn), "cut off and forgotten");
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn random_scripts_keep_the_properties(
        script in prop::collection::vec(any_input(), 1..60),
        speculative: bool,
        enabled in prop::bool::weighted(0.9),
        min_words in 0usize..3,
        longest in prop::sample::select(vec![1u64, 3, 30]),
    ) {
        let config = Config {
            speculative,
            endpointing: Endpointing {
                longest_turn: Duration::from_secs(longest),
                ..Default::default()
            },
            interruption: Interruption { enabled, min_words, ..Default::default() },
        };
        let trace = run_random(&script, config.clone());
        prop_assert_eq!(trace, run_random(&script, config), "the same script, the same trace");
    }
}
