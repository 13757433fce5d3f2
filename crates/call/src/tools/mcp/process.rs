//! An MCP server run as a child process: started for one call, and gone when that is over.

use std::process::Stdio;
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessGroup};
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::timeout;

use sidetone_config::secret::Secret;

/// A server exits by itself when its input closes (MCP, "Lifecycle: Shutdown"); one that has not exited by then is
/// killed with everything it started.
const GRACE: Duration = Duration::from_secs(1);
/// The environment a program needs to run at all. It gets nothing else of ours, because that contains our keys.
const KEPT: [&str; 8] = [
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SHELL",
];

/// The process, the leader of its own process group.
pub struct Process(Box<dyn ChildWrapper>);

impl Process {
    /// Starts the process; returns its output and input streams.
    /// # Errors
    /// The program does not exist, or may not be executed.
    pub fn start(
        server: &str,
        command: &str,
        args: &[String],
        env: &[(String, Secret)],
    ) -> std::io::Result<(Self, (ChildStdout, ChildStdin))> {
        let kept = KEPT
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut wrap = CommandWrap::with_new(command, |command| {
            command
                .args(args)
                .env_clear()
                .envs(kept)
                .envs(
                    env.iter()
                        .map(|(name, value)| (name, value.expose().to_string())),
                )
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
        });
        wrap.wrap(ProcessGroup::leader()).wrap(KillOnDrop);
        let mut child = wrap.spawn()?;
        let pipes = child.stdout().take().zip(child.stdin().take());
        if let Some(stderr) = child.stderr().take() {
            tokio::spawn(log(server.to_owned(), stderr));
        }
        let pipes = pipes.ok_or_else(|| std::io::Error::other("it has no input and output"))?;
        Ok((Self(child), pipes))
    }

    /// Waits for the exit that its closed input asks for; then kills it and what it started.
    pub async fn end(mut self) {
        if timeout(GRACE, self.0.wait()).await.is_ok() {
            return;
        }
        // Fails only if it has exited meanwhile.
        self.0.start_kill().ok();
        timeout(GRACE, self.0.wait()).await.ok();
    }
}

/// Logs the server's stderr, at debug level only: it may contain callers' words.
async fn log(server: String, mut stderr: ChildStderr) {
    let mut bytes = vec![0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut bytes).await {
        let text = String::from_utf8_lossy(&bytes[..read]);
        tracing::debug!(server, "{}", text.trim_end());
    }
}
