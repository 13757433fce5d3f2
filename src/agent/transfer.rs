//! Puts a caller through to a person: a user who joins the room, or a telephone, where the person may be briefed
//! before the caller hears them.

mod apart;
mod briefer;
mod line;

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use livekit_protocol::ParticipantInfo;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use sidetone_call::{Briefing, Operator};
use sidetone_config::transfer::{Target, To};
use sidetone_control_plane::control::participant::is_telephone;
use sidetone_control_plane::server_api::ServerApi;
use sidetone_store::Store;

use apart::apart;
use briefer::Briefer;
use line::{Line, Number};

/// How often it is looked who is in the room.
const LOOK: Duration = Duration::from_millis(500);
/// The same while a person is kept apart from the others there.
const LOOK_CLOSELY: Duration = Duration::from_millis(250);

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
    /// Where the room is joined.
    pub url: String,
}

impl Operator for Switchboard {
    fn put_through(
        &self,
        to: Target,
        ring: Duration,
        briefing: Briefing,
    ) -> BoxFuture<'static, Result<String, String>> {
        let this = self.clone();
        async move {
            let name = &to.name;
            match &to.to {
                To::Identity(identity) => this.invite(identity, ring).await?,
                To::Phone(number) => this.refer(number, ring).await?,
                To::Warm { number, trunk } => {
                    let number = Number {
                        trunk,
                        number,
                        name,
                    };
                    let told = this.brief(number, ring, briefing).await?;
                    if !told.is_empty() {
                        return Ok(format!("{name} has taken the call, and was told: {told}"));
                    }
                }
            }
            Ok(format!("{name} has taken the call"))
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

    /// Calls a person into the caller's room, where at first they hear the briefing alone and nobody hears them. Gives
    /// what they were told, once they and the caller hear one another.
    async fn brief(
        &self,
        to: Number<'_>,
        ring: Duration,
        briefing: Briefing,
    ) -> Result<String, String> {
        // Another than LiveKit's SIP rules give: the person may call at the same time.
        let person = format!("transfer_{}", to.number);
        let mut briefer = Briefer::join(&self.livekit, &self.url, &self.room, &person).await?;
        let own = briefer.identity().to_owned();
        let mut line = Line::dial(&self.livekit, &self.room, &person, to, ring);
        let over = CancellationToken::new();
        let briefed = async {
            let _over = over.clone().drop_guard();
            // The briefing is made while it rings.
            let (briefed, ()) = tokio::try_join!(briefing, line.answered())?;
            briefer.brief(&briefed).await?;
            Ok::<_, String>(briefed.words)
        };
        let (told, ()) = tokio::join!(briefed, self.keep_apart(&person, &own, &over));
        let told = told?;
        self.bring_together(&person, &own).await?;
        line.keep();
        Ok(told)
    }

    /// Keeps a person apart from the others in the room, whoever comes and whatever they publish meanwhile. A
    /// telephone's track is there before it rings, so nothing is heard of it before this has seen it.
    /// A request under way is waited for at the end: it must not come after those that bring them together.
    async fn keep_apart(&self, person: &str, briefer: &str, over: &CancellationToken) {
        while !over.is_cancelled() {
            for deaf in apart(&self.people().await, person, briefer) {
                let (identity, tracks) = (deaf.identity, deaf.tracks);
                let ended = self.livekit.let_hear(&self.room, &identity, tracks, false);
                if let Err(error) = ended.await {
                    tracing::warn!(call_id = %self.call_id, %error, "could not keep somebody apart");
                }
            }
            tokio::select! {
                () = over.cancelled() => {}
                () = tokio::time::sleep(LOOK_CLOSELY) => {}
            }
        }
    }

    /// All hear one another.
    async fn bring_together(&self, person: &str, briefer: &str) -> Result<(), String> {
        let people = self.people().await;
        if !people.iter().any(|one| one.identity == person) {
            return Err("the person hung up without taking the call".into());
        }
        for deaf in apart(&people, person, briefer) {
            let (identity, tracks) = (deaf.identity, deaf.tracks);
            let together = self.livekit.let_hear(&self.room, &identity, tracks, true);
            together.await.map_err(|error| {
                tracing::error!(call_id = %self.call_id, %error, "a person could not be put through");
                "the person could not be put through".to_owned()
            })?;
        }
        Ok(())
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
