//! A call's providers over real sockets: one fails in every possible way, and another takes over.

use futures::StreamExt as _;
use sidetone_base::audio::Pcm;
use sidetone_call::clients::Clients;
use sidetone_call::providers::SpeakerId;
use sidetone_call::{Llm as _, Message, Models, Piece, Question, Role, Stt as _, Tts as _};
use sidetone_config::agent::{AgentConfig, Overrides};
use sidetone_config::env::Env;
use sidetone_config::secret::Secrets;
use sidetone_testkit::fake_openai::{Endpoint, Failure, FakeOpenAi, Timing};

/// How long a provider may be silent here before the next one is asked.
const FALLBACK_AFTER: &str = "300ms";

struct Stand {
    first: FakeOpenAi,
    second: FakeOpenAi,
    models: Models,
}

/// An agent with two providers for each stage.
async fn stand() -> Stand {
    let first = FakeOpenAi::start(Timing::INSTANT).await;
    let second = FakeOpenAi::start(Timing::INSTANT).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prompt.md"), "You help.").unwrap();
    let stage = |stage: &str| {
        format!(
            "[{stage}]\nproviders = [\"default\", \"other\"]\nfallback_after = \"{FALLBACK_AFTER}\"\n"
        )
    };
    let text = format!(
        "prompt = \"prompt.md\"\n[providers.other]\nbase_url = \"{}\"\n\
         api_key = \"{{{{ secret.other }}}}\"\nstt = \"hears\"\nllm = \"thinks\"\n\
         tts = \"speaks\"\nvoice = \"nova\"\n{}{}{}",
        second.base_url(),
        stage("stt"),
        stage("llm"),
        stage("tts"),
    );
    let file = folder.path().join("agent.toml");
    std::fs::write(&file, text).unwrap();
    let secret = ("SIDETONE_SECRET_OTHER".to_owned(), "sk-other".to_owned());
    let agent = AgentConfig::load(&file, &Secrets::from_variables([secret])).unwrap();
    let agent = agent.for_call(&Overrides::default()).unwrap();
    let base_url = first.base_url();
    let env = Env::from_lookup(|name| match name {
        "OPENAI_BASE_URL" => Some(base_url.clone()),
        "OPENAI_API_KEY" => Some("sk-first".to_owned()),
        _ => None,
    });
    let models = Clients::new(&env.unwrap(), None).unwrap().for_call(&agent);
    Stand {
        first,
        second,
        models,
    }
}

impl Stand {
    async fn answer(&self) -> Option<String> {
        let question = Question {
            messages: vec![Message::new(Role::User, "What time is it?")],
            ..Question::default()
        };
        let mut pieces = self.models.chat(question);
        let mut answer = String::new();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(Piece::Text(text)) => answer += &text,
                Ok(Piece::Calling | Piece::Call(_) | Piece::Opaque(_) | Piece::Usage(_)) => {}
                Err(_) => return None,
            }
        }
        Some(answer)
    }

    async fn words(&self) -> Option<String> {
        let audio = Pcm::new(vec![0; 1600]);
        self.models.transcribe(audio).await.ok()
    }

    /// Who spoke last, and how many samples since the sentence began, or began again.
    async fn speech(&self, text: &str) -> Option<(SpeakerId, usize)> {
        let mut pieces = self.models.speak_as(text.into(), None);
        let mut last: Option<(SpeakerId, usize)> = None;
        while let Some(piece) = pieces.next().await {
            let piece = piece.ok()?;
            let before = last.filter(|_| !piece.begins);
            let samples = before.map_or(0, |(_, samples)| samples);
            last = Some((piece.by, samples + piece.audio.len()));
        }
        last
    }
}

/// More than enough of each, because there is one retry.
fn always(failure: Failure) -> [Failure; 4] {
    [failure; 4]
}

const FAILURES: [Failure; 8] = [
    Failure::Unauthorized,
    Failure::BadRequest,
    Failure::RateLimited(None),
    Failure::RateLimited(Some(60)),
    Failure::Server,
    Failure::Garbage,
    Failure::Silence,
    Failure::CutAfter(0),
];

