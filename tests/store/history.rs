//! Whose calls the history shows, and what remains when personal data is deleted.

use chrono::Duration;
use sidetone_store::history::{HistoryFilter, MetadataIs};
use sidetone_store::series::Buckets;
use sidetone_store::{CallStatus, CallType, Fact, Speaker, Store};
use uuid::Uuid;

use super::{at, new_call, turn};

pub async fn history_is_filtered(store: &Store) {
    for n in 100..140 {
        let call_type = if n % 2 == 0 {
            CallType::Support
        } else {
            CallType::UserToUser
        };
        store
            .create_call(&new_call(n, "fay", call_type))
            .await
            .unwrap();
    }
    let mine = HistoryFilter {
        user_id: Some("fay".into()),
        ..Default::default()
    };
    let page = store.history(&mine, 20, 0).await.unwrap();
    assert_eq!((page.total, page.calls.len()), (40, 20));
    assert!(page.total_is_exact && page.has_more);
    assert!(!store.history(&mine, 20, 20).await.unwrap().has_more);
    assert!(page.calls.is_sorted_by(|a, b| a.created_at > b.created_at));
    let last = store.history(&mine, 20, 30).await.unwrap();
    assert_eq!(last.calls.len(), 10);
    assert!(
        store
            .history(&mine, 20, u64::MAX)
            .await
            .unwrap()
            .calls
            .is_empty()
    );
    let total = async |filter: HistoryFilter| store.history(&filter, 1, 0).await.unwrap().total;
    let support = HistoryFilter {
        call_type: Some(CallType::Support),
        ..mine.clone()
    };
    assert_eq!(total(support).await, 20);
    let done = HistoryFilter {
        status: Some(CallStatus::Completed),
        ..mine.clone()
    };
    assert_eq!(total(done).await, 0);
    let span = HistoryFilter {
        from: Some(at(110)),
        to: Some(at(120)),
        ..mine.clone()
    };
    assert_eq!(total(span).await, 10);
    let says = |name: &str, value: &str| MetadataIs {
        name: name.into(),
        value: value.into(),
    };
    for (metadata, found) in [
        (vec![says("n", "110")], 1),
        (vec![says("n", "110"), says("voice", "nova")], 1),
        (vec![says("voice", "nova")], 40),
        (vec![says("voice", "Nova")], 0),
        (vec![says("n", "11")], 0),
        (vec![says("$.n", "110")], 0),
        (vec![says("'n\"", "110")], 0),
        (vec![says("n", "99999999999999999999999")], 0),
    ] {
        let filter = HistoryFilter {
            metadata,
            ..mine.clone()
        };
        assert_eq!(total(filter.clone()).await, found, "{:?}", filter.metadata);
        store.stats(&filter).await.unwrap();
    }
    // Bob was called by Fay; Ann took part in her own call.
    let bob = HistoryFilter {
        user_id: Some("bob".into()),
        ..Default::default()
    };
    assert_eq!(total(bob).await, 20);
    let nobody = HistoryFilter {
        user_id: Some("zoe".into()),
        ..Default::default()
    };
    assert_eq!(total(nobody).await, 0);
    let said = |text: &str| HistoryFilter {
        text: Some(text.into()),
        ..Default::default()
    };
    assert_eq!(total(said("HOW CAN i")).await, 1);
    assert_eq!(total(said("100%")).await, 0);
    assert_eq!(total(said("h.w can")).await, 0);
    assert_eq!(total(said("'; DROP TABLE voice_calls; --")).await, 0);
    let ann = HistoryFilter {
        user_id: Some("ann".into()),
        ..Default::default()
    };
    let stats = store.stats(&ann).await.unwrap();
    assert_eq!(stats.by_status[&CallStatus::Completed], 1);
    assert_eq!(stats.by_type[&CallType::Support], 1);
    assert_eq!(
        (stats.answered_rate, stats.mean_duration_seconds),
        (Some(1.0), Some(60.0))
    );
    assert_eq!(
        (stats.total_duration_seconds, stats.median_latency_ms),
        (60, Some(800.0))
    );
    assert_eq!(
        store.stats(&nobody_filter()).await.unwrap(),
        Default::default()
    );
    let by_hour = Buckets {
        seconds: 3_600,
        ahead: 0,
    };
    let series = store.series(&ann, by_hour).await.unwrap();
    let [(hour, point)] = series.iter().collect::<Vec<_>>()[..] else {
        panic!("{series:?}");
    };
    assert_eq!(*hour, by_hour.of(at(0)));
    assert_eq!(point.by_status[&CallStatus::Completed], 1);
    assert_eq!(
        (point.p50_latency_ms, point.p95_latency_ms),
        (Some(700), Some(900))
    );
    assert_eq!(point.mean_duration_seconds, Some(60.0));
    let everybody = HistoryFilter::default();
    let all = store.series(&everybody, by_hour).await.unwrap();
    assert!(all[hour].by_status[&CallStatus::Pending] >= 40, "{all:?}");
}

fn nobody_filter() -> HistoryFilter {
    HistoryFilter {
        user_id: Some("zoe".into()),
        ..Default::default()
    }
}

pub async fn personal_data_goes(store: &Store) {
    let call = Uuid::from_u128(1);
    let expired = store
        .expired_calls(at(1) + Duration::days(1), 100)
        .await
        .unwrap();
    assert!(expired.contains(&call));
    assert_eq!(store.delete_personal_data(&[call]).await.unwrap(), 1);
    assert_eq!(store.delete_personal_data(&[Uuid::nil()]).await.unwrap(), 0);
    let left = store.call(call).await.unwrap().unwrap();
    assert_eq!(
        (left.status, left.duration_seconds),
        (CallStatus::Completed, Some(60))
    );
    let text = format!(
        "{left:?} {:?} {:?}",
        store.participants(call).await.unwrap(),
        store.turns(call).await.unwrap()
    );
    for word in ["ann", "ANN", "nova", "Hello", "agent-1"] {
        assert!(!text.contains(word), "{word} is still in {text}");
    }
    assert!(store.agent_in("support-ann-0").await.unwrap().is_none());
    let expired = store
        .expired_calls(at(1) + Duration::days(1), 100)
        .await
        .unwrap();
    assert!(!expired.contains(&call));
}

/// In any script. Postgres uses its own locale, which is C here: then it knows only ASCII capitals.
pub async fn words_are_found_whatever_their_capitals(store: &Store) {
    if store.kind() == "postgres" {
        return;
    }
    let call = new_call(9_100, "gro\u{df}", CallType::Support);
    let id = store.create_call(&call).await.unwrap().id;
    let words = turn(
        "SG_1",
        Speaker::User,
        "\u{c4}RGER in \u{395}\u{3bb}\u{3bb}\u{3ac}\u{3b4}\u{3b1}.",
        9_101,
        None,
    );
    store.save_turn(id, &words).await.unwrap();
    for text in [
        "\u{c4}rger",
        "\u{e4}rger",
        "\u{3b5}\u{3bb}\u{3bb}\u{3ac}\u{3b4}\u{3b1}.",
        "\u{395}\u{39b}\u{39b}\u{386}",
    ] {
        let filter = HistoryFilter {
            text: Some(text.into()),
            ..Default::default()
        };
        let page = store.history(&filter, 10, 0).await.unwrap();
        let found: Vec<_> = page.calls.iter().map(|call| call.id).collect();
        assert_eq!(found, [id], "{text}");
    }
    store
        .observe(id, None, &[Fact::RoomFinished(at(9_110))])
        .await
        .unwrap();
}
