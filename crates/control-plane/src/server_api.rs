//! LiveKit's server API, as much of it as Sidetone uses: rooms, dispatches, egress, SIP. The one
//! client of control plane and worker: it holds the key, limits each request's time, and tells "there
//! is no such thing" from an error.

mod not_reached;
mod private;
mod rpc;

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use livekit_api::services::egress::{
    AudioMixing, EgressClient, EgressListFilter, EgressListOptions, EgressOutput,
    RoomCompositeOptions, encoding,
};
use livekit_api::services::room::SendDataOptions;
use livekit_api::services::sip::{
    CreateSIPParticipantOptions, SIPClient, TransferSIPParticipantOptions,
};
use livekit_api::services::{LiveKitApi, ServerError, ServerErrorCode};
use livekit_protocol as proto;

use sidetone_base::{clock, signed};
use sidetone_config::env::LiveKit;
use sidetone_config::livekit::ApiKey;
use sidetone_config::recording::{Bucket, BucketKey};
use sidetone_config::secret::Secret;

pub use livekit_api::services::ServiceError;
pub use not_reached::NotReached;
pub use private::TRANSFER;
pub use rpc::Answer;

/// Longest time a request takes.
const DEADLINE: Duration = Duration::from_secs(10);
/// LiveKit looks for an egress worker for ten seconds before it says that there is none.
const EGRESS_DEADLINE: Duration = Duration::from_secs(15);

/// LiveKit's answer. Err: it refused, or did not answer in time (10 s, for egress 15 s).
pub type Result<T> = std::result::Result<T, ServiceError>;

/// A client of one LiveKit server (or cluster); cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerApi {
    livekit: LiveKit,
    /// With the key that signed last.
    built: Arc<Mutex<Arc<Built>>>,
    rpc: Arc<rpc::Client>,
}

/// Clients that sign with one key.
#[derive(Debug)]
struct Built {
    key: ApiKey,
    /// Rooms and dispatches, over one pool of connections.
    services: LiveKitApi,
    /// On their own because nothing here is sent again to another of LiveKit Cloud's regions: a request whose
    /// answer was lost has dialled already.
    telephones: SIPClient,
    /// On its own for its time limit.
    egress: EgressClient,
}

impl Built {
    fn new(host: &str, key: ApiKey) -> Self {
        let (id, secret) = (&key.id, key.secret.expose());
        let services = LiveKitApi::with_api_key(host, id, &secret).with_request_timeout(DEADLINE);
        let egress =
            EgressClient::with_api_key(host, id, &secret).with_request_timeout(EGRESS_DEADLINE);
        let telephones = SIPClient::with_api_key(host, id, &secret)
            .with_request_timeout(DEADLINE)
            .with_failover(false);
        Self {
            services,
            telephones,
            egress,
            key,
        }
    }
}

impl ServerApi {
    /// Connects with the first request.
    pub fn new(livekit: &LiveKit) -> Self {
        let built = Built::new(&livekit.host, livekit.keys.first());
        Self {
            livekit: livekit.clone(),
            built: Arc::new(Mutex::new(Arc::new(built))),
            rpc: Arc::new(rpc::Client::new(livekit)),
        }
    }

    /// Signs messages to agents, and checks them at their side.
    pub fn signer(&self) -> signed::Keys {
        let keys = self.livekit.keys.all().into_iter();
        keys.map(|key| signed::Key::of(&key.secret.expose()))
            .collect()
    }

    /// The clients that sign with the key of now: it may be changed while we run.
    fn built(&self) -> Arc<Built> {
        let key = self.livekit.keys.first();
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if built.key != key {
            *built = Arc::new(Built::new(&self.livekit.host, key));
        }
        Arc::clone(&built)
    }
}

