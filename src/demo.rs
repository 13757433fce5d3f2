//! `sidetone demo`: the whole product on this machine, shown by one call.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use sidetone_livekit_server::{LiveKitServer, Options};
use sidetone_models::{Loaded, fetch};
use tokio::net::TcpListener;

use crate::caller::access::{Access, TokenRequest};
use crate::caller::script::{Cue, Patience};
use crate::caller::{self, CallPlan, Placed, ScriptTurn};
use crate::cli::DemoArgs;
use crate::eval::word_error::word_error_rate;
use crate::serve::{Process, serve};
use crate::shop;
use crate::worker::{LoadMeasure, Shutdown};
use sidetone_base::audio::{Resampler, wav};
use sidetone_base::clock;
use sidetone_config::env::Env;
use sidetone_config::recording::RecordingMode;

mod shown;

/// The scripted caller's turns: each file, and when it is played.
const SCRIPT: [(&str, Cue); 2] = [
    ("caller-opening-hours.wav", Cue::AgentDone),
    (
        "caller-interrupts.wav",
        Cue::AgentSpeakingFor(Duration::from_millis(800)),
    ),
];
/// The agent counts as understood if the local STT reads its voice back at least this well: synthetic speech over Opus,
/// read by a small model, misses about one word in ten.
const INTELLIGIBLE: f64 = 0.35;
/// How long the demo may take to get ready; loading models takes seconds.
const READY: Duration = Duration::from_secs(180);
/// The longest duration of the scripted call.
const LIMIT: Duration = Duration::from_secs(120);
/// The page's port if it is free: a fixed address is easier to find again.
const PORT: u16 = 3000;

