//! Agents that are wanted, workers' heartbeats, sessions that end.

use std::time::Duration;

use sidetone::agent::presence::introduce;
use sidetone_store::DispatchMetadata;
use sidetone_store::Store;
use sidetone_store::dispatches::{DispatchState, GuardedRoom};
use sidetone_store::epochs::Agent;
use sidetone_store::sessions::NewSession;
use sidetone_store::workers::WorkerState;
use uuid::Uuid;

use super::at;

pub async fn an_agent_is_wanted_once(store: &Store) {
    let metadata = DispatchMetadata {
        call_id: Some(Uuid::from_u128(1)),
        voice: Some("echo".into()),
        ..Default::default()
    };
    assert!(
        store
            .want_agent("support-ann-0", &metadata, at(1))
            .await
            .unwrap()
    );
    assert!(
        !store
            .want_agent("support-ann-0", &metadata, at(2))
            .await
            .unwrap()
    );
    let wanted = store.agent_in("support-ann-0").await.unwrap().unwrap();
    let minute = Duration::from_secs(60);
    let epoch = store.claim_agent(&wanted, minute, None).await.unwrap();
    assert_eq!(epoch, Some(wanted.epoch + 1));
    let claimed = store.claim_agent(&wanted, minute, None).await.unwrap();
    assert_eq!(claimed, None, "one asks");
    let epoch = epoch.unwrap();
    let asked = store.agent_asked(&wanted, epoch, "AD_1", Duration::ZERO);
    asked.await.unwrap();
    assert!(store.claim_look("support-ann-0", minute).await.unwrap());
    assert!(
        !store.claim_look("support-ann-0", minute).await.unwrap(),
        "one looks"
    );
    let agent = Agent {
        room: "support-ann-0".into(),
        epoch: Some(epoch),
        identity: "agent-1".into(),
        worker_id: "AW_1".into(),
        worker: None,
    };
    assert!(store.agent_runs(&agent).await.unwrap());
    for second in [3, 4] {
        let (joined, at) = (DispatchState::Joined, at(second));
        let noted = store.agent_is("support-ann-0", epoch, joined, at, None);
        noted.await.unwrap();
    }
    let agent = store.agent_in("support-ann-0").await.unwrap().unwrap();
    assert_eq!(
        (agent.state, agent.attempts, agent.since),
        (DispatchState::Joined, 1, at(3))
    );
    assert_eq!(agent.dispatch_id.as_deref(), Some("AD_1"));
    assert_eq!(agent.worker_id.as_deref(), Some("AW_1"));
    assert_eq!(agent.agent_identity.as_deref(), Some("agent-1"));
    assert_eq!(agent.metadata.0, metadata);
    let guarded = GuardedRoom {
        room_name: agent.room_name.clone(),
        state: agent.state,
    };
    assert_eq!(store.guarded_rooms().await.unwrap(), [guarded]);
    assert_eq!(store.live_agents().await.unwrap(), [agent]);
    store
        .agent_is(
            "support-ann-0",
            epoch,
            DispatchState::Failed,
            at(5),
            Some("why"),
        )
        .await
        .unwrap();
    let agent = store.agent_in("support-ann-0").await.unwrap().unwrap();
    assert_eq!(agent.reason.as_deref(), Some("why"));
    assert!(store.live_agents().await.unwrap().is_empty());
    assert!(store.guarded_rooms().await.unwrap().is_empty());
    assert!(
        store
            .want_agent("support-ann-0", &metadata, at(6))
            .await
            .unwrap(),
        "asked anew"
    );
    assert_eq!(
        store
            .agent_in("support-ann-0")
            .await
            .unwrap()
            .unwrap()
            .attempts,
        0
    );
    store
        .agent_is(
            "support-ann-0",
            epoch + 1,
            DispatchState::Ended,
            at(7),
            None,
        )
        .await
        .unwrap();
}

pub async fn workers_beat(store: &Store) {
    let mut row = introduce("sidetone", 25);
    assert_eq!(store.worker_beat(&row).await.unwrap(), None);
    assert!(store.request_drain(row.id, at(7)).await.unwrap());
    assert!(store.request_drain(row.id, at(8)).await.unwrap());
    (row.state, row.load, row.calls) = (WorkerState::Draining, 0.5, 2);
    row.edition = Some("0123".into());
    assert_eq!(store.worker_beat(&row).await.unwrap(), Some(at(7)));
    row.drain_requested_at = Some(at(7));
    assert_eq!(store.workers().await.unwrap(), [row.clone()]);
    assert!(!store.request_drain(Uuid::nil(), at(9)).await.unwrap());
    store.forget_workers(row.seen_at).await.unwrap();
    assert_eq!(store.workers().await.unwrap().len(), 1);
    store.worker_gone(row.id).await.unwrap();
    assert!(store.workers().await.unwrap().is_empty());
}

pub async fn sessions_end(store: &Store) {
    let session = |n: u8, holder: &str| NewSession {
        token: [n; 32],
        holder: holder.into(),
        name: Some("Boss".into()),
        key: None,
        until: at(100 * i64::from(n)),
    };
    for (n, holder) in [(1, "boss"), (2, "boss"), (3, "other"), (4, "boss")] {
        store
            .open_session(&session(n, holder), at(0))
            .await
            .unwrap();
    }
    let found = store.session(&[1; 32], at(99)).await.unwrap().unwrap();
    assert_eq!((found.holder.as_str(), found.until), ("boss", at(100)));
    assert_eq!(
        store.session(&[1; 32], at(100)).await.unwrap(),
        None,
        "over"
    );
    assert_eq!(store.session(&[9; 32], at(0)).await.unwrap(), None);
    assert_eq!(store.sessions(at(0)).await.unwrap().len(), 4);
    assert!(store.end_session(&[2; 32]).await.unwrap());
    assert!(!store.end_session(&[2; 32]).await.unwrap());
    assert_eq!(store.session(&[2; 32], at(0)).await.unwrap(), None);
    let other = store.session(&[3; 32], at(0)).await.unwrap().unwrap();
    assert!(store.revoke_session(other.id).await.unwrap());
    assert_eq!(store.session(&[3; 32], at(0)).await.unwrap(), None);
    // Signing in removes expired sessions; all sessions of a holder can be ended at once.
    store
        .open_session(&session(5, "boss"), at(200))
        .await
        .unwrap();
    assert_eq!(store.sessions(at(0)).await.unwrap().len(), 2);
    store.end_sessions_of("boss", None).await.unwrap();
    assert!(store.sessions(at(0)).await.unwrap().is_empty());
}
