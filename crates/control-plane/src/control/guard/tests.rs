use super::*;

#[tokio::test]
async fn an_act_that_panics_fails_for_its_room() {
    let over = || Done::Input(Input::Over("room".into()));
    let panicked = || Done::Input(Input::Asked("room".into(), Err(PANICKED.into())));
    assert_eq!(act(async { over() }, panicked()).await, over());
    let failed = act(
        async { panic!("an act that panics on purpose") },
        panicked(),
    );
    assert_eq!(failed.await, panicked());
}
