//! Guests that misbehave: each fails with its reason and place, within its limits, and changes nothing for others.

use std::{
    thread,
    time::{Duration, Instant},
};

use anomal_core::Error;
use anomal_pack_host::{GuestError, GuestOptions, Host, HostLimits};

use crate::{
    support::{Call, build, limits, load, missing, options, texts},
    wat::{self, Component, FLAG, Guest, INTEGER, METRIC, TEXT, integers},
};

/// A metric of texts with another result.
fn metric(body: &str) -> Guest {
    Guest::new(Component::new("evil", METRIC, &[("text", TEXT)], Some(TEXT)), body)
}

/// What a guest's call for three rows fails with.
fn failure(guest: &Guest) -> Error {
    let guest = load(guest);
    let started = Instant::now();
    let call = Call::new(vec![texts(&["a", "a text of 13 bytes"])]);
    let error = call.values(&build(&guest, &options())).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_well_behaved();
    error
}

/// Another pack computes what it always does.
fn assert_well_behaved() {
    let call = Call::new(vec![texts(&["abc", "-"])]);
    assert_eq!(call.integers(&build(&load(&wat::length()), &options())), [Some(3), None]);
}

/// A column of texts as an answer: rows, then pointers and lengths of offsets and values.
fn answer(rows: u32, offsets: (u32, u32), values: (u32, u32)) -> String {
    format!(
        "(local.set $at (call $result (i32.const 0)))
         (i32.store offset=8 (local.get $at) (i32.const {rows}))
         (i32.store offset=20 (local.get $at) (i32.const {}))
         (i32.store offset=24 (local.get $at) (i32.const {}))
         (i32.store offset=28 (local.get $at) (i32.const {}))
         (i32.store offset=32 (local.get $at) (i32.const {}))
         (local.get $at)",
        offsets.0, offsets.1, values.0, values.1
    )
}

#[test]
fn spin() {
    let error = failure(&metric("(loop $forever (br $forever)) unreachable"));
    assert_eq!(error.reason, "PACK_TIMEOUT");
    assert!(
        error.message.starts_with("acme/evil failed at row 100, \"a\": it did not return within"),
        "{error}"
    );
    assert!(error.message.contains("`onTrap: missing`"), "{error}");
}

#[test]
fn grow() {
    let error =
        failure(&metric("(loop $more (drop (memory.grow (i32.const 16))) (br $more)) unreachable"));
    assert_eq!(error.reason, "PACK_MEMORY");
    assert!(error.message.contains("it needs more than 64 MiB of memory"), "{error}");
}

#[test]
fn recursion() {
    let mut deep = metric("(drop (call $deep (i64.const 1))) unreachable");
    deep.items = "(func $deep (param i64) (result i64)
        (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (local.get 0)))"
        .into();
    let error = failure(&deep);
    assert_eq!(error.reason, "PACK_TRAPPED");
    assert!(error.message.contains("calls are nested too deeply"), "{error}");
}

#[test]
fn a_trap_is_traced_to_its_row() {
    let names: Vec<String> = (0..70_000)
        .map(|row| if row == 66_000 { "thirteen-byte".to_owned() } else { format!("n{row}") })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let guest = load(&wat::length_unless_13("unreachable"));
    let call = Call::new(vec![texts(&names)]);
    let error = call.values(&build(&guest, &options())).unwrap_err();
    assert_eq!(error.reason, "PACK_TRAPPED");
    assert!(
        error
            .message
            .starts_with("acme/length failed at row 66100, \"thirteen-byte\": it stopped itself"),
        "{error}"
    );
}

#[test]
fn values_that_trap_are_missing_and_counted() {
    let guest = load(&wat::length_unless_13("unreachable"));
    let rows = ["a", "first-13-byte", "bb", "-", "other-13-byte", "first-13-byte"];
    let call = Call::new(vec![texts(&rows)]);
    let found = call.integers(&build(&guest, &missing(2)));
    assert_eq!(found, [Some(1), None, Some(2), None, None, None]);
    let diagnostics = call.diagnostics();
    assert_eq!((diagnostics[0].reason.as_str(), diagnostics[0].count), ("PACK_VALUE_FAILED", 3));
    let message = &diagnostics[0].message;
    assert!(
        message.starts_with("acme/length failed: row 101, \"first-13-byte\": it stopped"),
        "{message}"
    );
    assert!(message.contains("; row 104, \"other-13-byte\""), "{message}");
    let call = Call::new(vec![texts(&rows)]);
    let error = call.values(&build(&guest, &missing(1))).unwrap_err();
    assert_eq!(error.reason, "PACK_TRAPPED");
    assert!(error.message.contains("raise `maxTraps`"), "{error}");
}

