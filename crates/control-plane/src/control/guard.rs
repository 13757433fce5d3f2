//! Drives the dispatch guardian: asks LiveKit, looks into rooms, writes down what comes of it.

mod acts;
mod rounds;
mod tasks;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use crate::control::elsewhere;
use crate::control::participant::kind_of;
use crate::dispatch::Dispatcher;
use crate::dispatch::guardian::{Guardian, GuardianConfig, Input, Output, Sight, Verdict};
use crate::dispatch::observer::Observer;
use crate::server_api::ServerApi;
use acts::Acts;
use sidetone_base::clock;
use sidetone_store::dispatches::DispatchState;
use sidetone_store::epochs::SilentAgent;
use sidetone_store::places::{Full, Wish};
use sidetone_store::{DispatchMetadata, ParticipantKind, Store, StoreError};
use tasks::Tasks;

/// What is wrong with a room whose act panicked.
const PANICKED: &str = "the control plane failed; its log says where";

/// Longest wait of a request for the first asking: less than a request may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Commands on their way to the driver; a request waits while it is full.
const QUEUE: usize = 256;

/// Asks for agents and sees to it that they come; cheap to clone.
#[derive(Clone, Debug)]
pub struct Guard {
    store: Store,
    dispatcher: Arc<Dispatcher>,
    livekit: ServerApi,
    commands: mpsc::Sender<Command>,
}

#[derive(Debug)]
enum Command {
    Input(Input),
    /// Wanted; tells when the first asking is through, and whether LiveKit took it.
    Want(String, oneshot::Sender<bool>),
}

/// What became of a wish for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One is asked for, or there, already.
    Already,
    /// LiveKit took the dispatch.
    Asked,
    /// LiveKit did not take it (yet); it is tried again.
    NotYet,
    /// No worker could take the call: nothing was asked.
    Full(Full),
}

impl Guard {
    /// Wants an agent in a room and waits for LiveKit to take the first asking. Idempotent.
    ///
    /// # Errors
    /// The database did not answer; nothing was asked then.
    pub async fn want(
        &self,
        room: &str,
        metadata: &DispatchMetadata,
    ) -> Result<Wanted, StoreError> {
        let mut wish = self.wish(room, metadata).await?;
        if wish == Wish::Already && self.is_left(room).await? {
            wish = self.wish(room, metadata).await?;
        }
        match wish {
            Wish::Noted => {}
            Wish::Already => return Ok(Wanted::Already),
            Wish::Full(full) => return Ok(Wanted::Full(full)),
        }
        let (taken, answer) = oneshot::channel();
        let asked = async {
            let command = Command::Want(room.to_owned(), taken);
            self.commands.send(command).await.is_ok() && answer.await.unwrap_or(false)
        };
        // It is asked for in any case: whoever waits for LiveKit is told that it was not yet.
        let taken = timeout(ANSWER, asked).await.unwrap_or(false);
        Ok(if taken { Wanted::Asked } else { Wanted::NotYet })
    }

    async fn wish(&self, room: &str, metadata: &DispatchMetadata) -> Result<Wish, StoreError> {
        let (name, now) = (self.agent_name(), sidetone_store::now());
        self.store
            .want_agent_if_free(room, metadata, name, now)
            .await
    }

    /// Whether neither a person nor an agent is in a room whose agent was there; then its agent is over. So would
    /// the guard find, when it looks next.
    async fn is_left(&self, room: &str) -> Result<bool, StoreError> {
        let agent = self.store.agent_in(room).await?;
        let Some(agent) = agent.filter(|agent| agent.state == DispatchState::Joined) else {
            return Ok(false);
        };
        match self.livekit.participants(room).await {
            // A recorder is nobody.
            Ok(there)
                if (there.iter().flatten()).all(|one| kind_of(one) == ParticipantKind::Other) =>
            {
                let is_another = elsewhere::is_another(&self.store, &self.livekit).await;
                if is_another.unwrap_or(true) {
                    return Ok(false);
                }
                let now = sidetone_store::now();
                self.store.agent_over(room, agent.epoch, now).await?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) => {
                tracing::debug!(room, %error, "could not read who is in a room");
                Ok(false)
            }
        }
    }

    /// As [`Guard::want`], without waiting for LiveKit.
    ///
    /// # Errors
    /// The database did not answer; nothing was asked then.
    pub async fn ask_for(&self, room: &str, metadata: &DispatchMetadata) -> Result<(), StoreError> {
        let now = sidetone_store::now();
        if self.store.want_agent(room, metadata, now).await? {
            self.input(Input::Wanted(room.to_owned())).await;
        }
        Ok(())
    }

