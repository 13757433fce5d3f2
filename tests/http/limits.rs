//! Limits per address, key and user, and the responses when they are exceeded; and the responses when no worker could
//! take a call.

use futures::future::join_all;
use livekit_api::access_token::AccessToken;
use serde_json::{Value, json};
use sidetone::agent::presence::introduce;
use sidetone_control_plane::http::HttpConfig;
use sidetone_control_plane::http::limits::Rate;
use sidetone_store::allowance::Allowance;
use sidetone_store::workers::WorkerState;
use sidetone_store::{DispatchMetadata, Fact};
use sidetone_testkit::Postgres;

use super::{AGENT, HISTORY, TOKEN};
use crate::support::api::{Api, KEY, LOGIN_SECRET, SECRET, Setup, checked, sign, user};

const OFTEN: Rate = Rate {
    burst: 1e6,
    per_second: 1e6,
};

fn with(http: HttpConfig) -> Setup {
    Setup {
        http,
        ..Setup::default()
    }
}

/// Sends a POST; returns status, `Retry-After` and body.
async fn post(api: &Api, path: &str, who: &str, body: Value) -> (u16, Option<u64>, Value) {
    let request = api.client.post(api.url(path)).bearer_auth(who).json(&body);
    let response = request.send().await.unwrap();
    let seconds = response.headers().get("retry-after");
    let seconds = seconds.map(|value| value.to_str().unwrap().parse().unwrap());
    let (status, answer) = checked(response).await;
    (status, seconds, answer)
}

#[tokio::test]
async fn the_users_of_one_key_share_no_limit() {
    let api = Api::start(Setup::default()).await;
    let ask = |id: String| {
        let body = json!({"roomType": "support", "userId": id});
        post(&api, TOKEN, "key-token", body)
    };
    let all = join_all((0..200).map(|n| ask(format!("user-{n}")))).await;
    let refused: Vec<_> = all.iter().filter(|(status, ..)| *status != 200).collect();
    assert!(refused.is_empty(), "{} of 200: {refused:?}", refused.len());

    // One of them asks too often, and the others are not affected.
    let all = join_all((0..40).map(|_| ask("eager".into()))).await;
    let (_, seconds, problem) = all.iter().find(|(status, ..)| *status == 429).unwrap();
    assert_eq!(problem["limit"], "user", "{problem}");
    assert!(seconds.is_some_and(|seconds| seconds >= 1), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("This user"));
    assert_eq!(ask("user-7".into()).await.0, 200);
    // The same person with their own token counts as another user.
    let own = post(&api, TOKEN, &user("eager", false), json!({})).await;
    assert_ne!(own.2["limit"], "user", "{own:?}");
    api.stop().await;
}

/// One of LiveKit's servers tells of hundreds of calls from one address.
#[tokio::test]
async fn livekits_events_have_no_limit_by_address() {
    let api = Api::start(with(HttpConfig {
        address_rate: Rate {
            burst: 3.0,
            per_second: 0.01,
        },
        ..Setup::default().http
    }))
    .await;
    let body = std::fs::read_to_string("fixtures/webhooks/room_started_1.json").unwrap();
    for _ in 0..20 {
        assert_eq!(api.webhook(&body, &sign(&body, SECRET)).await.0, 200);
    }
    // Who is not LiveKit has one, also with a token that LiveKit's key has signed for something else.
    let forged = sign(&body, "another secret of at least thirty-two characters");
    let participant = AccessToken::with_api_key(KEY, SECRET).with_identity("ann");
    let participant = participant.to_jwt().unwrap();
    for (signature, expected) in [
        (&forged, 401),
        (&participant, 401),
        (&participant, 401),
        (&participant, 429),
        (&forged, 429),
    ] {
        assert_eq!(api.webhook(&body, signature).await.0, expected);
    }
    assert_eq!(api.webhook(&body, &sign(&body, SECRET)).await.0, 200);
    api.stop().await;
}