#[tokio::test]
async fn the_language_model_is_replaced_whatever_is_wrong_with_it() {
    for failure in FAILURES {
        let stand = stand().await;
        stand
            .first
            .script_failures(Endpoint::Chat, &always(failure));
        stand.second.script_answer("It is noon.");
        assert_eq!(
            stand.answer().await.as_deref(),
            Some("It is noon."),
            "{failure:?}"
        );
        let asked = stand.second.requests();
        assert_eq!(asked[0].body["model"], "thinks");
        assert_eq!(asked[0].authorization.as_deref(), Some("Bearer sk-other"));
        // From now on the other one is asked at once, unless the first refused only this request.
        let before = stand.first.requests_to(Endpoint::Chat).len();
        assert!(stand.answer().await.is_some(), "{failure:?}");
        let asked_again = stand.first.requests_to(Endpoint::Chat).len() > before;
        assert_eq!(asked_again, failure == Failure::BadRequest, "{failure:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_goes_on_from_another_model() {
    for failure in [Failure::CutAfter(4), Failure::StallAfter(4)] {
        let stand = stand().await;
        stand.first.script_answer("It is noon in Zürich.");
        stand.first.script_failures(Endpoint::Chat, &[failure]);
        stand.second.script_answer(" in Vienna.");
        let answer = stand.answer().await.unwrap();
        assert_eq!(answer, "It is noon in Vienna.", "{failure:?}");
        let asked = &stand.second.requests()[0].body["messages"];
        assert_eq!(asked[1]["content"], "It is noon");
        // Not the system role: some servers do not accept such a message in the middle.
        assert_eq!(asked[2]["role"], "user");
    }
}

#[tokio::test]
async fn speech_to_text_is_replaced() {
    for failure in FAILURES
        .into_iter()
        .chain([Failure::CutAfter(1), Failure::StallAfter(1)])
    {
        let stand = stand().await;
        let endpoint = Endpoint::Transcriptions;
        stand.first.script_failures(endpoint, &always(failure));
        stand.second.script_transcript("good morning");
        assert_eq!(
            stand.words().await.as_deref(),
            Some("good morning"),
            "{failure:?}"
        );
    }
}

#[tokio::test]
async fn a_sentence_is_begun_anew_in_the_other_voice() {
    let breaks = [Failure::CutAfter(3), Failure::StallAfter(3)];
    for failure in FAILURES.into_iter().chain(breaks) {
        let stand = stand().await;
        stand
            .first
            .script_failures(Endpoint::Speech, &always(failure));
        let (by, samples) = stand.speech("Hello.").await.unwrap();
        assert_eq!(by, SpeakerId(1), "{failure:?}");
        assert_eq!(samples, 6 * 60 * 24, "the whole sentence");
        assert_eq!(stand.second.requests()[0].body["voice"], "nova");
    }
}

#[tokio::test]
async fn one_retry_is_enough_when_it_helps() {
    let stand = stand().await;
    stand
        .first
        .script_failures(Endpoint::Chat, &[Failure::Server]);
    assert!(stand.answer().await.is_some());
    assert!(stand.second.requests().is_empty());
}

#[tokio::test]
async fn all_may_fail() {
    let stand = stand().await;
    for provider in [&stand.first, &stand.second] {
        provider.script_failures(Endpoint::Chat, &always(Failure::Unauthorized));
    }
    assert_eq!(stand.answer().await, None);
}

#[tokio::test]
async fn phrases_are_kept_for_when_there_is_no_speech() {
    let stand = stand().await;
    let phrase = || stand.models.phrase("One moment.".into());
    let audio = phrase().await.unwrap();
    for provider in [&stand.first, &stand.second] {
        provider.script_failures(Endpoint::Speech, &always(Failure::Unauthorized));
    }
    assert_eq!(phrase().await.unwrap(), audio);
    assert!(stand.models.phrase("Another.".into()).await.is_err());
}
