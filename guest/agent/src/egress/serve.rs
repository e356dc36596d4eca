//! The `egress` method: what makes connections to other machines possible, for as long as its stream is open.

use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::StatusCode;
use rustix::io::Errno;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::agent::Agent;
use crate::egress::asked::Grant;
use crate::egress::connections::Listeners;
use crate::egress::messages::{EgressAnswer, EgressEvent, Refused, Verdict};
use crate::egress::network::Network;
use crate::egress::programs::Steering;
use crate::egress::resolv_conf::{self, ResolvConf};
use crate::egress::resolver::Sockets;
use crate::failure::Failure;
use crate::messages::{Empty, Mode};
use crate::records;
use crate::reply::{Cancelled, cancelled, head, json, send_data, send_failure};
use crate::stdin::Body;

/// What is put up, in the order in which it is taken down.
struct Setting {
    _resolv_conf: Option<ResolvConf>,
    _steering: Steering,
    _network: Network,
}

/// Answers one egress request.
pub async fn serve(agent: Rc<Agent>, body: RecvStream, mut respond: SendResponse<Bytes>) {
    let mut body = Body::new(body);
    if let Err(failure) = check(&agent, &mut body).await {
        return send_failure(&mut respond, failure);
    }
    let Some((grant, events)) = agent.egress.begin() else {
        return send_failure(&mut respond, Failure::wrong_state("egress is on already"));
    };
    match put_up(&agent, &grant) {
        Ok(setting) => {
            let stream = respond.send_response(head(StatusCode::OK, "application/octet-stream"), false);
            let over = match stream {
                Ok(mut stream) => converse(&grant, &mut stream, events, body).await.map(|()| stream),
                Err(_) => Err(Cancelled),
            };
            agent.egress.end().await;
            drop(setting);
            if let Ok(mut stream) = over {
                // An error means that nobody waits for the end.
                let _ = stream.send_data(Bytes::new(), true);
            }
        }
        Err(error) => {
            agent.egress.end().await;
            send_failure(&mut respond, explain(agent.mode, &error));
        }
    }
}

async fn check(agent: &Agent, body: &mut Body) -> Result<(), Failure> {
    agent.require_setup()?;
    let Empty {} = body.params().await?;
    if agent.mode == Mode::Listen && !leads_nowhere() {
        return Err(Failure::not_available("this process has no network of its own"));
    }
    Ok(())
}

/// An ordinary process shares its network with others, unless it was given one that leads nowhere.
fn leads_nowhere() -> bool {
    let interfaces = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let mut names = interfaces.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    names.next() == Some("lo") && names.next().is_none()
}

fn put_up(agent: &Rc<Agent>, grant: &Rc<Grant>) -> io::Result<Setting> {
    let is_guest = agent.mode == Mode::Guest;
    let mut network = Network::begin()?;
    let (resolver, listeners) = (Sockets::bind()?, Listeners::bind()?);
    let [v4, v6] = listeners.sockets();
    let steering = Steering::attach(v4, v6, is_guest)?;
    network.lead_here()?;
    let resolv_conf = is_guest.then(|| ResolvConf::replace(Path::new(resolv_conf::PATH))).transpose()?;
    resolver.serve(grant, &agent.egress.names);
    listeners.serve(agent, grant);
    grant.ready();
    Ok(Setting { _resolv_conf: resolv_conf, _steering: steering, _network: network })
}

fn explain(mode: Mode, error: &io::Error) -> Failure {
    let errno = Errno::from_io_error(error);
    match (mode, errno) {
        (Mode::Listen, Some(Errno::PERM | Errno::ACCESS)) => {
            Failure::not_available(format!("this process may not change its network: {error}"))
        }
        _ => Failure::internal("egress", error),
    }
}

/// Passes questions and answers on until the host ends its side or breaks off.
async fn converse(
    grant: &Grant,
    stream: &mut SendStream<Bytes>,
    mut events: UnboundedReceiver<EgressEvent>,
    mut body: Body,
) -> Result<(), Cancelled> {
    let heard = tokio::select! {
        told = tell(stream, &mut events) => return told,
        heard = hear(grant, &mut body) => heard,
    };
    if heard.is_err() {
        stream.send_reset(Reason::PROTOCOL_ERROR);
        return Err(Cancelled);
    }
    Ok(())
}

async fn tell(
    stream: &mut SendStream<Bytes>,
    events: &mut UnboundedReceiver<EgressEvent>,
) -> Result<(), Cancelled> {
    loop {
        let event = tokio::select! {
            biased;
            _ = cancelled(stream) => return Err(Cancelled),
            event = events.recv() => event.ok_or(Cancelled)?,
        };
        let json = json(&event);
        send_data(stream, [&records::header(records::JSON, json.len())[..], &json].concat().into()).await?;
    }
}

async fn hear(grant: &Grant, body: &mut Body) -> Result<(), Failure> {
    while let Some(answer) = body.message().await? {
        match answer {
            EgressAnswer::Lookup { id, verdict } => grant.answer(id, verdict == Verdict::Allowed),
            EgressAnswer::Open { id, verdict: Refused::Refused } => grant.refuse(id),
        }
    }
    Ok(())
}
