//! Verdicts given on pages, without a script.

use anomal_tests::{Workspace, http};

use super::support::{Server, anomal, example, listed, run};

/// A store with a report, and its id.
fn reported() -> (Workspace, String) {
    let workspace = example("report: {}");
    let id = run(&workspace)["report"]["id"].as_str().unwrap().to_owned();
    (workspace, id)
}

fn after(page: &str) -> u64 {
    let start = page.find("name=\"after\" value=\"").expect("a form") + 20;
    page[start..start + page[start..].find('"').unwrap()].parse().unwrap()
}

#[test]
fn a_verdict_is_seen_in_the_next_run() {
    let (workspace, id) = reported();
    let server = Server::start(&workspace, &[]);
    let get = |path: &str| http::get(&server.address, path, &[]);
    let page = get(&format!("/reports/{id}/incidents/1")).text();
    assert_eq!(after(&page), 0);
    assert!(page.contains("Open: no decision stands."));
    let hostile = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%0D%0A%22%27%26%E2%80%AEgpj";
    let form = format!("chosen=1&after=0&verdict=false-positive&who=A%3Cb%3E&note={hostile}");
    let post =
        |form: &str| http::post(&server.address, &format!("/reports/{id}/verdicts"), &[], form);
    let stored = post(&form);
    assert_eq!(stored.status, 303, "{}", stored.text());
    assert_eq!(stored.header("location"), Some(&*format!("/reports/{id}/incidents/1#verdict")));
    // The same again, as by a second click.
    assert_eq!(post(&form).status, 303);
    assert_eq!(listed(&workspace).len(), 1);

    let next = run(&workspace)["report"]["id"].as_str().unwrap().to_owned();
    let page = get(&format!("/reports/{next}/incidents/1")).text();
    assert!(page.contains("<b>False positive</b>, by <bdi>A&lt;b&gt;</bdi>"), "{page}");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script>alert")
    );
    assert!(page.contains("⟨U+202E⟩gpj"));
    // It does not lead the overview any more, and filters find it.
    let overview = get(&format!("/reports/{next}")).text();
    let conclusion = &overview[overview.find("lede conclusion").unwrap()..][..300];
    assert!(!conclusion.contains("10.1.1.44"), "{conclusion}");
    assert!(overview.contains("1 of 41 judged") || overview.contains(" judged"));
    let filtered = get(&format!("/reports/{next}/incidents?verdict=false-positive")).text();
    assert!(filtered.contains("<strong>1 of "), "{filtered}");
    assert!(filtered.contains("10.1.1.44"));
    let flags = get(&format!("/reports/{next}/flags")).text();
    assert!(flags.contains("0 true positive · 0 benign · 1 false positive · 0 open"));
    let csv = get(&format!("/reports/{next}/download/suspects.csv?verdict=false-positive")).text();
    assert_eq!(csv.lines().count(), 22);
    let case = get(&format!("/reports/{next}/download/case-1.md"));
    assert!(case.status == 200 && case.text().contains("false positive"));
    let file = anomal(&workspace, &["report", "export", &next, "-o", "report.html"]);
    file.expect(0, &[]);
    let file = workspace.read("report.html");
    assert!(file.contains("False positive") && !file.contains("method=\"post\""));
    // The list of the job stays when its reports are gone.
    for id in [&id, &next] {
        anomal(&workspace, &["report", "delete", id]).expect(0, &[]);
    }
    let list = get("/verdicts?job=job").text();
    assert!(list.contains("1 verdict,") && list.contains("false positive"), "{list}");
}