    /// The name that agents are asked for by.
    pub(crate) fn agent_name(&self) -> &str {
        self.dispatcher.agent_name()
    }

    /// An agent with this epoch joined a room. Agents of other products are ignored.
    ///
    /// # Errors
    /// The database did not answer.
    pub async fn agent_joined(
        &self,
        room: &str,
        identity: &str,
        epoch: Option<i64>,
    ) -> Result<(), StoreError> {
        let agent = self.store.agent_in(room).await?;
        if agent.is_some_and(|agent| agent.is(identity, epoch)) {
            self.input(Input::AgentJoined(room.to_owned())).await;
        }
        Ok(())
    }

    /// An agent left a room, maybe one that another control plane watches over.
    pub async fn agent_left(&self, room: &str) {
        self.input(Input::Adopted(room.to_owned(), true)).await;
        self.input(Input::AgentLeft(room.to_owned())).await;
    }

    /// No agent is wanted in a room any more.
    pub async fn over(&self, room: &str) {
        self.input(Input::Over(room.to_owned())).await;
    }

    pub(super) fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    async fn input(&self, input: Input) {
        // The receiver is gone only at shutdown; others read the store.
        let _ = self.commands.send(Command::Input(input)).await;
    }
}

/// The one task that owns the guardian. When a run fails, a clone of it runs next: it reads what is wanted
/// from the store, and takes the commands that wait.
#[derive(Clone, Debug)]
pub struct GuardDriver {
    config: GuardianConfig,
    acts: Acts,
    /// Locked by the run. Not of the run itself, or what was sent to one that failed would be lost.
    commands: Arc<Mutex<mpsc::Receiver<Command>>>,
}

/// The guardian and what it waits for.
#[derive(Debug)]
struct Run {
    guardian: Guardian,
    acts: Acts,
    waiting: HashMap<String, Vec<oneshot::Sender<bool>>>,
    /// How often the store is read for rooms that nobody told of.
    read_every: Duration,
    is_reading: bool,
    observer: Observer,
    is_observing: bool,
}

/// What came of something that was done.
#[derive(Debug, PartialEq)]
enum Done {
    Nothing,
    Input(Input),
    /// The rooms where the store says that an agent is wanted, and whether it has been there.
    Read(Vec<(String, bool)>),
    /// A round of the observer: when it began and ended, and who is silent. None: the database did not
    /// take this process's own beat.
    Observed(Instant, Instant, Option<Vec<SilentAgent>>),
}

pub(super) fn driver(
    config: GuardianConfig,
    store: Store,
    dispatcher: Arc<Dispatcher>,
    livekit: ServerApi,
    names_editions: bool,
) -> (Guard, GuardDriver) {
    let (commands, commands_in) = mpsc::channel(QUEUE);
    let acts = Acts::new(
        &config,
        store.clone(),
        Arc::clone(&dispatcher),
        livekit.clone(),
        names_editions,
    );
    let driver = GuardDriver {
        config,
        acts,
        commands: Arc::new(Mutex::new(commands_in)),
    };
    (
        Guard {
            store,
            dispatcher,
            livekit,
            commands,
        },
        driver,
    )
}

impl GuardDriver {
    /// Runs until `shutdown`. What is wanted stands in the store: it is read again and again, so that a
    /// room is watched over also when whoever asked, or its event, is gone.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut commands = self.commands.lock_owned().await;
        let mut run = Run {
            guardian: Guardian::new(self.config),
            acts: self.acts,
            waiting: HashMap::new(),
            read_every: self.config.look_again,
            is_reading: false,
            observer: Observer::new(self.config.silence),
            is_observing: false,
        };
        let mut tasks = Tasks::new();
        let mut read = tokio::time::interval(run.read_every);
        read.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut observe = tokio::time::interval(self.config.observe_every);
        observe.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let deadline = run.act(&mut tasks);
            let wake = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some(command) = commands.recv() => run.command(command),
                Some(done) = tasks.next() => run.done(done),
                () = wake => run.guardian.handle_input(clock::now(), Input::Timeout),
                _ = read.tick(), if !run.is_reading => {
                    run.is_reading = true;
                    let reading = run.acts.clone();
                    let live = async move { Done::Read(reading.live().await) };
                    tasks.of_all(live, Done::Read(Vec::new()));
                }
                // Without calls there is nobody to be silent.
                _ = observe.tick(), if !run.is_observing && run.guardian.is_watching() => {
                    run.is_observing = true;
                    let observing = run.acts.clone();
                    let began = clock::now();
                    let round = async move {
                        let silent = observing.silent().await;
                        Done::Observed(began, clock::now(), silent)
                    };
                    tasks.of_all(round, Done::Observed(began, began, None));
                }
            }
        }
    }
}

