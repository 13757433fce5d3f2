use std::io::Cursor;

use sidetone_testkit::recording::play;

use super::*;

/// A second in which the caller clicks at 0.25 s and the agent at 0.5 s.
fn clicks() -> Both {
    let mut caller = vec![0; 16_000];
    caller[4_000..4_016].fill(15_000);
    let mut agent = vec![0; 48_000];
    agent[24_000..24_048].fill(15_000);
    Both {
        caller: Pcm::new(caller),
        agent: Pcm::new(agent),
    }
}

fn loudest(voice: &[i16]) -> usize {
    let peak = voice
        .iter()
        .enumerate()
        .max_by_key(|(_, s)| s.unsigned_abs());
    peak.unwrap().0
}

fn energy(voice: &[i16]) -> f64 {
    voice.iter().map(|s| f64::from(*s).powi(2)).sum()
}

#[test]
fn both_voices_come_back_at_their_time_and_on_their_side() {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, 7, &["TITLE=a call".into()]).unwrap();
    writer.push(clicks()).unwrap();
    let written = writer.finish().unwrap();
    assert_eq!(written.duration, Duration::from_secs(1));
    assert_eq!(written.bytes, bytes.len() as u64);
    assert_eq!(measure(Cursor::new(&bytes)).unwrap(), written);
    let (left, right) = play(&bytes);
    assert_eq!((left.len(), right.len()), (48_000, 48_000));
    // Within a millisecond.
    assert!(loudest(&left).abs_diff(12_024) < 48, "{}", loudest(&left));
    assert!(loudest(&right).abs_diff(24_024) < 48, "{}", loudest(&right));
    // 40 dB apart where only the other side sounds.
    let around = |voice: &[i16], at: usize| energy(&voice[at - 2_400..at + 2_400]);
    assert!(around(&right, 12_000) < around(&left, 12_000) / 10_000.0);
    assert!(around(&left, 24_000) < around(&right, 24_000) / 10_000.0);
}

#[test]
fn what_a_killed_writer_left_plays_up_to_the_last_push() {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, 7, &[]).unwrap();
    for _ in 0..3 {
        writer.push(clicks()).unwrap();
    }
    drop(writer);
    let whole = measure(Cursor::new(&bytes)).unwrap();
    assert!(whole.duration > Duration::from_millis(2_950), "{whole:?}");
    assert_eq!(whole.bytes, bytes.len() as u64);
    let (left, _) = play(&bytes);
    assert!(loudest(&left[96_000..]).abs_diff(12_024) < 48);
    // After a truncated write the previous page counts.
    bytes.truncate(bytes.len() - 100);
    let cut = measure(Cursor::new(&bytes)).unwrap();
    assert!(cut.duration < Duration::from_secs(2) && cut.duration > Duration::from_millis(1_950));
    assert!(cut.bytes < bytes.len() as u64);
    play(&bytes[..cut.bytes as usize]);
}

#[test]
fn an_empty_recording_is_a_file_too_and_other_files_are_not() {
    let mut bytes = Vec::new();
    let written = Writer::new(&mut bytes, 7, &[]).unwrap().finish().unwrap();
    assert_eq!(written.duration, Duration::ZERO);
    assert_eq!(measure(Cursor::new(&bytes)).unwrap(), written);
    assert!(measure(Cursor::new(b"RIFF....WAVEfmt ".repeat(9))).is_err());
    assert!(measure(Cursor::new(b"")).is_err());
}

/// A disk with room for this many bytes.
struct Full(usize, Vec<u8>);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0 - self.1.len());
        self.1.extend(&bytes[..taken]);
        match taken {
            0 => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_and_what_was_recorded_plays() {
    let mut disk = Full(8_000, Vec::new());
    let mut writer = Writer::new(&mut disk, 7, &[]).unwrap();
    let failed = (0..60).find_map(|_| writer.push(clicks()).err());
    assert_eq!(failed.unwrap().kind(), io::ErrorKind::StorageFull);
    let there = measure(Cursor::new(&disk.1)).unwrap();
    assert!(there.duration >= Duration::from_millis(900), "{there:?}");
    play(&disk.1[..there.bytes as usize]);
}
