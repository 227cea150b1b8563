//! Self-test of the S3 server: a key is created once, and objects survive a restart.

use anomal_tests::s3::S3;
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, RetryConfig, aws::AmazonS3Builder, path::Path,
};

#[tokio::test(flavor = "multi_thread")]
async fn s3_server_creates_once_and_keeps_objects() {
    let Some(mut server) = S3::start() else { return };
    server.bucket("reports");
    let mut builder = AmazonS3Builder::new().with_bucket_name("reports");
    for (name, value) in server.environment() {
        builder = builder.with_config(name.to_lowercase().parse().unwrap(), value);
    }
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let store = builder.with_retry(retry).build().unwrap();

    let key = Path::from("a/b");
    let create = || store.put_opts(&key, "first".into(), PutMode::Create.into());
    create().await.unwrap();
    assert!(matches!(create().await, Err(Error::AlreadyExists { .. })));
    // One of many concurrent creations succeeds.
    let race = Path::from("race");
    let puts = (0..16).map(|_| store.put_opts(&race, "x".into(), PutMode::Create.into()));
    let won = futures::future::join_all(puts).await;
    assert_eq!(won.iter().filter(|put| put.is_ok()).count(), 1, "{won:?}");
    store.delete(&race).await.unwrap();

    server.kill();
    assert!(store.get(&key).await.is_err());
    server.restart();
    let bytes = store.get(&key).await.unwrap().bytes().await.unwrap();
    assert_eq!(&bytes[..], b"first");
    let listed = store.list_with_delimiter(None).await.unwrap();
    assert_eq!(listed.common_prefixes, [Path::from("a")]);
    assert!(listed.objects.is_empty());

    let stranger = AmazonS3Builder::new().with_endpoint(server.endpoint()).with_allow_http(true);
    let stranger = stranger.with_bucket_name("reports").with_region("eu-central-1");
    let stranger = stranger.with_access_key_id("anomal").with_secret_access_key("wrong").build();
    assert!(stranger.unwrap().get(&key).await.is_err());
}