impl Run {
    fn command(&mut self, command: Command) {
        let input = match command {
            Command::Input(input) => input,
            Command::Want(room, taken) => {
                self.waiting.entry(room.clone()).or_default().push(taken);
                Input::Wanted(room)
            }
        };
        self.answer(&input);
        self.guardian.handle_input(clock::now(), input);
    }

    /// Tells those who wait for a room's first asking that it is through, or that there will be none.
    fn answer(&mut self, input: &Input) {
        let (room, taken) = match input {
            Input::Asked(room, taken) => (room, taken.is_ok()),
            Input::Over(room) => (room, false),
            _ => return,
        };
        for waiting in self.waiting.remove(room).into_iter().flatten() {
            let _ = waiting.send(taken);
        }
    }

    fn done(&mut self, done: Done) {
        let input = match done {
            Done::Nothing => return,
            Done::Input(input) => input,
            Done::Read(live) => {
                self.is_reading = false;
                for (room, seen) in live {
                    self.guardian
                        .handle_input(clock::now(), Input::Adopted(room, seen));
                }
                return;
            }
            Done::Observed(began, ended, silent) => return self.observed(began, ended, silent),
        };
        self.answer(&input);
        self.guardian.handle_input(clock::now(), input);
    }

    fn observed(&mut self, began: Instant, ended: Instant, silent: Option<Vec<SilentAgent>>) {
        self.is_observing = false;
        if !self.observer.round(began, ended, silent.is_some()) {
            return;
        }
        for agent in silent.into_iter().flatten() {
            let suspected = Input::Suspected(agent.room_name, agent.epoch);
            self.guardian.handle_input(clock::now(), suspected);
        }
    }

    fn act(&mut self, tasks: &mut Tasks) -> Option<std::time::Instant> {
        loop {
            let acts = self.acts.clone();
            match self.guardian.poll_output() {
                Output::Timeout(deadline) => return deadline,
                Output::Ask {
                    room,
                    attempt,
                    instead_of,
                } => {
                    if let Some(epoch) = instead_of {
                        tracing::warn!(
                            room,
                            epoch,
                            "an agent is dead or hands over; another one is dispatched"
                        );
                    } else if attempt > 1 {
                        tracing::warn!(room, attempt, "no agent joined; it is dispatched again");
                        let (acts, room) = (acts.clone(), room.clone());
                        let tell = async move { acts.tell_waiting(&room).await };
                        tasks.of_room(tell, Done::Nothing);
                    }
                    let panicked = Input::Asked(room.clone(), Err(PANICKED.into()));
                    let ask = async move { Done::Input(acts.ask(room, instead_of).await) };
                    tasks.of_room(ask, Done::Input(panicked));
                }
                Output::Look(room) => {
                    let panicked = Input::Looked(room.clone(), Sight::Unknown(PANICKED.into()));
                    let look = async move { Done::Input(acts.look(room).await) };
                    tasks.of_room(look, Done::Input(panicked));
                }
                Output::Check(room) => {
                    let age = self.read_every.mul_f32(0.8);
                    let panicked = Input::Looked(room.clone(), Sight::Unknown(PANICKED.into()));
                    let check = async move { Done::Input(acts.check(room, age).await) };
                    tasks.of_room(check, Done::Input(panicked));
                }
                Output::Confirm(room, epoch) => {
                    let panicked = Input::Confirmed(room.clone(), Verdict::Unknown);
                    let confirm = async move { Done::Input(acts.confirm(room, epoch).await) };
                    tasks.of_room(confirm, Done::Input(panicked));
                }
                Output::Present(room) => {
                    let note = async move { acts.note_present(&room).await };
                    tasks.of_room(note, Done::Nothing);
                }
                Output::Ended(room) => {
                    let note = async move { acts.note_over(&room).await };
                    tasks.of_room(note, Done::Nothing);
                }
                Output::GiveUp(room, reason) => {
                    tracing::error!(room, reason, "no agent for a call");
                    let give_up = async move { acts.give_up(&room, &reason).await };
                    tasks.of_room(give_up, Done::Nothing);
                }
            }
        }
    }
}
