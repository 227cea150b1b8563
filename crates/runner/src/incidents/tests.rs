use anomal_core::proto::plan::{FactInfo, FactUnit};
use anomal_spec::{EntityKind, Severity};
use proptest::prelude::*;

use std::ops::{Deref, DerefMut};

use super::*;

const MINUTE: i64 = 60_000_000;

/// Rows of evidence, and what their incidents depend on beside them.
#[derive(Clone)]
struct Case {
    input: IncidentInput,
    evidence: Vec<Evidence>,
}

impl Deref for Case {
    type Target = IncidentInput;

    fn deref(&self) -> &IncidentInput {
        &self.input
    }
}

impl DerefMut for Case {
    fn deref_mut(&mut self) -> &mut IncidentInput {
        &mut self.input
    }
}

/// The incidents, and for each row, in order, the number of its own.
struct Found {
    set: IncidentSet,
    numbers: Vec<u64>,
}

impl Deref for Found {
    type Target = IncidentSet;

    fn deref(&self) -> &IncidentSet {
        &self.set
    }
}

fn incidents(case: &Case) -> Found {
    let mut evidence = Spool::new(case.memory);
    case.evidence.iter().try_for_each(|row| evidence.push(row.clone())).unwrap();
    let (set, rows) = super::incidents(&case.input, evidence).unwrap();
    let rows: Vec<NumberedRow> = rows.iter().collect::<Result<_>>().unwrap();
    assert!(rows.is_sorted_by_key(|row| row.row) && rows.len() == case.evidence.len());
    let number = |evidence: &Evidence| {
        let row = &rows[rows.binary_search_by_key(&evidence.row, |row| row.row).unwrap()];
        assert_eq!((row.time, row.actor), (evidence.time.get(), evidence.actor));
        row.incident
    };
    Found { numbers: case.evidence.iter().map(number).collect(), set }
}

/// Hosts and domains by number; each is in few rows unless it is said otherwise.
fn input(evidence: Vec<Evidence>) -> Case {
    let flag = |name: &str, severity, title: &str| FlagInfo {
        name: name.into(),
        severity,
        title: title.into(),
        message: "{count} rows are odd".into(),
        description: "An odd row".into(),
        facts: Vec::new(),
    };
    let value = |kind, text: String| Value { kind, text, actor_rows: 1, target_rows: 1, actors: 2 };
    let hosts = (0..20).map(|host| value(EntityKind::Host, format!("10.0.0.{host}")));
    let domains = (0..20).map(|domain| value(EntityKind::Domain, format!("d{domain}.example")));
    let input = IncidentInput {
        flags: vec![
            flag("beacon", Severity::Low, ""),
            flag("tunnel", Severity::High, "{count} names below {target} {time}"),
            flag("typo", Severity::Medium, ""),
        ],
        values: hosts.chain(domains).collect(),
        signatures: vec![
            Signature { features: vec!["bytes".into()], state: SignatureState::High },
            Signature { features: vec!["code".into()], state: SignatureState::Value("X".into()) },
        ],
        rows: 1_000,
        actors: 20,
        gap: 60 * MINUTE,
        actor_nouns: vec![
            (EntityKind::Host, ["host".into(), "hosts".into()]),
            (EntityKind::User, ["user".into(), "users".into()]),
        ],
        max_findings: 200_000,
        memory: 1 << 30,
        time_step: None,
        without: [false; 2],
    };
    Case { input, evidence }
}

/// A row of a host about a domain.
fn row(row: u64, minute: i64, host: Code, domain: Code) -> Evidence {
    Evidence {
        row,
        time: Some(minute * MINUTE).into(),
        actor: host,
        target: 20 + domain,
        ..Evidence::default()
    }
}

fn hit(flag: usize, evidence: Evidence) -> Evidence {
    Evidence { hits: [flag].into(), ..evidence }
}

fn scored(score: f64, evidence: Evidence) -> Evidence {
    Evidence { suspicious: true, score: Some(score).into(), signature: Some(0).into(), ..evidence }
}

fn titles(set: &Found) -> Vec<&str> {
    set.incidents.iter().map(|incident| incident.title.as_str()).collect()
}

