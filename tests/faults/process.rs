//! A part of the system as a separate process, which can be killed and restarted.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::{eventually, signal};

/// `sidetone serve` or `sidetone worker`. Dropping it kills it.
pub struct Process {
    args: Vec<String>,
    variables: Vec<(&'static str, String)>,
    log: PathBuf,
    /// Where it answers health checks; a control plane serves everything here.
    pub address: SocketAddr,
    child: Child,
}

impl Process {
    /// Starts it; `args` are followed by `flag` and its address. It writes its log to `log`.
    pub async fn start(
        args: &[&str],
        flag: &str,
        variables: Vec<(&'static str, String)>,
        log: PathBuf,
    ) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        args.extend([flag.to_owned(), address.to_string()]);
        let child = spawn(&args, &variables, &log);
        let process = Self {
            args,
            variables,
            log,
            address,
            child,
        };
        process.ready().await;
        process
    }

    /// Waits until calls can be placed.
    pub async fn ready(&self) {
        let url = format!("http://{}/readyz", self.address);
        let what = format!("{} is ready; its log: {}", self.args[0], self.log.display());
        eventually(&what, 60, || async {
            let answer = reqwest::get(&url).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// Sends the signal with this name.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// kill -9
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end of a process that was told to end.
    pub async fn ended(&mut self) {
        eventually("the process ends", 60, || {
            let ended = self.child.try_wait().unwrap();
            async move { ended }
        })
        .await;
    }

    /// Restarts it with the same address and data if it is down; first waits for its end if it was told to end.
    pub async fn start_again(&mut self) {
        self.ended().await;
        self.child = spawn(&self.args, &self.variables, &self.log);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(args: &[String], variables: &[(&'static str, String)], log: &PathBuf) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    Command::new(env!("CARGO_BIN_EXE_sidetone"))
        .args(args)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
