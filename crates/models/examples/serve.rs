//! Serves the local models on 127.0.0.1: `cargo run --example serve -- [port]`.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = sidetone_models::Settings::default();
    // SAFETY: no other thread runs yet.
    unsafe { sidetone_models::limit_threads(settings.threads) };
    let port: u16 = std::env::args()
        .nth(1)
        .map_or(Ok(8300), |port| port.parse())?;
    let models = sidetone_models::load(&settings)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        println!("http://{}/v1", listener.local_addr()?);
        sidetone_models::serve(listener, models, Default::default()).await?;
        Ok(())
    })
}
