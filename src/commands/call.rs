//! `sidetone call`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use sidetone::caller::access::{Access, TokenRequest};
use sidetone::caller::phone::Phone;
use sidetone::caller::script::Patience;
use sidetone::caller::{self, CallPlan, Says, ScriptTurn};
use sidetone::cli::{CallArgs, SaysArg, TurnArg};
use sidetone_base::audio;
use sidetone_config::env::Env;

/// Fails if a turn was not answered.
pub(super) async fn run(args: CallArgs) -> anyhow::Result<ExitCode> {
    let access = match (args.url, args.token) {
        _ if args.phone => {
            let env = Env::read()?;
            Access::Phone(Phone {
                livekit: env.livekit?,
                agent_name: env.agent_name,
                metadata: args.metadata,
                number: args.number,
                dialled: args.dials,
            })
        }
        (Some(url), Some(token)) => Access::Token { url, token },
        _ => Access::Server {
            server: args.server,
            api_key: args.api_key,
            request: TokenRequest {
                room_type: "support".into(),
                participant_name: "Scripted caller".into(),
                agent: args.agent,
                voice: args.voice,
                ..TokenRequest::default()
            },
        },
    };
    let plan = CallPlan {
        access,
        turns: args
            .turns
            .into_iter()
            .map(turn)
            .collect::<anyhow::Result<_>>()?,
        patience: Patience::default(),
        limit: Duration::from_secs(args.limit),
        out: args.out,
    };
    let report = caller::place(plan).await?.report;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(if report.all_answered() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn turn(arg: TurnArg) -> anyhow::Result<ScriptTurn> {
    let (name, says) = match arg.says {
        SaysArg::File(file) => {
            let name = file.file_name().unwrap_or(file.as_os_str());
            let sound = audio::wav::read(&file)?;
            (name.to_string_lossy().into_owned(), sound.into())
        }
        SaysArg::Keys(keys) => {
            let signs: String = keys.iter().map(|key| key.sign()).collect();
            (format!("keys {signs}"), Says::Keys(keys))
        }
    };
    Ok(ScriptTurn {
        name,
        says,
        cue: arg.cue,
    })
}
