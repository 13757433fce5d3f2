//! Sentences whose sound no caller should wait for are spoken before the first call.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use tokio::time::timeout;

use sidetone_call::Tts as _;
use sidetone_call::clients::Clients;
use sidetone_config::folder::AgentFolder;
use sidetone_config::template;

/// Longest wait of a worker's start for them.
const DEADLINE: Duration = Duration::from_secs(3);
/// How many are asked for at a time.
const AT_A_TIME: usize = 4;

/// Has every agent say, in its own voice, that the line was cut, and ask to repeat what was said: an agent that takes a
/// call over says it at once. What a call has to fill in, or says in another voice, is made when it is needed; so is all of
/// it by local models, which are near, and have this machine's calls to speak for.
pub async fn speak_ahead(agents: &AgentFolder, clients: &Clients) {
    if clients.is_local() {
        return;
    }
    let agents = agents.agents();
    let both = agents.iter().flat_map(|agent| {
        let owed = agent.takes_over_with(true);
        let rest = Some(agent.takes_over_with(false)).filter(|text| *text != owed);
        [Some(owed), rest]
            .into_iter()
            .flatten()
            .map(move |text| (agent, text))
    });
    let ready = both.filter(|(_, text)| !text.is_empty() && template::variables(text).is_empty());
    let spoken = stream::iter(ready).for_each_concurrent(AT_A_TIME, async |(agent, text)| {
        let models = clients.for_call(agent);
        if let Err(error) = models.phrase(text).await {
            tracing::debug!(agent = agent.name, %error, "a sentence could not be prepared in advance");
        }
    });
    timeout(DEADLINE, spoken).await.ok();
}
