//! `sidetone call`: a headless caller. It joins like a person, plays sound files as its turns, hears the agent, and
//! measures what a person would notice.

pub mod access;
pub mod heard;
pub mod phone;
pub mod report;
pub mod room;
pub mod script;
pub mod transcripts;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use self::access::Access;
use self::heard::{Activity, Span, TurnTimes};
use self::report::{Report, TurnReport};
use self::room::{CallerRoom, Told};
use self::script::{Action, Cue, Observed, Patience, Script};
use self::transcripts::Transcripts;
use sidetone_base::audio::Pcm;
use sidetone_base::clock;
use sidetone_call::transport::Key;

/// A turn of the script: what is said, and when.
#[derive(Debug, Clone)]
pub struct ScriptTurn {
    /// Its name in the report: the file's name.
    pub name: String,
    /// What is said, or pressed.
    pub says: Says,
    /// When.
    pub cue: Cue,
}

/// A turn's content.
#[derive(Debug, Clone)]
pub enum Says {
    /// This sound.
    Sound(Pcm<48_000>),
    /// Telephone keys.
    Keys(Vec<Key>),
}

impl From<Pcm<48_000>> for Says {
    fn from(sound: Pcm<48_000>) -> Self {
        Self::Sound(sound)
    }
}

/// A scripted call.
#[derive(Debug, Clone)]
pub struct CallPlan {
    /// How to get into the room.
    pub access: Access,
    /// What to say, in order.
    pub turns: Vec<ScriptTurn>,
    /// How long to wait for the agent.
    pub patience: Patience,
    /// The call is ended after this long, whatever happens.
    pub limit: Duration,
    /// Where `reply.wav` (the agent, as heard) and `caller.wav` (in step with it) are written. `None` to write nothing.
    pub out: Option<PathBuf>,
}

