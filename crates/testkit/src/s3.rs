//! A real S3 server (versitygw) on a free port of loopback over its own folder; stopped by its process id and wiped on
//! drop.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Its access key.
pub const ACCESS_KEY: &str = "testkey";
/// Its secret key.
pub const SECRET_KEY: &str = "a-secret-for-tests-only";
/// Its only bucket.
pub const BUCKET: &str = "calls";

/// A running server with one empty bucket.
#[derive(Debug)]
pub struct S3Server {
    process: Option<Child>,
    port: u16,
    folder: PathBuf,
}

impl S3Server {
    /// Starts a server.
    ///
    /// # Panics
    /// If versitygw is not installed (`scripts/tools.sh s3`) or does not start.
    pub fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port on loopback")
            .port();
        let folder = std::env::temp_dir().join(format!("sidetone-s3-{port}"));
        for part in ["root/calls", "meta"] {
            fs::create_dir_all(folder.join(part)).expect("the temporary folder can be written");
        }
        let mut server = Self {
            process: None,
            port,
            folder,
        };
        server.resume();
        server
    }

    /// `http://…`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The objects' keys, sorted.
    pub fn keys(&self) -> Vec<String> {
        let root = self.folder.join("root").join(BUCKET);
        let (mut folders, mut keys) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = path.strip_prefix(&root).unwrap_or(&path);
                // The server's own folder for uploads in progress.
                if name.starts_with(".sgwtmp") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    keys.push(name.display().to_string());
                }
            }
        }
        keys.sort();
        keys
    }

    /// Stops the server; its contents stay.
    pub fn pause(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Restarts it at the same address.
    ///
    /// # Panics
    /// If it does not start.
    pub fn resume(&mut self) {
        let log = fs::File::create(self.folder.join("log")).expect("a log file");
        let process = Command::new(binary())
            .env("ROOT_ACCESS_KEY", ACCESS_KEY)
            .env("ROOT_SECRET_KEY", SECRET_KEY)
            .args(["--port", &format!("127.0.0.1:{}", self.port), "posix"])
            .arg("--sidecar")
            .arg(self.folder.join("meta"))
            .arg(self.folder.join("root"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle of the log"))
            .stderr(log)
            .spawn()
            .expect("versitygw starts; scripts/tools.sh s3 installs it");
        self.process = Some(process);
        for _ in 0..400 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("versitygw did not start within 20 s:\n{log}");
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.pause();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The pinned version in the cache.
fn binary() -> PathBuf {
    tools().join("versitygw-1.8.0")
}

/// Where `scripts/tools.sh` puts what it builds.
pub(crate) fn tools() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let cache = cache.unwrap_or_else(|| home.join(".cache"));
    cache.join("sidetone/tools")
}
