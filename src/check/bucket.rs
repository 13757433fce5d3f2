//! Checks whether recordings can reach their bucket, and browsers the recordings.

use super::{DEADLINE, Item};
use sidetone_config::env::Env;
use sidetone_config::recording::RecordingMode;
use sidetone_recording::bucket::S3;

const NAME: &str = "bucket";
/// Written, read and deleted.
const KEY: &str = "recordings/sidetone-check";

/// Tries the bucket with its key. With `fix`, its CORS rules are changed to allow the origins of the product's pages.
pub async fn look(env: &Env, fix: bool) -> Vec<Item> {
    let Some(bucket) = &env.recording.bucket else {
        return vec![Item::note(
            NAME,
            "LIVEKIT_RECORDING_BUCKET is not set: calls are recorded only where an agent's file \
             says so, and stay in the data folder",
            "to record, set LIVEKIT_RECORDING_BUCKET, LIVEKIT_RECORDING_REGION, \
             AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
        )];
    };
    let s3 = match S3::new(bucket) {
        Ok(s3) => s3,
        Err(error) => return vec![Item::wrong(NAME, error.reason, error.fix)],
    };
    match tokio::time::timeout(DEADLINE * 3, s3.try_out(KEY)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let found = format!("bucket {}: {}", bucket.name, error.reason);
            return vec![Item::wrong(NAME, found, error.fix)];
        }
        Err(_) => {
            let found = format!("bucket {} does not answer within 30 s", bucket.name);
            return vec![Item::wrong(NAME, found, "check LIVEKIT_RECORDING_ENDPOINT")];
        }
    }
    let written = format!("bucket {} stores, returns and deletes objects", bucket.name);
    vec![
        Item::ok(NAME, written),
        recorded(env.recording.default_mode),
        cors(env, &s3, fix).await,
    ]
}

/// Which calls are recorded, and by whom, if neither the agent nor the call says.
fn recorded(mode: RecordingMode) -> Item {
    const NAME: &str = "recordings";
    match mode {
        RecordingMode::Off => Item::note(
            NAME,
            "there is a bucket, and LIVEKIT_RECORDING_MODE=off: only calls are recorded whose agent or token says so",
            "set it to process or egress to record all",
        ),
        RecordingMode::Process => Item::ok(
            NAME,
            "agents' calls by the worker that holds them, calls between people by a worker that listens in",
        ),
        RecordingMode::Egress => Item::ok(
            NAME,
            "all calls by LiveKit's Egress (its workers and Redis beside LiveKit, its webhooks here); by a worker \
             until it does, or where it cannot",
        ),
    }
}

async fn cors(env: &Env, s3: &S3, fix: bool) -> Item {
    const NAME: &str = "bucket CORS";
    let mut wanted = env.cors_origins.clone();
    wanted.extend(env.public_url.as_deref().and_then(origin));
    if wanted.is_empty() {
        return Item::note(
            NAME,
            "no page's origin is known, so its CORS rules were not looked at",
            "set SIDETONE_PUBLIC_URL or SIDETONE_CORS_ORIGINS to the origins of your pages",
        );
    }
    let allowed = match s3.cors_origins().await {
        Ok(allowed) => allowed,
        Err(error) => return Item::note(NAME, error.reason, error.fix),
    };
    let may = |origin: &String| allowed.contains(origin) || allowed.iter().any(|one| one == "*");
    wanted.retain(|origin| !may(origin));
    if wanted.is_empty() {
        return Item::ok(NAME, "pages may read recordings");
    }
    let missing = wanted.join(", ");
    if !fix {
        let found = format!("pages of {missing} may not read recordings (players still can)");
        return Item::note(NAME, found, "run `sidetone check --fix`");
    }
    match s3.allow_origins(&wanted).await {
        Ok(()) => Item::ok(
            NAME,
            format!("pages of {missing} may read recordings from now on"),
        ),
        Err(error) => Item::wrong(NAME, error.reason, error.fix),
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    Some(format!("{scheme}://{}", rest.split('/').next()?))
}

#[cfg(test)]
mod tests;
