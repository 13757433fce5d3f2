use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Gate;

#[tokio::test]
async fn what_is_sent_while_it_is_stalled_arrives_when_it_is_open() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap().to_string();
    let gate = Gate::before(&address).await.unwrap();
    let mut client = TcpStream::connect(gate.address).await.unwrap();
    let (mut served, _) = server.accept().await.unwrap();
    let mut heard = [0; 3];
    client.write_all(b"one").await.unwrap();
    served.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"one");

    gate.stall();
    client.write_all(b"two").await.unwrap();
    let reading = served.read_exact(&mut heard);
    let waited = tokio::time::timeout(Duration::from_millis(200), reading);
    assert!(waited.await.is_err(), "nothing passes");
    gate.open();
    served.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"two");
    served.write_all(b"yes").await.unwrap();
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"yes");
    drop(served);
    assert_eq!(client.read(&mut heard).await.unwrap(), 0, "and closes");
}