/// Places the call and reports what was said, heard and measured.
///
/// # Errors
/// If no token is given, the room cannot be joined, or a recording cannot be written. A call in which the agent stays
/// silent is not an error: the report says so.
pub async fn place(plan: CallPlan) -> anyhow::Result<Placed> {
    let asked = clock::now();
    let granted = plan.access.obtain().await?;
    let mut room = CallerRoom::join(&granted)
        .await
        .context("joining the room")?;
    let started = clock::now();
    let mut call = Call::new(&plan);
    let ended_by = loop {
        let now = clock::now() - started;
        if now > plan.limit {
            break format!("the limit of {:?}", plan.limit);
        }
        tokio::select! {
            permit = room.microphone.reserve() => match permit {
                Ok(permit) => match call.next_frame(clock::now() - started) {
                    Some((frame, keys)) => {
                        permit.send(frame);
                        for key in keys {
                            room.keys.try_send(key).ok();
                        }
                    }
                    None => break "the script".to_owned(),
                },
                Err(_) => break "the room: the microphone track is gone".to_owned(),
            },
            told = room.told.recv() => match told {
                Some(Told::Closed(reason)) => break format!("the room: {reason}"),
                Some(told) => call.told(told, started),
                None => break "the room".to_owned(),
            },
            // The engine paces both branches; if neither moves for a second, check the limit.
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    };
    room.leave().await;
    let report = call.report(started - asked, ended_by, granted.call_id);
    if let Some(out) = &plan.out {
        call.write_recordings(out)?;
    }
    let agent_voice = call.agent_voice.spans().to_vec();
    Ok(Placed {
        report,
        agent_voice,
        received: call.received,
    })
}

/// A call that was placed.
#[derive(Debug)]
pub struct Placed {
    /// What was found.
    pub report: Report,
    /// When the agent was audible.
    pub agent_voice: Vec<Span>,
    /// What was heard of the agent, from the call's start.
    received: Pcm<48_000>,
}

impl Placed {
    /// What was heard in `span`, with a little silence on both sides.
    pub fn received_in(&self, span: Span) -> Pcm<48_000> {
        const MARGIN: Duration = Duration::from_millis(150);
        let samples = self.received.samples();
        let at = |time| Pcm::<48_000>::samples_in(time).min(samples.len());
        Pcm::new(samples[at(span.start.saturating_sub(MARGIN))..at(span.end + MARGIN)].to_vec())
    }
}

/// The turn being spoken.
#[derive(Clone, Copy)]
struct Playing {
    turn: usize,
    /// Samples of it that were sent.
    position: usize,
    began: Duration,
}

/// The caller's state while the call runs.
struct Call {
    by_telephone: bool,
    turns: Vec<ScriptTurn>,
    script: Script,
    playing: Option<Playing>,
    /// When each turn was spoken.
    said: Vec<Option<Span>>,
    own_voice: Activity,
    agent_voice: Activity,
    agent_listening: Option<bool>,
    words: Transcripts,
    timings: Vec<serde_json::Value>,
    sent: Pcm<48_000>,
    received: Pcm<48_000>,
}

impl Call {
    fn new(plan: &CallPlan) -> Self {
        let cues = plan.turns.iter().map(|turn| turn.cue).collect();
        let by_telephone = matches!(plan.access, Access::Phone(_));
        let mut turns = plan.turns.clone();
        if by_telephone {
            for turn in &mut turns {
                if let Says::Sound(sound) = &mut turn.says {
                    *sound = phone::by_telephone(sound);
                }
            }
        }
        Self {
            turns,
            by_telephone,
            script: Script::new(cues, plan.patience),
            playing: None,
            said: vec![None; plan.turns.len()],
            own_voice: Activity::default(),
            agent_voice: Activity::default(),
            agent_listening: None,
            words: Transcripts::default(),
            timings: Vec::new(),
            sent: Pcm::default(),
            received: Pcm::default(),
        }
    }

    /// The microphone's next 10 ms, and keys to press meanwhile. `None` to hang up.
    ///
    /// It is heard at its position in everything sent: the engine takes some frames ahead of time, and its clock never
    /// pauses. (After a stall of this program it is heard later, and the agent seems slower than it is.)
    fn next_frame(&mut self, now: Duration) -> Option<(Pcm<48_000>, Vec<Key>)> {
        let at = Pcm::<48_000>::duration_of(self.sent.len());
        let seen = Observed {
            agent_listening: self.agent_listening,
            agent_voice: self.agent_voice.spans().last().copied(),
            speaking: self.playing.is_some(),
        };
        let mut pressed = Vec::new();
        match self.script.tick(now, seen) {
            Action::Wait => {}
            Action::Speak(turn) => match &self.turns[turn].says {
                Says::Sound(_) => {
                    self.playing = Some(Playing {
                        turn,
                        position: 0,
                        began: at,
                    });
                }
                Says::Keys(keys) => {
                    pressed.clone_from(keys);
                    self.said[turn] = Some(Span { start: at, end: at });
                }
            },
            Action::HangUp => return None,
        }
        let frame = self.frame_of_turn(at);
        self.sent.append(&frame);
        Some((frame, pressed))
    }

    fn frame_of_turn(&mut self, at: Duration) -> Pcm<48_000> {
        let Some(Playing {
            turn,
            position,
            began,
        }) = self.playing
        else {
            return Pcm::silence(heard::FRAME);
        };
        let Says::Sound(sound) = &self.turns[turn].says else {
            return Pcm::silence(heard::FRAME);
        };
        let samples = sound.samples();
        let end = (position + Pcm::<48_000>::FRAME).min(samples.len());
        let mut frame = samples[position..end].to_vec();
        frame.resize(Pcm::<48_000>::FRAME, 0);
        self.own_voice.push(at, &frame);
        // The voiced part of this turn's file: silence at its ends does not count.
        if let Some(voice) = self.own_voice.audible_after(began) {
            let start = voice.start.max(began);
            let end = self
                .own_voice
                .spans()
                .last()
                .map_or(voice.end, |last| last.end);
            self.said[turn] = Some(Span { start, end });
        }
        self.playing = (end < samples.len()).then_some(Playing {
            turn,
            position: end,
            began,
        });
        Pcm::new(frame)
    }

    fn told(&mut self, told: Told, started: std::time::Instant) {
        match told {
            Told::Voice { at, frame } => {
                let at = at.saturating_duration_since(started);
                if self.received.is_empty() {
                    // The agent's track begins later than ours: keep the two in step.
                    self.received = Pcm::silence(at);
                }
                self.agent_voice.push(at, frame.samples());
                self.received.append(&frame);
            }
            Told::AgentListening(listening) => self.agent_listening = Some(listening),
            Told::Words {
                speaker,
                segment,
                text,
                done,
            } => {
                let at = clock::now() - started;
                self.words.update(at, speaker, &segment, &text, done);
            }
            Told::Timing(figures) => self.timings.push(figures),
            Told::Closed(_) => {}
        }
    }

    fn report(&self, joined_after: Duration, ended_by: String, call_id: Option<String>) -> Report {
        let turns = self
            .turns
            .iter()
            .zip(&self.said)
            .map(|(turn, said)| TurnReport {
                name: turn.name.clone(),
                times: said.map(|said| TurnTimes::measure(said, &self.agent_voice)),
            });
        Report {
            call_id,
            joined_after,
            first_voice_after: self.agent_voice.spans().first().map(|span| span.start),
            turns: turns.collect(),
            lines: self.words.lines(),
            timings: self.timings.clone(),
            agent_spoke: self
                .agent_voice
                .spans()
                .iter()
                .map(|s| s.end - s.start)
                .sum(),
            ended_by,
        }
    }

    fn write_recordings(&self, out: &std::path::Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(out)
            .with_context(|| format!("making the folder {} for recordings", out.display()))?;
        let received = match self.by_telephone {
            true => &phone::by_telephone(&self.received),
            false => &self.received,
        };
        sidetone_base::audio::wav::write(&out.join("reply.wav"), received)?;
        sidetone_base::audio::wav::write(&out.join("caller.wav"), &self.sent)?;
        Ok(())
    }
}