#[test]
fn a_tunnel_is_one_incident_with_its_supporting_rows() {
    let mut rows: Vec<Evidence> = (0..4).map(|n| hit(1, row(n, n.cast_signed(), 1, 1))).collect();
    rows[0] = Evidence { hits: [1].into(), ..scored(0.9, rows[0].clone()) };
    rows[1] = Evidence { hits: [1].into(), ..scored(0.8, rows[1].clone()) };
    rows.push(scored(0.5, row(9, 2, 1, 1)));
    rows.push(scored(0.4, row(10, 2, 2, 2)));
    let mut input = input(rows);
    input.values[21].actors = 1;
    let set = incidents(&input);
    assert_eq!(
        titles(&set),
        ["10.0.0.1: 5 names below d1.example in 3 min (tunnel)", "1 row: bytes is high, 10.0.0.2"]
    );
    let first = &set.incidents[0];
    assert_eq!((first.risk, first.severity), (100, Severity::High));
    let parts = RiskParts { flag: 60, score: 30, more: 10, rarity: 10 };
    assert_eq!((first.parts, first.top_row), (parts, 0));
    assert_eq!(first.together, ["the same actor and target"]);
    assert_eq!(set.numbers, [1, 1, 1, 1, 1, 2]);
    let domain = Entity { kind: EntityKind::Domain, value: "d1.example".into(), rows: 5 };
    assert_eq!((first.actors.len(), &first.targets), (1, &vec![domain]));
}

#[test]
fn one_domain_of_several_hosts_is_one_incident_and_one_host_with_two_domains_is_two() {
    let rows = [(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 4, 2), (4, 4, 3)];
    let rows = rows.map(|(n, host, domain)| hit(0, row(n, n.cast_signed(), host, domain)));
    let set = incidents(&input(rows.to_vec()));
    assert_eq!(
        titles(&set),
        [
            "d1.example: 3 rows are odd, 3 hosts (beacon)",
            "10.0.0.4 → d2.example: An odd row (beacon)",
            "10.0.0.4 → d3.example: An odd row (beacon)",
        ]
    );
    assert_eq!(set.incidents[0].together, ["the same flag on the same target"]);
}

#[test]
fn a_pause_ends_a_finding_unless_the_rhythm_is_as_slow() {
    // A key without a target, so that its parts stay apart.
    let about = |n: u64, minute: i64| {
        let group = [HitKey { code: 1, part: KeyPart::Actor }].into();
        Evidence { group: Some(group), ..hit(0, row(n, minute, 1, NONE - 20)) }
    };
    let twice = [0, 1, 2, 500, 501, 502].into_iter().zip(0..).map(|(minute, n)| about(n, minute));
    let set = incidents(&input(twice.collect()));
    assert_eq!(set.count, 2);
    assert_eq!(set.incidents[0].key, set.incidents[1].key, "a key has no time");
    let slow = (0..8).map(|n| about(n, n.cast_signed() * 120));
    assert_eq!(incidents(&input(slow.collect())).count, 1);
    let crumb = [0, 1, 2, 500].into_iter().zip(0..).map(|(minute, n)| about(n, minute));
    assert_eq!(incidents(&input(crumb.collect())).count, 1);
}

#[test]
fn what_is_passed_on_is_a_chain() {
    let mut first = hit(1, row(0, 0, 1, 0));
    first.target = 2;
    let mut second = hit(0, row(1, 5, 2, 0));
    second.target = 3;
    let mut late = hit(0, row(2, 5_000, 3, 0));
    late.target = 4;
    let set = incidents(&input(vec![late, second, first]));
    assert_eq!(set.count, 2);
    let title = "10.0.0.1 → 10.0.0.2 → 10.0.0.3: 2 names below 10.0.0.2 in 5 min (tunnel, beacon)";
    assert_eq!(set.incidents[0].title, title);
    assert_eq!(set.numbers, [2, 1, 1]);
}

#[test]
fn rows_without_a_flag_are_bursts_or_alike() {
    let mut rows: Vec<Evidence> =
        (0..3).map(|n| scored(0.3, row(n, n.cast_signed(), 5, 5))).collect();
    rows.extend((3..6).map(|n| scored(0.2, row(n, 0, 6 + u32::try_from(n).unwrap(), 7))));
    let mut other = scored(0.1, row(7, 0, 3, 3));
    other.signature = Some(1).into();
    rows.push(other);
    let set = incidents(&input(rows));
    assert_eq!(
        titles(&set),
        [
            "10.0.0.5: 3 unusual rows about d5.example",
            "3 rows alike: bytes is high, 3 hosts",
            "1 row: code is X, 10.0.0.3",
        ]
    );
    assert_eq!(set.incidents.iter().map(|incident| incident.risk).collect::<Vec<_>>(), [30, 17, 4]);
}

