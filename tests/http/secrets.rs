//! Keys that change while the process runs, and files that only their owner can read.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::json;
use sidetone_config::env::{Env, LiveKit};
use sidetone_control_plane::http::auth::{Scope, api_key_entry};
use sidetone_store::CallType;

use super::{HISTORY, TOKEN, new_call};
use crate::support::api::{Api, KEY, LOGIN_SECRET, SECRET, Setup, sign, user};
use crate::support::{self, eventually};

#[tokio::test]
async fn data_is_its_owners_alone() {
    let api = Api::start(Setup::default()).await;
    new_call(&api.store, "ann", CallType::Support, "support-1").await;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(api.folder()), 0o700);
    let mut names = Vec::new();
    for file in std::fs::read_dir(api.folder()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    for name in ["sidetone.db", "sidetone.db-wal", "sidetone.db-shm"] {
        assert!(names.iter().any(|there| there == name), "{names:?}");
    }
    api.stop().await;
}

fn two_keys(ids: &str, secrets: String) -> LiveKit {
    let env = Env::from_lookup(|name| match name {
        "LIVEKIT_HOST" => Some("ws://127.0.0.1:9".into()),
        "LIVEKIT_API_KEY" => Some(ids.into()),
        "LIVEKIT_API_SECRET" => Some(secrets.clone()),
        _ => None,
    });
    env.unwrap().livekit.unwrap()
}

#[tokio::test]
async fn while_livekits_key_is_changed_both_are_known() {
    let new = "another secret of at least thirty-two characters";
    let api = Api::start(Setup {
        livekit: Ok(two_keys(
            &format!("APInew,{KEY}"),
            format!("{new},{SECRET}"),
        )),
        ..Default::default()
    })
    .await;
    // LiveKit still signs with the old key; tokens are signed with the new one.
    let body = std::fs::read_to_string("fixtures/webhooks/room_started_1.json").unwrap();
    assert_eq!(api.webhook(&body, &sign(&body, SECRET)).await.0, 200);
    assert_eq!(
        api.webhook(&body, &sign(&body, new)).await.0,
        401,
        "its id is the old one's"
    );
    let (_, answer) = api.post(TOKEN, &user("ann", false), json!({})).await;
    let token = answer["token"].as_str().unwrap();
    assert_eq!(support::claims(token)["iss"], "APInew");
    let verifier = livekit_api::access_token::TokenVerifier::with_api_key("APInew", new);
    verifier.verify(token).unwrap();
    api.stop().await;
}

#[tokio::test]
async fn secrets_in_files_change_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, text: &str| std::fs::write(file(name), text).unwrap();
    let key = |name: &str, key: &str| api_key_entry(name, &[Scope::History], key);
    write("jwt", "the secret of last year, which is to go\n");
    write(
        "keys",
        &format!("{}\n", key("old", "the key of last year, too")),
    );
    let api = Api::start(Setup {
        variables: vec![
            ("SIDETONE_JWT_SECRET_FILE", file("jwt")),
            ("SIDETONE_API_KEYS_FILE", file("keys")),
        ],
        ..Default::default()
    })
    .await;
    let status = async |credential: &str| api.get(HISTORY, credential).await.0;
    assert_eq!(status(&user("ann", false)).await, 401);
    assert_eq!(status("the key of last year, too").await, 200);
    write("jwt", LOGIN_SECRET);
    write("keys", &key("new", "the key of this year, here"));
    eventually("the new secret is used", 10, || async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        (status(&user("ann", false)).await == 200).then_some(())
    })
    .await;
    eventually("the new key is used", 10, || async {
        (status("the key of this year, here").await == 200).then_some(())
    })
    .await;
    assert_eq!(status("the key of last year, too").await, 401);
    // An invalid secret replaces nothing.
    write("jwt", "weak");
    write("keys", "no entry");
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!(status(&user("ann", false)).await, 200);
    assert_eq!(status("the key of this year, here").await, 200);
    api.stop().await;
}

#[tokio::test]
async fn a_folder_that_others_can_read_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let told = async |mode: u32| {
        let open = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let env = Env::from_lookup(|name| (name == "SIDETONE_DATA_DIR").then(|| data.clone()));
        let report = sidetone::check::run(env, &[], false, Vec::new()).await;
        let text = report.to_text();
        text.contains("chmod 700") && text.contains(&data)
    };
    assert!(told(0o755).await);
    assert!(told(0o710).await);
    assert!(!told(0o700).await);
}
