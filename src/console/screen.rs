//! What a caller at a terminal sees.

use std::io::Write as _;

use tokio::sync::mpsc;

use crate::eval::text::Seen;
use sidetone_call::CallEvent;

/// Prints what the agent says and does.
pub(super) async fn show(mut see: mpsc::Receiver<Seen>, mut events: mpsc::Receiver<CallEvent>) {
    let mut in_words = false;
    let (mut seeing, mut told) = (true, true);
    while seeing || told {
        let line = tokio::select! {
            seen = see.recv(), if seeing => match seen {
                // The end of an utterance has no words of its own.
                Some(Seen::Words(words)) if words.is_empty() => continue,
                Some(Seen::Words(words)) => {
                    print!("{}{words}", if in_words { "" } else { "agent: " });
                    in_words = true;
                    std::io::stdout().flush().ok();
                    continue;
                }
                Some(Seen::State(state)) => format!("[{}]", state.as_str()),
                Some(Seen::Heard(words)) => format!("you: {words}"),
                Some(Seen::Keys(keys)) => format!("[keys {keys}]"),
                Some(Seen::Trouble(why)) => format!("[{why}; /reload tries again]"),
                Some(Seen::Left) => "[the agent has left; /reload starts a new call]".into(),
                None => {
                    seeing = false;
                    continue;
                }
            },
            event = events.recv(), if told => match event {
                Some(CallEvent::ToolCall(called)) => {
                    let (name, arguments, took) = (called.name, called.arguments, called.took);
                    format!("[{name}{arguments} -> {:?} in {took:.0?}]", called.result)
                }
                Some(CallEvent::AgentTurn(turn)) if turn.is_final => {
                    let named = turn.latency.named().into_iter();
                    let parts: Vec<_> = named
                        .map(|(name, took)| format!("{} {}", name.trim_end_matches("Ms"), took.as_millis()))
                        .collect();
                    if parts.is_empty() {
                        continue;
                    }
                    format!("[ms: {}]", parts.join(", "))
                }
                Some(CallEvent::Error { stage, message, .. }) => {
                    format!("[{} failed: {message}]", stage.as_str())
                }
                Some(_) => continue,
                None => {
                    told = false;
                    continue;
                }
            },
        };
        println!("{}{line}", if in_words { "\n" } else { "" });
        in_words = false;
    }
}
