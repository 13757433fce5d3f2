//! The first step of a job: what the dispatch says, who holds the call, the room, the recording.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use livekit::prelude::{Room, RoomEvent};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::found::Adopted;
use super::handover::await_place;
use super::mcp::Servers;
use super::record::traced::{Subject, Traced};
use super::record::{self, Beside};
use super::spool::Entry;
use super::standing::Place;
use super::transfer::Switchboard;
use super::{Agents, DEFAULT_AGENT, lookup};
use crate::room::overheard::Overheard;
use crate::room::{self as room, JoinError};
use crate::worker::{Job, JobHandle, JobOutcome};
use sidetone_base::clock;
use sidetone_base::leave::{LeaveBy, Step};
use sidetone_base::metrics::metrics;
use sidetone_base::tap::Tap;
use sidetone_call::clients::Clients;
use sidetone_call::{Earlier, Operator, Persona, Providers};
use sidetone_config::agent::{AgentConfig, BadVoice, Overrides};
use sidetone_config::edition::short;
use sidetone_config::folder::Roster;
use sidetone_config::recording::RecordingMode;
use sidetone_config::tools::BUILT_IN;
use sidetone_config::unknown_agent::UnknownAgent;
use sidetone_recording::Recorded;
use sidetone_store::DispatchMetadata;
use sidetone_store::tools::HeldBy;

/// The agent that calls a telephone waits for it a little longer than it rings.
const ANSWERED_LATE: Duration = Duration::from_secs(20);

/// The room, and what happens in it.
type Joined = (Room, UnboundedReceiver<RoomEvent>);

/// A call that is ready to be held; what it began is ended by [`Agents::conclude`].
pub(super) struct Call<'a> {
    pub(super) id: Uuid,
    pub(super) job: &'a Job,
    pub(super) handle: &'a JobHandle,
    /// The agent that begins it.
    pub(super) agent: Arc<AgentConfig>,
    pub(super) room: Room,
    /// Whether the agent is still the room's own.
    pub(super) place: Arc<Place>,
    /// What is still to be written of a call that was found in its room.
    pub(super) unwritten: Unwritten,
    /// The agent calls a telephone, which may still ring.
    pub(super) is_dialled: bool,
    pub(super) servers: Servers,
    /// None: the call is not recorded.
    pub(super) recorded: Option<Recorded>,
    /// The local model reads the prompt ahead; aborted with the call.
    _reading: AbortOnDropHandle<()>,
}

/// What is still to be written of a call that was found in a room which Sidetone has not made.
#[derive(Default)]
pub(super) struct Unwritten {
    /// Its row: the database was away.
    pub(super) row: Option<Entry>,
    /// Who the caller is: nobody was there.
    pub(super) caller: bool,
}

/// Who holds the call, and the ends of what they hold it with.
pub(super) struct Cast {
    /// The agent that speaks first.
    pub(super) persona: Persona,
    /// Those it may hand the caller to.
    pub(super) team: Vec<Persona>,
    /// Providers of the agent that began the call: they make its result.
    pub(super) began: Providers,
    /// What was said with an agent that was lost.
    pub(super) earlier: Option<Earlier>,
    /// What is to be written down beside the conversation.
    pub(super) beside: Receiver<Entry>,
    /// What happens in the room.
    pub(super) events: UnboundedReceiver<RoomEvent>,
    /// Where the recording takes its sound; dropping it ends the recording.
    pub(super) tap: Tap,
    /// Makes spans of the call.
    pub(super) traced: Traced,
    /// What the caller did while another agent held the call, which has handed it over.
    pub(super) overheard: Option<Overheard>,
}

