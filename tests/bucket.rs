//! The bucket and uploads to it, with a real S3 server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::json;
use sidetone::check::{Outcome, bucket};
use sidetone_base::audio::Pcm;
use sidetone_config::env::Env;
use sidetone_recording::Recordings;
use sidetone_recording::bucket::S3;
use sidetone_recording::upkeep::{Settled, pass, run};
use sidetone_store::{Recorder, Recording, RecordingState, Store};
use sidetone_testkit::{S3Server, s3};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::eventually;

fn env(server: &S3Server, data: &std::path::Path, changed: &[(&str, &str)]) -> Env {
    let data = data.display().to_string();
    let endpoint = server.endpoint();
    Env::from_lookup(|name| {
        let set = [
            ("SIDETONE_DATA_DIR", data.as_str()),
            ("SIDETONE_PUBLIC_URL", "https://calls.example/app"),
            ("LIVEKIT_RECORDING_BUCKET", s3::BUCKET),
            ("LIVEKIT_RECORDING_ENDPOINT", &endpoint),
            ("AWS_ACCESS_KEY_ID", s3::ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", s3::SECRET_KEY),
        ];
        let all = changed.iter().chain(&set);
        let found = all.clone().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
    .unwrap()
}

#[tokio::test]
async fn a_bad_bucket_is_explained_and_its_cors_rules_are_fixed() {
    let server = S3Server::start();
    let data = tempfile::tempdir().unwrap();
    let mut told = vec![];
    for (name, value, fix) in [
        ("LIVEKIT_RECORDING_BUCKET", "nowhere", "names no bucket"),
        (
            "AWS_ACCESS_KEY_ID",
            "stranger",
            "does not know AWS_ACCESS_KEY_ID",
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            "wrong",
            "AWS_SECRET_ACCESS_KEY does not belong",
        ),
        (
            "LIVEKIT_RECORDING_REGION",
            "mars-1",
            "LIVEKIT_RECORDING_REGION",
        ),
    ] {
        let items = bucket::look(&env(&server, data.path(), &[(name, value)]), false).await;
        assert_eq!(items[0].outcome, Outcome::Wrong, "{items:?}");
        if !items[0].fix.as_ref().unwrap().contains(fix) {
            told.push(items[0].clone());
        }
        assert!(!format!("{items:?}").contains(s3::SECRET_KEY), "{items:?}");
    }
    assert_eq!(told, []);
    let env = env(&server, data.path(), &[]);
    // The bucket, the right to upload into it, and the origins that may play its recordings.
    let outcomes = |items: Vec<sidetone::check::Item>| {
        items
            .into_iter()
            .map(|item| item.outcome)
            .collect::<Vec<_>>()
    };
    let before = bucket::look(&env, false).await;
    assert_eq!(outcomes(before), [Outcome::Ok, Outcome::Ok, Outcome::Note]);
    assert_eq!(server.keys(), [""; 0]);
    let client = S3::new(env.recording.bucket.as_ref().unwrap()).unwrap();
    client
        .allow_origins(&["https://old.example".into()])
        .await
        .unwrap();
    let fixed = bucket::look(&env, true).await;
    assert_eq!(outcomes(fixed), [Outcome::Ok; 3]);
    let after = bucket::look(&env, false).await;
    assert_eq!(outcomes(after), [Outcome::Ok; 3]);
    // The rules that existed before are still there.
    let origins = client.cors_origins().await.unwrap();
    assert_eq!(origins, ["https://old.example", "https://calls.example"]);
}

#[tokio::test]
async fn a_large_file_waits_out_an_outage_and_a_deletion_reaches_it() {
    let mut server = S3Server::start();
    let data = tempfile::tempdir().unwrap();
    let env = env(&server, data.path(), &[]);
    let store = Store::open(&env.database).await.unwrap();
    let recordings = Recordings::new(store.clone(), &env.data_dir, &env.recording).unwrap();
    let (id, call_id) = (Uuid::now_v7(), Uuid::new_v4());
    let entry = recordings.spool().entry(id, call_id);
    drop(recordings.spool().begin(&entry).unwrap());
    // An upload in three parts.
    let sound: Vec<u8> = (0..20_000_000u32).map(|n| (n / 251) as u8).collect();
    std::fs::write(&entry.path, &sound).unwrap();
    let kept = Recording {
        state: RecordingState::Kept,
        bytes: Some(sound.len() as i64),
        ..Recording::begun(id, call_id, Recorder::Process, sidetone_store::now())
    };
    assert!(store.save_recording(&kept).await.unwrap());

    let settled = Settled::default();
    server.pause();
    // The client library retries for longer than a test can wait.
    let tried = tokio::time::timeout(Duration::from_secs(2), pass(&recordings, &settled)).await;
    assert!(tried.is_err() || tried.unwrap().is_err());
    assert!(entry.path.exists());
    server.resume();
    pass(&recordings, &settled).await.unwrap();
    assert!(!entry.path.exists());
    let uploaded = store.recording(id).await.unwrap().unwrap();
    assert_eq!(uploaded.state, RecordingState::Uploaded);
    let key = uploaded.object_key.clone().unwrap();
    assert_eq!(server.keys(), std::slice::from_ref(&key));
    assert!(uploaded.url.unwrap().ends_with(&key));

    let bucket = recordings.bucket().unwrap();
    let link = bucket
        .link(&key, "call.ogg", Duration::from_secs(60))
        .await
        .unwrap();
    let answer = reqwest::get(&link).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), sound);
    let forged = reqwest::get(link.replace("call.ogg", "evil.ogg"))
        .await
        .unwrap();
    assert_eq!(forged.status(), 403);

    let deleted = Recording {
        state: RecordingState::Deleting,
        ..store.recording(id).await.unwrap().unwrap()
    };
    store.save_recording(&deleted).await.unwrap();
    pass(&recordings, &settled).await.unwrap();
    assert_eq!(server.keys(), [""; 0]);
    assert_eq!(store.recording(id).await.unwrap(), None);
}

/// A bucket that never accepts one object, and accepts any other at once.
async fn slow_bucket(slow: Uuid) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let taken = Arc::<Mutex<Vec<String>>>::default();
    let takes = Arc::clone(&taken);
    let put = async move |uri: Uri, _: Bytes| {
        if uri.path().contains(&slow.to_string()) {
            std::future::pending::<()>().await;
        }
        takes.lock().unwrap().push(uri.path().to_owned());
        ([("etag", "\"1\"")], "")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback(put);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, taken)
}

