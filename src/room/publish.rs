//! Publishes what a call asks for: the agent's state, and the words of both sides.

use std::collections::HashMap;
use std::time::Duration;

use livekit::prelude::{LocalParticipant, ParticipantIdentity, TrackSid};
use livekit::{SendTextOptions, StreamTextOptions, StreamWriter, TextStreamWriter};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::desk::Desk;
use super::keys::{KEY_PACE, dtmf};
use sidetone_call::transport::{AgentState, Key, RoomCommand, Segment, Speaker};

/// A server or data channel that takes longer is stuck; the call goes on without it.
const DEADLINE: Duration = Duration::from_secs(5);
const DTMF_WAIT: Duration = Duration::from_millis(500);
/// How long to wait for the server to confirm a state. livekit 0.10 listens for the reply only after sending the
/// request, so an immediate reply is lost.
const CONFIRMATION: Duration = Duration::from_secs(1);
/// How long a request from an unknown sender waits for the room to report who the caller is.
const MEETING: Duration = Duration::from_secs(2);
/// People whose microphones are remembered: many more than are heard at a time.
const MOST_TRACKS: usize = 64;
const TOPIC: &str = "lk.transcription";
/// A JSON object with the milliseconds of each stage that contributed to the answer.
const TIMING_TOPIC: &str = "sidetone.turn";
const SEGMENT_ID: &str = "lk.segment_id";
const FINAL: &str = "lk.transcription_final";
const TRACK_ID: &str = "lk.transcribed_track_id";

/// What the listening half knows of the room and the publisher needs.
#[derive(Clone)]
struct Seen {
    /// The caller, once known: its transcripts carry the identity.
    caller: Option<ParticipantIdentity>,
    /// The microphones of the caller and of others who are heard.
    tracks: HashMap<ParticipantIdentity, TrackSid>,
    /// Our voice's track.
    own_track: TrackSid,
    /// How often the room was rejoined. The room has forgotten what was published before.
    session: u32,
}

/// Through this, the listening half tells the publisher what it sees.
pub struct Seeing(watch::Sender<Seen>);

impl Seeing {
    /// The caller's identity.
    pub fn caller(&self, identity: ParticipantIdentity) {
        self.0.send_modify(|seen| seen.caller = Some(identity));
    }

    /// The microphone track of the caller, or of somebody else who is heard.
    pub fn track_of(&self, who: ParticipantIdentity, track: TrackSid) {
        self.0.send_modify(|seen| {
            if seen.tracks.len() >= MOST_TRACKS {
                seen.tracks.clear();
            }
            seen.tracks.insert(who, track);
        });
    }

    /// Our voice has a new track id.
    pub fn own_track(&self, track: TrackSid) {
        self.0.send_modify(|seen| seen.own_track = track);
    }

    /// The room was rejoined.
    pub fn rejoined(&self) {
        self.0.send_modify(|seen| seen.session += 1);
    }
}

/// Knows who is the caller: nobody, until that is known.
#[derive(Clone)]
pub struct Callers(watch::Receiver<Seen>);

impl Callers {
    /// Whether this is the caller. Data can arrive before the room reports its participants, so if the caller is
    /// still unknown this waits for a moment.
    pub async fn is(&self, identity: &ParticipantIdentity) -> bool {
        let mut seen = self.0.clone();
        let known = seen.wait_for(|seen| seen.caller.is_some());
        match timeout(MEETING, known).await {
            Ok(Ok(seen)) => seen.caller.as_ref() == Some(identity),
            // Nobody has joined, or the call is over.
            Err(_) | Ok(Err(_)) => false,
        }
    }
}

/// Shows the caller a note, as unspoken words of the agent: every client shows those.
pub async fn note(participant: &LocalParticipant, caller: ParticipantIdentity, text: &str) {
    let segment = format!("SG_{}", uuid::Uuid::new_v4().simple());
    let options = SendTextOptions::new_with_topic(TOPIC)
        .with_attributes(attributes(&segment, true, None))
        .with_destination_identity(caller);
    told(
        TOPIC,
        timeout(DEADLINE, participant.send_text(text, options)).await,
    );
}

/// The agent's segment in progress.
struct Speaking {
    segment: String,
    /// The session in which its stream was opened.
    session: u32,
    writer: TextStreamWriter,
}

