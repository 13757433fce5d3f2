//! Tells others that a call is over, and what happens in it where they want to know: signed posts from an
//! outbox in the store, so that none is lost to a crash. At least once, each with an id that stays the same; of
//! one call in order, as long as the receiver takes them.
//!
//! Headers and signature are those of Standard Webhooks
//! (<https://www.standardwebhooks.com>): `webhook-id`, `webhook-timestamp` (seconds since 1970)
//! and `webhook-signature: v1,base64(HMAC-SHA256(secret, "id.timestamp.body"))`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::news::News;
use sidetone_base::lanes::{Lanes, Width};
use sidetone_base::metrics::metrics;
use sidetone_config::secret::Secret;
use sidetone_config::webhook::WebhookEvent;
use sidetone_store::news::CallEvent;
use sidetone_store::results::{Try, Webhook};
use sidetone_store::{At, Call, Store, StoreError};

/// How often the outbox is looked at.
const POLL: Duration = Duration::from_secs(1);
/// Posts that are taken from the outbox at a time.
const BATCH: usize = 16;
/// Posts on their way. One that takes long holds up no other.
const WIDTH: Width = Width {
    at_once: 96,
    in_all: 96,
    // Reading the call and noting what came of the post take time, too.
    deadline: Duration::from_secs(45),
};
/// Posts on their way to one receiver; while there are as many, those to others are taken.
const OF_ONE: usize = 48;
/// A receiver has this long to take a post.
const DEADLINE: Duration = Duration::from_secs(15);
/// A post belongs to the process that took it for this long; longer than `DEADLINE`.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// A call's end is told without its result when that is not there after this long: its agent was
/// killed, or has none. Longer than a result may take.
const PATIENCE: TimeDelta = TimeDelta::seconds(150);
/// First pause between tries; each is twice as long as the one before, an hour at most.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// After this long nobody is told any more.
const GIVE_UP: TimeDelta = TimeDelta::hours(24);

/// Delivers until `shutdown`.
pub(super) async fn run(store: Store, secret: Secret, shutdown: CancellationToken) {
    let client = reqwest::Client::builder()
        .timeout(DEADLINE)
        .redirect(reqwest::redirect::Policy::none())
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "no post-call webhooks: there is no HTTP client");
            return;
        }
    };
    let outbox = Outbox {
        store,
        client,
        secret,
        lanes: Lanes::new("webhooks", WIDTH),
        under_way: Arc::default(),
        more: Arc::default(),
    };
    loop {
        if let Err(error) = outbox.begin().await {
            tracing::warn!(%error, "the outbox of webhooks cannot be read");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(POLL) => {}
            () = outbox.more.notified() => {}
        }
    }
}

/// A post, taken from the store.
#[derive(Clone, Debug)]
enum Post {
    /// Of a call's end.
    End(Webhook),
    /// Of something that happened in it.
    Event(CallEvent),
}

impl Post {
    fn id(&self) -> Uuid {
        match self {
            Self::End(webhook) => webhook.id,
            Self::Event(event) => event.id,
        }
    }

    fn call_id(&self) -> Uuid {
        match self {
            Self::End(webhook) => webhook.call_id,
            Self::Event(event) => event.call_id,
        }
    }

    fn url(&self) -> &str {
        match self {
            Self::End(webhook) => &webhook.url,
            Self::Event(event) => &event.url,
        }
    }

    /// When it was tried first, and how often until now.
    fn tries(&self) -> (At, i32) {
        match self {
            Self::End(webhook) => (webhook.first_try_at, webhook.tries),
            Self::Event(event) => (event.first_try_at, event.tries),
        }
    }
}

/// Posts from the store; cheap to clone.
#[derive(Clone)]
struct Outbox {
    store: Store,
    client: reqwest::Client,
    secret: Secret,
    lanes: Lanes,
    /// Posts on their way, by receiver.
    under_way: Arc<Mutex<HashMap<String, usize>>>,
    /// An event was taken: the call's next one may go.
    more: Arc<Notify>,
}

/// A post on its way to a receiver, until it is dropped.
struct UnderWay {
    all: Arc<Mutex<HashMap<String, usize>>>,
    url: String,
}

impl Outbox {
    /// Begins to deliver what is due, as much as there is room for.
    async fn begin(&self) -> Result<(), StoreError> {
        let limit = self.lanes.free().min(BATCH);
        if limit == 0 {
            return Ok(());
        }
        // Leases are compared by all processes.
        let now = self.store.database_now().await?;
        let busy: Vec<String> = (locked(&self.under_way).iter())
            .filter(|(_, count)| **count >= OF_ONE)
            .map(|(url, _)| url.clone())
            .collect();
        let limit = limit as i64;
        let ends = (self.store).take_webhooks(now, LEASE, PATIENCE, &busy, limit);
        let ends = ends.await?.into_iter().map(Post::End);
        let events = self.store.take_events(now, LEASE, &busy, limit).await?;
        for post in ends.chain(events.into_iter().map(Post::Event)) {
            let (outbox, key) = (self.clone(), post.id().to_string());
            let under_way = self.under_way(post.url());
            let deliver = async move {
                let _under_way = under_way;
                if let Err(error) = outbox.deliver(&post).await {
                    tracing::warn!(%error, call_id = %post.call_id(), "the outcome of a webhook could not be stored; it is posted again");
                }
            };
            if self.lanes.run(&key, deliver).is_err() {
                // Its lease ends.
                tracing::debug!(
                    webhook = key,
                    "the queue of webhooks is full; this one is posted later"
                );
            }
        }
        Ok(())
    }

    fn under_way(&self, url: &str) -> UnderWay {
        *locked(&self.under_way).entry(url.to_owned()).or_default() += 1;
        UnderWay {
            all: Arc::clone(&self.under_way),
            url: url.to_owned(),
        }
    }