#[tokio::test]
async fn an_upload_that_hangs_holds_up_no_other_recording() {
    let call = Uuid::new_v4();
    let (address, taken) = slow_bucket(call).await;
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().display().to_string();
    let env = Env::from_lookup(|name| match name {
        "SIDETONE_DATA_DIR" => Some(folder.clone()),
        "LIVEKIT_RECORDING_BUCKET" => Some("calls".into()),
        "LIVEKIT_RECORDING_ENDPOINT" => Some(format!("http://{address}")),
        "AWS_ACCESS_KEY_ID" => Some("key".into()),
        "AWS_SECRET_ACCESS_KEY" => Some("secret".into()),
        _ => None,
    })
    .unwrap();
    let store = Store::open(&env.database).await.unwrap();
    let recordings = Recordings::new(store.clone(), &env.data_dir, &env.recording).unwrap();
    for call_id in [call, Uuid::new_v4(), Uuid::new_v4()] {
        let id = Uuid::now_v7();
        let entry = recordings.spool().entry(id, call_id);
        drop(recordings.spool().begin(&entry).unwrap());
        std::fs::write(&entry.path, "sound").unwrap();
        let kept = Recording {
            state: RecordingState::Kept,
            bytes: Some(5),
            ..Recording::begun(id, call_id, Recorder::Process, sidetone_store::now())
        };
        assert!(store.save_recording(&kept).await.unwrap());
    }
    let stop = CancellationToken::new();
    let upkeep = tokio::spawn(run(recordings, stop.clone()));
    eventually("the others are in the bucket", 10, || async {
        (taken.lock().unwrap().len() == 2).then_some(())
    })
    .await;
    stop.cancel();
    upkeep.await.unwrap();
}

