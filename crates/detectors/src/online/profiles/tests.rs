use proptest::prelude::*;

use super::*;

fn options() -> ProfileOptions {
    ProfileOptions {
        features: vec![(Kind::Number, 1.0), (Kind::Category, 2.0)],
        min_rows: 50.0,
        max: 1_000,
        forget_after: i64::MAX,
        half_life: i64::MAX,
        admit_within: i64::MAX,
        parts: EntityParts { profile: true, forest: false },
        seed: 7,
    }
}

fn row(number: f64, text: &str) -> Vec<Value> {
    vec![Value::number(number), Value::text(text)]
}

/// Entity 1 sends small numbers and `a`, entity 2 large ones and `b`.
fn two_entities(options: ProfileOptions) -> Profiles {
    let mut profiles = Profiles::new(options);
    for i in 0..4_000_i32 {
        let jitter = f64::from(i * 7_919 % 100) / 100.0;
        profiles.learn(Some(1), &row(jitter, "a"), i64::from(i));
        profiles.learn(Some(2), &row(1_000.0 + jitter, "b"), i64::from(i));
    }
    profiles
}

#[test]
fn what_is_usual_of_all_is_a_surprise_of_one() {
    let profiles = two_entities(options());
    assert_eq!((profiles.entities(), profiles.rows_of(1)), (2, Some(3_999)));
    let judged = |key, number, text| profiles.judge(key, &row(number, text)).unwrap();
    let usual = judged(Some(1), 0.5, "a");
    assert!(usual.among_all.iter().chain(&usual.for_entity).all(|part| *part < 1.5), "{usual:?}");
    let others = judged(Some(1), 1_000.5, "b");
    assert!(others.among_all.iter().all(|part| *part < 1.5), "{others:?}");
    assert!(others.for_entity[0] > 4.0 && others.for_entity[1] > 8.0, "{others:?}");
    // Of an entity without a profile, and of none, all rows are what is known.
    for key in [Some(9), None] {
        let unknown = judged(key, 1_000.5, "b");
        assert_eq!(unknown.among_all, unknown.for_entity);
    }
    let never = judged(Some(1), 1e9, "never");
    assert!(never.among_all.iter().sum::<f64>() > 20.0, "{never:?}");
    let missing = profiles.judge(Some(1), &[Value::Missing, Value::number(f64::NAN)]).unwrap();
    assert_eq!(missing, never);
}

#[test]
fn parts_are_those_of_shares_where_nothing_happens() {
    let mut profiles = Profiles::new(options());
    let (mut sum, mut count) = (0.0, 0);
    let mut state = 1_u64;
    for i in 0..20_000_u32 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let number = (state >> 40) as f64;
        let row = [Value::number(number * number), Value::Category((state >> 33) % 7)];
        if let Some(surprise) = profiles.judge(Some(u64::from(i % 5)), &row).filter(|_| i > 10_000)
        {
            sum += surprise.for_entity[0] + surprise.for_entity[1] / 2.0;
            count += 2;
        }
        profiles.learn(Some(u64::from(i % 5)), &row, i64::from(i));
    }
    let mean = sum / f64::from(count);
    assert!(
        (0.3..1.1).contains(&mean),
        "the mean of -ln p is at most 1 where p are shares: {mean}"
    );
}

#[test]
fn what_is_old_fades_and_what_is_gone_is_forgotten() {
    let mut profiles =
        two_entities(ProfileOptions { half_life: 500, forget_after: 2_000, ..options() });
    let before = profiles.judge(Some(1), &row(1_000.5, "b")).unwrap();
    for i in 4_000..8_000 {
        profiles.learn(Some(1), &row(1_000.5, "b"), i);
    }
    let after = profiles.judge(Some(1), &row(1_000.5, "b")).unwrap();
    assert!(before.for_entity[1] > 5.0 && after.for_entity[1] < 1.0, "{before:?} {after:?}");
    // Not seen for longer than that, entity 2 begins anew; it is admitted, since it was seen before.
    profiles.learn(Some(2), &row(0.5, "a"), 8_001);
    assert_eq!(profiles.rows_of(2), Some(1));
}

#[test]
fn an_entity_is_silent_that_pauses_for_longer_than_it_ever_did() {
    let mut profiles = two_entities(options());
    // Entity 1 comes once in a thousand, entity 2 always; a third one is not named.
    for age in 4_000..10_000 {
        profiles.learn(Some(2), &row(1_000.5, "b"), age);
        profiles.learn(Some(3), &row(1_000.5, "b"), age);
        if age % 1_000 == 999 {
            profiles.see(1, age);
        }
    }
    profiles.name(1, "one");
    profiles.name(2, "two");
    let silent = |now, least, rows| {
        let mut names: Vec<&str> =
            profiles.silent(now, least, rows).map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    };
    assert!(silent(9_999, 0, 1).is_empty());
    assert_eq!(silent(10_010, 0, 1), ["two"]);
    assert!(silent(10_010, 100, 1).is_empty());
    assert_eq!(silent(11_100, 100, 1), ["one", "two"]);
    assert_eq!(silent(11_100, 100, 5_000), ["two"]);
    assert_eq!(profiles.silent(11_100, 100, 5_000).next(), Some(("two", 9_999)));
}

