//! Faults, as steps in time. PURE.

use std::time::Duration;

use super::webhooks::Delivery;

/// A part of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The worker with the most calls.
    Worker,
    /// One of the two control planes.
    ControlPlane(usize),
}

/// What happens to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// kill -9
    Kill(Part),
    /// SIGTERM
    Terminate(Part),
    /// SIGSTOP: it keeps its sockets and does nothing.
    Freeze(Part),
    /// SIGCONT
    Thaw(Part),
    /// Restarts it as its supervisor would, with the same data folder.
    Start(Part),
    /// The worker's network is cut: media and signalling.
    Cut,
    Mend,
    /// livekit-server is killed and started again.
    RestartLiveKit,
    StopPostgres,
    StartPostgres,
    /// Nothing passes between Postgres and its clients.
    StallPostgres,
    OpenPostgres,
}

/// The faults of a running system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    WorkerKilled,
    WorkerTerminated,
    WorkerDrained,
    WorkerFrozen,
    WorkerCutOff,
    ControlPlaneKilled,
    ControlPlanesTerminated,
    LiveKitRestarted,
    PostgresStopped,
    PostgresUnreachable,
    PostgresThenWorker,
    WebhooksLost,
    WebhooksDoubled,
    WebhooksLate,
}

/// How long Postgres is unavailable.
const AWAY: Duration = Duration::from_secs(40);

impl Fault {
    pub const ALL: [Self; 15] = [
        Self::Nothing,
        Self::WorkerKilled,
        Self::WorkerTerminated,
        Self::WorkerDrained,
        Self::WorkerFrozen,
        Self::WorkerCutOff,
        Self::ControlPlaneKilled,
        Self::ControlPlanesTerminated,
        Self::LiveKitRestarted,
        Self::PostgresStopped,
        Self::PostgresUnreachable,
        Self::PostgresThenWorker,
        Self::WebhooksLost,
        Self::WebhooksDoubled,
        Self::WebhooksLate,
    ];

    /// Its name in `FAULTS=`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::WorkerKilled => "worker-killed",
            Self::WorkerTerminated => "worker-terminated",
            Self::WorkerDrained => "worker-drained",
            Self::WorkerFrozen => "worker-frozen",
            Self::WorkerCutOff => "worker-cut-off",
            Self::ControlPlaneKilled => "control-plane-killed",
            Self::ControlPlanesTerminated => "control-planes-terminated",
            Self::LiveKitRestarted => "livekit-restarted",
            Self::PostgresStopped => "postgres-stopped",
            Self::PostgresUnreachable => "postgres-unreachable",
            Self::PostgresThenWorker => "postgres-then-worker",
            Self::WebhooksLost => "webhooks-lost",
            Self::WebhooksDoubled => "webhooks-doubled",
            Self::WebhooksLate => "webhooks-late",
        }
    }

    /// Its title in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::WorkerKilled => "a worker killed (-9)",
            Self::WorkerTerminated => "a worker told to end (SIGTERM)",
            Self::WorkerDrained => "a worker told to end (SIGTERM), its drain time of 1 s over",
            Self::WorkerFrozen => "a worker frozen for 10 s",
            Self::WorkerCutOff => "a worker without network for 15 s",
            Self::ControlPlaneKilled => "a control plane and a worker killed (-9)",
            Self::ControlPlanesTerminated => "both control planes restarted (SIGTERM)",
            Self::LiveKitRestarted => "livekit-server killed, back after 2 s",
            Self::PostgresStopped => "Postgres stopped for 40 s",
            Self::PostgresUnreachable => "Postgres unreachable for 40 s",
            Self::PostgresThenWorker => "Postgres stopped for 40 s, 3 s later a worker killed",
            Self::WebhooksLost => "webhooks lost, a worker killed",
            Self::WebhooksDoubled => "webhooks doubled, a worker killed",
            Self::WebhooksLate => "webhooks 20 s late, a worker killed",
        }
    }

    /// The steps, with their times after the first. A supervisor restarts a killed process after `again`.
    pub fn steps(self, again: Duration) -> Vec<(Duration, Step)> {
        use Part::{ControlPlane, Worker};
        let at = Duration::from_secs;
        let worker_dies = [(at(0), Step::Kill(Worker)), (again, Step::Start(Worker))];
        match self {
            Self::Nothing => Vec::new(),
            Self::WorkerKilled
            | Self::WebhooksLost
            | Self::WebhooksDoubled
            | Self::WebhooksLate => worker_dies.into(),
            Self::WorkerTerminated | Self::WorkerDrained => vec![(at(0), Step::Terminate(Worker))],
            Self::WorkerFrozen => {
                vec![(at(0), Step::Freeze(Worker)), (at(10), Step::Thaw(Worker))]
            }
            Self::WorkerCutOff => vec![(at(0), Step::Cut), (at(15), Step::Mend)],
            Self::ControlPlaneKilled => {
                let plane = ControlPlane(0);
                vec![
                    (at(0), Step::Kill(plane)),
                    (at(1), Step::Kill(Worker)),
                    (again, Step::Start(plane)),
                    (again, Step::Start(Worker)),
                ]
            }
            Self::ControlPlanesTerminated => {
                let planes = [ControlPlane(0), ControlPlane(1)];
                let down = planes.map(|plane| (at(0), Step::Terminate(plane)));
                let up = planes.map(|plane| (at(5), Step::Start(plane)));
                down.into_iter().chain(up).collect()
            }
            Self::LiveKitRestarted => vec![(at(0), Step::RestartLiveKit)],
            Self::PostgresStopped => {
                vec![(at(0), Step::StopPostgres), (AWAY, Step::StartPostgres)]
            }
            Self::PostgresThenWorker => {
                let dies = AWAY + at(3);
                vec![
                    (at(0), Step::StopPostgres),
                    (AWAY, Step::StartPostgres),
                    (dies, Step::Kill(Worker)),
                    (dies + again, Step::Start(Worker)),
                ]
            }
            Self::PostgresUnreachable => {
                vec![(at(0), Step::StallPostgres), (AWAY, Step::OpenPostgres)]
            }
        }
    }

    /// How webhooks are delivered, from the beginning.
    pub fn webhooks(self) -> Delivery {
        match self {
            Self::WebhooksLost => Delivery::Lost,
            Self::WebhooksDoubled => Delivery::Doubled,
            Self::WebhooksLate => Delivery::Late(Duration::from_secs(20)),
            _ => Delivery::Prompt,
        }
    }

    /// How many seconds a worker that is told to end leaves its calls.
    pub fn drain_seconds(self) -> u64 {
        match self {
            Self::WorkerDrained => 1,
            _ => 600,
        }
    }

    /// Whether callers must not notice it at all.
    pub fn is_unnoticed(self) -> bool {
        matches!(
            self,
            Self::Nothing | Self::WorkerTerminated | Self::WorkerDrained
        )
    }

    /// Whether workers reach livekit-server through a relay that can be cut.
    pub fn cuts_the_network(self) -> bool {
        self == Self::WorkerCutOff
    }
}