#[test]
fn actors_are_counted_by_what_they_are() {
    let rows: Vec<Evidence> =
        (0..3).map(|n| scored(0.2, row(n, 0, u32::try_from(n).unwrap(), 7))).collect();
    let mut input = input(rows);
    assert_eq!(titles(&incidents(&input)), ["3 rows alike: bytes is high, 3 hosts"]);
    input.values[1].kind = EntityKind::User;
    assert_eq!(titles(&incidents(&input)), ["3 rows alike: bytes is high, 3 actors"]);
    (0..3).for_each(|host| input.values[host].kind = EntityKind::User);
    assert_eq!(titles(&incidents(&input)), ["3 rows alike: bytes is high, 3 users"]);
}

#[test]
fn values_of_most_rows_say_nothing() {
    let rows: Vec<Evidence> =
        (0..4).map(|n| hit(0, row(n, 0, u32::try_from(n).unwrap(), 1))).collect();
    let mut input = input(rows);
    input.values[21].target_rows = 201;
    assert_eq!(incidents(&input).count, 4);
    input = self::input(input.evidence);
    input.values[21].target_rows = 200;
    assert_eq!(incidents(&input).count, 1);
}

#[test]
fn without_times_and_entities_flags_and_signatures_are_incidents() {
    let plain = |n| Evidence { row: n, actor: NONE, target: NONE, ..Evidence::default() };
    let rows = vec![hit(0, plain(0)), hit(0, plain(1)), hit(2, plain(2)), scored(0.1, plain(3))];
    let set = incidents(&input(rows));
    assert_eq!(
        titles(&set),
        ["An odd row (typo)", "1 row: bytes is high", "2 rows are odd (beacon)"]
    );
    assert!(set.incidents.iter().all(|incident| incident.first.is_none()));
}

#[test]
fn beyond_the_bound_causes_are_grouped_more_coarsely() {
    let rows: Vec<Evidence> = (0..40)
        .map(|n| {
            hit(
                0,
                row(
                    n,
                    n.cast_signed() * 1_000,
                    u32::try_from(n % 20).unwrap(),
                    u32::try_from(n % 19).unwrap(),
                ),
            )
        })
        .collect();
    let mut input = input(rows);
    input.max_findings = 25;
    let set = incidents(&input);
    assert_eq!(set.coarser, ["flag beacon: by their actors alone"]);
    assert_eq!(set.findings, 20);
    let mut input = self::input(input.evidence);
    input.max_findings = 1;
    let set = incidents(&input);
    assert_eq!((set.findings, set.count), (1, 1));
}

#[test]
fn hostile_values_are_visible_and_short() {
    let mut input = input(vec![hit(0, row(0, 0, 1, 1))]);
    input.values[1].text = format!("a\u{202e}\u{1b}[31m\n{}", "x".repeat(100_000));
    let title = &incidents(&input).incidents[0].title;
    assert!(title.starts_with("a\\u{202e}\\u{1b}"), "{title}");
    assert!(title.chars().count() <= 120);
}

/// Of 5,000 hosts and 20,000 domains: a third flagged, a third of bursts, a third of single odd rows.
#[test]
#[ignore = "prints how long many rows take (docs/benchmarks.md)"]
fn many_rows() {
    const HOSTS: u64 = 5_000;
    const DOMAINS: u64 = 20_000;
    for rows in [100_000_u64, 1_000_000] {
        let code = |number: u64| Code::try_from(number).unwrap();
        let evidence = |n: u64| {
            let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let (host, domain) = (mixed % HOSTS, mixed / HOSTS % DOMAINS);
            let plain = Evidence {
                row: n,
                time: Some((n * 86_400_000 / rows * 1_000).cast_signed()).into(),
                actor: code(host),
                target: code(HOSTS + domain),
                ..Evidence::default()
            };
            match n % 3 {
                0 => hit(usize::try_from(n % 9 / 3).unwrap(), plain),
                1 => {
                    let (host, domain) = (n / 3_000 % HOSTS, n / 300 % DOMAINS);
                    let pair = (code(host), code(HOSTS + domain));
                    scored(0.5, Evidence { actor: pair.0, target: pair.1, ..plain })
                }
                _ => scored((mixed % 1_000) as f64 / 1e3, plain),
            }
        };
        let mut input = input(Vec::new());
        // As a run.
        input.memory = 64 << 20;
        let mut spool = Spool::new(input.memory);
        (0..rows).map(evidence).try_for_each(|row| spool.push(row)).unwrap();
        let value = |kind, number: u64| Value {
            kind,
            text: format!("{number}.example"),
            actor_rows: 1,
            target_rows: 1,
            actors: 2,
        };
        let hosts = (0..HOSTS).map(|number| value(EntityKind::Host, number));
        let domains = (0..DOMAINS).map(|number| value(EntityKind::Domain, number));
        input.values = hosts.chain(domains).collect();
        let started = std::time::Instant::now();
        let (set, _) = super::incidents(&input, spool).unwrap();
        let seconds = started.elapsed().as_secs_f64();
        let size = size_of::<Evidence>();
        eprintln!("{rows} rows: {} incidents in {seconds:.2} s, {size} bytes a row", set.count);
    }
}

