//! Recordings of whole calls: a scripted caller, a real livekit-server, a real S3 server.

mod people;
pub mod stage;

use std::path::Path;
use std::time::Duration;

use sidetone_base::audio::{Pcm, wav};
use sidetone_recording::spool::Spool;
use sidetone_testkit::recording::play;
use stage::{Scene, Stage};

/// The loudness of each millisecond.
fn envelope(voice: &[i16]) -> Vec<f64> {
    let loud = |ms: &[i16]| ms.iter().map(|s| f64::from(s.unsigned_abs())).sum();
    voice.chunks(48).map(loud).collect()
}

/// How many milliseconds `later` lags behind `voice`, at the best match.
fn lag(voice: &[i16], later: &[i16]) -> i64 {
    let (a, b) = (envelope(voice), envelope(later));
    let match_at = |lag: i64| -> f64 {
        let pairs = a.iter().enumerate().filter_map(|(n, a)| {
            let other = usize::try_from(n as i64 + lag).ok()?;
            Some(a * b.get(other)?)
        });
        pairs.sum()
    };
    (-3_000..3_000)
        .max_by(|x, y| match_at(*x).total_cmp(&match_at(*y)))
        .unwrap()
}

fn apart() -> Scene {
    Scene {
        apart: true,
        ..Scene::default()
    }
}