/// Rooms, and who is in them.
impl ServerApi {
    /// All open rooms.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn rooms(&self) -> Result<Vec<proto::Room>> {
        self.built().services.room().list_rooms(Vec::new()).await
    }

    /// Those of these rooms that are open.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn rooms_named(&self, names: Vec<String>) -> Result<Vec<proto::Room>> {
        // No name would mean all rooms.
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.built().services.room().list_rooms(names).await
    }

    /// Who is in a room; None when there is no such room.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn participants(&self, room: &str) -> Result<Option<Vec<proto::ParticipantInfo>>> {
        let listed = found(self.built().services.room().list_participants(room).await)?;
        Ok(listed.map(|mut list| {
            let gone = proto::participant_info::State::Disconnected;
            list.retain(|participant| participant.state() != gone);
            list
        }))
    }

    /// Removes a participant from a room; one that is gone already is no error. Its token stays good: it
    /// may join again.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn remove_participant(&self, room: &str, identity: &str) -> Result<()> {
        let built = self.built();
        let removed = built.services.room().remove_participant(room, identity);
        found(removed.await).map(drop)
    }

    /// Ends a room for all who are in it; one that is gone already is no error.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn delete_room(&self, room: &str) -> Result<()> {
        found(self.built().services.room().delete_room(room).await).map(drop)
    }

    /// Calls a method of a participant, who has so long to answer: twice, shortly after one another, for the
    /// server does not hear an answer that comes before it waits for one. `payload` is made for each.
    pub async fn ask(
        &self,
        room: &str,
        identity: &str,
        method: &str,
        within: Duration,
        payload: impl Fn() -> String,
    ) -> Answer {
        let call = || self.rpc.call(room, identity, method, payload(), within);
        let again = async {
            tokio::time::sleep(within / 5).await;
            call().await
        };
        let is_answer = |answer: &Answer| matches!(answer, Answer::Given(_) | Answer::Refused(_));
        match select(pin!(call()), pin!(again)).await {
            Either::Left((answer, _)) | Either::Right((answer, _)) if is_answer(&answer) => answer,
            Either::Left((_, again)) => again.await,
            Either::Right((again, first)) => match first.await {
                first if is_answer(&first) => first,
                _ => again,
            },
        }
    }

    /// Sends a JSON message on a topic to these identities in a room; to everybody when the list is
    /// empty.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn send(
        &self,
        room: &str,
        topic: &str,
        identities: Vec<String>,
        message: &serde_json::Value,
    ) -> Result<()> {
        let options = SendDataOptions {
            kind: proto::data_packet::Kind::Reliable,
            topic: Some(topic.into()),
            destination_identities: identities,
            ..Default::default()
        };
        let payload = message.to_string().into_bytes();
        self.built()
            .services
            .room()
            .send_data(room, payload, options)
            .await
    }
}

/// Agent dispatch.
impl ServerApi {
    /// Asks for an agent in a room, which is created if need be; gives the dispatch's id, `AD_…`.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn create_dispatch(
        &self,
        room: &str,
        agent_name: &str,
        metadata: String,
    ) -> Result<String> {
        let request = proto::CreateAgentDispatchRequest {
            agent_name: agent_name.to_owned(),
            room: room.to_owned(),
            metadata,
            ..Default::default()
        };
        let built = self.built();
        let dispatch = built.services.agent_dispatch().create_dispatch(request);
        Ok(dispatch.await?.id)
    }

    /// Withdraws a dispatch. One that is gone already is no error.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn delete_dispatch(&self, room: &str, dispatch_id: &str) -> Result<()> {
        let built = self.built();
        let dispatches = built.services.agent_dispatch();
        found(dispatches.delete_dispatch(dispatch_id, room).await).map(drop)
    }

    /// The dispatches of a room; empty also when there is no such room.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn dispatches(&self, room: &str) -> Result<Vec<proto::AgentDispatch>> {
        let listed = self
            .built()
            .services
            .agent_dispatch()
            .list_dispatch(room)
            .await;
        Ok(found(listed)?.unwrap_or_default())
    }
}

/// Recordings by LiveKit's Egress.
impl ServerApi {
    /// Records a room's sound into the bucket under `key`, the agent on one channel and everybody
    /// else on the other; gives the egress's id, `EG_…`, as soon as a worker has taken it.
    ///
    /// # Errors
    /// See [`Result`]; also when there is no free worker.
    pub async fn record_room(&self, room: &str, bucket: &Bucket, key: String) -> Result<String> {
        let options = RoomCompositeOptions {
            // With an empty layout it needs no browser.
            audio_only: true,
            audio_mixing: AudioMixing::DualChannelAgent,
            encoding: encoding::EncodingOptions {
                audio_codec: proto::AudioCodec::Opus,
                ..encoding::H264_720P_30
            },
            ..RoomCompositeOptions::default()
        };
        let output = EgressOutput::File(file_output(bucket, key));
        let built = self.built();
        let started = built
            .egress
            .start_room_composite_egress(room, vec![output], options);
        Ok(started.await?.egress_id)
    }