#[test]
fn two_people_at_once_get_one_conflict() {
    let (workspace, id) = reported();
    let servers = [Server::start(&workspace, &[]), Server::start(&workspace, &[])];
    let path = format!("/reports/{id}/verdicts");
    for round in 0..5_u64 {
        let newest = listed(&workspace).last().map_or(0, |it| it["number"].as_u64().unwrap());
        let answers: Vec<(String, http::Answer)> = std::thread::scope(|scope| {
            let judge = |(place, server): (usize, &Server)| {
                let (address, path) = (server.address.clone(), path.clone());
                let who = format!("person{place}of{round}");
                let form =
                    format!("chosen=2&after={newest}&verdict=benign&who={who}&note=mine+{who}");
                scope.spawn(move || (who, http::post(&address, &path, &[], &form)))
            };
            let all: Vec<_> = servers.iter().chain(&servers).enumerate().map(judge).collect();
            all.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let statuses = |status: u16| answers.iter().filter(move |it| it.1.status == status);
        assert_eq!((statuses(303).count(), statuses(409).count()), (1, 3), "{answers:?}");
        let (winner, _) = statuses(303).next().unwrap();
        assert_eq!(listed(&workspace).len() as u64, round + 1);
        for (who, answer) in statuses(409) {
            let page = answer.text();
            assert!(page.contains("others have decided in the meantime"), "{page}");
            // What stands, and what was typed.
            assert!(page.contains(&format!("<bdi>{winner}</bdi>")));
            assert!(page.contains(&format!("mine {who}</textarea>")));
            assert_eq!(after(&page), round + 1);
        }
    }
}

#[test]
fn several_incidents_are_judged_at_once() {
    let (workspace, id) = reported();
    let server = Server::start(&workspace, &[]);
    let get = |path: &str| http::get(&server.address, &format!("/reports/{id}{path}"), &[]);
    for list in ["/incidents?fold=no", "/suspects"] {
        let page = get(list).text();
        assert!(page.contains("form=\"judge\" name=\"chosen\""), "{list}");
        assert!(page.contains(&format!("action=\"/reports/{id}/verdicts\"")), "{list}");
    }
    let page = get("/verdicts?chosen=4&chosen=5&chosen=4").text();
    assert!(page.contains("Judge 2 incidents, ") && after(&page) == 0, "{page}");
    let form = "chosen=4&chosen=5&after=0&verdict=benign&note=updates";
    let stored = http::post(&server.address, &format!("/reports/{id}/verdicts"), &[], form);
    assert_eq!(stored.header("location"), Some(&*format!("/reports/{id}/incidents")));
    assert_eq!(listed(&workspace).len(), 2);
    assert_eq!(get("/verdicts?chosen=999").status, 404);
}

#[test]
fn other_sites_and_read_only_servers_store_nothing() {
    let (workspace, id) = reported();
    let path = format!("/reports/{id}/verdicts");
    let form = "chosen=1&after=0&verdict=benign";
    let server = Server::start(&workspace, &[]);
    for header in ["origin: https://evil.example", "sec-fetch-site: cross-site"] {
        let refused = http::post(&server.address, &path, &[header], form);
        assert_eq!(refused.status, 403, "{header}");
    }
    let quiet = Server::start(&workspace, &["--verdicts", "off"]);
    assert_eq!(http::post(&quiet.address, &path, &[], form).status, 403);
    let page = http::get(&quiet.address, &format!("/reports/{id}/incidents/1"), &[]).text();
    assert!(page.contains("read-only on this server") && !page.contains("method=\"post\""));
    assert!(listed(&workspace).is_empty());
    // A store that goes away: nothing is lost, and the pages say so.
    std::fs::rename(workspace.path("store"), workspace.path("gone")).unwrap();
    let away = http::post(&server.address, &path, &[], form);
    assert_eq!(away.status, 503, "{}", away.text());
    std::fs::rename(workspace.path("gone"), workspace.path("store")).unwrap();
    assert_eq!(http::post(&server.address, &path, &[], form).status, 303);
}

#[test]
fn a_store_that_refuses_writes_keeps_what_was_typed() {
    let (workspace, id) = reported();
    let server = Server::start(&workspace, &[]);
    // A file in the place of the folder: also root can't write there.
    workspace.write("store/verdicts", b"");
    let form = "chosen=1&after=0&verdict=benign&note=all+of+my+words";
    let answer = http::post(&server.address, &format!("/reports/{id}/verdicts"), &[], form);
    assert!(answer.status >= 500, "{}", answer.status);
    let page = answer.text();
    assert!(page.contains("Not saved: ") && page.contains("all of my words</textarea>"), "{page}");
    assert!(page.contains("Verdicts can&#39;t be read now"), "{page}");
    assert_eq!(http::get(&server.address, &format!("/reports/{id}"), &[]).status, 200);
}

#[test]
fn runs_are_compared_on_a_page() {
    let (workspace, first) = reported();
    let second = run(&workspace)["report"]["id"].as_str().unwrap().to_owned();
    let server = Server::start(&workspace, &[]);
    let get = |path: &str| http::get(&server.address, path, &[]).text();
    let overview = get(&format!("/reports/{second}"));
    assert!(overview.contains(&format!("/compare?b={second}")));
    // What is new since the run before, in a line.
    assert!(
        overview.contains(&format!("/compare?a={first}&#38;b={second}\">Since ")),
        "{overview}"
    );
    assert!(overview.contains(": 0 new, 0 gone, 41 as before</a>"), "{overview}");
    let of_first = get(&format!("/reports/{first}"));
    assert!(!of_first.contains("Since ") && !of_first.contains("as before"));
    let filtered = get(&format!("/reports/{second}?severity=high"));
    assert!(!filtered.contains("as before"));
    // Keys are for the store alone.
    let list = anomal(&workspace, &["report", "list", "--json"]);
    assert!(
        list.expect(0, &[]).stdout.contains("incidents") && !list.stdout.contains("\"keys\": [\n"),
        "{}",
        list.stdout
    );
    let choice = get(&format!("/compare?b={second}"));
    assert!(choice.contains(&format!("/compare?a={first}&#38;b={second}")), "{choice}");
    let page = get(&format!("/compare?a={first}&b={second}"));
    assert!(page.contains("New 0") && page.contains("Gone 0"), "{page}");
    assert!(page.contains("Drift"));
    let none = http::get(&server.address, &format!("/compare?a=none&b={second}"), &[]);
    assert_eq!(none.status, 404);
}