impl Agents {
    /// Joins the room and settles who holds the call. None when another agent has it.
    ///
    /// # Errors
    /// The metadata or the agent's file is unusable, or the room cannot be joined.
    pub(super) async fn prepare<'a>(
        &self,
        job: &'a Job,
        handle: &'a JobHandle,
    ) -> anyhow::Result<Option<(Call<'a>, Cast)>> {
        let begun = clock::wall();
        let mut metadata = self.told(job).await;
        if let Some(agent) = self.route(job, &metadata).await {
            metadata.agent = Some(agent);
        }
        let mut epoch = metadata.epoch;
        let takes_over = metadata.takes_over;
        let mut call_id = match metadata.call_id {
            Some(call_id) => call_id,
            None => self.call_under_way(&job.room_name).await,
        };
        let roster = self.editions.named(metadata.edition.as_deref()).await;
        let team = self.team(&roster, &metadata, call_id)?;
        let is_handed_over = metadata.handed_over;
        let earlier = async {
            match is_handed_over {
                // The other agent still holds the call.
                true => None,
                false => self.earlier(call_id, job, takes_over).await,
            }
        };
        let (mut resumed, joined) = tokio::join!(earlier, self.join(job, team));
        let (mut team, (room, mut events)) = joined?;
        let mut is_double = false;
        let mut unwritten = Unwritten::default();
        if metadata.call_id.is_none() {
            match self.adopt(job, call_id, &metadata, &room).await {
                Adopted::Watched(found, own) => {
                    (call_id, epoch) = (found.call_id, Some(own));
                    unwritten.caller = found.wants_caller;
                }
                Adopted::Unwritten(found, row) => {
                    unwritten.row = Some(Entry::Found(row));
                    unwritten.caller = found.wants_caller;
                }
                Adopted::Double => is_double = true,
            }
        }
        let place = Place::new(&self.store, &self.livekit, self.worker, job, epoch);
        let mut overheard = None;
        if is_handed_over {
            let has_key = team[0].encryption.is_some();
            let mut heard = Overheard::new(has_key, metadata.rings.is_some());
            await_place(&place, &mut heard, &room, &mut events).await;
            overheard = Some(heard);
        }
        if is_double || !place.take(&room).await {
            tracing::info!(%call_id, "another agent has this call: this one leaves");
            let by = LeaveBy::within(clock::now(), LeaveBy::OVER);
            (handle.ended(JobOutcome::Success, by.until(Step::Report))).await;
            room::close_by(&room, by.until(Step::Room)).await;
            return Ok(None);
        }
        if is_handed_over {
            resumed = self.handed_over(call_id, job).await;
        }
        let (earlier, broken_off) = resumed
            .map(|resumed| (resumed.earlier, resumed.broken_off))
            .unzip();
        if earlier.is_some() && !is_handed_over {
            metrics().calls.taken_over.inc();
        }
        let (tap, recorded) = self.begin_recording(call_id, &mut team[0]);
        let reading = self
            .clients
            .clone()
            .read_ahead(self.clients.settle(team[0].clone()));
        let reading = AbortOnDropHandle::new(tokio::spawn(reading));
        let (record, beside) = record::beside();
        let asked_by = metadata.traceparent.as_deref();
        let subject = Subject {
            call: call_id,
            agent: team[0].name.clone(),
            version: team[0].version.clone(),
            job: job.id.clone(),
            tools: tools_of(&team),
            begun,
            asked_by: asked_by.and_then(|parent| parent.parse().ok()),
            takes_over,
        };
        let (traced, requests) = Traced::of(&self.tracer, subject);
        let clients = self.clients.reporting(&requests);
        let (mut team, servers) = self.personas(call_id, job, team, &record, &clients);
        let first = team.first().context("the job has no agent")?;
        let (agent, began) = (Arc::clone(&first.agent), first.providers.clone());
        let unwritten_yet = unwritten.row.clone().into_iter();
        let broken_off = broken_off.flatten().map(Entry::Turn);
        let entries = unwritten_yet.chain(broken_off).collect();
        self.note_beginning(call_id, &agent, entries, &record);
        // Whoever the caller was handed to goes on.
        let handed_to = earlier.as_ref().and_then(Earlier::handed_to);
        let speaks = |persona: &Persona| Some(persona.agent.name.as_str()) == handed_to;
        let persona = team.remove(team.iter().position(speaks).unwrap_or(0));
        let call = Call {
            id: call_id,
            job,
            handle,
            agent,
            room,
            place: Arc::new(place),
            unwritten,
            is_dialled: metadata.rings.is_some(),
            servers,
            recorded,
            _reading: reading,
        };
        let cast = Cast {
            persona,
            team,
            began,
            earlier,
            beside,
            events,
            tap,
            traced,
            overheard,
        };
        Ok(Some((call, cast)))
    }

    /// The agent of a call, and those that it may hand the caller to. For an agent that there is not the
    /// default one holds the call, or tells the caller that nobody does ([`UnknownAgent`]).
    fn team(
        &self,
        roster: &Roster,
        metadata: &DispatchMetadata,
        call_id: Uuid,
    ) -> anyhow::Result<Vec<AgentConfig>> {
        let name = metadata.agent.as_deref().unwrap_or(DEFAULT_AGENT);
        let team = match roster.team(name) {
            Err(error) if name != DEFAULT_AGENT => {
                // A caller who was with that agent already is not turned away in the middle.
                if self.unknown == UnknownAgent::End && !metadata.takes_over {
                    tracing::warn!(%call_id, agent = name, %error, "the caller is told, and the room ends");
                    return Ok(vec![refusing(roster)?]);
                }
                tracing::warn!(%call_id, agent = name, %error, "the default agent takes the call instead");
                roster.team(DEFAULT_AGENT)?
            }
            team => team?,
        };
        let voice = metadata.voice.as_deref().map(str::parse).transpose();
        let voice = voice.unwrap_or_else(|error| {
            let error: BadVoice = error;
            tracing::warn!(%call_id, %error, "the agent's own voice is used");
            None
        });
        let mut overrides = Overrides {
            voice,
            system_prompt: metadata.system_prompt.clone(),
            variables: metadata.variables.clone(),
            set_by_user: metadata.set_by_user.clone(),
            call_id: Some(call_id.to_string()),
            recording: metadata.recording,
            dispatch: metadata.dispatch.clone(),
        };
        let mut ready = vec![team[0].variant_of(call_id).for_call(&overrides)?];
        if let Some(seconds) = metadata.rings {
            let limits = &mut ready[0].limits;
            let rings = Duration::from_secs(seconds.into()) + ANSWERED_LATE;
            limits.wait_for_caller = limits.wait_for_caller.max(rings);
        }
        // Voice and prompt of a call are those of the agent that was asked for.
        (overrides.voice, overrides.system_prompt) = (None, None);
        for agent in &team[1..] {
            match agent.variant_of(call_id).for_call(&overrides) {
                Ok(agent) => ready.push(agent),
                Err(problems) => {
                    tracing::error!(%call_id, agent = agent.name, %problems, "cannot take over");
                }
            }
        }
        if metadata.rings.is_none() {
            // Whoever calls is no machine that takes messages.
            ready.iter_mut().for_each(|agent| agent.voicemail = None);
        }
        Ok(ready)
    }

    /// Joins the room while what the agents ask for is looked up: it may be said in the greeting.
    /// Where the caller is what is looked up, the room is joined before.
    async fn join(
        &self,
        job: &Job,
        team: Vec<AgentConfig>,
    ) -> Result<(Vec<AgentConfig>, Joined), JoinError> {
        let encryption = team.first().and_then(|agent| agent.encryption.clone());
        let join = async {
            let token = job.token.expose();
            room::join_as_agent(&job.url, &token, encryption.as_ref()).await
        };
        let http = &self.clients.http;
        if lookup::wants_caller(&team) {
            let joined = join.await?;
            let team = lookup::meet(team, &joined.0).await;
            Ok((lookup::look_up(team, http).await, joined))
        } else {
            let (team, joined) = tokio::join!(lookup::look_up(team, http), join);
            Ok((team, joined?))
        }
    }

    /// Begins the call's recording, if it is to be recorded; the agent then says so first.
    fn begin_recording(&self, call_id: Uuid, agent: &mut AgentConfig) -> (Tap, Option<Recorded>) {
        let mode = agent.recording.unwrap_or(self.recordings.default_mode());
        if mode == RecordingMode::Off {
            return (Tap::default(), None);
        }
        agent.announce_recording();
        let (tap, recorded) = self
            .recordings
            // A recorder of LiveKit's has no key.
            .record(
                call_id,
                mode == RecordingMode::Egress && agent.encryption.is_none(),
            );
        (tap, Some(recorded))
    }

    /// Gives each agent its providers, and connects its MCP servers beside the greeting.
    fn personas(
        &self,
        call_id: Uuid,
        job: &Job,
        team: Vec<AgentConfig>,
        record: &Beside,
        clients: &Clients,
    ) -> (Vec<Persona>, Servers) {
        let switchboard: Arc<dyn Operator> = Arc::new(Switchboard {
            livekit: self.livekit.clone(),
            store: self.store.clone(),
            call_id,
            room: job.room_name.clone(),
            url: job.url.clone(),
        });
        let mut servers = Servers::default();
        let persona = |agent: AgentConfig| {
            let agent = clients.settle(agent);
            let mut models = clients.for_call(&agent);
            models.warm();
            models.operator = Some(Arc::clone(&switchboard));
            servers.connect(models.mcp.clone(), record, call_id, &agent.name);
            Persona {
                providers: Arc::new(models).into(),
                agent: Arc::new(agent),
            }
        };
        let team = team.into_iter().map(persona).collect();
        (team, servers)
    }

    /// Writes down what nobody has yet, who holds the call, and where its end is posted to. A call does not wait
    /// for the database to begin.
    fn note_beginning(
        &self,
        call_id: Uuid,
        agent: &AgentConfig,
        unwritten: Vec<Entry>,
        record: &Beside,
    ) {
        let (version, edition) = (&agent.version, agent.edition.as_deref().map(short));
        tracing::info!(%call_id, agent = agent.name, version, edition, "a call begins");
        let by = HeldBy {
            agent: agent.name.clone(),
            agent_version: agent.version.clone(),
            variant: agent.variant.clone(),
            edition: agent.edition.as_deref().map(str::to_owned),
        };
        let (result, default) = (&agent.result, &self.call_webhook);
        let url = result.webhook.as_ref().or(default.url.as_ref());
        // Before anything can happen to the call.
        let webhook = url.map(|url| Entry::Webhook {
            url: url.clone(),
            events: result.events.as_ref().unwrap_or(&default.events).clone(),
            at: sidetone_store::now(),
        });
        let held = [Entry::HeldBy(by)].into_iter().chain(webhook);
        for entry in unwritten.into_iter().chain(held) {
            if record.try_send(entry).is_err() {
                tracing::error!(%call_id, "the call's start could not be stored");
            }
        }
    }
}

/// The default agent's voice and language, for the one sentence that nobody takes the call.
fn refusing(roster: &Roster) -> anyhow::Result<AgentConfig> {
    let mut team = roster.team(DEFAULT_AGENT)?;
    let mut agent = AgentConfig::clone(&team.swap_remove(0));
    agent.refuse();
    Ok(agent)
}

/// Names of the tools that the agents' files give their models.
fn tools_of(team: &[AgentConfig]) -> BTreeSet<String> {
    let own = team.iter().flat_map(|agent| &agent.tools);
    let own = own.map(|tool| tool.name.clone());
    own.chain(BUILT_IN.map(str::to_owned)).collect()
}