    /// What LiveKit knows of an egress; None when it knows of no such egress.
    ///
    /// # Errors
    /// See [`Result`].
    pub async fn egress(&self, egress_id: &str) -> Result<Option<proto::EgressInfo>> {
        let filter = EgressListFilter::Egress(egress_id.to_owned());
        let options = EgressListOptions {
            filter,
            ..EgressListOptions::default()
        };
        let listed = found(self.built().egress.list_egress(options).await)?;
        Ok(listed.unwrap_or_default().into_iter().next())
    }

    /// Stops an egress; what it has recorded is still uploaded.
    ///
    /// # Errors
    /// See [`Result`]; also when it has ended already.
    pub async fn stop_egress(&self, egress_id: &str) -> Result<()> {
        self.built().egress.stop_egress(egress_id).await.map(drop)
    }
}

/// Telephones.
impl ServerApi {
    /// Calls a telephone into a room, where it is `identity`, and lets it ring for so long at most. LiveKit
    /// answers when somebody has answered. `attributes` are the telephone's in the room.
    ///
    /// # Errors
    /// Nobody has, or it could not be called.
    pub async fn dial(
        &self,
        room: &str,
        identity: &str,
        (trunk, number): (&str, &str),
        ring: Duration,
        attributes: &[(&str, &str)],
    ) -> std::result::Result<(), NotReached> {
        let own = attributes.iter().copied();
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let options = CreateSIPParticipantOptions {
            participant_identity: identity.to_owned(),
            participant_attributes: Some(own.collect()),
            wait_until_answered: Some(true),
            ringing_timeout: Some(ring),
            // LiveKit ends the ringing; its answer takes its way, too.
            timeout: Some(ring + DEADLINE),
            ..Default::default()
        };
        let [trunk, number, room] = [trunk, number, room].map(str::to_owned);
        let begun = clock::now();
        let built = self.built();
        let called = (built.telephones).create_sip_participant(trunk, number, room, options, None);
        called.await.map(drop).map_err(|error| {
            let rang_out = begun + ring <= clock::now();
            NotReached::of(&error, rang_out)
        })
    }

    /// Sends a telephone elsewhere (SIP REFER), which rings there for `ring` at most. LiveKit answers
    /// when the call was taken there, so this waits for as long.
    ///
    /// # Errors
    /// LiveKit refused, nobody took the call, or there was no answer.
    pub async fn transfer(
        &self,
        room: &str,
        identity: &str,
        number: &str,
        ring: Duration,
    ) -> Result<()> {
        let options = TransferSIPParticipantOptions {
            play_dialtone: Some(true),
            ringing_timeout: Some(ring),
            ..Default::default()
        };
        let [room, identity, number] = [room, identity, number].map(str::to_owned);
        let built = self.built();
        (built.telephones)
            .transfer_sip_participant(room, identity, number, options)
            .await
    }
}

/// None when LiveKit says that there is no such thing.
fn found<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(ServiceError::Twirp(ServerError::Twirp(error)))
            if error.code == ServerErrorCode::NOT_FOUND =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn file_output(bucket: &Bucket, key: String) -> proto::EncodedFileOutput {
    // Without a key Egress uses the role of its own machine.
    let (access_key, secret, session_token) = match &bucket.key {
        BucketKey::Own {
            id,
            secret,
            session_token,
        } => (Some(id), Some(secret), session_token.as_ref()),
        BucketKey::Role(_) => (None, None, None),
    };
    let text =
        |secret: Option<&Secret>| secret.map_or_else(String::new, |s| s.expose().to_string());
    let upload = proto::S3Upload {
        access_key: text(access_key),
        secret: text(secret),
        session_token: text(session_token),
        region: bucket.region.clone(),
        endpoint: bucket.endpoint.clone().unwrap_or_default(),
        bucket: bucket.name.clone(),
        force_path_style: bucket.path_style,
        ..Default::default()
    };
    proto::EncodedFileOutput {
        file_type: proto::EncodedFileType::Ogg as i32,
        filepath: key,
        // A second object, with the room's name in it, that nobody would delete.
        disable_manifest: true,
        output: Some(proto::encoded_file_output::Output::S3(upload)),
    }
}
