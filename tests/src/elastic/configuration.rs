//! Writes the servers' configuration to the folder `work`.

use std::{fs, path::Path};

use super::{Authority, Flavor, process, roles};

/// The bcrypt hash of [`super::PASSWORD`], at the lowest cost.
const HASH: &str = "$2a$04$yoE0lKWJqzxf78jJ/JzSfOGt.Iv6bxp75dL2cZKdaCghiBSKpNTWS";

pub(super) fn write(flavor: Flavor, folder: &Path, port: u16, authority: &Authority) {
    let work = folder.join("work");
    let write = |name: &str, content: &str| {
        let path = work.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder made");
        fs::write(path, content).expect("file written");
    };
    fs::create_dir_all(work.join("tmp")).expect("folder made");
    // The tests must run on a nearly full disk too.
    let disk = "cluster.routing.allocation.disk.threshold_enabled: false\n";
    match flavor {
        Flavor::Elasticsearch => {
            let settings = format!(
                "cluster.name: {}\ndiscovery.type: single-node\nnetwork.host: 127.0.0.1\n\
                 http.port: {port}\ntransport.port: 0\npath.data: {data}\npath.logs: {logs}\n\
                 xpack.security.enabled: true\nxpack.security.autoconfiguration.enabled: false\n\
                 xpack.security.http.ssl.enabled: true\nxpack.security.http.ssl.key: certs/key.pem\n\
                 xpack.security.http.ssl.certificate: certs/certificate.pem\n\
                 xpack.security.http.ssl.certificate_authorities: [certs/ca.pem]\n\
                 xpack.security.transport.ssl.enabled: false\nxpack.ml.enabled: false\n{disk}",
                process::cluster(folder),
                data = work.join("data").display(),
                logs = work.join("logs").display(),
            );
            write("config/elasticsearch.yml", &settings);
            let (certificate, key) = authority.certificate(super::LOOPBACK);
            write("config/certs/certificate.pem", &certificate);
            write("config/certs/key.pem", &key);
            write("config/certs/ca.pem", authority.pem());
            // JSON is YAML.
            let roles: String = roles().map(|(name, role)| format!("{name}: {role}\n")).collect();
            write("config/roles.yml", &roles);
            write_users(folder, true);
            let given = "superuser:admin\nanomal-writer:writer,runner\nanomal-reader:reader,runner,learner\n\
                         anomal-stream-writer:streamer,learner\n";
            write("config/users_roles", given);
            write("config/log4j2.properties", LOG);
            let java = "-XX:+UseSerialGC\n-Djava.io.tmpdir=${ES_TMPDIR}\n";
            write("config/jvm.options", java);
            fs::create_dir_all(work.join("config/jvm.options.d")).expect("folder made");
        }
        Flavor::OpenSearch => {
            write("node_1/config/opensearch.yml", disk);
            write("node_1/config/log4j2.properties", LOG);
        }
    }
}

/// Writes the users; `known`: all of them, else the administrator alone. The file is replaced as a whole, since the server watches it.
pub(super) fn write_users(folder: &Path, known: bool) {
    let users = super::USERS.iter().filter(|user| known || **user == super::ADMIN);
    let users: String = users.map(|user| format!("{user}:{HASH}\n")).collect();
    let path = folder.join("work/config/users");
    fs::write(path.with_extension("next"), users).expect("file written");
    fs::rename(path.with_extension("next"), path).expect("file renamed");
}

const LOG: &str = "status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p %c{1.} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
";
