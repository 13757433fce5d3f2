//! Puts a caller through to a person: a user who joins the room, or a telephone.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use livekit_protocol::ParticipantInfo;
use uuid::Uuid;

use sidetone_call::Operator;
use sidetone_config::transfer::{Target, To};
use sidetone_control_plane::control::participant::is_telephone;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_store::Store;

/// How often it is looked who is in the room.
const LOOK: Duration = Duration::from_millis(500);

/// Of one call.
#[derive(Clone)]
pub struct Switchboard {
    /// LiveKit's server.
    pub livekit: ServerApi,
    /// Where users see which calls are theirs.
    pub store: Store,
    /// The call.
    pub call_id: Uuid,
    /// Its room.
    pub room: String,
}

impl Operator for Switchboard {
    fn put_through(
        &self,
        to: Target,
        ring: Duration,
    ) -> BoxFuture<'static, Result<String, String>> {
        let this = self.clone();
        async move {
            match &to.to {
                To::Identity(identity) => this.invite(identity, ring).await?,
                To::Phone(number) => this.refer(number, ring).await?,
            }
            Ok(format!("{} has taken the call", to.name))
        }
        .boxed()
    }
}

impl Switchboard {
    /// Makes a user the call's callee, who gets a token for its room as in a user-to-user call,
    /// and waits until that user is there. Whoever does not come is no callee any more.
    async fn invite(&self, identity: &str, ring: Duration) -> Result<(), String> {
        let stored = |error| {
            tracing::error!(call_id = %self.call_id, %error, "a person could not be invited");
            "the person could not be called".to_owned()
        };
        let invited = self.store.set_callee(self.call_id, Some(identity)).await;
        if !invited.map_err(stored)? {
            return Err("the call is not in the database".into());
        }
        let comes = async {
            while !self.people().await.iter().any(|p| p.identity == identity) {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(ring, comes).await.is_ok() {
            return Ok(());
        }
        self.store
            .set_callee(self.call_id, None)
            .await
            .map_err(stored)?;
        Err(format!("nobody came within {ring:?}"))
    }

    /// Sends the caller's telephone elsewhere (SIP REFER). LiveKit answers when it was taken there.
    async fn refer(&self, number: &str, ring: Duration) -> Result<(), String> {
        let people = self.people().await;
        let caller = people.iter().find(|person| is_telephone(person));
        let caller = caller.ok_or("the caller is not on a telephone")?;
        let sent = self
            .livekit
            .transfer(&self.room, &caller.identity, number, ring);
        sent.await.map_err(|error| {
            tracing::warn!(call_id = %self.call_id, %error, "a telephone could not be transferred");
            "the telephone could not be put through".to_owned()
        })
    }

    /// Who is in the room; nobody while the server does not say.
    async fn people(&self) -> Vec<ParticipantInfo> {
        match self.livekit.participants(&self.room).await {
            Ok(people) => people.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(call_id = %self.call_id, %error, "could not read who is in the room");
                Vec::new()
            }
        }
    }
}
