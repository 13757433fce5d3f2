//! Looks whether an agent is there, and asks it whether it lives.

use std::time::Duration;

use livekit_protocol as proto;

use super::Acts;
use crate::control::elsewhere;
use crate::control::participant::kind_of;
use crate::dispatch::guardian::{Input, Sight, Verdict};
use crate::server_api::Answer;
use sidetone_store::{ALIVE_METHOD, EPOCH_ATTRIBUTE, ParticipantKind};

impl Acts {
    /// Asks an agent whether it lives.
    pub(in super::super) async fn confirm(&self, room: String, epoch: i64) -> Input {
        // It is never closed.
        let _turn = self.confirming.acquire().await;
        let verdict = self.verdict(&room, epoch).await;
        let verdict = verdict.unwrap_or_else(|error| {
            tracing::warn!(room, %error, "could not find out whether an agent is alive");
            Verdict::Unknown
        });
        Input::Confirmed(room, verdict)
    }

    async fn verdict(&self, room: &str, epoch: i64) -> anyhow::Result<Verdict> {
        let agent = self.store.agent_in(room).await?;
        let same = agent.filter(|agent| agent.state.is_live() && agent.epoch == epoch);
        let Some(agent) = same else {
            return Ok(Verdict::Unknown);
        };
        let yields = agent.is_handed_over();
        let Some(identity) = agent.agent_identity else {
            return Ok(Verdict::Unknown);
        };
        if yields {
            return Ok(Verdict::Yields);
        }
        let (there, answer) = tokio::join!(
            self.livekit.participants(room),
            self.livekit.ask(
                room,
                &identity,
                ALIVE_METHOD,
                self.answers_within,
                String::new
            )
        );
        let there = there?.unwrap_or_default();
        let people = there
            .iter()
            .any(|one| kind_of(one) == ParticipantKind::User);
        if !there.iter().any(|one| one.identity == identity) {
            return Ok(Verdict::Dead { people });
        }
        match answer {
            // Whatever it answers: an older version knows no such method.
            Answer::Given(_) | Answer::Refused(_) => Ok(Verdict::Alive),
            Answer::Silence(_) => Ok(Verdict::Dead { people }),
            Answer::Unknown(what) => anyhow::bail!("{what}"),
        }
    }

    pub(in super::super) async fn look(&self, room: String) -> Input {
        let seen = async {
            // The agent hung up on purpose, or was given up, maybe in another process.
            let agent = self.store.agent_in(&room).await?;
            let Some(agent) = agent.filter(|agent| agent.state.is_live()) else {
                return Ok(None);
            };
            let people = self.livekit.participants(&room).await?.unwrap_or_default();
            // Of a room that was just closed the server says that nobody is in it, and of its jobs nothing.
            if people.is_empty()
                && self
                    .livekit
                    .rooms_named(vec![room.clone()])
                    .await?
                    .is_empty()
            {
                if elsewhere::is_another(&self.store, &self.livekit).await? {
                    anyhow::bail!(elsewhere::ANOTHER);
                }
                return Ok(Some(Sight::NoRoom));
            }
            // One of an earlier epoch is none, even if LiveKit still shows it, and neither is another product's.
            let agents: Vec<_> = people
                .iter()
                .filter(|one| kind_of(one) == ParticipantKind::Agent)
                .filter(|one| agent.is(&one.identity, epoch_of(one)))
                .collect();
            if agents.iter().any(|one| speaks(one)) {
                return Ok(Some(Sight::Agent));
            }
            if !agents.is_empty() {
                return Ok(Some(Sight::Silent));
            }
            let here = |identity: &String| people.iter().any(|one| one.identity == *identity);
            // The server lists a dead worker's job for ever: one whose agent was here is over.
            let gone = agent.agent_identity;
            let jobs = self.dispatcher.taken(&room).await?;
            // So is that of an agent which hands over: it is here, and is not the one that was asked for.
            let taken = jobs
                .iter()
                .any(|identity| gone.as_ref() != Some(identity) && !here(identity));
            let name = self.dispatcher.agent_name();
            let places = self.store.places(name, sidetone_store::now()).await?;
            anyhow::Ok(Some(Sight::NoAgent {
                taken,
                people: people
                    .iter()
                    .any(|one| kind_of(one) == ParticipantKind::User),
                free: places.room().is_ok(),
            }))
        };
        match seen.await {
            Ok(Some(sight)) => Input::Looked(room, sight),
            Ok(None) => Input::Over(room),
            Err(error) => Input::Looked(room, Sight::Unknown(error.to_string())),
        }
    }

    /// As [`Acts::look`], by one process at a time, and only where something has changed since the last one
    /// that saw the agent: an agent whose worker dies, or that is lost, is [told of](Acts::silent) otherwise.
    pub(in super::super) async fn check(&self, room: String, age: Duration) -> Input {
        let counts = self.rounds.counts(&room).await;
        if let Some(counts) = &counts
            && self.rounds.is_as_seen(&room, counts)
        {
            return Input::Looked(room, Sight::Agent);
        }
        match self.store.claim_look(&room, age).await {
            Ok(true) => {
                let looked = self.look(room.clone()).await;
                if let (Input::Looked(_, Sight::Agent), Some(counts)) = (&looked, counts) {
                    self.rounds.saw_agent(&room, counts);
                }
                looked
            }
            Ok(false) => Input::Looked(room, Sight::Elsewhere),
            Err(error) => Input::Looked(room, Sight::Unknown(error.to_string())),
        }
    }
}

/// Of the asking that an agent has come for; None of one that knows no epochs, such as another product's.
fn epoch_of(agent: &proto::ParticipantInfo) -> Option<i64> {
    agent.attributes.get(EPOCH_ATTRIBUTE)?.parse().ok()
}

/// Whether an agent can be heard: in the room, with its voice published.
fn speaks(participant: &proto::ParticipantInfo) -> bool {
    let is_audio = |track: &proto::TrackInfo| track.r#type() == proto::TrackType::Audio;
    participant.state() == proto::participant_info::State::Active
        && participant.tracks.iter().any(is_audio)
}
