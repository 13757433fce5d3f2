use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

struct Told {
    worker: watch::Sender<WorkerStatus>,
    beat: watch::Sender<Beat>,
    thread: watch::Sender<Instant>,
    health: WorkerHealth,
}

/// A healthy worker at `now`.
fn well(now: Instant) -> Told {
    let (worker, worker_seen) = watch::channel(WorkerStatus {
        worker_id: Some("AW_1".into()),
        ..WorkerStatus::default()
    });
    let (beat, beat_seen) = watch::channel(Beat { at: now, agents: 2 });
    let (thread, thread_seen) = watch::channel(now);
    Told {
        worker,
        beat,
        thread,
        health: WorkerHealth {
            livekit: None,
            worker: worker_seen,
            beat: beat_seen,
            threads: vec![thread_seen],
            tasks: TaskHealth::default(),
        },
    }
}

fn shown(health: &WorkerHealth, now: Instant) -> Value {
    serde_json::to_value(health.ready(now)).unwrap()
}

#[test]
fn a_worker_says_what_it_lacks() {
    let now = clock::now();
    let told = well(now);
    let ok = json!({
        "ready": true, "livekit": "ok", "worker": "ok", "agents": "ok", "runtime": "ok",
    });
    assert_eq!(shown(&told.health, now), ok);
    let lacks = |part: &str, what: &str| {
        let mut answer = ok.clone();
        answer["ready"] = false.into();
        answer[part] = what.into();
        answer
    };
    told.worker.send_replace(WorkerStatus::default());
    assert_eq!(
        shown(&told.health, now),
        lacks("worker", "not registered with LiveKit")
    );
    let told = well(now);
    told.beat.send_replace(Beat { at: now, agents: 0 });
    assert_eq!(
        shown(&told.health, now),
        lacks("agents", "there are no agents")
    );
    let told = well(now);
    assert_eq!(
        shown(&told.health, now + STUCK_AFTER),
        lacks("runtime", "stuck for 5 s")
    );
    // A call that holds its thread.
    told.beat.send_replace(Beat {
        at: now + STUCK_AFTER,
        agents: 2,
    });
    assert_eq!(
        shown(&told.health, now + STUCK_AFTER),
        lacks("runtime", "stuck for 5 s")
    );
    told.thread.send_replace(now + STUCK_AFTER);
    assert_eq!(shown(&told.health, now + STUCK_AFTER), ok);
    let missing = "Voice service not configured: set LIVEKIT_HOST";
    let unset = WorkerHealth {
        livekit: Some(missing.into()),
        ..well(now).health
    };
    assert_eq!(shown(&unset, now), lacks("livekit", missing));
}

/// Without a runtime of the caller, as if the process's runtime were stuck.
fn get_status(address: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    format!("{} {body}", head.split(' ').nth(1).unwrap())
}

#[test]
fn a_stuck_runtime_is_reported_by_a_thread_of_its_own() {
    let told = well(clock::now());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    answer(listener, told.health.clone(), stop.clone()).unwrap();
    assert!(get_status(address, "/healthz").starts_with("200 {\"status\":\"ok\""));
    assert!(get_status(address, "/readyz").starts_with("200 {\"ready\":true"));
    let metrics = get_status(address, "/metrics");
    assert!(metrics.starts_with("200 # HELP "), "{metrics}");
    assert!(metrics.contains("\nsidetone_worker_registered "));

    let long_ago = clock::now().checked_sub(STUCK_AFTER).unwrap();
    told.beat.send_replace(Beat {
        at: long_ago,
        agents: 2,
    });
    let alive = get_status(address, "/healthz");
    assert!(alive.starts_with("503 {\"status\":\"stuck for "), "{alive}");
    let ready = get_status(address, "/readyz");
    assert!(ready.starts_with("503 {\"ready\":false"), "{ready}");

    // A worker that has lost LiveKit is still alive.
    told.beat.send_replace(Beat {
        at: clock::now(),
        agents: 2,
    });
    told.worker.send_replace(WorkerStatus::default());
    assert!(get_status(address, "/healthz").starts_with("200"));
    assert!(get_status(address, "/readyz").starts_with("503"));
    stop.cancel();
}
