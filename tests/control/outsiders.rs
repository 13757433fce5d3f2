//! What others do to an agent through LiveKit's own API, bypassing ours: its dispatch is deleted, or it is removed.

use std::time::Duration;

use sidetone_control_plane::server_api::ServerApi;
use sidetone_testkit::{FakeOpenAi, LiveKitServer, Timing};

use super::served;
use crate::rooms::binary::Served;
use crate::rooms::person::Person;
use crate::support::{credentials, eventually};

/// A few seconds of the fake provider's speech, in two sentences.
const ANSWER: &str = "We are open from nine in the morning until six in the evening. On Saturdays we \
                      open at ten, and on Sundays not at all.";
/// What the model says when it is told that the connection was lost.
const REST: &str = "That is all about our hours.";

/// A caller who is being told when a shop is open.
struct Asking {
    livekit: LiveKitServer,
    served: Served,
    _provider: FakeOpenAi,
    _agents: tempfile::TempDir,
    ada: Person,
    call: String,
    room: String,
}

impl Asking {
    async fn begins() -> Self {
        let livekit = LiveKitServer::start().await.unwrap();
        let provider = FakeOpenAi::start(Timing::default()).await;
        provider.answer_by(|request| {
            let messages = request["messages"].as_array()?;
            let last = messages.last()?["content"].to_string();
            let is_rest = last.contains("The line broke off");
            Some(if is_rest { REST } else { ANSWER }.into())
        });
        let agents = tempfile::tempdir().unwrap();
        let file = "prompt = \"prompt.md\"\ngreeting = \"Hello!\"\ncut_off = \"Sorry for that.\"\n";
        std::fs::write(agents.path().join("default.toml"), file).unwrap();
        std::fs::write(agents.path().join("prompt.md"), "Be kind.").unwrap();
        let served = Served::start_in(agents.path(), &livekit, &provider, &[]).await;
        let token = served::token(served.address, "Ada").await;
        let text = |name: &str| token[name].as_str().unwrap().to_owned();
        let ada = Person::join(&text("livekitHost"), &text("token")).await;
        ada.reads("Hello!").await;
        ada.writes("When are you open?").await;
        ada.reads("We are open").await;
        Self {
            livekit,
            served,
            _provider: provider,
            _agents: agents,
            ada,
            call: text("callId"),
            room: text("roomName"),
        }
    }

    fn api(&self) -> ServerApi {
        ServerApi::new(&credentials(&self.livekit))
    }

    fn agent(&self) -> Option<String> {
        let agent = self.ada.agent()?;
        Some(agent.identity().to_string())
    }

    async fn agent_goes(&self, first: &str) {
        eventually("the agent is gone", 30, || async {
            (self.agent().as_deref() != Some(first)).then_some(())
        })
        .await;
    }

    /// The agents' turns as they are stored, and whether each is unfinished.
    async fn said(&self) -> Vec<(String, bool)> {
        let path = format!("/api/voice/history/{}", self.call);
        let call = served::get(self.served.address, &path).await.unwrap();
        let turns = call["turns"].as_array().unwrap().iter();
        let said = turns.filter(|turn| turn["speaker"] == "agent");
        said.map(|turn| {
            let text = turn["text"].as_str().unwrap().to_owned();
            (text, turn["unfinished"].as_bool().unwrap())
        })
        .collect()
    }
}

/// The agent is told to leave, and has three seconds: the call ends, and no other agent comes.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_dispatch_is_withdrawn_leaves() {
    let asking = Asking::begins().await;
    let first = asking.agent().unwrap();
    let api = asking.api();
    // LiveKit's server registers a dispatch's job only after all offers to workers are done, up to seconds after the
    // agent has joined; until then, deleting the dispatch ends no job (1.13.3).
    let dispatch = eventually("the dispatch has its job", 20, || async {
        let dispatch = api.dispatches(&asking.room).await.unwrap().pop()?;
        let state = dispatch.state.as_ref()?;
        (!state.jobs.is_empty()).then_some(dispatch)
    })
    .await;
    api.delete_dispatch(&asking.room, &dispatch.id)
        .await
        .unwrap();
    asking.agent_goes(&first).await;
    assert_eq!(asking.served.end_of_call().await, "dismissed");
    let said = asking.said().await;
    let (heard, _) = said.last().unwrap();
    assert!(ANSWER.starts_with(heard) && heard != ANSWER, "{said:?}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(asking.agent(), None, "{}", asking.served.log());
    asking.ada.leave().await;
}

/// An agent that leaves in the middle of its answer is replaced by one that continues the answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_removed_in_mid_answer_is_succeeded() {
    let asking = Asking::begins().await;
    let first = asking.agent().unwrap();
    let api = asking.api();
    api.remove_participant(&asking.room, &first).await.unwrap();
    asking.ada.reads("Sorry for that.").await;
    let all = eventually("all is written down", 20, || async {
        let said = asking.said().await;
        said.iter().any(|(text, _)| text == REST).then_some(())
    });
    let all = tokio::time::timeout(Duration::from_secs(15), all).await;
    let said = asking.said().await;
    assert!(all.is_ok(), "{said:?}\n{}", asking.served.log());
    let texts: Vec<&str> = said.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts.len(), 4, "{said:?}");
    assert_eq!(texts[0], "Hello!");
    // The part of the answer that was heard; there is more.
    assert!(
        ANSWER.starts_with(texts[1]) && texts[1] != ANSWER && said[1].1,
        "{said:?}"
    );
    assert_eq!(&texts[2..], ["Sorry for that.", REST]);
    assert!(said[2..].iter().all(|(_, unfinished)| !unfinished));
    assert_ne!(asking.agent().unwrap(), first);
    asking.ada.leave().await;
}
