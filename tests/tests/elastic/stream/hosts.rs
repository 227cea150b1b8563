//! examples/push/hosts-tls.yaml with a real index.

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anomal_tests::{
    Workspace,
    elastic::{Flavor, STREAMER, Server},
    example,
    process::Process,
    tls::Authority,
};

const INDEX: &str = "anomal-results-job";

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn the_example_of_hosts_runs_on_a_machine() {
    let Some(server) = Server::shared(Flavor::Elasticsearch) else { return };
    let (plain, encrypted) = (free_port().to_string(), free_port().to_string());
    let parts = [
        ("0.0.0.0:5514", format!("0.0.0.0:{plain}")),
        ("0.0.0.0:6514", format!("0.0.0.0:{encrypted}")),
        ("https://es:9200", server.url()),
        ("auth: {secretRef: {name: es}}", "auth: {secretRef: {name: es}}, rows: all".to_owned()),
        ("every: 10s", "every: 1s".to_owned()),
    ];
    let parts: Vec<(&str, &str)> = parts.iter().map(|(from, to)| (*from, to.as_str())).collect();
    let authority = Authority::new();
    let workspace =
        Workspace::with_files(&[("job.yaml", example("push/hosts-tls.yaml", &parts).as_bytes())]);
    authority.write_server(&workspace);
    server.secret(&workspace, "es", STREAMER);
    let run = workspace.command(&["run", "job.yaml", "--secrets", "secrets"]);
    let running = Process::start(run);
    let (own, own_key) = authority.certificate("sender");
    let since = Instant::now();
    let address = format!("127.0.0.1:{encrypted}");
    let connect = || loop {
        if let Ok(connection) = TcpStream::connect(&address) {
            return connection;
        }
        assert!(since.elapsed() < Duration::from_mins(1), "it does not listen");
        thread::sleep(Duration::from_millis(100));
    };
    let message = |id: u64| {
        let (severity, host) = (8 + id % 7, id % 3);
        format!(
            "<{severity}>1 2026-03-04T05:00:{:02}Z h{host} app - - - @cee: {{\"id\": {id}}}\n",
            id % 60
        )
    };
    let messages: String = (0..1_500).map(message).collect();
    authority.send(connect(), Some((&own, &own_key)), &messages).unwrap();
    assert!(authority.send(connect(), None, &messages).is_err());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for id in 1_500..1_510 {
        socket.send_to(message(id).trim().as_bytes(), format!("127.0.0.1:{plain}")).unwrap();
    }
    let admin = server.admin();
    let count = || match admin.send("GET", &format!("/{INDEX}/_count"), "").status {
        200 => admin.count(INDEX),
        _ => 0,
    };
    while count() < 1_510 {
        assert!(since.elapsed() < Duration::from_mins(2), "{} documents", count());
        thread::sleep(Duration::from_millis(300));
    }
    running.stop().expect(0, &[]);
    let mut ids = Vec::new();
    for (_, document) in admin.documents(INDEX) {
        let anomal = &document["anomal"];
        ids.push(anomal["source"]["syslog.message.id"].as_f64().unwrap());
        assert_eq!(anomal["pvalue"].is_number(), anomal["warm"] == true, "{document:#}");
    }
    ids.sort_by(f64::total_cmp);
    assert_eq!(ids, (0..1_510).map(f64::from).collect::<Vec<_>>());
}