#[test]
fn an_error_is_reported_with_its_text() {
    let mut guest = metric(
        "(local.set $at (call $result (i32.const 1)))
         (i32.store offset=4 (local.get $at) (i32.const 16)) (i32.store offset=8 (local.get $at) (i32.const 10))
         (local.get $at)",
    );
    guest.items = r#"(data (i32.const 16) "no such id")"#.into();
    let error = failure(&guest);
    assert_eq!(error.reason, "PACK_FAILED");
    assert!(
        error.message.starts_with("acme/evil failed at row 100, \"a\": no such id;"),
        "{error}"
    );
}

#[test]
fn malformed_answers() {
    let offsets = r#"(data (i32.const 16) "\00\00\00\00\02\00\00\00\01\00\00\00") (data (i32.const 32) "\ff\fe")"#;
    let cases = [
        (answer(7, (16, 12), (32, 0)), "7 values for"),
        (answer(2, (16, 8), (32, 0)), "values for"),
        (answer(1, (16, 4), (32, 0)), "4 bytes of offsets instead of 8"),
        (answer(1, (16, 8), (32, 1)), "text that is not UTF-8"),
        (answer(1, (20, 8), (64, 9)), "the offsets 2 and 1 of row 0"),
        (answer(1, (16, 8), (64, 1)), "the offsets 0 and 2 of row 0, with 1 bytes"),
        (answer(1, (u32::MAX, 8), (64, 1)), "out of bounds"),
        (answer(1, (16, 8), (64, u32::MAX)), "out of bounds"),
        ("(i32.const -4)".into(), "out of bounds"),
        ("(i32.const 3)".into(), "not aligned"),
    ];
    for (body, part) in cases {
        let mut guest = metric(&body);
        guest.items = offsets.into();
        let guest = load(&guest);
        let error = Call::new(vec![texts(&["a"])]).values(&build(&guest, &options())).unwrap_err();
        assert_eq!(error.reason, "PACK_ANSWER", "{error}");
        assert!(error.message.contains(part), "{part}: {error}");
    }
    let mut another_type = wat::length();
    another_type.component.output = Some(TEXT);
    let error = failure(&another_type);
    assert!(error.message.contains("a column of type integer instead of text"), "{error}");
}

#[test]
fn an_output_bomb_is_not_copied() {
    let bomb = "(drop (memory.grow (i32.const 512)))
        (i32.store (i32.const 20) (i32.const 30000000))";
    let error = failure(&metric(&format!("{bomb} {}", answer(1, (16, 8), (0, 30_000_000)))));
    assert_eq!(error.reason, "PACK_ANSWER");
    // Within the bytes that are copied, and above those that are allowed.
    let small =
        "(drop (memory.grow (i32.const 64))) (i32.store (i32.const 20) (i32.const 1500000))";
    let guest = metric(&format!("{small} {}", answer(1, (16, 8), (0, 1_500_000))));
    let error =
        Call::new(vec![texts(&["a"])]).values(&build(&load(&guest), &options())).unwrap_err();
    assert!(
        error.message.contains("1500000 bytes of text where at most 1048576 are allowed"),
        "{error}"
    );
}

#[test]
fn hits_of_rows_that_are_not_there() {
    let mut guest = wat::long();
    guest.body = guest.body.replace(
        "(local.get $found) (i32.const 2))) (local.get $row))",
        "(local.get $found) (i32.const 2))) (i32.const 9))",
    );
    assert_eq!(guest.component.role, FLAG);
    let call = Call::new(vec![texts(&["long enough"])]);
    let error = call.hits(&build(&load(&guest), &options())).unwrap_err();
    assert!(error.message.contains("a hit of row 9 in 1 rows"), "{error}");
}

#[test]
fn components_that_are_refused() {
    let host = Host::new(limits()).unwrap();
    let refusal = |bytes: &[u8]| host.load(bytes).unwrap_err();
    assert!(matches!(refusal(b"no component"), GuestError::Invalid(_)));
    assert!(matches!(refusal(&wat::length().module()), GuestError::Invalid(_)));
    let mut cut = wat::length().component();
    cut.truncate(cut.len() / 2);
    assert_eq!(refusal(&cut).reason(), "PACK_INVALID");
    let small = HostLimits { component: 100, ..limits() };
    let error = Host::new(small).unwrap().load(&wat::length().component()).unwrap_err();
    assert!(error.to_string().contains("at most 0 MiB"), "{error}");
    let another = wat::parse_component(
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (export "f") (canon lift (core func $i "f"))))"#,
    );
    let error = refusal(&another);
    assert_eq!(error.reason(), "PACK_INCOMPATIBLE");
    assert!(error.to_string().contains("it does not export anomal:pack/guest@0.1.0"), "{error}");
}

