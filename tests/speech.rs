//! Speech from various kinds of servers: each test uses a call's providers over real sockets.

mod http;
mod realtime;

use std::time::Duration;

use futures::StreamExt as _;
use sidetone_base::audio::Pcm;
use sidetone_call::clients::Clients;
use sidetone_call::providers::ProviderError;
use sidetone_call::{Models, Tts as _};
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::env::Env;
use sidetone_config::secret::Secrets;
use sidetone_testkit::fake_openai::tone_hz;
use sidetone_testkit::{FakeOpenAi, Timing};

/// A provider, and the providers of the calls that use it.
struct Stand {
    fake: FakeOpenAi,
    clients: Clients,
}

async fn stand() -> Stand {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let base_url = fake.base_url();
    let env = Env::from_lookup(|name| match name {
        "OPENAI_BASE_URL" => Some(base_url.clone()),
        "OPENAI_API_KEY" => Some("sk-first".to_owned()),
        _ => None,
    });
    let clients = Clients::new(&env.unwrap(), None).unwrap();
    Stand { fake, clients }
}

/// The outcome of a sentence.
#[derive(Debug, Default)]
struct Heard {
    audio: Pcm<24_000>,
    /// Number of pieces that began it.
    begins: usize,
    /// Samples before it began again.
    void: usize,
    said: Option<String>,
}

impl Stand {
    /// The providers of a call whose agent has these settings.
    fn call(&self, settings: &str) -> Models {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("prompt.md"), "You help.").unwrap();
        let file = folder.path().join("agent.toml");
        std::fs::write(&file, format!("prompt = \"prompt.md\"\n{settings}")).unwrap();
        let agent = AgentConfig::load(&file, &Secrets::default()).unwrap();
        let models = self
            .clients
            .for_call(&agent.for_call(&Overrides::default()).unwrap());
        models.warm();
        models
    }
}

async fn say(models: &Models, text: &str) -> Result<Heard, ProviderError> {
    let mut pieces = models.speak_as(text.into(), None);
    let mut heard = Heard::default();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if piece.begins {
            heard.begins += 1;
            heard.void += heard.audio.len();
            (heard.audio, heard.said) = (Pcm::default(), None);
        }
        assert!(heard.begins > 0, "the first piece begins");
        heard.audio.append(&piece.audio);
        heard.said = piece.said.map(|said| said.0).or(heard.said);
    }
    Ok(heard)
}

/// Checks that the audio has the duration of the text and the pitch of the voice, and that nothing of it is lost.
#[track_caller]
fn is_spoken(heard: &Heard, text: &str, voice: &str) {
    let audio = &heard.audio;
    let length = Duration::from_millis(60) * text.chars().count() as u32;
    assert_eq!(audio.duration().as_millis(), length.as_millis(), "{text}");
    let rising = audio.samples().windows(2).filter(|w| w[0] < 0 && w[1] >= 0);
    let hz = rising.count() as f64 / length.as_secs_f64();
    let expected = tone_hz(voice);
    assert!(
        (hz / expected - 1.0).abs() < 0.03,
        "{hz} Hz for {expected} Hz"
    );
    // A tone at a quarter of full scale: if half a sample were lost, it would be noise.
    let level = audio.level_dbfs().unwrap();
    assert!((level + 15.05).abs() < 0.2, "{level} dBFS");
}
