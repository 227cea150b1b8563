//! p-values, thresholds by them, and models that follow the records.

use std::{ops::Range, sync::LazyLock};

use anomal_tests::Workspace;
use serde_json::Value as Json;

use super::{
    append, catch_up,
    job::{requests, results, rows},
    summary,
};

static JOB: LazyLock<String> = LazyLock::new(|| {
    requests(
        "\
classification: {engine: ECOD, seed: 7, threshold: {method: risk, value: 0.01}}
stream:
  time: {disorder: 1s}
  warmUp: {rows: 1000}
  model: {sample: {rows: 2000}, refit: {every: 6h, shadow: {rows: 800}}}
",
    )
});

/// A number between 0 and 1 that looks random.
fn chance(number: u64) -> f64 {
    let value = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (((value ^ (value >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Records of every ten seconds, with exponential sizes and durations, scaled.
fn records(numbers: Range<u64>, scale: f64) -> String {
    let record = |number: u64| {
        let [size, ms] = [0, 1].map(|part| -chance(2 * number + part).ln());
        let method = if chance(number ^ 0xffff) < 0.8 { "GET" } else { "POST" };
        let time = 1_767_225_600 + 10 * number;
        format!(
            "{{\"time\":\"{}\",\"size\":{:.4},\"ms\":{:.4},\"method\":\"{method}\"}}\n",
            jiff::Timestamp::from_second(i64::try_from(time).unwrap()).unwrap(),
            500.0 * scale * size,
            20.0 * scale * ms
        )
    };
    numbers.map(record).collect()
}

fn suspicious(rows: &[Json]) -> usize {
    rows.iter().filter(|row| row["anomal.suspicious"] == true).count()
}

#[test]
fn as_many_rows_are_suspicious_as_the_risk_says() {
    let workspace = Workspace::with_files(&[
        ("app.ndjson", records(0..16_000, 1.0).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let rows = rows(&workspace);
    assert!(
        rows[..1_000]
            .iter()
            .all(|row| row["anomal.pvalue"].is_null() && row["anomal.model"].is_null())
    );
    for row in &rows[1_000..] {
        let p = row["anomal.pvalue"].as_f64().unwrap();
        assert!(p > 0.0 && p <= 1.0, "{row}");
        assert_eq!(row["anomal.rank"].as_f64().unwrap(), 1.0 - p);
        assert_eq!(row["anomal.suspicious"], p <= 0.01, "{row}");
    }
    let found = suspicious(&rows);
    assert!((75..300).contains(&found), "{found}");
    // 16,000 rows are 44 hours: the model was fitted again after 6 hours each, and taken.
    let models = &summary(&run)["models"];
    assert!(models["generation"].as_u64().unwrap() >= 4, "{models}");
    assert_eq!(models["drifts"], 0, "{models}");
    let numbers: Vec<u64> =
        rows[1_000..].iter().map(|row| row["anomal.model"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted());
    assert_eq!(numbers.last(), models["generation"].as_u64().as_ref());
}

#[test]
fn a_budget_is_kept_where_nothing_happens_and_not_where_something_does() {
    // 360 rows an hour: 3.6 of them are one of a hundred.
    let job = JOB.replace("{method: risk, value: 0.01}", "{method: budget, value: 3.6}");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", records(0..12_000, 1.0).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    catch_up(&workspace).expect(0, &[]);
    let usual = suspicious(&rows(&workspace));
    assert!((55..220).contains(&usual), "{usual}");
    append(&workspace, "app.ndjson", &records(12_000..12_100, 100.0));
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    let found = suspicious(&rows(&workspace)[12_000..]);
    assert!(found >= 70, "{found}");
}

/// 12,000 rows, of which behind the 3,000th each `period`th is an anomaly; how many are suspicious: anomalies, and others.
fn found_by(threshold: &str, period: u64, refit: &str) -> (usize, usize) {
    let records: String = (0..12_000)
        .map(|row| {
            let is_anomaly = row > 3_000 && row % period == 0;
            records(row..row + 1, if is_anomaly { 600.0 } else { 1.0 })
        })
        .collect();
    // Its scores grow with the distance.
    let job = JOB.replace("ECOD", "MCD").replace("{method: risk, value: 0.01}", threshold);
    let job = job.replace("every: 6h", refit);
    let job = job.replace("  - {type: field, name: method, kind: categorical}\n", "");
    let files = [("app.ndjson", records.as_bytes()), ("job.yaml", job.as_bytes())];
    let whole = Workspace::with_files(&files);
    catch_up(&whole).expect(0, &[]);
    let parts = Workspace::with_files(&[files[1]]);
    let lines: Vec<&str> = records.split_inclusive('\n').collect();
    for part in lines.chunks(1_900) {
        append(&parts, "app.ndjson", &part.concat());
        catch_up(&parts).expect(0, &[]);
    }
    assert!(results(&whole) == results(&parts), "a replay by {threshold} is another");
    let rows = rows(&whole);
    assert!(rows[3_000..].iter().all(|row| row["anomal.pvalue"].is_number()));
    let (mut anomalies, mut others) = (0, 0);
    for (number, row) in (0_u64..).zip(&rows).skip(3_000) {
        if row["anomal.suspicious"] == true {
            if number % period == 0 { anomalies += 1 } else { others += 1 }
        }
    }
    (anomalies, others)
}

#[test]
fn of_what_is_suspicious_about_the_share_asked_for_is_a_false_alarm() {
    let (anomalies, others) = found_by("{method: fdr, value: 0.1}", 150, "every: 12h");
    assert!(anomalies >= 45, "{anomalies} of 59");
    // A tenth of 59 are 6; chance is on top.
    assert!(others <= 14, "{others}");
    let (more, others_then) = found_by("{method: fdr, value: 0.5}", 150, "every: 12h");
    assert!(more >= anomalies && others_then >= others, "{more} {others_then}");
}

#[test]
fn scores_above_the_tail_are_suspicious() {
    // 9,000 rows: 45 false alarms are expected.
    for method in ["spot", "dspot"] {
        let (anomalies, others) =
            found_by(&format!("{{method: {method}, value: 0.005}}"), 400, "every: 48h");
        assert!(anomalies >= 18, "{method}: {anomalies} of 22");
        assert!((8..150).contains(&others), "{method}: {others}");
    }
}

#[test]
fn a_model_follows_records_that_change() {
    let stays = JOB.replace(
        "{sample: {rows: 2000}, refit: {every: 6h, shadow: {rows: 800}}}",
        "{learn: once}",
    );
    let changes = JOB.replace("every: 6h", "every: 48h");
    let records = records(0..9_000, 1.0) + &records(9_000..18_000, 1_1.0);
    let run_over = |job: &str, records: &str| {
        let files = [("app.ndjson", records.as_bytes()), ("job.yaml", job.as_bytes())];
        let workspace = Workspace::with_files(&files);
        let run = catch_up(&workspace);
        run.expect(0, &[]);
        (summary(&run)["models"].clone(), run.stderr.clone(), rows(&workspace))
    };
    let run = |job: &str| run_over(job, &records);
    let (models, errors, rows) = run(&changes);
    assert_eq!((&models["drifts"], &models["drifted"]), (&1.into(), &false.into()), "{models}");
    assert!(errors.contains("the records have changed") && errors.contains("most in "), "{errors}");
    assert!(models["generation"].as_u64().unwrap() >= 2, "{models}");
    // What is usual now is not suspicious.
    let late = suspicious(&rows[15_000..]);
    assert!(late < 90, "{late}");
    // Before another model is in use.
    let first: String = records.split_inclusive('\n').take(9_700).collect();
    let (models, ..) = run_over(&changes, &first);
    assert_eq!((&models["generation"], &models["drifted"]), (&1.into(), &true.into()), "{models}");
    let (models, errors, rows) = run(&stays);
    assert_eq!((&models["generation"], &models["drifts"]), (&1.into(), &0.into()));
    assert!(!errors.contains("changed"), "{errors}");
    assert!(rows[1_000..].iter().all(|row| row["anomal.model"] == 1));
}

#[test]
fn a_trial_lasts_as_long_as_it_has_to() {
    let shadow = "shadow: {rows: 800}";
    let first_of = |to: &str| {
        let job = JOB.replace(shadow, to);
        let files = [("app.ndjson", records(0..6_000, 1.0)), ("job.yaml", job)];
        let workspace = Workspace::with_files(&files.each_ref().map(|(a, b)| (*a, b.as_bytes())));
        workspace.anomal(&["validate", "job.yaml"]).expect(0, &[]);
        catch_up(&workspace).expect(0, &[]);
        let whole = results(&workspace);
        // The same where it ends and goes on in the trial.
        let parts = Workspace::with_files(&[("job.yaml", files[1].1.as_bytes())]);
        let lines: Vec<&str> = files[0].1.split_inclusive('\n').collect();
        for part in lines.chunks(900) {
            append(&parts, "app.ndjson", &part.concat());
            catch_up(&parts).expect(0, &[]);
        }
        assert!(whole == results(&parts), "a replay with {to} is another");
        rows(&workspace).iter().position(|row| row["anomal.model"] == 2).unwrap()
    };
    let by_rows = first_of(shadow);
    assert_eq!(first_of("shadow: {rows: 800, atLeast: 1h}"), by_rows);
    // Four hours are 1,440 rows.
    assert_eq!(first_of("shadow: {rows: 800, atLeast: 4h}"), by_rows + 639);
}

#[test]
fn suspicious_rows_are_learned_as_the_settings_say() {
    // A burst, and a world that changes.
    let burst = records(0..4_000, 1.0) + &records(4_000..4_200, 100.0);
    let change = records(0..6_000, 1.0) + &records(6_000..11_000, 11.0);
    let found = |learned: &str, records: &str, from: usize| {
        let model = format!("model: {{learnSuspects: {learned}, sample");
        // Its scores grow with the distance.
        let job = JOB.replace("ECOD", "MCD").replace("model: {sample", &model);
        let job = job.replace("  - {type: field, name: method, kind: categorical}\n", "");
        let files = [("app.ndjson", records.as_bytes()), ("job.yaml", job.as_bytes())];
        let workspace = Workspace::with_files(&files);
        catch_up(&workspace).expect(0, &[]);
        suspicious(&rows(&workspace)[from..])
    };
    let of_burst = ["all", "trimmed", "none"].map(|learned| found(learned, &burst, 4_000));
    let changed = ["all", "trimmed", "none"].map(|learned| found(learned, &change, 10_000));
    assert!(of_burst[0] < 160 && of_burst[1] > 170 && of_burst[2] > 190, "{of_burst:?}");
    assert!(changed[0] < 100 && changed[1] < 100 && changed[2] > 500, "{changed:?}");
}

/// Requests that take the longer the larger they are, or the shorter.
fn related(numbers: Range<u64>, is_broken: bool) -> String {
    let record = |number: u64| {
        let [size, ms] = [0, 1].map(|part| chance(2 * number + part));
        // Neither the least ones nor those in the middle.
        let size = if size < 0.5 { 0.1 + 0.5 * size } else { 0.4 + 0.5 * size };
        let duration = 100.0 * if is_broken { 1.0 - size } else { size } + 2.0 * ms;
        let time = 1_767_225_600 + 10 * number;
        let method = if number.is_multiple_of(3) { "POST" } else { "GET" };
        format!(
            "{{\"time\":\"{}\",\"size\":{:.4},\"ms\":{duration:.4},\"method\":\"{method}\"}}\n",
            jiff::Timestamp::from_second(i64::try_from(time).unwrap()).unwrap(),
            1_000.0 * size,
        )
    };
    numbers.map(record).collect()
}

#[test]
fn numbers_are_found_that_are_common_and_do_not_go_together() {
    let records = related(0..6_000, false) + &related(6_000..6_100, true);
    let found = |online: &str| {
        let job = JOB.replace("model: {sample", &format!("model: {{online: {online}, sample"));
        let files = [("app.ndjson", records.as_bytes()), ("job.yaml", job.as_bytes())];
        let workspace = Workspace::with_files(&files);
        let checked = workspace.anomal(&["validate", "job.yaml"]);
        checked.expect(0, &[]);
        // Two of the three features are numbers.
        let chosen = checked.stdout.contains("; learned row by row: RandomCutForest");
        assert_eq!(chosen, online == "auto", "{}", checked.stdout);
        catch_up(&workspace).expect(0, &[]);
        rows(&workspace)
    };
    // A forest, whose scores end at 1, is less sure than a distance is.
    let below = |rows: &[Json], p: f64| {
        rows.iter().filter(|row| row["anomal.pvalue"].as_f64() <= Some(p)).count()
    };
    let (none, forest) = (found("none"), found("RandomCutForest"));
    assert_eq!(forest, found("auto"));
    for (with, p, most, least) in
        [(&found("OnlineCovariance"), 0.01, 10, 80), (&forest, 0.05, 20, 45)]
    {
        let (found, without) = (below(&with[6_000..], p), below(&none[6_000..], p));
        assert!(found >= least && without <= most, "{found} {without}");
        let usual = below(&with[3_000..6_000], p) as f64 / 3_000.0;
        assert!(usual < 3.0 * p, "{usual}");
        for row in with[6_000..].iter().filter(|row| row["anomal.suspicious"] == true) {
            let reasons = row["anomal.reasons"].as_array().unwrap();
            let mut first: Vec<&str> =
                reasons[..2].iter().map(|reason| reason["feature"].as_str().unwrap()).collect();
            first.sort_unstable();
            assert_eq!(first, ["ms", "size"], "{row:#}");
        }
    }
}

#[test]
fn after_a_short_warm_up_p_values_rank_as_scores_do() {
    // 100 rows of warm-up; behind them each fifth row is farther than the one before.
    let records: String = (0..200)
        .map(|row| {
            let is_far = row >= 100_u64 && row.is_multiple_of(5);
            let scale = if is_far { (row - 90) as f64 } else { 1.0 };
            records(row..row + 1, scale)
        })
        .collect();
    let job = JOB
        .replace("ECOD", "MCD")
        .replace("  - {type: field, name: method, kind: categorical}\n", "")
        .replace("rows: 1000", "rows: 100")
        .replace("sample: {rows: 2000}, refit: {every: 6h, shadow: {rows: 800}}", "learn: once");
    let workspace =
        Workspace::with_files(&[("app.ndjson", records.as_bytes()), ("job.yaml", job.as_bytes())]);
    catch_up(&workspace).expect(0, &[]);
    let rows = rows(&workspace);
    let number = |row: &Json, name: &str| row[name].as_f64().unwrap_or(f64::NAN);
    let mut judged: Vec<(f64, f64)> = rows[100..]
        .iter()
        .map(|row| (number(row, "anomal.score"), number(row, "anomal.pvalue")))
        .collect();
    assert!(judged.iter().all(|(_, p)| p.is_finite()), "{judged:?}");
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    // No two of the farthest have the same, and all others are more usual.
    let highest = &judged[..10];
    assert!(highest.is_sorted_by(|a, b| a.1 < b.1), "{highest:?}");
    let limit = highest[9].1;
    assert!(judged[10..].iter().all(|(_, p)| *p > limit), "{judged:?}");
}

#[test]
fn a_replay_uses_the_same_models_at_the_same_rows() {
    let records = records(0..12_000, 1.0);
    let files = [("app.ndjson", records.as_bytes()), ("job.yaml", JOB.as_bytes())];
    let whole = Workspace::with_files(&files);
    catch_up(&whole).expect(0, &[]);
    // Ends and goes on in each of the phases of a fit: after 6 hours (2,160 rows) it has begun, then it is on trial.
    let parts = Workspace::with_files(&[files[1]]);
    let lines: Vec<&str> = records.split_inclusive('\n').collect();
    for part in lines.chunks(700) {
        append(&parts, "app.ndjson", &part.concat());
        catch_up(&parts).expect(0, &[]);
    }
    assert!(results(&whole).lines().last().unwrap().contains("\"anomal.model\":"));
    assert_eq!(results(&whole).lines().count(), 12_000);
    for (row, (whole, part)) in results(&whole).lines().zip(results(&parts).lines()).enumerate() {
        assert_eq!(whole, part, "row {row}");
    }
}

#[test]
fn a_loaded_model_learns_where_it_is_asked_to() {
    let loaded = JOB
        .replace("seed: 7,", "seed: 7, model: {load: m.anomal},")
        .replace("  warmUp: {rows: 1000}\n", "");
    let stays = loaded
        .replace("  model: {sample: {rows: 2000}, refit: {every: 6h, shadow: {rows: 800}}}\n", "")
        .replace(", threshold: {method: risk, value: 0.01}", "");
    let fit =
        JOB.split("stream:").next().unwrap().replace("method: risk, value: 0.01", "method: auto");
    let workspace = Workspace::with_files(&[
        ("app.ndjson", records(0..6_000, 1.0).as_bytes()),
        ("fit.yaml", fit.as_bytes()),
        ("job.yaml", stays.as_bytes()),
    ]);
    workspace.anomal(&["fit", "fit.yaml", "--model", "m.anomal"]).expect(0, &[]);
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    assert!(summary(&run).get("models").is_none(), "{run:#?}");
    assert!(rows(&workspace)[0].get("anomal.pvalue").is_none());

    workspace.write(
        "job.yaml",
        loaded
            .replace("to: state", "to: state2")
            .replace("path: results", "path: again")
            .as_bytes(),
    );
    let run = catch_up(&workspace);
    run.expect(0, &[]);
    assert!(summary(&run)["models"]["generation"].as_u64().unwrap() >= 2, "{run:#?}");
    let again = workspace.read("again-000001.ndjson");
    let again: Vec<Json> = again.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert!(again[..100].iter().all(|row| row["anomal.pvalue"].is_null()));
    assert!(again[100..].iter().all(|row| row["anomal.pvalue"].is_number()));
}

#[test]
fn settings_that_can_not_be_learned_by_are_refused() {
    let cases = [
        (
            JOB.split("stream:").next().unwrap().to_owned(),
            "risk compares a row with those before it",
        ),
        (
            JOB.replace("timeColumn: time\n", "")
                .replace("method: risk, value: 0.01", "method: budget")
                .replace("  time: {disorder: 1s}\n", "")
                .replace("every: 6h", "rows: 2000"),
            "it counts by the times of records",
        ),
        (
            JOB.replace("timeColumn: time\n", "")
                .replace("  time: {disorder: 1s}\n", "")
                .replace("every: 6h", "every: 5h"),
            "it is a time of records",
        ),
        (
            JOB.replace("timeColumn: time\n", "")
                .replace("  time: {disorder: 1s}\n", "")
                .replace("every: 6h, shadow: {rows: 800}", "shadow: {atLeast: 10m}"),
            "stream.model.refit.shadow.atLeast: it is a time of records",
        ),
        (
            JOB.replace("model: {sample", "model: {learnSuspects: everything, sample"),
            "it is one of trimmed, all, none",
        ),
        (
            JOB.replace("model: {sample", "model: {learn: once, sample"),
            "with `learn: once` nothing is fitted again",
        ),
        (
            JOB.replace("value: 0.01", "value: 1.5"),
            "quantile, pot, risk, fdr, spot and dspot take a value between 0 and 1",
        ),
        (JOB.replace("shadow: {rows: 800}", "shadow: {rows: 8}"), "stream.model.refit.shadow.rows"),
        (
            JOB.replace("model: {sample", "model: {online: Covariance, sample"),
            "stream.model.online",
        ),
        (
            JOB.replace("model: {sample", "model: {online: OnlineCovariance, sample")
                .replace("  - {type: field, name: ms}\n", ""),
            "which numbers go together, of 2 to 128 numeric features with weight, and the job has 1",
        ),
    ];
    let record = records(0..1, 1.0);
    for (job, message) in cases {
        let files = [("app.ndjson", record.as_bytes()), ("job.yaml", job.as_bytes())];
        let workspace = Workspace::with_files(&files);
        workspace.anomal(&["validate", "job.yaml"]).expect(2, &[message, "job.yaml"]);
    }
}
