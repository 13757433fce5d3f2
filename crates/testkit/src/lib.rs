//! What tests and benchmarks share: a real livekit-server on free ports, a real Postgres with or without TLS or with a
//! real pgbouncer in front, a real S3 server, a real Redis with a worker for LiveKit's egresses, a fake OpenAI provider
//! with configured delays and scripted failures. Everything listens on loopback only.

pub mod buffering;
pub mod egress;
pub mod fake_openai;
pub mod gate;
#[cfg(target_os = "linux")]
pub mod network;
pub mod pgbouncer;
pub mod postgres;
pub mod recording;
pub mod redis;
pub mod rough_path;
pub mod s3;

pub use buffering::BufferingProxy;
pub use egress::EgressWorker;
pub use fake_openai::{Answer, Endpoint, Failure, FakeOpenAi, ModelList, Timing};
pub use gate::Gate;
pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use redis::Redis;
pub use rough_path::{RoughPath, Roughness};
pub use s3::S3Server;
pub use sidetone_livekit_server::{self as livekit_server, LiveKitServer};
