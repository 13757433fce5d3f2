//! A real Postgres on a free port of loopback with its own data folder; stopped by its process id and wiped on drop.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The server's user if tests run as root, as which Postgres refuses to run.
const UNPRIVILEGED: &str = "postgres";

/// A running cluster.
#[derive(Debug)]
pub struct Postgres {
    process: Child,
    port: u16,
    folder: PathBuf,
    how: How,
}

/// How a cluster is served.
#[derive(Clone, Copy, Debug, Default)]
struct How {
    is_secure: bool,
    is_durable: bool,
}

impl Postgres {
    /// Creates a cluster and starts it. Durability is off: it lives as long as this value.
    ///
    /// # Panics
    /// If Postgres is not installed (`apt-get install postgresql`) or does not start.
    pub fn start() -> Self {
        Self::start_with(None, How::default())
    }

    /// Like [`Postgres::start`], for measurements: each commit waits for the disk, as in production.
    ///
    /// # Panics
    /// See [`Postgres::start`].
    pub fn start_durable() -> Self {
        let how = How {
            is_durable: true,
            ..How::default()
        };
        Self::start_with(None, how)
    }

    /// Like [`Postgres::start`], with TLS using this certificate and key (PEM).
    ///
    /// # Panics
    /// See [`Postgres::start`].
    pub fn start_secure(certificate: &str, key: &str) -> Self {
        let how = How {
            is_secure: true,
            ..How::default()
        };
        Self::start_with(Some((certificate, key)), how)
    }

    fn start_with(tls: Option<(&str, &str)>, how: How) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port on loopback")
            .port();
        let folder = std::env::temp_dir().join(format!("sidetone-postgres-{port}"));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let root = is_root();
        if root {
            run(Command::new("chown").arg(UNPRIVILEGED).arg(&folder));
        }
        run(server_command("initdb")
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--no-sync", "--pgdata"])
            .arg(&folder));
        if let Some((certificate, key)) = tls {
            private_file(&folder.join("server.crt"), certificate, root);
            private_file(&folder.join("server.key"), key, root);
        }
        let cluster = Self {
            process: serve(&folder, port, how),
            port,
            folder,
            how,
        };
        cluster.wait_until_ready();
        cluster
    }

    /// Stops the server; its data stays.
    pub fn stop(&mut self) {
        if let Ok(Some(_)) = self.process.try_wait() {
            // Its process id may have been reused by now.
            return;
        }
        // SIGINT is Postgres's fast shutdown; the server stops its own children.
        let _ = Command::new("kill")
            .args(["-INT", &self.process.id().to_string()])
            .status();
        let _ = self.process.wait();
    }

    /// Restarts it after [`Postgres::stop`], at the same address.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        self.process = serve(&self.folder, self.port, self.how);
        self.wait_until_ready();
    }

    /// `postgres://…` of the cluster's default database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// `postgres://…` of a database of the cluster.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs `psql` on a database with these arguments, as an operator does. Returns whether it succeeded, and its
    /// output.
    ///
    /// # Panics
    /// If psql is not installed.
    pub fn psql(&self, database: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(binary("psql"))
            .args(["-q", "-X", &self.url_of(database)])
            .args(arguments)
            .output()
            .expect("psql is installed (apt-get install postgresql)");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    fn wait_until_ready(&self) {
        for _ in 0..400 {
            // `pg_isready` asks the server itself: the port opens before it answers queries.
            let listening = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            if listening
                && Command::new(binary("pg_isready"))
                    .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                    .status()
                    .is_ok_and(|status| status.success())
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.with_extension("log")).unwrap_or_default();
        panic!("Postgres did not start within 20 s:\n{log}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(self.folder.with_extension("log"));
    }
}

/// A file that only the server may read, which it insists on for its key.
fn private_file(path: &Path, text: &str, root: bool) {
    fs::write(path, text).expect("the temporary folder can be written");
    run(Command::new("chmod").arg("600").arg(path));
    if root {
        run(Command::new("chown").arg(UNPRIVILEGED).arg(path));
    }
}

fn serve(folder: &Path, port: u16, how: How) -> Child {
    let durability = if how.is_durable { "on" } else { "off" };
    let log = fs::File::create(folder.with_extension("log")).expect("a log file");
    server_command("postgres")
        .arg("-D")
        .arg(folder)
        .args([
            "-c",
            &format!("port={port}"),
            "-c",
            "listen_addresses=127.0.0.1",
        ])
        .args(["-c", "unix_socket_directories="])
        .args(["-c", &format!("fsync={durability}")])
        .args(["-c", &format!("synchronous_commit={durability}")])
        .args(["-c", &format!("full_page_writes={durability}")])
        .args(["-c", if how.is_secure { "ssl=on" } else { "ssl=off" }])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn()
        .expect("postgres starts")
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A server program, run as an unprivileged user; `setpriv` is replaced by the program, so its process id is the
/// server's.
fn server_command(program: &str) -> Command {
    unprivileged(&binary(program))
}

/// A program, run as an unprivileged user if tests run as root.
pub(crate) fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={UNPRIVILEGED}"))
        .arg(format!("--regid={UNPRIVILEGED}"))
        .arg("--clear-groups")
        .arg(program)
        .current_dir("/");
    command
}

/// Debian keeps the server's programs out of PATH.
fn binary(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin").join(program))
        .collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| Path::new(program).to_owned())
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .expect("Postgres is installed (apt-get install postgresql)");
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
