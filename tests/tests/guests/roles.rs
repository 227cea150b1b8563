//! Metrics, filters and flags of guests.

use std::sync::Arc;

use anomal_components::{Computation, Lists};
use anomal_core::proto::{DataType, component::Type};
use anomal_indicators::List;
use anomal_pack_host::{GuestOptions, Host, HostLimits};
use anomal_spec::{ListSettings, ListType, Parameters};
use polars::prelude::{Column, DataType as Dtype, TimeUnit};
use serde_json::json;

use crate::{
    support::{Call, build, limits, load, missing, options, texts},
    wat::{self, Component, FLOAT, INTEGER, METRIC, TEXT},
};

#[test]
fn a_component_is_described() {
    let guest = load(&wat::length());
    let components = guest.components(&options());
    let described = components[0].describe("acme");
    assert_eq!((described.pack.as_str(), described.name.as_str()), ("acme", "length"));
    assert_eq!((described.r#type(), described.output()), (Type::Metric, DataType::Integer));
    assert_eq!(described.inputs[0].name, "text");
    assert_eq!(guest.warning(), None);
    let group = load(&wat::last_of_group());
    assert_eq!(group.components(&options())[0].component_type(), Type::FlagAggregation);
}

#[test]
fn a_metric_gets_distinct_texts() {
    let guest = load(&wat::length());
    let call = Call::new(vec![texts(&["abc", "-", "", "abc", "ä"])]);
    let lengths = call.integers(&build(&guest, &options()));
    assert_eq!(lengths, [Some(3), None, Some(0), Some(3), Some(2)]);
    let none = Call::new(vec![texts(&[])]);
    assert_eq!(none.integers(&build(&guest, &options())), []);
}

#[test]
fn a_column_of_each_type_crosses_unchanged() {
    let columns = [
        (
            TEXT,
            Column::new(
                "value".into(),
                [Some("ä"), None, Some(""), Some("long enough to be on the heap")],
            ),
        ),
        (INTEGER, Column::new("value".into(), [Some(i64::MIN), None, Some(0), Some(7)])),
        (FLOAT, Column::new("value".into(), [Some(-0.5), None, Some(f64::INFINITY), Some(1e300)])),
        (3, Column::new("value".into(), [Some(true), None, Some(false), Some(true)])),
        (
            wat::DATETIME,
            Column::new("value".into(), [Some(1_i64), None, Some(-5), Some(9)])
                .cast(&Dtype::Datetime(TimeUnit::Microseconds, None))
                .unwrap(),
        ),
    ];
    for (kind, column) in columns {
        let guest = load(&wat::identity(kind));
        let found = Call::new(vec![column.clone()]).values(&build(&guest, &options())).unwrap();
        assert!(found.equals_missing(&column), "{found:?}");
    }
}

#[test]
fn results_do_not_depend_on_chunks_or_instances() {
    let names: Vec<String> =
        (0..70_000).map(|row| "x".repeat(row % 61) + &row.to_string()).collect();
    let column = Column::new("text".into(), &names);
    let guest = load(&wat::length());
    let wanted: Vec<Option<i64>> =
        names.iter().map(|name| i64::try_from(name.len()).ok()).collect();
    for options in [options(), GuestOptions { stateless: true, ..options() }] {
        let found = Call::new(vec![column.clone()]).integers(&build(&guest, &options));
        assert!(found == wanted);
    }
    let plain = load(&wat::identity(TEXT));
    let found = Call::new(vec![column.clone()]).values(&build(&plain, &options())).unwrap();
    assert!(found.equals_missing(&column));
}

#[test]
fn filters_and_flags() {
    let call = Call::new(vec![texts(&["abc", "", "-", "abcdefgh", "", "abcdefgh"])]);
    let filter = build(&load(&wat::empty()), &options());
    assert_eq!(call.removes(&filter), [false, true, false, false, true, false]);
    let flag = build(&load(&wat::long()), &options());
    assert_eq!(call.hits(&flag).unwrap(), [(3, String::new()), (5, String::new())]);
}

#[test]
fn a_group_flag_gets_whole_groups_by_time() {
    let clients = ["a", "b", "a", "-", "b", "c", "a"];
    let times = [5, 1, 9, 3, 0, 2, 7];
    let times =
        Column::new("time".into(), times).cast(&Dtype::Datetime(TimeUnit::Microseconds, None));
    let call = Call::new(vec![texts(&clients), times.unwrap()]);
    let flag = build(&load(&wat::last_of_group()), &options());
    let rows: Vec<usize> = call.hits(&flag).unwrap().into_iter().map(|hit| hit.0).collect();
    assert_eq!(rows, [1, 2]);
}

#[test]
fn many_groups_are_several_calls() {
    let clients: Vec<String> = (0..200_000).map(|row| format!("c{}", row % 50_000)).collect();
    let times: Vec<i64> = (0..200_000).rev().collect();
    let times =
        Column::new("time".into(), times).cast(&Dtype::Datetime(TimeUnit::Microseconds, None));
    let call = Call::new(vec![Column::new("client".into(), clients), times.unwrap()]);
    let flag = build(&load(&wat::last_of_group()), &options());
    let rows: Vec<usize> = call.hits(&flag).unwrap().into_iter().map(|hit| hit.0).collect();
    assert!(rows.into_iter().eq(0..50_000));
}

#[test]
fn parameters_are_refused_at_their_place() {
    let mut guest = wat::length();
    guest.component.schema = json!({
        "type": "object", "properties": {"most": {"type": "integer"}}, "required": ["most"], "additionalProperties": false,
    })
    .to_string();
    // Refuses all but `{"most":3}`, which has 10 bytes, with a problem of the parameter `most`.
    guest.items = r#"(data (i32.const 16) "mosttoo many")"#.into();
    guest.prepare = "(local.set $at (call $result (i32.ne (local.get $length) (i32.const 10))))
        (i32.store8 offset=4 (local.get $at) (i32.const 1))
        (i32.store offset=8 (local.get $at) (i32.const 16)) (i32.store offset=12 (local.get $at) (i32.const 4))
        (i32.store offset=16 (local.get $at) (i32.const 20)) (i32.store offset=20 (local.get $at) (i32.const 8))
        (local.get $at)"
        .into();
    let components = load(&guest).components(&options());
    let build = |given: serde_json::Value| {
        let given: Parameters = given.as_object().unwrap().clone().into_iter().collect();
        components[0].build(&given).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(build(json!({"most": 3})), Ok(()));
    assert_eq!(build(json!({"most": 300})).unwrap_err(), "most: too many");
    assert_eq!(build(json!({})).unwrap_err(), "most: this parameter must be set");
    assert!(build(json!({"least": 3})).unwrap_err().starts_with("least: unknown parameter"));
}

/// The guest with the list `acme/brands` of domains.
fn build_listed(guest: &wat::Guest) -> Computation {
    let settings = ListSettings { entry_type: Some(ListType::Domain), ..ListSettings::default() };
    let (list, _) = List::parse(&"acme.com\nx.com\n".into(), &settings).unwrap();
    let lists = vec![("acme/brands".to_owned(), Arc::new(list), Vec::new())];
    let lists = Lists::new(0, lists).unwrap();
    let components = load(guest).components(&options());
    components[0].build_with(&Parameters::new(), &lists).unwrap()
}

/// A filter that removes what the list `name` contains.
fn listed(name: &str) -> wat::Guest {
    let mut guest = wat::empty();
    guest.items = format!(
        r#"(import "anomal:pack/host@0.1.0" "list-contains"
            (func $contains (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
           (import "anomal:pack/host@0.1.0" "log" (func $log (param i32 i32)))
           (data (i32.const 16) "{name}")"#
    );
    let length = name.len();
    guest.body = format!(
        "(call $log (i32.const 16) (i32.const {length}))
         (local.set $at (call $result (i32.const 0)))
         (call $contains (i32.const 16) (i32.const {length})
           (i32.load8_u offset=4 (local.get $inputs)) (i32.load offset=8 (local.get $inputs))
           (i32.load offset=12 (local.get $inputs)) (i32.load offset=16 (local.get $inputs))
           (i32.load offset=20 (local.get $inputs)) (i32.load offset=24 (local.get $inputs))
           (i32.load offset=28 (local.get $inputs)) (i32.load offset=32 (local.get $inputs))
           (i32.add (local.get $at) (i32.const 4)))
         (local.get $at)"
    );
    guest
}

#[test]
fn a_guest_asks_for_its_lists() {
    let call = Call::new(vec![texts(&["acme.com", "-", "acme.org", "x.com"])]);
    let removes = call.removes(&build_listed(&listed("brands")));
    assert_eq!(removes, [true, false, false, true]);
}

#[test]
fn a_list_that_a_pack_lacks_fails_the_call() {
    let mut guest = listed("secrets");
    guest.component = Component::new("listed", METRIC, &[("text", TEXT)], Some(TEXT));
    let error = Call::new(vec![texts(&["x"])]).values(&build_listed(&guest)).unwrap_err();
    assert_eq!(error.reason, "PACK_ANSWER");
    assert!(error.message.contains("the pack has no list `secrets`"), "{error}");
}

#[test]
fn compiled_code_is_cached_and_a_damaged_cache_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let limits = HostLimits { cache: Some(folder.path().join("compiled")), ..limits() };
    let bytes = wat::length().component();
    let check = || {
        let guest = Host::new(limits.clone()).unwrap().load(&bytes).unwrap();
        let call = Call::new(vec![texts(&["abc"])]);
        assert_eq!(call.integers(&build(&guest, &missing(1))), [Some(3)]);
    };
    let files = || {
        let mut files = Vec::new();
        let mut folders = vec![folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    };
    check();
    assert!(!files().is_empty());
    for file in files() {
        std::fs::write(file, b"damaged").unwrap();
    }
    check();
}
