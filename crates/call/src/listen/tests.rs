use sidetone_testkit::fake_openai::{Endpoint, Failure, FakeOpenAi, Timing};

use super::*;
use crate::clients::Clients;
use sidetone_base::clock;
use sidetone_config::agent::Overrides;
use sidetone_config::env::Env;
use sidetone_config::secret::Secrets;
use sidetone_turn::Cut;

const FRAME: usize = 160;

/// An agent with live transcription, and its provider.
fn ears(fake: &FakeOpenAi) -> (AgentConfig, Arc<dyn Stt>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prompt.md"), "You help.").unwrap();
    let file = folder.path().join("agent.toml");
    let text = "prompt = \"prompt.md\"\n[stt]\nmode = \"realtime\"\nfallback_after = \"500ms\"";
    std::fs::write(&file, text).unwrap();
    let agent = AgentConfig::load(&file, &Secrets::default()).unwrap();
    let agent = agent.for_call(&Overrides::default()).unwrap();
    let base_url = fake.base_url();
    let env = Env::from_lookup(|name| (name == "OPENAI_BASE_URL").then(|| base_url.clone()));
    let models = Clients::new(&env.unwrap(), None).unwrap().for_call(&agent);
    (agent, Arc::new(models))
}

/// The listening side of such an agent.
fn listen(fake: &FakeOpenAi) -> (Listen, mpsc::Receiver<Heard>) {
    let (agent, stt) = ears(fake);
    let (results, heard) = mpsc::channel(16);
    let vad = Vad::by_level(&agent.vad, -50.0);
    (Listen::new(vad, None, &agent, stt, results), heard)
}

/// Feeds so many frames of this level; a turn opens when speech starts. Returns the turn.
fn hear(
    listen: &mut Listen,
    mut open: Option<TurnId>,
    frames: usize,
    level: i16,
) -> Option<TurnId> {
    for _ in 0..frames {
        let frame = Pcm::new(vec![level; FRAME]);
        if let Some(Input::SpeechStarted { .. }) = listen.push(clock::now(), &frame, open) {
            open = Some(TurnId(1));
        }
    }
    open
}

/// Speaks for a second and falls silent. Returns the words once they are final.
async fn say(
    listen: &mut Listen,
    heard: &mut mpsc::Receiver<Heard>,
    open: Option<TurnId>,
) -> String {
    let open = hear(listen, open, 100, 3000);
    hear(listen, open, 60, 0);
    loop {
        let Some(Heard::Words(words)) = heard.recv().await else {
            panic!("no words");
        };
        match listen.transcribed(words) {
            Some(Transcription::Words {
                text,
                is_final: true,
                ..
            }) => return text,
            Some(Transcription::Failed(error)) => panic!("{error}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn words_come_as_they_are_spoken() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    fake.default_transcript("good morning");
    let (mut listen, mut heard) = listen(&fake);
    assert!(
        say(&mut listen, &mut heard, None)
            .await
            .starts_with("good morning")
    );
    listen.forget();
    assert!(
        say(&mut listen, &mut heard, None)
            .await
            .starts_with("good morning")
    );
    assert!(fake.requests_to(Endpoint::Transcriptions).is_empty());
    assert_eq!(fake.requests_to(Endpoint::Realtime).len(), 1);
}

/// The words of the turn that was cut off.
async fn last_words(listen: &mut Listen, heard: &mut mpsc::Receiver<Heard>) -> String {
    loop {
        let Some(Heard::Words(words)) = heard.recv().await else {
            panic!("no words");
        };
        if let Some(Transcription::Last { words, .. }) = listen.transcribed(words) {
            return words.unwrap();
        }
    }
}

#[tokio::test]
async fn a_turn_that_is_cut_off_has_its_words_and_the_next_one_its_own() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    fake.default_transcript("good morning");
    let (mut listen, mut heard) = listen(&fake);
    let open = hear(&mut listen, None, 100, 3000);
    listen.settled = "Hello.".into();
    listen.cut(Cut::InSpeech);
    assert!(listen.audio.is_empty() && listen.is_speaking());
    assert_eq!(
        last_words(&mut listen, &mut heard).await,
        "Hello. good morning"
    );
    let next = say(&mut listen, &mut heard, open).await;
    assert!(next.starts_with("good morning"), "{next}");
}

#[tokio::test]
async fn nothing_is_asked_about_the_silence_after_a_turn_that_was_cut_off() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    fake.default_transcript("good morning");
    let (mut listen, mut heard) = listen(&fake);
    let open = hear(&mut listen, None, 100, 3000);
    hear(&mut listen, open, 4, 0);
    listen.cut(Cut::InPause);
    hear(&mut listen, None, 60, 0);
    assert!(!listen.is_speaking() && listen.request.is_none());
    assert_eq!(last_words(&mut listen, &mut heard).await, "good morning");
    assert!(
        say(&mut listen, &mut heard, None)
            .await
            .starts_with("good morning")
    );
}

#[tokio::test]
async fn speech_that_goes_on_after_the_cut_is_asked_about() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    fake.default_transcript("good morning");
    let (mut listen, mut heard) = listen(&fake);
    let open = hear(&mut listen, None, 100, 3000);
    hear(&mut listen, open, 4, 0);
    listen.cut(Cut::InPause);
    hear(&mut listen, None, 5, 0);
    let resumed = listen.push(clock::now(), &Pcm::new(vec![3000; FRAME]), None);
    assert_eq!(resumed, Some(Input::SpeechResumed));
    let next = say(&mut listen, &mut heard, Some(TurnId(2))).await;
    assert!(next.starts_with("good morning"), "{next}");
}