#[tokio::test]
async fn a_full_spool_stops_the_recording_and_nothing_else() {
    let server = S3Server::start();
    let data = tempfile::tempdir().unwrap();
    let env = env(
        &server,
        data.path(),
        &[("SIDETONE_RECORDING_SPOOL_LIMIT", "0")],
    );
    let store = Store::open(&env.database).await.unwrap();
    let recordings = Recordings::new(store.clone(), &env.data_dir, &env.recording).unwrap();
    let call_id = Uuid::new_v4();
    let (tap, recorded) = recordings.record(call_id, false);
    // Nobody takes the data: the tap neither waits nor fails.
    for _ in 0..2_000 {
        tap.caller(&Pcm::silence(Duration::from_millis(10)));
        tokio::task::yield_now().await;
    }
    drop(tap);
    let soon = sidetone_base::clock::now() + Duration::from_secs(5);
    recorded.finish(soon).await;
    let failed = store.recordings(call_id).await.unwrap().remove(0);
    assert_eq!(failed.state, RecordingState::Failed);
    let reason = failed.reason.unwrap();
    assert!(
        reason.contains("SIDETONE_RECORDING_SPOOL_LIMIT"),
        "{reason}"
    );
}

/// An S3 server combined with Amazon's credentials endpoint for a machine's role; keeps the headers of S3 requests.
async fn amazon() -> (SocketAddr, Arc<Mutex<Vec<HeaderMap>>>) {
    let seen = Arc::<Mutex<Vec<HeaderMap>>>::default();
    let kept = Arc::clone(&seen);
    let answer = async move |method: Method, uri: Uri, headers: HeaderMap| match uri.path() {
        "/latest/api/token" if method == Method::PUT => (StatusCode::OK, "a session".to_owned()),
        "/latest/meta-data/iam/security-credentials/" => (StatusCode::OK, "calls-role".to_owned()),
        "/latest/meta-data/iam/security-credentials/calls-role" | "/pod" => {
            let knows = headers.contains_key("x-aws-ec2-metadata-token")
                || headers
                    .get("authorization")
                    .is_some_and(|by| by == "pod-token");
            let credentials = json!({
                "Code": "Success", "AccessKeyId": "ROLEKEY", "SecretAccessKey": "role-secret",
                "Token": "role-token", "Expiration": "2100-01-01T00:00:00Z",
                "LastUpdated": "2026-01-01T00:00:00Z",
            });
            match knows {
                true => (StatusCode::OK, credentials.to_string()),
                false => (StatusCode::UNAUTHORIZED, String::new()),
            }
        }
        _ => {
            kept.lock().unwrap().push(headers);
            let deleted = "<DeleteResult><Deleted><Key>a/b.ogg</Key></Deleted></DeleteResult>";
            (StatusCode::OK, deleted.to_owned())
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, seen)
}

/// With a long-lived key, with the machine's role and with a pod's role.
#[tokio::test]
async fn a_bucket_knows_us_by_session_and_by_role() {
    let (address, seen) = amazon().await;
    let here = format!("http://{address}");
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "pod-token").unwrap();
    let pod = format!("{here}/pod");
    let session: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", "SESSIONKEY"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "session-token"),
    ];
    let machine = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", here.as_str())];
    let in_pod = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", pod.as_str()),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            token.to_str().unwrap(),
        ),
    ];
    for (set, key, token) in [
        (&session[..], "SESSIONKEY", "session-token"),
        (&machine[..], "ROLEKEY", "role-token"),
        (&in_pod[..], "ROLEKEY", "role-token"),
    ] {
        let env = Env::from_lookup(|name| {
            let all = [
                ("LIVEKIT_RECORDING_BUCKET", "calls"),
                ("LIVEKIT_RECORDING_ENDPOINT", here.as_str()),
            ];
            let found = all.iter().chain(set).find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let bucket = env.unwrap().recording.bucket.unwrap();
        let client = S3::new(&bucket).unwrap();
        client.delete("a/b.ogg").await.unwrap();
        let headers = seen.lock().unwrap().pop().unwrap();
        assert_eq!(headers["x-amz-security-token"], token);
        let by = headers["authorization"].to_str().unwrap();
        assert!(by.contains(&format!("Credential={key}/")), "{by}");
        let link = client
            .link("a/b.ogg", "b.ogg", Duration::from_secs(60))
            .await;
        let link = link.unwrap();
        assert!(
            link.contains(&format!("X-Amz-Security-Token={token}")),
            "{link}"
        );
    }
}