/// Runs the demo. With `--once` the exit code says whether the reply was heard and understood, and whether everything
/// that was started has ended.
///
/// # Errors
/// If something cannot be started; the message says what to do.
pub async fn run(args: DemoArgs, shutdown: Shutdown) -> anyhow::Result<ExitCode> {
    let began = clock::now();
    let models = local_models().await?;
    let data = tempfile::tempdir().context("making a folder for the demo's database")?;
    let listener = match TcpListener::bind(("127.0.0.1", PORT)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await?,
    };
    let server = format!("http://{}", listener.local_addr()?);
    let livekit = LiveKitServer::start_with(Options {
        webhook_urls: vec![format!("{server}/api/voice/webhook")],
        ..Options::default()
    })
    .await?;
    println!("livekit-server is up at {}", livekit.url);
    let env = Env {
        bind: listener.local_addr()?,
        ..environment(&livekit, data.path())?
    };
    let questions = shop::questions(&env);
    let shop = shop::open().await;
    if let Err(error) = &shop {
        println!("the shop's server cannot be opened ({error}): its agent's tools will not work");
    }
    let stop = shutdown.drain.child_token();
    let stops = Shutdown {
        drain: stop.clone(),
        end_calls: shutdown.end_calls,
    };
    let process = Process {
        env,
        models: Some(models.clone()),
        agents: args.agents.clone(),
        listener: Some(listener),
        // Everything shares this machine: its CPU says nothing about the agent.
        worker: Some(LoadMeasure::Jobs),
    };
    let mut serving = tokio::spawn(serve(process, stops));
    let shown = tokio::select! {
        // It ends by itself only if it cannot go on, for example because of a mistake in the agent's file.
        served = &mut serving => {
            served??;
            bail!("the agent's process ended by itself; see its log above");
        }
        shown = converse(&args, &models, &server, began) => shown,
        () = shutdown.drain.cancelled() => Ok(false),
    };
    let good = match shown {
        Ok(good) => good,
        Err(error) => {
            stop.cancel();
            let served = serving.await?;
            return Err(served.err().unwrap_or(error));
        }
    };
    if !args.once {
        println!("\nTry it yourself: {server}/   (ctrl-c ends the demo)");
        println!("Ask, for example:");
        for question in questions {
            println!("  {question}");
        }
        shutdown.drain.cancelled().await;
    }
    stop.cancel();
    serving.await??;
    drop(livekit);
    if args.once {
        println!(
            "{}",
            if good {
                "Everything has ended. The demo went well."
            } else {
                "Everything has ended. The demo did NOT go well: see above."
            }
        );
    }
    Ok(if good || !args.once {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Local models are always loaded: without a key the agent uses them, and with one they still read the agent's voice
/// back.
async fn local_models() -> anyhow::Result<Loaded> {
    let settings = sidetone_models::Settings::with_llm(&Env::read()?.llm_model);
    let mut bars = fetch::Bars::default();
    let mut draw = |progress: fetch::Progress<'_>| bars.draw(progress);
    let models = settings.models();
    let complete = models.iter().all(|model| model.is_here(&settings.cache));
    fetch::fetch(&settings.cache, &models, &mut draw)
        .await
        .context("fetching the local models")?;
    // Fetched once, or by `sidetone models fetch`: later starts wait for no host.
    if !complete {
        fetch::fetch_extras(&settings.cache, &settings.extras(), &mut draw)
            .await
            .context("fetching more voices")?;
    }
    println!("loading speech and language models ...");
    Ok(tokio::task::spawn_blocking(move || sidetone_models::load(&settings)).await??)
}

/// The user's environment, with LiveKit, the database and the demo's settings added.
fn environment(livekit: &LiveKitServer, data: &Path) -> anyhow::Result<Env> {
    let mut env = Env::from_lookup(|name| match name {
        "LIVEKIT_HOST" => Some(livekit.url.clone()),
        "LIVEKIT_API_KEY" => Some(livekit.api_key.clone()),
        "LIVEKIT_API_SECRET" => Some(livekit.api_secret.clone()),
        "SIDETONE_DATA_DIR" => Some(data.display().to_string()),
        "SIDETONE_DEMO" => Some("true".into()),
        "LIVEKIT_URL" | "DATABASE_URL" | "SIDETONE_BIND" => None,
        name => std::env::var(name).ok(),
    })?;
    // So that the admin pages have something to play; without a bucket it is deleted with the data folder.
    env.recording.default_mode = RecordingMode::Process;
    Ok(env)
}

/// Places the scripted call and shows its results. Returns whether all went well.
async fn converse(
    args: &DemoArgs,
    models: &Loaded,
    server: &str,
    began: std::time::Instant,
) -> anyhow::Result<bool> {
    wait_until_ready(server).await?;
    println!(
        "the agent is ready after {:.1} s",
        (clock::now() - began).as_secs_f64()
    );
    let plan = CallPlan {
        access: Access::Server {
            server: server.to_owned(),
            api_key: None,
            request: TokenRequest {
                room_type: "support".into(),
                participant_name: "Demo caller".into(),
                agent: Some(shop::AGENT.into()),
                ..TokenRequest::default()
            },
        },
        turns: SCRIPT
            .iter()
            .map(|(file, cue)| {
                let sound = wav::read(&args.audio.join(file))?;
                Ok(ScriptTurn {
                    name: (*file).to_owned(),
                    says: sound.into(),
                    cue: *cue,
                })
            })
            .collect::<anyhow::Result<_>>()?,
        patience: Patience::default(),
        limit: LIMIT,
        out: Some(args.out.clone()),
    };
    println!(
        "placing a call of {} turns, the second a barge-in ...\n",
        plan.turns.len()
    );
    let placed = caller::place(plan).await?;
    print!("{}", placed.report);
    if let Some(call_id) = &placed.report.call_id {
        shown::stages(server, call_id).await?;
    }
    println!(
        "the agent's voice as heard: {}",
        args.out.join("reply.wav").display()
    );
    let wer = read_back(models, &placed).await?;
    println!("read back by the local STT: word error rate {wer:.2} (at most {INTELLIGIBLE})");
    let interrupted = placed.report.turns[1]
        .times
        .is_some_and(|times| times.stopped_after.is_some());
    if !interrupted {
        println!("the barge-in did not stop the agent");
    }
    Ok(placed.report.all_answered() && interrupted && wer <= INTELLIGIBLE)
}

/// Waits for `/readyz`.
async fn wait_until_ready(server: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let by = clock::now() + READY;
    loop {
        let answer = client
            .get(format!("{server}/readyz"))
            .timeout(Duration::from_secs(2))
            .send()
            .await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        ensure!(
            clock::now() < by,
            "the agent was not ready after {READY:?}; the log says why"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The word error rate of the agent's recorded voice, read by the local STT, compared with the text that the agent
/// published.
async fn read_back(models: &Loaded, placed: &Placed) -> anyhow::Result<f64> {
    let said = placed.report.agent_text();
    ensure!(!said.is_empty(), "the agent published no transcript");
    let mut heard = String::new();
    for span in &placed.agent_voice {
        let clip = Resampler::<48_000, 16_000>::convert(&placed.received_in(*span));
        let samples = clip
            .samples()
            .iter()
            .map(|&s| f32::from(s) / 32_768.0)
            .collect();
        heard.push_str(&models.stt.transcribe(samples, "en").await?.text);
        heard.push(' ');
    }
    Ok(word_error_rate(&said, &heard))
}
