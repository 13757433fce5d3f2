use super::*;

/// The call element reads the codes; older clients and third-party ones read the words.
#[test]
fn notices_have_a_code_and_words() {
    let read = include_str!("../../../../../web/src/call/notice.ts");
    for why in [
        Alone::NoAgent,
        Alone::AgentFailed,
        Alone::NoMedia,
        Alone::TooManyCalls,
    ] {
        for (notice, kind) in [
            (Notice::Waiting(why), "call.waiting"),
            (Notice::Failed(why), "call.failed"),
        ] {
            let message = notice.message();
            assert_eq!(message["type"], kind);
            let code = message["code"].as_str().unwrap();
            assert!(read.contains(&format!("\"{code}\":")), "{code}");
            assert!(message["reason"].as_str().unwrap().ends_with('.'));
        }
    }
}
