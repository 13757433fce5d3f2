//! Speech to text while it is spoken: our client with our own local models.

use std::time::Duration;

use sidetone_base::audio::{Pcm, wav};
use sidetone_providers::openai::{Hearing, Http, Settings, Stt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_local_models_hear_a_turn_by_stretches() {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let models = tokio::task::spawn_blocking(|| sidetone_models::load(&Default::default()));
    let models = models.await.unwrap().unwrap();
    let serving = tokio::spawn(sidetone_models::serve(listener, models, stop.clone()));

    let settings = Settings {
        base_url,
        api_key: None,
        model: "whisper-1".into(),
        timeout: PATIENCE,
        ..Settings::default()
    };
    let stt = Stt::new(&Http::new().unwrap(), settings, None).unwrap();
    let mut hearing = stt.with_language(Some("en-GB")).hear(PATIENCE);
    say(&mut hearing, "librivox-made-amiable");
    let first = "He might even have been made amiable himself.";
    assert_eq!(words(&hearing).await.as_deref(), Some(first));
    // The turn continues, and its words are those of both stretches.
    say(&mut hearing, "librivox-not-ill-disposed");
    let both = format!("{first} He was not an ill-disposed young man.");
    assert_eq!(words(&hearing).await.as_deref(), Some(both.as_str()));
    // A silent turn has no words.
    hearing.forget();
    hearing.push(Pcm::new(vec![0; 16_000]));
    assert_eq!(words(&hearing).await.as_deref(), Some(""));

    drop(hearing);
    stop.cancel();
    serving.await.unwrap().unwrap();
}

async fn words(hearing: &Hearing) -> Option<String> {
    hearing.words(watch::channel(String::new()).0).await
}

fn say(hearing: &mut Hearing, name: &str) {
    let file = format!("{}/fixtures/audio/{name}.wav", env!("CARGO_MANIFEST_DIR"));
    let clip: Pcm<16_000> = wav::parse(&std::fs::read(file).unwrap()).unwrap();
    for frame in clip.samples().chunks(160) {
        hearing.push(Pcm::new(frame.to_vec()));
    }
}