fn any_evidence() -> impl Strategy<Value = Vec<Evidence>> {
    let times = proptest::option::weighted(0.9, 0..3_000_i64);
    let one = (
        times,
        prop_oneof![9 => 0..6_u32, 1 => Just(NONE)],
        prop_oneof![9 => 0..12_u32, 1 => Just(NONE)],
        any::<bool>(),
        0..1_000_u32,
        proptest::collection::btree_set(0..3_usize, 0..3),
        0..3_usize,
        0..4_u8,
    );
    proptest::collection::vec(one, 0..60).prop_map(|all| {
        let evidence = |(row, one): (
            usize,
            (_, Code, Code, bool, u32, std::collections::BTreeSet<usize>, usize, u8),
        )| {
            let (minute, actor, target, suspicious, score, hits, signature, grouped): (
                Option<i64>,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
            ) = one;
            // Some targets are hosts, so that there are chains.
            let target = if target == NONE || target < 4 { target } else { target + 16 };
            let key = HitKey { code: actor, part: KeyPart::Actor };
            Evidence {
                row: row as u64,
                time: minute.map(|minute| minute * MINUTE).into(),
                actor,
                target,
                suspicious: suspicious || hits.is_empty(),
                score: Some(f64::from(score) / 1e3).into(),
                facts: (score % 3 > 0).then(|| vec![f64::from(score % 2).into()].into()),
                group: (grouped == 0 && !hits.is_empty() && actor != NONE).then(|| [key].into()),
                signature: (signature < 2).then_some(signature).into(),
                hits: hits.into_iter().collect(),
            }
        };
        all.into_iter().enumerate().map(evidence).collect()
    })
}

