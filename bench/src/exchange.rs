//! One exchange: two clients meet, and each gets the other's messages.

use std::io;

use crate::client::{Client, Url};
use tokio::sync::oneshot;

const APP: &str = "example.com/bench";

/// A body of the size that a key exchange has.
const PAKE: &str = "7b2270616b655f7631223a22353331643061323932383931323664313333373363313833646661\
    38653337316562643663356133386535613265336332313538323431373530343632396532323863363130227d";

/// Runs a whole exchange. Both clients follow the order of the family's own clients.
pub async fn run(url: &Url, number: u64) -> io::Result<()> {
    let (tell, told) = oneshot::channel();
    let initiator = initiate(url, number, tell);
    let receiver = receive(url, number, told);
    tokio::try_join!(initiator, receiver)?;
    Ok(())
}

/// A client that waits: bound, with a nameplate, its mailbox open and its key exchange begun.
pub async fn wait(url: &Url, number: u64) -> io::Result<Client> {
    Ok(begin(url, &format!("{number:015x}w"), None).await?.0)
}

async fn initiate(url: &Url, number: u64, tell: oneshot::Sender<String>) -> io::Result<()> {
    let side = format!("{number:015x}a");
    let (client, nameplate) = begin(url, &side, None).await?;
    _ = tell.send(nameplate);
    finish(client, &side).await
}

async fn receive(url: &Url, number: u64, told: oneshot::Receiver<String>) -> io::Result<()> {
    let side = format!("{number:015x}b");
    let nameplate = told.await.map_err(io::Error::other)?;
    let (client, _) = begin(url, &side, Some(nameplate)).await?;
    finish(client, &side).await
}

async fn begin(url: &Url, side: &str, nameplate: Option<String>) -> io::Result<(Client, String)> {
    let mut client = Client::connect(url).await?;
    client.say(&format!(
        r#"{{"type":"bind","appid":"{APP}","side":"{side}","client_version":["bench","1"],"id":"0001"}}"#
    ));
    let nameplate = if let Some(nameplate) = nameplate {
        nameplate
    } else {
        client.say(r#"{"type":"allocate","id":"0002"}"#);
        client.flush().await?;
        client.expect("allocated").await?.nameplate.unwrap_or_default()
    };
    client.say(&format!(r#"{{"type":"claim","nameplate":"{nameplate}","id":"0003"}}"#));
    client.flush().await?;
    let mailbox = client.expect("claimed").await?.mailbox.unwrap_or_default();
    client.say(&format!(r#"{{"type":"open","mailbox":"{mailbox}","id":"0004"}}"#));
    add(&mut client, "pake");
    client.flush().await?;
    Ok((client, nameplate))
}

async fn finish(mut client: Client, side: &str) -> io::Result<()> {
    let (mut released, mut closed) = (false, false);
    while !(released && closed) {
        let heard = client.hear().await?;
        match (heard.kind.as_str(), heard.phase.as_deref()) {
            ("message", Some(phase)) if heard.side.as_deref() != Some(side) => match phase {
                "pake" => {
                    client.say(r#"{"type":"release","id":"0006"}"#);
                    add(&mut client, "version");
                    client.flush().await?;
                }
                "version" => {
                    add(&mut client, "0");
                    client.flush().await?;
                }
                _ => {
                    client.say(r#"{"type":"close","mood":"happy","id":"0009"}"#);
                    client.flush().await?;
                }
            },
            ("released", _) => released = true,
            ("closed", _) => closed = true,
            ("error", _) => return Err(io::Error::other(heard.error.unwrap_or_default())),
            _ => {}
        }
    }
    Ok(()) // the last word was said; what ends the socket costs both servers alike
}

fn add(client: &mut Client, phase: &str) {
    client.say(&format!(r#"{{"type":"add","phase":"{phase}","body":"{PAKE}","id":"0005"}}"#));
}
