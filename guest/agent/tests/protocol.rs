//! The host's examples of every message: each decodes, encodes to the same JSON, and none is missing on either side.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pyro_agent::egress::messages::{EgressAnswer, EgressEvent, TunnelParams};
use pyro_agent::files::messages::{
    FreezeRequest, ReadEvent, ReadRequest, WalkEvent, WalkRequest, WriteItem, WriteParams, WriteResponse,
};
use pyro_agent::messages::{
    ClockRequest, ClockResponse, Empty, ExecEvent, ExecParams, Failure, ForwardEvent, ForwardParams,
    HelloRequest, HelloResponse, NAMES, ProbeRequest, ProbeResponse, ResizeRequest, SetupRequest,
    SetupResponse, SignalRequest,
};
use pyro_agent::secrets::SecretsRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn round_trip<T: DeserializeOwned + Serialize>(example: &Value) -> Value {
    let message: T =
        serde_json::from_value(example.clone()).unwrap_or_else(|error| panic!("{error}: {example}"));
    serde_json::to_value(message).unwrap()
}

fn codec(name: &str) -> fn(&Value) -> Value {
    match name {
        "hello.request" => round_trip::<HelloRequest>,
        "hello.response" => round_trip::<HelloResponse>,
        "setup.request" => round_trip::<SetupRequest>,
        "setup.response" => round_trip::<SetupResponse>,
        "secrets.request" => round_trip::<SecretsRequest>,
        "clock.request" => round_trip::<ClockRequest>,
        "clock.response" => round_trip::<ClockResponse>,
        "exec.params" => round_trip::<ExecParams>,
        "exec.event" => round_trip::<ExecEvent>,
        "signal.request" => round_trip::<SignalRequest>,
        "resize.request" => round_trip::<ResizeRequest>,
        "probe.request" => round_trip::<ProbeRequest>,
        "probe.response" => round_trip::<ProbeResponse>,
        "forward.params" => round_trip::<ForwardParams>,
        "forward.event" => round_trip::<ForwardEvent>,
        "egress.event" => round_trip::<EgressEvent>,
        "egress.answer" => round_trip::<EgressAnswer>,
        "tunnel.params" => round_trip::<TunnelParams>,
        "tunnel.event" => round_trip::<ForwardEvent>,
        "failure" => round_trip::<Failure>,
        "walk.request" => round_trip::<WalkRequest>,
        "walk.event" => round_trip::<WalkEvent>,
        "read.request" => round_trip::<ReadRequest>,
        "read.event" => round_trip::<ReadEvent>,
        "write.params" => round_trip::<WriteParams>,
        "write.item" => round_trip::<WriteItem>,
        "write.response" => round_trip::<WriteResponse>,
        "freeze.request" => round_trip::<FreezeRequest>,
        "egress.params" | "ping.request" | "ping.response" | "signal.response" | "poweroff.request"
        | "poweroff.response" | "secrets.response" | "resize.response" | "freeze.response"
        | "thaw.request" | "thaw.response" | "sync.request" | "sync.response" => round_trip::<Empty>,
        _ => panic!("no message is called {name}"),
    }
}

#[test]
fn every_example_survives_a_round_trip() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/examples.json");
    let Ok(text) = fs::read_to_string(&path) else {
        return eprintln!("skipped: {} does not exist", path.display());
    };
    let examples: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> = examples.keys().map(String::as_str).collect();
    assert_eq!(names, NAMES);
    for (name, examples) in &examples {
        assert!(!examples.is_empty(), "{name} has no example");
        for example in examples {
            assert_eq!(&codec(name)(example), example, "{name}");
        }
    }
}

#[test]
fn every_name_has_a_codec_and_the_list_is_sorted() {
    for name in NAMES {
        let _codec = codec(name);
    }
    assert!(NAMES.is_sorted());
}

#[test]
fn an_unknown_or_missing_field_is_refused() {
    let refused = |text: &str| serde_json::from_str::<ExecParams>(text).is_err();
    let exec = |more: &str| refused(&format!(r#"{{"argv":[],"env":{{}},"cwd":"/","stdin":false{more}}}"#));
    assert!(!exec(r#","timeout_ms":null,"ends_tree":true,"pty":null"#));
    assert!(exec(r#","timeout_ms":null,"ends_tree":true,"pty":null,"more":1"#));
    assert!(exec(r#","ends_tree":true,"pty":null"#));
    assert!(exec(r#","timeout_ms":null,"ends_tree":true"#));
    assert!(serde_json::from_str::<Empty>(r#"{"more":1}"#).is_err());
    assert!(serde_json::from_str::<ExecEvent>(r#"{"event":"started","pid":1,"more":1}"#).is_err());
}
