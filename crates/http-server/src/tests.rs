use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::extract::Extension;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::*;

/// No part of a test takes longer than this.
const PATIENT: Duration = Duration::from_secs(20);
const SHORT: Patience = Patience {
    head: Duration::from_millis(400),
    body: Duration::from_millis(400),
    idle: Duration::from_millis(800),
    write: Duration::from_millis(600),
    slow: Duration::from_millis(1_200),
};

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn start(server: Server) -> Self {
        let router = Router::new()
            .route("/healthz", get(async || "well"))
            .route("/work", get(async || "done"))
            .route(
                "/slow",
                get(async || {
                    sleep(Duration::from_millis(1_500)).await;
                    "done"
                }),
            )
            .route(
                "/body",
                post(
                    async |body: Result<Bytes, axum::extract::rejection::BytesRejection>| match body
                    {
                        Ok(body) => format!("{} bytes", body.len()),
                        Err(error) => format!("slow: {}", TooSlow::caused(&error)),
                    },
                ),
            )
            .route("/large", get(async || Body::from(vec![b'x'; 64 << 20])))
            .route(
                "/ends",
                get(async |Extension(ends): Extension<Ends>| format!("{:?}", ends.local)),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.serve(listener, router, stop.clone()));
        Self {
            address,
            stop,
            task,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Everything that the server answers to these bytes until it closes; empty if it only closes.
    async fn told(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        // A client whose connection is closed may notice while writing.
        let _ = stream.write_all(request.as_bytes()).await;
        rest(&mut stream).await
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENT, self.task).await.unwrap().unwrap().unwrap();
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    let read = timeout(PATIENT, stream.read_to_end(&mut told));
    let _ = read.await.expect("the server closes the connection");
    String::from_utf8_lossy(&told).into_owned()
}

/// Reads up to the end of a short response.
async fn answer(stream: &mut TcpStream, end: &str) -> String {
    let mut told = String::new();
    while !told.ends_with(end) {
        let mut bytes = [0; 1_024];
        let read = timeout(PATIENT, stream.read(&mut bytes)).await.unwrap();
        let read = read.unwrap();
        assert!(read > 0, "closed after {told:?}");
        told.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    told
}

const WORK: &str = "GET /work HTTP/1.1\r\nhost: x\r\n\r\n";
const WORK_AND_CLOSE: &str = "GET /work HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

fn small() -> Server {
    Server {
        limits: Limits {
            all: 8,
            network: 6,
            reserved: 4,
        },
        ..Server::default()
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let served = Served::start(Server {
        patience: SHORT,
        ..small()
    })
    .await;
    // No byte; a part; one byte at a time; the head of the second request.
    assert_eq!(served.told("").await, "");
    assert_eq!(served.told("GET /work HTTP/1.1\r\nx-a: ").await, "");
    for before in ["", WORK] {
        let mut stream = served.connect().await;
        stream.write_all(before.as_bytes()).await.unwrap();
        if !before.is_empty() {
            answer(&mut stream, "done").await;
        }
        let (mut reading, mut writing) = stream.into_split();
        let dribble = tokio::spawn(async move {
            for byte in WORK.bytes().cycle() {
                if writing.write_all(&[byte]).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(60)).await;
            }
        });
        let mut told = Vec::new();
        let read = timeout(PATIENT, reading.read_to_end(&mut told)).await;
        let _ = read.expect("it is closed");
        assert_eq!(String::from_utf8_lossy(&told), "");
        dribble.abort();
    }
    served.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let served = Served::start(Server {
        patience: SHORT,
        ..small()
    })
    .await;
    let head = "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n";
    let told = served.told(&format!("{head}ab")).await;
    assert!(told.ends_with("slow: true"), "{told}");
    let mut stream = served.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"abcd").await.unwrap();
    answer(&mut stream, "4 bytes").await;
    // An idle connection is kept for a while, and no longer.
    assert_eq!(rest(&mut stream).await, "");
    served.stop().await;
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let served = Served::start(Server {
        patience: SHORT,
        ..small()
    })
    .await;
    let mut stream = served.connect().await;
    let ask = "GET /large HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(ask.as_bytes()).await.unwrap();
    sleep(3 * SHORT.write).await;
    let told = rest(&mut stream).await;
    assert!(told.len() < 64 << 20, "{} bytes were taken", told.len());
    // A client that accepts it gets it.
    let mut stream = served.connect().await;
    stream.write_all(ask.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.len() > 64 << 20);
    served.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_taken_in_crumbs_is_given_up() {
    let served = Served::start(Server {
        patience: Patience {
            write: PATIENT,
            ..SHORT
        },
        ..small()
    })
    .await;
    let mut stream = served.connect().await;
    // The second request is under way for as long as the first one's answer is not taken.
    let ask = "GET /large HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(ask.repeat(2).as_bytes()).await.unwrap();
    let mut crumb = [0; 100];
    for _ in 0..10 {
        stream.read_exact(&mut crumb).await.unwrap();
        sleep(SHORT.slow / 4).await;
    }
    let told = rest(&mut stream).await;
    assert!(told.len() < 64 << 20, "{} bytes were taken", told.len());
    served.stop().await;
}

#[tokio::test]
async fn health_checks_are_answered_while_strangers_hold_every_place() {
    let served = Served::start(small()).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        let mut stream = served.connect().await;
        let _ = stream.write_all(b"GET /work HTTP/1.1\r\nx-a: ").await;
        held.push(stream);
        if held.len() % 10 == 0 {
            let told = served.told(HEALTH).await;
            assert!(told.ends_with("well"), "{told}");
        }
    }
    let told = served.told(WORK_AND_CLOSE).await;
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    assert!(told.contains("retry-after: 5"), "{told}");
    assert!(told.contains("connection: close"), "{told}");
    // A client that requests nothing makes room eventually, long before its own deadline.
    sleep(Duration::from_secs(2)).await;
    let told = served.told(WORK_AND_CLOSE).await;
    assert!(told.ends_with("done"), "{told}");
    drop(held);
    served.stop().await;
}

#[tokio::test]
async fn requests_under_way_keep_their_places_and_a_proxy_counts_for_many() {
    let served = Served::start(small()).await;
    let slow = "GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let many = |served: &Served, count: usize| {
        let address = served.address;
        let asked = (0..count).map(move |_| async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(slow.as_bytes()).await.unwrap();
            rest(&mut stream).await
        });
        let tasks: Vec<_> = asked.map(tokio::spawn).collect();
        async move {
            let mut done = 0;
            for task in tasks {
                done += usize::from(task.await.unwrap().ends_with("done"));
            }
            done
        }
    };
    assert_eq!(many(&served, 8).await, 6, "of one address");
    served.stop().await;
    let served = Served::start(Server {
        proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..small()
    })
    .await;
    assert_eq!(many(&served, 8).await, 8, "by a proxy");
    served.stop().await;
}

#[tokio::test]
async fn a_request_under_way_ends_before_the_server() {
    let served = Served::start(small()).await;
    let mut idle = served.connect().await;
    idle.write_all(WORK.as_bytes()).await.unwrap();
    answer(&mut idle, "done").await;
    let mut stream = served.connect().await;
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    sleep(Duration::from_millis(300)).await;
    served.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert!(rest(&mut stream).await.ends_with("done"));
    served.stop().await;
}

#[tokio::test]
async fn anything_but_http_1_is_refused_and_a_request_knows_its_listener() {
    let served = Served::start(small()).await;
    let told = served.told("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!told.contains("200"), "{told}");
    let large = format!("GET /work HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(64 * 1024));
    let told = served.told(&large).await;
    assert!(
        told.is_empty() || told.starts_with("HTTP/1.1 431"),
        "{told}"
    );
    let told = served.told("GET /ends HTTP/1.0\r\n\r\n").await;
    let local = format!("Some({})", served.address);
    assert!(told.ends_with(&local), "{told}");
    served.stop().await;
}