#[test]
fn an_import_that_is_not_provided_is_named() {
    let host = Host::new(limits()).unwrap();
    for (name, part) in [
        ("wasi:sockets/tcp@0.2.0", "wasi:sockets/tcp@0.2.0/connect"),
        ("anomal:pack/host@0.1.0", "anomal:pack/host@0.1.0/connect"),
        ("wasi:cli/environment@0.3.0", "wasi:cli/environment@0.3.0/connect"),
    ] {
        let error = host.load(&wat::with_import(name)).unwrap_err();
        assert_eq!(error.reason(), "PACK_INCOMPATIBLE");
        assert!(error.to_string().contains(&format!("it imports `{part}`")), "{error}");
    }
    // An inert one is provided: what is wrong is the world.
    let error = host.load(&wat::with_import("wasi:io/streams@0.2.3")).unwrap_err().to_string();
    assert!(error.contains("it is not of the world anomal:pack@0.1.0"), "{error}");
}

#[test]
fn descriptions_that_break_a_limit() {
    let host = Host::new(limits()).unwrap();
    let mut huge = wat::length();
    huge.component.description = "x".repeat(5_000_000);
    let error = host.load(&huge.component()).unwrap_err();
    assert_eq!(error.reason(), "PACK_INVALID");
    assert!(error.to_string().contains("its description has 5000000 bytes"), "{error}");
    let mut larger = wat::length();
    larger.component.schema = "x".repeat(40_000_000);
    let error = host.load(&larger.component()).unwrap_err().to_string();
    assert!(error.contains("it can't be asked for its components"), "{error}");
    let mut spins = wat::length();
    spins.items = "(func $spin (loop $forever (br $forever))) (start $spin)".into();
    let started = Instant::now();
    let error = host.load(&spins.component()).unwrap_err().to_string();
    assert!(error.contains("it did not return within 1 s"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_cancelled_call_ends_at_once() {
    let guest = load(&metric("(loop $forever (br $forever)) unreachable"));
    let computation = build(&guest, &options());
    let call = Call::new(vec![texts(&["a"])]);
    let cancel = call.cancel.clone();
    let started = Instant::now();
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        cancel.cancel();
    });
    let error = call.values(&computation).unwrap_err();
    canceller.join().unwrap();
    assert_eq!(error.reason, "CANCELLED");
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}

/// A pack's own limits are never above those of the host.
#[test]
fn a_pack_can_lower_its_limits() {
    let grows = "(block (result i64) (drop (memory.grow (i32.const 160))) (i64.extend_i32_u (memory.size)))";
    let mut guest = wat::length();
    guest.body = integers(grows);
    assert_eq!(guest.component.output, Some(INTEGER));
    let guest = load(&guest);
    let call = Call::new(vec![texts(&["a"])]);
    assert!(call.values(&build(&guest, &options())).is_ok());
    let low = GuestOptions { memory: Some(8 << 20), ..options() };
    let error = call.values(&build(&guest, &low)).unwrap_err();
    assert!(error.message.contains("it needs more than 8 MiB of memory"), "{error}");
    let high = GuestOptions { memory: Some(1 << 40), ..options() };
    let mut greedy = wat::length();
    greedy.body = integers(&grows.replace("160", "2000"));
    let error = call.values(&build(&load(&greedy), &high)).unwrap_err();
    assert!(error.message.contains("it needs more than 64 MiB of memory"), "{error}");
}

/// An instance that keeps state can't carry it from one chunk to the next.
#[test]
fn each_chunk_has_a_fresh_instance() {
    let mut guest = wat::length();
    guest.items = "(global $calls (mut i64) (i64.const 0))".into();
    guest.body = format!(
        "(global.set $calls (i64.add (global.get $calls) (i64.const 1))) {}",
        integers("(global.get $calls)")
    );
    let guest = load(&guest);
    let names: Vec<String> = (0..200_000).map(|row| row.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let call = Call::new(vec![texts(&names)]);
    assert!(call.integers(&build(&guest, &options())).iter().all(|calls| *calls == Some(1)));
}
