//! The same sequence of store tests for SQLite and for a real Postgres.

mod calls;
mod deliveries;
mod editions;
mod erasure;
mod fleet;
mod growth;
mod handover;
mod history;
mod limits;
mod servers;
mod takeover;

use chrono::{TimeZone as _, Utc};
use serde_json::json;
use sidetone_config::env::Database;
use sidetone_config::secret::Secret;
use sidetone_store::Json;
use sidetone_store::{
    At, CallType, Fact, NewCall, ParticipantKind, Speaker, Stay, Store, StoredTurn,
};
use sidetone_testkit::postgres::Postgres;
use uuid::Uuid;

fn at(second: i64) -> At {
    Utc.timestamp_opt(1_700_000_000 + second, 123_456_000)
        .unwrap()
}

fn new_call(n: i64, caller: &str, call_type: CallType) -> NewCall {
    NewCall {
        id: Uuid::from_u128(n as u128 + 1),
        room_name: format!("{}-{caller}-{n}", call_type.as_str()),
        caller_id: caller.into(),
        callee_id: (call_type == CallType::UserToUser).then(|| "bob".into()),
        call_type,
        metadata: json!({"voice": "nova", "n": n}),
        created_at: at(n),
    }
}

fn stay(sid: &str, user: &str, kind: ParticipantKind, from: i64, to: Option<i64>) -> Fact {
    Fact::Seen(Stay {
        sid: sid.into(),
        user_id: user.into(),
        name: user.to_uppercase(),
        kind,
        joined_at: Some(at(from)),
        left_at: to.map(at),
        muted: None,
    })
}

fn turn(
    id: &str,
    speaker: Speaker,
    text: &str,
    second: i64,
    latency_ms: Option<i32>,
) -> StoredTurn {
    StoredTurn {
        turn_id: id.into(),
        speaker,
        person: None,
        name: None,
        text: text.into(),
        started_at: at(second),
        ended_at: None,
        interrupted: false,
        unfinished: false,
        unasked: false,
        latency_ms,
        metrics: Json(json!({})),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_sqlite() {
    let folder = std::env::temp_dir().join(format!("sidetone-store-{}", Uuid::new_v4()));
    let database = Database::Sqlite(folder.join("deep/down/sidetone.db"));
    tell(&database).await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_postgres() {
    let postgres = Postgres::start();
    // A migration that an operator applied by hand is not an obstacle.
    apply(&postgres, "010_voice_calls");
    tell(&Database::Postgres(Secret::new(postgres.url()))).await;
    apply(&postgres, "094_deletion");
    apply(&postgres, "098_resume");
    apply(&postgres, "099_return");
    apply(&postgres, "103_limits");
    apply(&postgres, "106_call_metadata");
    apply(&postgres, "107_between_people");
    apply(&postgres, "109_media");
    apply(&postgres, "112_pool");
    apply(&postgres, "113_tokens");
    apply(&postgres, "114_who_spoke");
    apply(&postgres, "115_editions");
    apply(&postgres, "116_saying");
    apply(&postgres, "117_handover");
    apply(&postgres, "118_over");
}

fn apply(postgres: &Postgres, migration: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let applied = std::process::Command::new("psql")
        .args(["-v", "ON_ERROR_STOP=1", "-q", &postgres.url()])
        .args(["-f", &format!("{folder}/{migration}.sql")])
        .status()
        .unwrap();
    assert!(applied.success(), "{migration}");
}

async fn tell(database: &Database) {
    // Several processes may start at once.
    let (one, two, three) = tokio::join!(
        Store::open(database),
        Store::open(database),
        Store::open(database)
    );
    let (store, _, _) = (one.unwrap(), two.unwrap(), three.unwrap());
    store.ping().await.unwrap();
    calls::a_call_from_token_to_history(&store).await;
    calls::a_tool_is_known_from_its_start(&store).await;
    calls::figures_are_kept_and_added_up(&store).await;
    calls::a_room_has_one_call_at_a_time(&store).await;
    calls::a_call_goes_on_in_its_next_room(&store).await;
    calls::an_unused_token_leaves_nothing(&store).await;
    calls::turns_are_kept_as_they_happen(&store).await;
    deliveries::events_are_kept_once(&store).await;
    fleet::an_agent_is_wanted_once(&store).await;
    calls::facts_may_come_at_once(&store).await;
    history::history_is_filtered(&store).await;
    history::words_are_found_whatever_their_capitals(&store).await;
    deliveries::one_control_plane_claims_an_egress_and_all_move_it_on(&store).await;
    deliveries::recordings_go_with_their_call(&store).await;
    deliveries::webhooks_are_taken_by_one(&store).await;
    deliveries::webhooks_are_shared_out(&store).await;
    deliveries::events_of_a_call_are_taken_in_order(&store).await;
    fleet::workers_beat(&store).await;
    fleet::sessions_end(&store).await;
    takeover::one_asks_at_a_time(&store).await;
    takeover::late_words_change_nothing(&store).await;
    takeover::silent_workers_are_seen(&store).await;
    takeover::a_dead_agents_stay_ends(&store).await;
    takeover::an_agent_that_was_replaced_ends_no_call(&store).await;
    history::personal_data_goes(&store).await;
    erasure::deletion_is_by_call(&store).await;
    erasure::late_writers_are_refused(&store).await;
    erasure::who_writes_meanwhile_leaves_nothing(&store).await;
    erasure::a_user_may_be_named_deleted(&store).await;
    erasure::a_user_is_erased(&store).await;
    erasure::long_names_are_kept(&store).await;
    deliveries::an_overdue_result_is_made_by_one(&store).await;
    limits::a_user_has_so_many_calls(&store).await;
    limits::agents_take_free_places(&store).await;
    limits::a_request_is_known_again(&store).await;
    editions::who_publishes_last_wins(&store).await;
    editions::an_edition_can_be_held(&store).await;
    editions::a_call_keeps_its_edition(&store).await;
    editions::old_editions_go_unless_calls_of_the_last_day_were_held_with_them(&store).await;
    takeover::what_is_being_said_is_known_until_it_is_over(&store).await;
    takeover::an_agent_that_was_ended_on_its_way_is_not_wanted(&store).await;
    handover::a_call_is_handed_over_to_one_agent(&store).await;
    store.close().await;
    assert!(store.ping().await.is_err());
}