#[test]
fn of_too_many_the_half_that_was_seen_last_stays() {
    let mut profiles = Profiles::new(ProfileOptions { max: 100, ..options() });
    for i in 0..1_000_u64 {
        profiles.learn(None, &row(i as f64, "a"), 0);
    }
    for key in 0..150_u64 {
        let hashed = xxh3_64(&key.to_le_bytes());
        for _ in 0..2 {
            profiles.learn(Some(hashed), &row(1.0, "a"), key.cast_signed());
        }
        assert!(profiles.entities() <= 100);
    }
    assert_eq!((profiles.entities(), profiles.evicted()), (99, 51));
    let known = |key: u64| profiles.rows_of(xxh3_64(&key.to_le_bytes())).is_some();
    assert!((51..150).all(known) && !(0..51).any(known));
}

#[test]
fn damaged_bytes_are_refused() {
    let profiles = two_entities(options());
    let (all, segments) = saved(&profiles);
    let restored = |all: &[u8], segments: &[Vec<u8>]| {
        Profiles::new(options()).restore(all, segments.iter().map(|bytes| [bytes.as_slice()]))
    };
    assert!(restored(&all, &segments).is_ok());
    for end in (0..all.len().min(3_000)).chain([all.len() - 1]) {
        assert!(restored(&all[..end], &segments).is_err(), "{end}");
    }
    assert!(restored(&all, &segments[1..]).is_err());
    let place = segments.iter().position(|segment| segment.len() > 9).unwrap();
    for end in 0..segments[place].len() {
        let mut cut = segments.clone();
        cut[place].truncate(end);
        assert!(restored(&all, &cut).is_err(), "{end}");
    }
}

#[test]
fn an_entity_has_a_forest_once_it_has_rows_enough() {
    let parts = EntityParts { profile: true, forest: true };
    let mut profiles = Profiles::new(ProfileOptions { parts, ..options() });
    let mut random = crate::random::Random(1);
    for i in 0..4_000_i32 {
        // Of entity 1, small numbers go with `a`; of entity 2, with `b`.
        let (key, is_small) = (u64::from(i % 2 == 0) + 1, random.next() < 0.5);
        let number = 100.0 * random.next() + if is_small { 0.0 } else { 1_000.0 };
        let text = if is_small == (key == 1) { "a" } else { "b" };
        profiles.learn(Some(key), &row(number, text), i64::from(i));
        let judged = profiles.judge(Some(key), &row(number, text));
        let has_forest = profiles.rows_of(key).is_some_and(|rows| rows >= 50 + 63);
        assert_eq!(judged.is_some_and(|judged| judged.by_forest.is_some()), has_forest && i >= 999);
    }
    let score = |key, number, text| {
        profiles.judge(Some(key), &row(number, text)).unwrap().by_forest.unwrap().score
    };
    for (key, small, large) in [(1, "a", "b"), (2, "b", "a")] {
        let (usual, odd) = (score(key, 50.0, small), score(key, 1_050.0, small));
        assert!(odd > 4.0 * usual && score(key, 50.0, large) > 4.0 * usual, "{usual} {odd}");
    }
}

#[test]
fn entities_are_counted_without_profiles() {
    let mut profiles = two_entities(ProfileOptions { parts: EntityParts::default(), ..options() });
    assert_eq!((profiles.entities(), profiles.rows_of(1)), (2, Some(3_999)));
    let judged = profiles.judge(Some(1), &row(1_000.5, "b")).unwrap();
    assert_eq!((&judged.among_all, judged.by_forest), (&judged.for_entity, None));
    let (all, segments) = saved(&profiles);
    profiles.restore(&all, segments.iter().map(|bytes| [bytes.as_slice()])).unwrap();
    assert_eq!(saved(&profiles), (all, segments));
}