fn samples(path: &Path) -> Pcm<48_000> {
    wav::read(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_announced_uploaded_played_in_parts_and_deleted_with_its_call() {
    let folder = tempfile::tempdir().unwrap();
    let announcement = "This call is recorded.";
    let agent = format!("prompt = \"prompt.md\"\nrecording_announcement = {announcement:?}\n");
    std::fs::write(folder.path().join("default.toml"), agent).unwrap();
    std::fs::write(folder.path().join("prompt.md"), "Be brief.").unwrap();
    let stage = Stage::set(Scene {
        agents: Some(folder.path().to_owned()),
        ..Scene::default()
    })
    .await;
    let report = stage.report(None).await;
    let greeting = &report.lines[0].text;
    assert!(greeting.starts_with(announcement), "{greeting}");
    let call = report.call_id.unwrap();
    let recording = stage.recording_in(&call, "uploaded").await;

    let (status, bytes) = stage.fetch(&call, None).await;
    assert_eq!(status, 200);
    assert_eq!(recording["bytes"], bytes.len());
    let (left, _) = play(&bytes);
    let ms = left.len() as i64 / 48;
    assert!(ms.abs_diff(recording["durationMs"].as_i64().unwrap()) < 2);

    // A player seeks: only a part is sent.
    let (status, part) = stage.fetch(&call, Some("bytes=100-199")).await;
    assert_eq!((status, &part[..]), (206, &bytes[100..200]));
    assert_eq!(stage.s3.keys().len(), 1);
    stage.delete(&call).await;
    stage::eventually("the object is gone", || async {
        stage.s3.keys().is_empty().then_some(())
    })
    .await;
    assert_eq!(stage.fetch(&call, None).await.0, 404);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_silence_until_it_ends() {
    let stage = Stage::set(Scene::default()).await;
    let call = stage.call(None);
    let pause = async {
        let id = stage.open_call().await;
        stage.recording_in(&id, "recording").await;
        // The greeting is being spoken.
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(stage.post(&format!("{id}/recording/pause")).await, 200);
        let paused = stage.recording_in(&id, "recording").await;
        assert_eq!(paused["paused"], true);
        assert_eq!(stage.fetch(&id, None).await.0, 409);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(stage.post(&format!("{id}/recording/resume")).await, 200);
    };
    let (call, ()) = tokio::join!(call, pause);
    stage.recording_in(&call, "uploaded").await;
    let (left, right) = play(&stage.fetch(&call, None).await.1);
    let silent = |from: usize| {
        let second = from..from + 48_000;
        let loud = |s: &i16| s.unsigned_abs() > 8;
        !left[second.clone()].iter().any(loud) && !right[second].iter().any(loud)
    };
    let starts = (0..left.len() - 48_000).step_by(4_800);
    let quiet: Vec<_> = starts.filter(|from| silent(*from)).collect();
    // Three seconds, minus the time that the pause takes to reach the recorder, and its frames.
    assert!(quiet.len() > 12, "{quiet:?}");
    // There is sound before and after.
    assert!(right[..quiet[0]].iter().any(|s| s.unsigned_abs() > 1_000));
    assert!(
        right[quiet[quiet.len() - 1]..]
            .iter()
            .any(|s| s.unsigned_abs() > 1_000)
    );
    assert_eq!(stage.post(&format!("{call}/recording/pause")).await, 409);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_recorded_plays_and_is_taken_over() {
    let mut stage = Stage::set(apart()).await;
    let spool = Spool::new(stage.data.path().join("recordings"), u64::MAX);
    let killed = async {
        let id = stage.open_call().await;
        stage.recording_in(&id, "recording").await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        stage.kill().await;
        id
    };
    let call = tokio::select! {
        id = killed => id,
        call = stage.call(None) => panic!("call {call} ended by itself"),
    };
    let entries = spool.entries().unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");
    let (left, right) = play(&std::fs::read(&entries[0].path).unwrap());
    assert!(left.len() > 2 * 48_000, "{} samples", left.len());
    assert!(right.iter().any(|s| s.unsigned_abs() > 1_000));

    // The bucket is unavailable when the next process starts, and comes back.
    stage.s3.pause();
    stage.restart().await;
    let kept = stage.recording_in(&call, "kept").await;
    assert!(
        kept["reason"].as_str().unwrap().contains("ended before"),
        "{kept}"
    );
    let (status, local) = stage.fetch(&call, Some("bytes=0-3")).await;
    assert_eq!((status, &local[..]), (206, &b"OggS"[..]));
    stage.s3.resume();
    stage.recording_in(&call, "uploaded").await;
    assert_eq!(spool.entries().unwrap(), []);
    assert_eq!(stage.s3.keys().len(), 1);
    stage.strike().await;
}

/// The offset between the two sides is the same as in the caller's own recording.
///
/// On a busy machine the jitter buffers at both ends of a call grow at random, and the state of the caller's is
/// unknown here, so one call of three must be right. An error of the recorder itself would appear in each.
#[tokio::test(flavor = "multi_thread")]
async fn the_sides_line_up_with_the_callers_own_recording_within_20_ms() {
    let stage = Stage::set(Scene::default()).await;
    let mut apart = Vec::new();
    while apart.len() < 3 {
        let out = tempfile::tempdir().unwrap();
        let call = stage.call(Some(out.path())).await;
        stage.recording_in(&call, "uploaded").await;
        let (left, right) = play(&stage.fetch(&call, None).await.1);
        let caller = samples(&out.path().join("caller.wav"));
        let agent = samples(&out.path().join("reply.wav"));
        let (said, heard) = (lag(caller.samples(), &left), lag(agent.samples(), &right));
        apart.push(heard - said);
        if (heard - said).abs() <= 20 {
            return stage.strike().await;
        }
    }
    panic!("apart from the caller's recording by so many ms: {apart:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_recording_and_not_the_call() {
    let stage = Stage::set(apart()).await;
    let fills = async {
        let id = stage.open_call().await;
        stage.recording_in(&id, "recording").await;
        // The recording, and the database too.
        stage.limit_files("4096");
    };
    let (report, ()) = tokio::join!(stage.report(None), fills);
    assert!(report.all_answered(), "{report:?}");
    stage.limit_files("unlimited");
    let call = report.call_id.unwrap();
    let stopped = stage.recording_in(&call, "uploaded").await;
    let reason = stopped["reason"].as_str().unwrap();
    assert!(reason.starts_with("the recording stopped: "), "{reason}");
    let (left, _) = play(&stage.fetch(&call, None).await.1);
    assert!(left.len() < 5 * 48_000, "{} samples", left.len());
    // The next call is recorded again.
    let call = stage.call(None).await;
    stage.recording_in(&call, "uploaded").await;
    stage.strike().await;
}
