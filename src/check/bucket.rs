//! The bucket that recordings go to: written to, read and emptied again.

use super::{DEADLINE, Item};
use crate::config::env::Env;
use crate::recording::bucket::S3;

/// Recording is optional: without a bucket calls are not recorded unless an agent's file says so.
pub(super) async fn bucket(env: &Env) -> Item {
    let Some(bucket) = &env.recording.bucket else {
        return Item::note(
            "bucket",
            "LIVEKIT_RECORDING_BUCKET is not set: recordings stay in the data folder",
            "to keep them in a bucket, set it, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        );
    };
    let key = format!("sidetone-check-{}", uuid::Uuid::new_v4());
    let tried = async { S3::new(bucket)?.try_out(&key).await };
    match tokio::time::timeout(DEADLINE, tried).await {
        Ok(Ok(())) => Item::ok(
            "bucket",
            format!("{} takes, gives and deletes", bucket.name),
        ),
        Ok(Err(error)) => Item::wrong(
            "bucket",
            format!("{}: {}", bucket.name, error.reason),
            error.fix,
        ),
        Err(_) => Item::wrong(
            "bucket",
            format!("{} does not answer within 10 s", bucket.name),
            "check LIVEKIT_RECORDING_ENDPOINT, and that this machine may reach it",
        ),
    }
}
