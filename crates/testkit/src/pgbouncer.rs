//! A real pgbouncer on a free port of loopback in front of a [`Postgres`]; stopped by its process id.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::postgres::{self, Postgres};

/// A running pooler.
#[derive(Debug)]
pub struct PgBouncer {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl PgBouncer {
    /// Starts a pooler in this `pool_mode`, limited to `sessions` server connections, with all other settings at their
    /// defaults.
    ///
    /// # Panics
    /// If pgbouncer is not installed (`scripts/tools.sh pgbouncer`) or does not start.
    pub fn before(postgres: &Postgres, pool_mode: &str, sessions: u32) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port on loopback")
            .port();
        let folder = std::env::temp_dir().join(format!("sidetone-pgbouncer-{port}"));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let settings = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} dbname=postgres user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {pool_mode}\ndefault_pool_size = {sessions}\n",
            postgres.port()
        );
        fs::write(&settings, text).expect("the temporary folder can be written");
        let log = fs::File::create(folder.join("log")).expect("a log file");
        let process = postgres::unprivileged(program())
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("pgbouncer is installed (scripts/tools.sh pgbouncer)");
        let bouncer = Self {
            process,
            port,
            folder,
        };
        bouncer.wait_until_ready();
        bouncer
    }

    /// `postgres://…` of the server's default database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&self) {
        for _ in 0..1_200 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("pgbouncer did not start within 60 s:\n{log}");
    }
}

/// Debian keeps servers out of the PATH of unprivileged users.
fn program() -> &'static Path {
    let place = Path::new("/usr/sbin/pgbouncer");
    if place.exists() {
        place
    } else {
        Path::new("pgbouncer")
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let _ = Command::new("kill")
                .arg(self.process.id().to_string())
                .status();
            let _ = self.process.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