/// Incidents by what does not depend on the order of rows.
fn shape(input: &Case, set: &Found) -> Vec<(String, i64, Vec<u64>)> {
    let mut rows: Vec<Vec<u64>> = vec![Vec::new(); set.incidents.len()];
    for (evidence, number) in input.evidence.iter().zip(&set.numbers) {
        rows[usize::try_from(*number).unwrap() - 1].push(evidence.row);
    }
    let mut all: Vec<_> = set
        .incidents
        .iter()
        .zip(rows)
        .map(|(incident, mut rows)| {
            rows.sort_unstable();
            (incident.title.clone(), incident.risk, rows)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn entities_have_the_risk_of_their_incidents() {
    let mut rows: Vec<Evidence> = (0..3).map(|n| hit(1, row(n, n.cast_signed(), 1, 1))).collect();
    rows.extend((3..5).map(|n| hit(2, row(n, n.cast_signed(), 1, 2))));
    rows.extend((5..8).map(|n| hit(0, row(n, n.cast_signed(), 1, 3))));
    rows.push(hit(2, row(8, 0, 2, 4)));
    let set = incidents(&input(rows));
    let risks: Vec<i64> = set.incidents.iter().map(|incident| incident.risk).collect();
    assert_eq!(risks, [60, 40, 40, 20]);
    let entities = entity_risks(&set.incidents);
    let found = |value: &str| {
        let entity = entities.iter().find(|entity| entity.value == value).unwrap();
        (entity.risk, entity.incidents.clone(), entity.rows)
    };
    // A low one adds nothing.
    assert_eq!(found("10.0.0.1"), (65, vec![1, 2, 4], 8));
    assert_eq!(found("d3.example"), (20, vec![4], 3));
    assert_eq!(entities[0].value, "10.0.0.1");
    assert!(entities.iter().all(|entity| (1..=100).contains(&entity.risk)));
}

#[test]
fn facts_that_all_rows_share_are_in_titles() {
    let rows: Vec<Evidence> = (0..3).map(|n| hit(1, row(n, n.cast_signed(), 1, 1))).collect();
    let with_facts = |facts: [f64; 3]| {
        let mut input = input(rows.clone());
        input.flags[1].facts = ["names", "window"]
            .map(|name| FactInfo { name: name.into(), unit: FactUnit::Count.into() })
            .to_vec();
        input.flags[1].title = "{names} names[ in windows of {window}]".into();
        for (row, fact) in input.evidence.iter_mut().zip(facts) {
            row.facts = Some(vec![21.0.into(), fact.into()].into());
        }
        input
    };
    let same = incidents(&with_facts([1e4; 3]));
    assert_eq!(titles(&same), ["10.0.0.1 → d1.example: 21 names in windows of 10,000 (tunnel)"]);
    assert_eq!(same.incidents[0].facts[1].number, Some(1e4));
    let other = incidents(&with_facts([1.0, 2.0, 1.0]));
    assert_eq!(titles(&other), ["10.0.0.1 → d1.example: 21 names (tunnel)"]);
    assert_eq!(other.incidents[0].facts.len(), 1);
    // An engine without facts.
    let mut without = with_facts([1.0; 3]);
    without.evidence[2].facts = None;
    let without = incidents(&without);
    assert_eq!(titles(&without), ["10.0.0.1 → d1.example: 3 rows are odd (tunnel)"]);
    assert!(without.incidents[0].facts.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn incidents_are_a_partition_with_sums(rows in any_evidence()) {
        let input = input(rows);
        let set = incidents(&input);
        prop_assert_eq!(set.by_severity.iter().sum::<u64>(), set.count);
        let rows: u64 = set.incidents.iter().map(|incident| incident.rows).sum();
        prop_assert_eq!(rows, input.evidence.len() as u64);
        prop_assert!(set.numbers.iter().all(|number| (1..=set.count).contains(number)));
        for incident in &set.incidents {
            let of_it = set.numbers.iter().filter(|number| **number == incident.number).count();
            prop_assert_eq!(incident.rows, of_it as u64);
            let RiskParts { flag, score, more, rarity } = incident.parts;
            prop_assert_eq!(incident.risk, (flag + score + more + rarity).clamp(1, 100));
            prop_assert!(incident.title.chars().count() <= 120 && !incident.title.is_empty());
            prop_assert!(incident.suspicious <= incident.rows);
        }
        let order: Vec<i64> = set.incidents.iter().map(|incident| -incident.risk).collect();
        prop_assert!(order.is_sorted());
    }

    #[test]
    fn the_order_of_rows_changes_nothing(rows in any_evidence(), seed in any::<u64>()) {
        let input = input(rows);
        let mut shuffled = input.evidence.clone();
        let mut state = seed | 1;
        for place in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
        }
        let other = self::input(shuffled);
        let (a, b) = (incidents(&input), incidents(&other));
        prop_assert_eq!(&a.incidents, &b.incidents);
        prop_assert_eq!(shape(&input, &a), shape(&other, &b));
    }

    #[test]
    fn rows_about_new_things_change_no_other_incident(rows in any_evidence()) {
        let input = input(rows.clone());
        let mut more = rows;
        let row = more.len() as u64;
        more.extend((0..3).map(|n| hit(0, self::row(row + n, 0, 15, 15))));
        let other = self::input(more);
        let keys = |set: &Found| -> Vec<(String, u64)> {
            let mut all: Vec<_> = set.incidents.iter().map(|one| (one.key.clone(), one.rows)).collect();
            all.sort();
            all
        };
        let (before, mut after) = (keys(&incidents(&input)), keys(&incidents(&other)));
        let new = incidents(&other).set.incidents.into_iter().find(|one| one.targets.iter().any(|t| t.value == "d15.example"));
        let new = new.map(|one| (one.key, one.rows)).unwrap();
        let place = after.iter().position(|one| *one == new).unwrap();
        after.remove(place);
        prop_assert_eq!(before, after);
    }

    #[test]
    fn what_fits_into_memory_changes_nothing(rows in any_evidence(), memory in 1_usize..3_000, most in 1_usize..30) {
        let mut whole = input(rows);
        whole.max_findings = most;
        let mut bounded = whole.clone();
        bounded.memory = memory;
        let (a, b) = (incidents(&whole), incidents(&bounded));
        prop_assert_eq!(&a.incidents, &b.incidents);
        prop_assert_eq!(&a.numbers, &b.numbers);
        prop_assert_eq!(
            (a.count, a.by_severity, a.rest_rows, a.findings, &a.coarser),
            (b.count, b.by_severity, b.rest_rows, b.findings, &b.coarser)
        );
    }

    #[test]
    fn no_incident_but_a_chain_has_findings_of_two_targets(rows in any_evidence()) {
        let input = input(rows);
        let mut evidence = Spool::new(1 << 30);
        input.evidence.iter().try_for_each(|row| evidence.push(row.clone())).unwrap();
        let findings = findings::findings(&input, evidence).unwrap().all;
        for group in merge::merge(&input, &findings) {
            let mut targets: Vec<Code> = group.findings.iter().map(|place| findings[*place].target).collect();
            targets.dedup();
            targets.sort_unstable();
            targets.dedup();
            prop_assert!(group.is_chain || targets.len() <= 1);
        }
    }
}