/// The publishing half of a driven room. One task owns it.
pub struct Publisher {
    participant: LocalParticipant,
    seen: watch::Sender<Seen>,
    speaking: Option<Speaking>,
    /// All words so far of the segment in progress.
    said: String,
    /// What the agent is doing.
    state: watch::Sender<Option<AgentState>>,
    /// Whether only holders of the room's key can read what it sends.
    is_encrypted: bool,
}

impl Publisher {
    /// Publishes as `participant`, whose voice is `own_track`.
    pub fn new(participant: LocalParticipant, own_track: TrackSid, is_encrypted: bool) -> Self {
        let seen = Seen {
            caller: None,
            tracks: HashMap::new(),
            own_track,
            session: 0,
        };
        Self {
            participant,
            seen: watch::Sender::new(seen),
            speaking: None,
            said: String::new(),
            state: watch::Sender::new(None),
            is_encrypted,
        }
    }

    /// A handle that tells who is the caller.
    pub fn callers(&self) -> Callers {
        Callers(self.seen.subscribe())
    }

    /// What the agent is doing; nothing before the call has said so.
    pub fn states(&self) -> watch::Receiver<Option<AgentState>> {
        self.state.subscribe()
    }

    /// The handle that tells the publisher what is seen.
    pub fn seeing(&self) -> Seeing {
        Seeing(self.seen.clone())
    }

    /// Carries out commands in order until `Leave` or the end of the call. Failures are logged and skipped: a lost
    /// caption must not end a conversation.
    pub(super) async fn carry_out(mut self, mut commands: mpsc::Receiver<RoomCommand>, desk: Desk) {
        // In a task of its own, so that captions never wait for the confirmation of a state.
        let states = self.state.subscribe();
        let showing = show_states(self.participant.clone(), states, self.seen.subscribe());
        let _states = AbortOnDropHandle::new(tokio::spawn(showing));
        while let Some(command) = commands.recv().await {
            match command {
                RoomCommand::SetState(new) => {
                    self.state.send_replace(Some(new));
                }
                RoomCommand::Transcript(segment) => match segment.who {
                    Speaker::Caller => self.caller_words(segment).await,
                    Speaker::Agent => self.agent_words(segment).await,
                },
                RoomCommand::Announce(text) => self.announce(text).await,
                RoomCommand::Dtmf(keys) => self.press(&keys).await,
                RoomCommand::Timing(timing) => self.timing(timing).await,
                RoomCommand::Answer { id, outcome } => desk.answered(&id, &outcome),
                RoomCommand::Leave => break,
            }
        }
        desk.close();
    }

    /// Sends telephone keys at a person's pace.
    async fn press(&self, keys: &str) {
        for key in keys.chars() {
            let Some(key) = Key::new(key) else {
                tokio::time::sleep(DTMF_WAIT).await;
                continue;
            };
            let sending = self.participant.publish_dtmf(dtmf(key));
            told("DTMF", timeout(DEADLINE, sending).await);
            tokio::time::sleep(KEY_PACE).await;
        }
    }

    /// Sends each version of the caller's words as a separate stream, in the name of who said them.
    async fn caller_words(&self, segment: Segment) {
        let seen = self.seen.borrow().clone();
        let by = segment.by.map(ParticipantIdentity).or(seen.caller);
        let track = by.as_ref().and_then(|by| seen.tracks.get(by));
        let mut options = SendTextOptions::new_with_topic(TOPIC).with_attributes(attributes(
            &segment.id,
            segment.is_final,
            track,
        ));
        if let Some(identity) = by {
            options = options.with_sender_identity(identity);
        }
        let sending = self.participant.send_text(&segment.text, options);
        told(TOPIC, timeout(DEADLINE, sending).await);
    }

