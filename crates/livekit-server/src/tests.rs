use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn servers_start_side_by_side_and_end_with_their_handle() {
    let start = || tokio::spawn(LiveKitServer::start());
    let (a, b, c) = tokio::join!(start(), start(), start());
    let servers = [a, b, c].map(|server| server.unwrap().unwrap());
    let urls: std::collections::HashSet<_> = servers.iter().map(|s| s.url.clone()).collect();
    assert_eq!(urls.len(), 3);
    let address = servers[0].http_url.trim_start_matches("http://").to_owned();
    let folder = servers[0].folder.clone();
    assert!(servers[0].api_secret.len() >= 32);
    assert!(
        servers[0].log().contains("starting LiveKit server"),
        "{}",
        servers[0].log()
    );
    drop(servers);
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!folder.exists());
}