    async fn deliver(&self, post: &Post) -> Result<(), StoreError> {
        let posted = match body(&self.store, post).await? {
            Some(body) => send(&self.client, &self.secret, post, body.to_string()).await,
            // Deleted meanwhile: there is nothing left to tell.
            None => return Ok(()),
        };
        let now = self.store.database_now().await?;
        let tried = match posted {
            Ok(()) => Try::Delivered,
            Err(error) => next(post.tries(), now, error),
        };
        metrics()
            .control
            .post(match &tried {
                Try::Delivered => "delivered",
                Try::Again(..) => "again",
                Try::GivenUp(_) => "given_up",
            })
            .inc();
        let call_id = post.call_id();
        match &tried {
            Try::Delivered => {}
            Try::Again(at, error) => {
                tracing::debug!(%call_id, error, again = %at, "the webhook's receiver did not accept it; it is posted again");
            }
            Try::GivenUp(error) => {
                tracing::error!(%call_id, error, "the call's webhook could not be delivered and is given up");
            }
        }
        match post {
            Post::End(webhook) => self.store.webhook_tried(webhook.id, now, &tried).await,
            Post::Event(event) => {
                self.store.event_tried(event.id, now, &tried).await?;
                if tried == Try::Delivered {
                    self.more.notify_one();
                }
                Ok(())
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = locked(&self.all);
        if let Some(count) = all.get_mut(&self.url) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.url);
            }
        }
    }
}

/// A panic while the lock was held leaves nothing half done.
fn locked(counts: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When to try again what was tried first then and so often, if at all.
fn next((first_try_at, tries): (At, i32), now: At, error: String) -> Try {
    let doublings = u32::try_from(tries - 1).unwrap_or(0).min(10);
    let pause = (FIRST_PAUSE * 2_i32.pow(doublings)).min(TimeDelta::hours(1));
    if now + pause - first_try_at > GIVE_UP {
        Try::GivenUp(error)
    } else {
        Try::Again(now + pause, error)
    }
}

/// What is told; none when the call is gone.
async fn body(store: &Store, post: &Post) -> Result<Option<Value>, StoreError> {
    let call = store.call(post.call_id()).await?;
    let Some(call) = call.filter(|call| call.deleted_at.is_none()) else {
        return Ok(None);
    };
    match post {
        Post::End(webhook) => end(store, webhook, call).await.map(Some),
        Post::Event(event) => happened(store, event, &call).await,
    }
}

/// That a call is over, and what came of it.
async fn end(store: &Store, webhook: &Webhook, call: Call) -> Result<Value, StoreError> {
    let made = store.result(call.id).await?;
    let (result, error) = made.map_or((None, None), |made| (made.result, made.error));
    let by = store.version_of_call(call.id).await?;
    let dialled = call.outbound.as_ref().map(|dialled| dialled.shown(true));
    Ok(json!({
        "type": "call.ended",
        "id": webhook.id,
        "call": {
            "id": call.id,
            "roomName": call.room_name,
            "callerId": call.caller_id,
            "calleeId": call.callee_id,
            "callType": call.call_type.as_str(),
            "status": call.status.as_str(),
            "startedAt": call.started_at,
            "connectedAt": call.connected_at,
            "endedAt": call.ended_at,
            "durationSeconds": call.duration_seconds,
            "agent": by.as_ref().map(|by| &by.agent),
            "agentVersion": by.as_ref().map(|by| &by.agent_version),
            "variant": by.as_ref().and_then(|by| by.variant.as_ref()),
            "metadata": call.metadata.0,
            "outbound": dialled,
            "transcript": call.transcript,
        },
        "result": result.map(|result| result.0),
        "resultError": error,
    }))
}

/// What has happened in a call; none when what it tells of is gone.
async fn happened(
    store: &Store,
    event: &CallEvent,
    call: &Call,
) -> Result<Option<Value>, StoreError> {
    let (id, about) = (call.id, &event.about);
    let news = match event.kind {
        WebhookEvent::Started => News::started(call),
        WebhookEvent::Turn => store.turn(id, about).await?.map(News::turn),
        WebhookEvent::Tool | WebhookEvent::Transferred => {
            store.tool_call(id, about).await?.map(News::tool)
        }
    };
    Ok(news.map(|news| {
        json!({
            "type": format!("call.{}", news.name()),
            "id": event.id,
            "call": {
                "id": id,
                "roomName": call.room_name,
                "callerId": call.caller_id,
                "metadata": call.metadata.0,
            },
            "event": news,
        })
    }))
}

async fn send(
    client: &reqwest::Client,
    secret: &Secret,
    post: &Post,
    body: String,
) -> Result<(), String> {
    let (id, at) = (post.id(), sidetone_store::now().timestamp());
    let request = client
        .post(post.url())
        .header("content-type", "application/json")
        .header("webhook-id", id.to_string())
        .header("webhook-timestamp", at)
        .header(
            "webhook-signature",
            signature(secret, &id.to_string(), at, &body),
        )
        .body(body);
    // The address may hold a password.
    let response = request
        .send()
        .await
        .map_err(|e| e.without_url().to_string())?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(format!("the receiver answered {}", response.status()))
    }
}

/// `v1,…` of a post. The key is what follows `whsec_` in Base64, as the standard writes secrets;
/// else the bytes of the secret's text.
fn signature(secret: &Secret, id: &str, at: i64, body: &str) -> String {
    let text = &*secret.expose();
    let decoded = (text.strip_prefix("whsec_")).and_then(|key| STANDARD.decode(key).ok());
    let key = decoded.as_deref().unwrap_or(text.as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests;