    /// For pages that show the agent's response times.
    async fn timing(&self, stages: Vec<(&'static str, Duration)>) {
        let figures: serde_json::Map<_, _> = stages
            .into_iter()
            .filter_map(|(name, took)| {
                let took = u64::try_from(took.as_millis()).ok()?;
                Some((name.to_owned(), took.into()))
            })
            .collect();
        let options = SendTextOptions::new_with_topic(TIMING_TOPIC);
        let text = serde_json::Value::Object(figures).to_string();
        let sending = self.participant.send_text(&text, options);
        told(TIMING_TOPIC, timeout(DEADLINE, sending).await);
    }

    /// Sends the agent's words as one stream per segment, fed as they are heard. If the room was rejoined meanwhile,
    /// the segment gets a new stream, which starts with its earlier words.
    async fn agent_words(&mut self, segment: Segment) {
        let Seen {
            own_track, session, ..
        } = self.seen.borrow().clone();
        let is_open =
            |speaking: &Speaking| speaking.segment == segment.id && speaking.session == session;
        let mut words = segment.text;
        if !self.speaking.as_ref().is_some_and(is_open) {
            let goes_on = |speaking: &Speaking| speaking.segment == segment.id;
            if self.speaking.as_ref().is_some_and(goes_on) {
                words = std::mem::take(&mut self.said) + &words;
            }
            self.close_stream().await;
            let options = StreamTextOptions::new_with_topic(TOPIC).with_attributes(attributes(
                &segment.id,
                false,
                Some(&own_track),
            ));
            let opening = timeout(DEADLINE, self.participant.stream_text(options)).await;
            let Some(writer) = told(TOPIC, opening) else {
                return;
            };
            self.speaking = Some(Speaking {
                segment: segment.id.clone(),
                session,
                writer,
            });
        }
        if let Some(speaking) = &self.speaking
            && !words.is_empty()
        {
            told(
                TOPIC,
                timeout(DEADLINE, speaking.writer.write(&words)).await,
            );
            self.said.push_str(&words);
        }
        if segment.is_final {
            self.close_stream().await;
        }
    }

    /// Uses a stream, as captions do; in a room of encrypted calls, where streams are encrypted, the older packet of
    /// captions, which LiveKit's clients leave in the clear.
    async fn announce(&mut self, text: String) {
        let id = format!("SG_{}", uuid::Uuid::new_v4().simple());
        if !self.is_encrypted {
            return self
                .agent_words(Segment {
                    who: Speaker::Agent,
                    by: None,
                    id,
                    text,
                    is_final: true,
                })
                .await;
        }
        let packet = livekit::Transcription {
            participant_identity: self.participant.identity().to_string(),
            track_id: self.seen.borrow().own_track.to_string(),
            segments: vec![livekit::TranscriptionSegment {
                id,
                text,
                r#final: true,
                ..Default::default()
            }],
        };
        let sending = self.participant.publish_transcription(packet);
        told("a caption in the clear", timeout(DEADLINE, sending).await);
    }

    async fn close_stream(&mut self) {
        self.said.clear();
        let Some(speaking) = self.speaking.take() else {
            return;
        };
        let Seen {
            own_track, session, ..
        } = self.seen.borrow().clone();
        // The room has forgotten streams of earlier sessions.
        if speaking.session == session {
            let trailer = attributes(&speaking.segment, true, Some(&own_track));
            let closing = speaking.writer.close_with_options(None, Some(trailer));
            told(TOPIC, timeout(DEADLINE, closing).await);
        }
    }
}

/// Publishes the newest state, and again in a rejoined room; outdated states are skipped.
async fn show_states(
    participant: LocalParticipant,
    mut states: watch::Receiver<Option<AgentState>>,
    mut seen: watch::Receiver<Seen>,
) {
    let mut session = seen.borrow().session;
    loop {
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            changed = seen.changed() => {
                let now = seen.borrow_and_update().session;
                let is_anew = std::mem::replace(&mut session, now) != now;
                match changed {
                    Err(_) => return,
                    Ok(()) if !is_anew => continue,
                    Ok(()) => {}
                }
            }
        }
        let Some(state) = *states.borrow_and_update() else {
            continue;
        };
        let attributes = HashMap::from([("lk.agent.state".to_owned(), state.as_str().to_owned())]);
        match timeout(CONFIRMATION, participant.set_attributes(attributes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "lk.agent.state was not published"),
            Err(_) => tracing::debug!(?state, "lk.agent.state was not confirmed"),
        }
    }
}

fn attributes(segment: &str, is_final: bool, track: Option<&TrackSid>) -> HashMap<String, String> {
    let mut attributes = HashMap::from([
        (SEGMENT_ID.to_owned(), segment.to_owned()),
        (FINAL.to_owned(), is_final.to_string()),
    ]);
    if let Some(track) = track {
        attributes.insert(TRACK_ID.to_owned(), track.to_string());
    }
    attributes
}

/// The value. `None` after a logged warning that says what was not published.
fn told<T, E: std::fmt::Display>(
    what: &str,
    result: Result<Result<T, E>, tokio::time::error::Elapsed>,
) -> Option<T> {
    match result {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            tracing::warn!(%error, "{what} was not published");
            None
        }
        Err(_) => {
            tracing::warn!("{what} was not published within {DEADLINE:?}");
            None
        }
    }
}

#[cfg(test)]
mod tests;