#[tokio::test]
async fn words_are_shown_before_they_are_all_there() {
    let slow = Timing {
        transcription: Duration::from_millis(100),
        ..Timing::INSTANT
    };
    let fake = FakeOpenAi::start(slow).await;
    fake.default_transcript("good morning everybody");
    let (mut listen, mut heard) = listen(&fake);
    let open = hear(&mut listen, None, 100, 3000);
    hear(&mut listen, open, 8, 0);
    let mut shown = Vec::new();
    while shown
        .last()
        .is_none_or(|text| text != "good morning everybody")
    {
        let Some(Heard::Words(words)) = heard.recv().await else {
            panic!("no words");
        };
        let is_begun = words.is_begun;
        let Some(Transcription::Words { text, is_final, .. }) = listen.transcribed(words) else {
            panic!("somebody waits");
        };
        assert!(!is_final && "good morning everybody".starts_with(&text));
        assert!(is_begun || !shown.is_empty(), "first words come first");
        shown.push(text);
    }
    // The request continues, and all of its words are taken.
    let Some(Heard::Words(words)) = heard.recv().await else {
        panic!("no words");
    };
    assert!(!words.is_begun && listen.transcribed(words).is_some());
}

#[tokio::test]
async fn without_a_socket_the_batch_endpoint_has_the_whole_turn() {
    for failure in [
        Failure::Unauthorized,
        Failure::CutAfter(0),
        Failure::StallAfter(0),
    ] {
        let fake = FakeOpenAi::start(Timing::INSTANT).await;
        fake.script_failures(Endpoint::Realtime, &[failure]);
        fake.default_transcript("good morning");
        let (mut listen, mut heard) = listen(&fake);
        assert_eq!(
            say(&mut listen, &mut heard, None).await,
            "good morning",
            "{failure:?}"
        );
        let asked = fake.requests_to(Endpoint::Transcriptions);
        let longest = asked.iter().map(|request| request.file.len()).max();
        assert!(
            longest > Some(32_000),
            "{failure:?}: a second is 32000 bytes"
        );
    }
}

#[tokio::test]
async fn a_handover_in_mid_speech_gives_all_of_it_to_the_new_ears() {
    let (before, after) = (
        FakeOpenAi::start(Timing::INSTANT).await,
        FakeOpenAi::start(Timing::INSTANT).await,
    );
    before.default_transcript("old ears");
    after.default_transcript("new ears");
    let (mut listen, mut heard) = listen(&before);
    let open = hear(&mut listen, None, 40, 3000);
    let (agent, stt) = ears(&after);
    listen.configure(&agent, stt, open);
    assert_eq!(say(&mut listen, &mut heard, open).await, "new ears");
}

#[tokio::test]
async fn words_follow_settled_ones_as_their_script_has_it() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let (mut listen, _heard) = listen(&fake);
    for (settled, more, all) in [
        ("", " Good morning. ", "Good morning."),
        (
            "Good morning.",
            "How are you?",
            "Good morning. How are you?",
        ),
        ("早上好。", "你好吗？", "早上好。你好吗？"),
        ("おはよう。", "", "おはよう。"),
    ] {
        listen.settled = settled.into();
        assert_eq!(listen.after_settled(more), all);
    }
}

/// Counts its requests, and fails each.
struct Fails(std::sync::atomic::AtomicU32);

impl Stt for Fails {
    fn transcribe(
        &self,
        _audio: Pcm<16_000>,
    ) -> futures::future::BoxFuture<'static, Result<String, crate::ProviderError>> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let error = crate::ProviderError::new(crate::Part::Stt, "503");
        Box::pin(std::future::ready(Err(error)))
    }
}

/// A minute without a pause. 33 s of it exceed what models take at a time, and each frame of those could cause a
/// request.
#[tokio::test(start_paused = true)]
async fn an_stt_that_fails_at_once_is_asked_with_pauses() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let (agent, _) = ears(&fake);
    let (results, mut heard) = mpsc::channel(16);
    let vad = Vad::by_level(&agent.vad, -50.0);
    let stt = Arc::new(Fails(0.into()));
    let mut listen = Listen::new(vad, None, &agent, Arc::clone(&stt) as _, results);
    let mut open = None;
    for _ in 0..6_000 {
        open = hear(&mut listen, open, 1, 3000);
        tokio::time::sleep(Duration::from_millis(10)).await;
        while let Ok(Heard::Words(words)) = heard.try_recv() {
            assert!(
                listen.transcribed(words).is_none(),
                "nobody waits in mid-speech"
            );
        }
    }
    // At 27 s, then after 0.5, 1, 2, 4, 8, 8 and 8 s.
    let asked = stt.0.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(asked, 8);
}

#[tokio::test]
async fn a_nearer_voice_takes_the_place_of_what_was_heard_meanwhile() {
    let fake = FakeOpenAi::start(Timing::INSTANT).await;
    let (mut listen, _heard) = listen(&fake);
    hear(&mut listen, None, 100, 3000);
    let length = listen.audio.len();
    listen.replace(&Pcm::new(vec![7; 4_800]));
    assert!(listen.is_speaking());
    assert_eq!(listen.audio.len(), length);
    let before = listen.audio.iter().rev().skip(4_800);
    assert!(before.take(4_800).all(|sample| *sample == 3000));
    assert!(
        listen
            .audio
            .iter()
            .rev()
            .take(4_800)
            .all(|sample| *sample == 7)
    );
}
