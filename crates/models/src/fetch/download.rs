//! Plain downloads, resumed with HTTP Range (RFC 9110, section 14).

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use reqwest::{StatusCode, header};
use tokio::io::AsyncWriteExt;

use super::{Attempt, Progress, blocking};
use crate::cache::{self, Cache};
use crate::manifest::File;

/// An unreachable host must not delay the sources after it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// After no byte for this long, the transfer counts as dead.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The address of Hugging Face in the manifest.
const HUGGING_FACE: &str = "https://huggingface.co";

/// Downloads over HTTP, and remembers unreachable hosts.
#[derive(Default)]
pub struct Web {
    client: Option<reqwest::Client>,
    unreachable: HashSet<String>,
    /// The mirror to use instead of Hugging Face.
    mirror: Option<String>,
}

impl Web {
    /// `HF_ENDPOINT` names a mirror of Hugging Face, as it does for Hugging Face's own client.
    pub fn from_env() -> Self {
        match std::env::var("HF_ENDPOINT") {
            Ok(mirror) if !mirror.is_empty() => Self::with_mirror(&mirror),
            _ => Self::default(),
        }
    }

    pub(super) fn with_mirror(mirror: &str) -> Self {
        Self {
            mirror: Some(mirror.trim_end_matches('/').to_owned()),
            ..Self::default()
        }
    }

    fn place(&self, url: &str) -> String {
        match (&self.mirror, url.strip_prefix(HUGGING_FACE)) {
            (Some(mirror), Some(path)) if path.starts_with('/') => format!("{mirror}{path}"),
            _ => url.to_owned(),
        }
    }

    pub(super) async fn fetch(
        &mut self,
        cache: &Cache,
        file: &'static File,
        url: &str,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<(), Attempt> {
        let url = &self.place(url);
        let host = host(url);
        if self.unreachable.contains(&host) {
            return Err(Attempt::Source(format!("{host}: not reachable from here")));
        }
        let dir = cache.partial();
        std::fs::create_dir_all(&dir).map_err(Attempt::cache(&dir))?;
        let partial = dir.join(&file.name);

        let have = partial.metadata().map_or(0, |metadata| metadata.len());
        let mut request = self.client()?.get(url);
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                if error.is_connect() || error.is_timeout() {
                    self.unreachable.insert(host.clone());
                }
                return Err(Attempt::Source(format!("{host}: {}", root_cause(&error))));
            }
        };
        match response.status() {
            StatusCode::PARTIAL_CONTENT | StatusCode::OK => {
                let resumed = response.status() == StatusCode::PARTIAL_CONTENT;
                receive(
                    response,
                    &partial,
                    if resumed { have } else { 0 },
                    file,
                    progress,
                )
                .await?;
            }
            // everything is here already; the hash decides
            StatusCode::RANGE_NOT_SATISFIABLE => {}
            status => return Err(Attempt::Source(format!("{url}: answered {status}"))),
        }

        let (arrived, place) = (partial.clone(), cache.path(&file.name));
        blocking(move || {
            let sha256 = cache::sha256(&arrived).map_err(Attempt::cache(&arrived))?;
            if sha256 != file.sha256 {
                let _ = std::fs::remove_file(&arrived); // a wrong file must not be resumed
                return Err(Attempt::Source(format!(
                    "{host}: served another file (sha256 {sha256}, expected {})",
                    file.sha256
                )));
            }
            std::fs::rename(&arrived, &place).map_err(Attempt::cache(&place))
        })
        .await
    }

    fn client(&mut self) -> Result<&reqwest::Client, Attempt> {
        if self.client.is_none() {
            let client = reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                .build()
                .map_err(|error| Attempt::Source(format!("no HTTP client: {error}")))?;
            self.client = Some(client);
        }
        Ok(self.client.as_ref().expect("set above"))
    }
}

async fn receive(
    mut response: reqwest::Response,
    partial: &Path,
    start: u64,
    file: &File,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), Attempt> {
    let mut out = tokio::fs::File::options()
        .create(true)
        .append(start > 0)
        .write(true)
        .truncate(start == 0)
        .open(partial)
        .await
        .map_err(Attempt::cache(partial))?;
    let mut done = start;
    loop {
        let chunk = response
            .chunk()
            .await
            .map_err(|error| Attempt::Source(format!("broke off: {}", root_cause(&error))))?;
        let Some(chunk) = chunk else { break };
        done += chunk.len() as u64;
        if done > file.size {
            drop(out);
            let _ = std::fs::remove_file(partial); // a wrong file must not be resumed
            return Err(Attempt::Source(format!(
                "sends more than the {} bytes expected",
                file.size
            )));
        }
        out.write_all(&chunk)
            .await
            .map_err(Attempt::cache(partial))?;
        progress(Progress::Bytes {
            file: &file.name,
            done,
            total: file.size,
        });
    }
    out.flush().await.map_err(Attempt::cache(partial))?;
    out.sync_all().await.map_err(Attempt::cache(partial))
}

fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

/// The innermost cause: the one that a person can act on.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
