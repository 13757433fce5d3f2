//! `sidetone console`.

use std::sync::Arc;

use sidetone::agent::end_of_turn::SmartTurn;
use sidetone::cli::ConsoleArgs;
use sidetone::console::sound::{self, SoundOptions};
use sidetone::console::{self, Console};
use sidetone_config::env::Env;

use super::live_clients;

/// Talks, or lists the sound devices.
pub(super) async fn run(args: ConsoleArgs) -> anyhow::Result<()> {
    if args.devices {
        print!("{}", sound::devices()?);
        return Ok(());
    }
    let sound = (!args.text).then_some(SoundOptions {
        input: args.input,
        output: args.output,
        headphones: args.headphones,
    });
    // Before models are loaded, so that a build without sound says so at once.
    if let Some(sound) = &sound {
        drop(sound::open(sound)?);
    }
    let end_of_turn = (sound.is_some() && Env::read()?.end_of_turn).then(SmartTurn::default);
    if let Some(model) = end_of_turn.clone() {
        // It ends with the process.
        tokio::spawn(model.load());
    }
    let console = Console {
        agents: args.agents,
        agent: args.agent,
        name: args.name,
        clients: live_clients().await?,
        sound,
        end_of_turn: end_of_turn.map(|model| Arc::new(model) as _),
    };
    console::run(console).await
}