fn saved(profiles: &Profiles) -> (Vec<u8>, Vec<Vec<u8>>) {
    (profiles.to_bytes(), (0..SEGMENTS).map(|segment| profiles.segment_bytes(segment)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_state_continues_with_the_same_bytes(
        rows in prop::collection::vec((0_u64..40, -5_i32..50, 0_u32..6_000, 0_i64..20), 900..1_600),
        split in 0.0_f64..1.0,
    ) {
        let parts = EntityParts { profile: true, forest: true };
        let options = ProfileOptions {
            min_rows: 8.0, max: 20, half_life: 700, forget_after: 5_000, admit_within: 3_000, parts, ..options()
        };
        #[expect(clippy::cast_sign_loss, reason = "neither is negative")]
        let split = (rows.len() as f64 * split) as usize;
        let mut whole = Profiles::new(options.clone());
        let mut age = 0;
        let mut parted = None;
        for (place, (key, number, text, passed)) in rows.into_iter().enumerate() {
            if place == split {
                let mut read = Profiles::new(options.clone());
                let (all, segments) = saved(&whole);
                read.restore(&all, segments.iter().map(|bytes| [bytes.as_slice()])).unwrap();
                parted = Some(read);
            }
            age += passed;
            let row = [Value::number(f64::from(number)), Value::Category(u64::from(text))];
            let key = (key > 0).then(|| xxh3_64(&key.to_le_bytes()));
            if let Some(parted) = &mut parted {
                prop_assert_eq!(parted.judge(key, &row), whole.judge(key, &row));
                parted.learn(key, &row, age);
            }
            whole.learn(key, &row, age);
            prop_assert!(whole.entities() <= 20);
        }
        prop_assert_eq!(saved(&parted.unwrap()), saved(&whole));
    }
    /// Segments saved as a whole, then by what has changed; and a clone that stays as it was.
    #[test]
    fn changes_lead_to_the_same_bytes(
        rows in prop::collection::vec((1_u64..40, -5_i32..50, 0_u32..9, 0_i64..20), 1_050..1_600),
        every in 5_usize..200,
    ) {
        let parts = EntityParts { profile: true, forest: true };
        let options = ProfileOptions {
            min_rows: 8.0, max: 30, half_life: 700, forget_after: 5_000, admit_within: 3_000, parts, ..options()
        };
        let mut profiles = Profiles::new(options.clone());
        let mut parts: Vec<(u64, Vec<Vec<u8>>)> =
            (0..SEGMENTS).map(|segment| (0, vec![profiles.segment_bytes(segment)])).collect();
        let mut age = 0;
        let (mut frozen, mut bytes) = (profiles.clone(), saved(&profiles));
        let last = rows.len() - 1;
        for (place, (key, number, text, passed)) in rows.into_iter().enumerate() {
            age += passed;
            let key = xxh3_64(&key.to_le_bytes());
            let row = [Value::number(f64::from(number)), Value::Category(u64::from(text))];
            match text {
                0 => profiles.see(key, age),
                1 => profiles.name(key, "a"),
                _ => profiles.learn(Some(key), &row, age),
            }
            if place % every == 0 || place == last {
                prop_assert_eq!(saved(&frozen), bytes);
                (frozen, bytes) = (profiles.clone(), saved(&profiles));
                for (segment, (since, parts)) in parts.iter_mut().enumerate() {
                    match profiles.changes(segment, *since) {
                        Some(changes) => parts.push(changes),
                        None => *parts = vec![profiles.segment_bytes(segment)],
                    }
                    *since = profiles.revision(segment);
                }
            }
        }
        let mut read = Profiles::new(options);
        let parts = parts.iter().map(|(_, parts)| parts.iter().map(Vec::as_slice));
        read.restore(&profiles.to_bytes(), parts).unwrap();
        prop_assert_eq!(saved(&read), saved(&profiles));
    }
}

#[test]
fn entities_have_no_more_memory_than_they_may() {
    let parts = EntityParts { profile: true, forest: true };
    let options = ProfileOptions { min_rows: 8.0, parts, ..options() };
    let [without, with] = Profiles::entity_bytes([Kind::Number, Kind::Category], parts);
    let mut profiles = Profiles::new(options.clone());
    let learn = |profiles: &mut Profiles, rows: std::ops::Range<i64>| {
        for row_number in rows {
            // Many with few rows, of which all have the same age, and few with forests.
            let key =
                if row_number % 2 == 0 { row_number / 2 % 300 } else { 1_000 + row_number % 10 };
            let key = key.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
            profiles.learn(Some(key), &row(row_number as f64, "a"), row_number / 1_000);
        }
    };
    learn(&mut profiles, 0..3_000);
    assert_eq!(profiles.memory(), profiles.entities() as u64 * without + 5 * (with - without));
    assert!(profiles.entities() > 200);
    profiles.limit(3 * with, 3);
    assert!(profiles.memory() <= 3 * with && profiles.entities() >= 1, "{}", profiles.entities());
    let dropped = profiles.crowded();
    assert!(dropped > 100 && dropped == profiles.evicted(), "{dropped}");
    // The same where it is saved in between, and it stays so.
    let segments = (0..SEGMENTS).map(|segment| vec![profiles.segment_bytes(segment)]);
    let segments: Vec<Vec<Vec<u8>>> = segments.collect();
    let mut other = Profiles::new(options);
    let bytes = segments.iter().map(|parts| parts.iter().map(Vec::as_slice));
    other.restore(&profiles.to_bytes(), bytes).unwrap();
    assert_eq!(other.memory(), profiles.memory());
    other.limit(3 * with, 3);
    for profiles in [&mut profiles, &mut other] {
        learn(profiles, 3_000..9_000);
        assert!(profiles.memory() <= 3 * with);
    }
    assert!(profiles.crowded() > dropped);
    assert_eq!(other.to_bytes(), profiles.to_bytes());
    let bytes = |of: &Profiles| (0..SEGMENTS).map(|it| of.segment_bytes(it)).collect::<Vec<_>>();
    assert!(bytes(&other) == bytes(&profiles));
}
