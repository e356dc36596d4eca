//! The `tunnel` method: the host's end of a connection that a program asked for.

use std::rc::Rc;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;

use crate::agent::Agent;
use crate::egress::asked::Tunnel;
use crate::egress::messages::TunnelParams;
use crate::failure::Failure;
use crate::reply::send_failure;
use crate::stdin::Body;

/// Answers one tunnel request.
pub async fn serve(agent: Rc<Agent>, body: RecvStream, mut respond: SendResponse<Bytes>) {
    let mut body = Body::new(body);
    let id = match body.params::<TunnelParams>().await {
        Ok(TunnelParams { id }) => id,
        Err(failure) => return send_failure(&mut respond, failure),
    };
    let tunnel = Tunnel { body, respond };
    let joined = match agent.egress.grant() {
        Some(grant) => grant.connect(id, tunnel),
        None => Err(tunnel),
    };
    if let Err(Tunnel { mut respond, .. }) = joined {
        send_failure(&mut respond, Failure::tunnel_gone(id));
    }
}