#[tokio::test]
async fn a_key_has_the_rate_of_its_entry_and_no_address() {
    let api = Api::start(with(HttpConfig {
        address_rate: Rate {
            burst: 3.0,
            per_second: 0.01,
        },
        ..Setup::default().http
    }))
    .await;
    for _ in 0..20 {
        assert_eq!(api.get(HISTORY, "key-admin").await.0, 200);
    }
    // Six per minute, two at once, for reads and writes alike.
    for expected in [200, 200, 429] {
        let (status, answer) = api.get(HISTORY, "key-slow").await;
        assert_eq!(status, expected, "{answer}");
        if status == 429 {
            assert_eq!(answer["limit"], "key", "{answer}");
        }
    }
    assert_eq!(api.get(HISTORY, "key-admin").await.0, 200);
    // Wrong keys count against the address.
    for expected in [401, 401, 401, 429] {
        let (status, answer) = api.get(HISTORY, "key-guessed").await;
        assert_eq!(status, expected, "{answer}");
        if status == 429 {
            assert_eq!(answer["limit"], "address", "{answer}");
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn guests_are_told_apart_by_their_address() {
    let api = Api::start(Setup {
        demo: true,
        ..with(HttpConfig {
            write_rate: Rate {
                burst: 2.0,
                per_second: 0.01,
            },
            ..Setup::default().http
        })
    })
    .await;
    for expected in [200, 200, 429] {
        let body = Some(json!({"roomType": "conference"}));
        let (status, answer) = api.call("POST", TOKEN, None, body).await;
        assert_eq!(status, expected, "{answer}");
    }
    // A user with that name is somebody else.
    let body = json!({"roomType": "conference"});
    assert_eq!(api.post(TOKEN, &user("guest", false), body).await.0, 200);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_users_tokens_and_calls_are_counted() {
    let postgres = Postgres::start();
    let login = ("SIDETONE_JWT_SECRET", LOGIN_SECRET.to_owned());
    let shared = vec![login.clone(), ("DATABASE_URL", postgres.url())];
    for variables in [vec![login], shared] {
        let api = Api::start(Setup {
            variables,
            ..with(HttpConfig {
                write_rate: OFTEN,
                allowance: Allowance {
                    unjoined: 3,
                    at_once: 2,
                },
                ..Setup::default().http
            })
        })
        .await;
        tokens_and_calls(&api).await;
        api.stop().await;
    }
}

async fn tokens_and_calls(api: &Api) {
    let (mallory, ann) = (user("mallory", false), user("ann", false));
    // Whatever kind of request it is.
    let all = join_all((0..32).map(|n| {
        let (who, body) = match n % 3 {
            0 => (mallory.as_str(), json!({})),
            1 => ("key-token", json!({"userId": "mallory"})),
            _ => (
                mallory.as_str(),
                json!({"roomType": "user-to-user", "calleeId": "bob"}),
            ),
        };
        post(api, TOKEN, who, body)
    }))
    .await;
    let (given, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|all| all.0 == 200);
    assert_eq!(given.len(), 3, "{given:?}");
    for (status, seconds, problem) in &refused {
        assert_eq!((*status, &problem["limit"]), (429, &json!("tokens")));
        assert!((1..=600).contains(&seconds.unwrap()), "{seconds:?}");
    }
    assert_eq!(post(api, TOKEN, &ann, json!({})).await.0, 200);

    // Used tokens make room for others, up to the limit of calls.
    for (n, (.., token)) in given.iter().take(2).enumerate() {
        let call = token["callId"].as_str().unwrap().parse().unwrap();
        let started = [Fact::RoomStarted(sidetone_store::now())];
        let room = format!("RM_mallory{n}");
        let observed = api.store.observe(call, Some(&room), &started).await;
        observed.unwrap().unwrap();
        let (status, _, answer) = post(api, TOKEN, &mallory, json!({})).await;
        let expected = [200, 429][n];
        assert_eq!(status, expected, "{answer}");
        if expected == 429 {
            assert_eq!(answer["limit"], "calls", "{answer}");
        }
    }

    // Agents that are requested count like those that come at a join.
    let rooms = given.iter().map(|(.., token)| &token["roomName"]);
    for (room, expected) in rooms.zip([200, 200, 429]) {
        let body = json!({"roomName": room});
        let (status, _, answer) = post(api, AGENT, &mallory, body).await;
        assert_eq!(status, expected, "{answer}");
        if expected == 429 {
            assert_eq!(answer["limit"], "calls", "{answer}");
            let there = api.store.agent_in(room.as_str().unwrap()).await.unwrap();
            assert_eq!(there, None, "nothing was asked");
        }
    }
    assert_eq!(post(api, TOKEN, &ann, json!({})).await.0, 200);
}

#[tokio::test]
async fn a_pool_that_takes_no_calls_says_so() {
    let api = Api::start(Setup {
        places: 0,
        ..with(HttpConfig {
            write_rate: OFTEN,
            ..Setup::default().http
        })
    })
    .await;
    let ann = user("ann", false);
    let refused = async |why: &str, seconds: std::ops::RangeInclusive<u64>| {
        for body in [json!({}), json!({"room_config": {}})] {
            let (status, after, problem) = post(&api, TOKEN, &ann, body).await;
            assert_eq!(
                (status, &problem["title"]),
                (503, &json!("No agent is free"))
            );
            assert!(
                problem["detail"].as_str().unwrap().contains(why),
                "{problem}"
            );
            assert!(seconds.contains(&after.unwrap()), "{why}: {after:?}");
        }
    };
    refused("No agent is running", 10..=10).await;
    assert!(api.store.open_calls().await.unwrap().is_empty());
    // Calls between people need no agent.
    let people = json!({"roomType": "conference"});
    let (_, _, room) = post(&api, TOKEN, &ann, people).await;
    assert_eq!(room["agentSpawned"], false, "{room}");
    let into = json!({"roomName": room["roomName"]});
    let (status, after, problem) = post(&api, AGENT, &ann, into.clone()).await;
    assert_eq!(
        (status, &problem["title"]),
        (503, &json!("No agent is free"))
    );
    assert_eq!(after, Some(10));
    let room = room["roomName"].as_str().unwrap();
    assert_eq!(api.store.agent_in(room).await.unwrap(), None);

    let mut worker = introduce("sidetone", 2);
    let mut row = async |state, calls, load| {
        (worker.state, worker.calls, worker.load) = (state, calls, load);
        worker.seen_at = sidetone_store::now();
        api.store.worker_beat(&worker).await.unwrap();
        worker.id
    };
    row(WorkerState::Ready, 2, 0.5).await;
    refused("in calls", 2..=120).await;
    row(WorkerState::Ready, 1, 0.8).await;
    refused("busy", 5..=5).await;
    row(WorkerState::Connecting, 0, 0.0).await;
    refused("No agent is running", 10..=10).await;
    row(WorkerState::Draining, 1, 0.1).await;
    refused("being replaced", 5..=600).await;
    // A worker with another agent name takes none of these calls.
    let other = sidetone_store::workers::WorkerRow {
        state: WorkerState::Ready,
        ..introduce("elsewhere", 9)
    };
    api.store.worker_beat(&other).await.unwrap();
    refused("being replaced", 5..=600).await;

    // There is room for one call, and an agent that was wanted before gets it.
    let id = row(WorkerState::Ready, 1, 0.1).await;
    let metadata = DispatchMetadata::default();
    let now = sidetone_store::now();
    api.store
        .want_agent("elsewhere", &metadata, now)
        .await
        .unwrap();
    refused("in calls", 2..=120).await;
    row(WorkerState::Ready, 0, 0.1).await;
    assert_eq!(post(&api, TOKEN, &ann, json!({})).await.0, 200);
    let (status, _, spawned) = post(&api, AGENT, &ann, into.clone()).await;
    assert_eq!(status, 200, "{spawned}");
    // The worker was asked to drain, but does not know it yet. A call that has an agent keeps it.
    assert!(api.store.request_drain(id, now).await.unwrap());
    refused("being replaced", 5..=600).await;
    let (status, _, again) = post(&api, AGENT, &ann, into).await;
    assert_eq!((status, &again["alreadyThere"]), (200, &json!(true)));
    api.stop().await;
}
