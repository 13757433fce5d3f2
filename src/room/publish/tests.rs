use super::*;
use sidetone_base::clock;

fn seen() -> watch::Sender<Seen> {
    watch::Sender::new(Seen {
        caller: None,
        tracks: HashMap::new(),
        own_track: TrackSid::try_from("TR_own".to_owned()).unwrap(),
        session: 0,
    })
}

fn ada() -> ParticipantIdentity {
    "ada".to_owned().into()
}

/// E12 of the field trial: the caller's request was rejected, because it arrived before the room had reported the
/// caller.
#[tokio::test(start_paused = true)]
async fn a_caller_who_is_not_known_yet_is_waited_for() {
    let seen = seen();
    let callers = Callers(seen.subscribe());
    let (is_ada, is_eve, ()) = tokio::join!(
        async { callers.is(&ada()).await },
        async { callers.is(&"eve".to_owned().into()).await },
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Seeing(seen.clone()).caller(ada());
        },
    );
    assert!(is_ada && !is_eve);
    // A known caller is not waited for.
    let before = clock::now();
    assert!(callers.is(&ada()).await);
    assert_eq!(clock::now(), before);
}

#[tokio::test(start_paused = true)]
async fn nobody_speaks_for_a_caller_who_does_not_come() {
    let seen = seen();
    let before = clock::now();
    assert!(!Callers(seen.subscribe()).is(&ada()).await);
    assert_eq!(clock::now(), before + MEETING);
}
