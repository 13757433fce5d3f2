use super::*;

/// As livekit-server answers.
fn error(code: &str, status: Option<(u16, &str)>) -> ServiceError {
    let meta = status.into_iter().flat_map(|(status, words)| {
        [
            ("sip_status_code".to_owned(), status.to_string()),
            ("sip_status".to_owned(), words.to_owned()),
        ]
    });
    ServiceError::Twirp(ServerError::Twirp(ServerErrorCode {
        code: code.to_owned(),
        msg: "sip request timed out".to_owned(),
        meta: meta.collect(),
    }))
}

#[test]
fn the_telephone_networks_status_says_what_became_of_a_call() {
    for (code, status, expected) in [
        ("failed_precondition", (486, "Busy Here"), Outcome::Busy),
        ("invalid_argument", (600, "Busy Everywhere"), Outcome::Busy),
        (
            "deadline_exceeded",
            (408, "Request Timeout"),
            Outcome::NoAnswer,
        ),
        (
            "failed_precondition",
            (480, "Temporarily Unavailable"),
            Outcome::NoAnswer,
        ),
        ("aborted", (487, "Request Terminated"), Outcome::NoAnswer),
        ("permission_denied", (403, "Forbidden"), Outcome::Declined),
        ("invalid_argument", (603, "Decline"), Outcome::Declined),
        ("not_found", (404, "Not Found"), Outcome::Failed),
        (
            "failed_precondition",
            (503, "Service Unavailable"),
            Outcome::Failed,
        ),
    ] {
        for rang_out in [false, true] {
            let why = NotReached::of(&error(code, Some(status)), rang_out);
            let reason = format!("{} {}", status.0, status.1);
            assert_eq!(
                why,
                NotReached {
                    outcome: expected,
                    reason
                }
            );
        }
    }
}

#[test]
fn a_request_that_is_cut_off_was_unanswered_only_if_it_rang_for_its_whole_time() {
    for (code, rang_out, expected) in [
        ("canceled", true, Outcome::NoAnswer),
        ("deadline_exceeded", true, Outcome::NoAnswer),
        // The SIP service shuts down, or the room was closed.
        ("canceled", false, Outcome::Failed),
        ("unavailable", true, Outcome::Failed),
        ("internal", false, Outcome::Failed),
    ] {
        let why = NotReached::of(&error(code, None), rang_out);
        assert_eq!(why.outcome, expected, "{code} {rang_out}");
        assert!(
            why.reason.contains("sip request timed out"),
            "{}",
            why.reason
        );
    }
}
