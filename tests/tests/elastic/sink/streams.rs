//! Data streams, which only the tests' OpenSearch supports.

use anomal_tests::elastic::{Flavor, Server, WRITER};

use super::jobs::{counts, run, workspace};

#[test]
fn data_stream_has_each_row_once() {
    let Some(server) = Server::shared(Flavor::OpenSearch) else { return };
    let stream = server.name("stream");
    let settings = server.settings(WRITER);
    let workspace =
        workspace(2_000, &format!("{settings}, index: {stream}, dataStream: true, rows: all"));
    assert_eq!(counts(&run(&workspace)), (2_000, 0, 0));
    let admin = server.admin();
    let found = admin.get(&format!("/_data_stream/{stream}"));
    assert_eq!(found["data_streams"][0]["template"], stream.as_str());
    assert_eq!(admin.count(&stream), 2_000);
    assert_eq!(counts(&run(&workspace)), (2_000, 2_000, 0));
    assert_eq!(admin.count(&stream), 2_000);
}
