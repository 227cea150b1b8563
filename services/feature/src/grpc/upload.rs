//! Packs on their way to a replica.

use anomal_core::{
    Error, PackUpload, Result,
    proto::{PackHeader, PutPackRequest, put_pack_request::Part},
};
use anomal_rpc::{chunks::pieces, from_status};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tonic::Status;

/// The most blobs that a pack has: a configuration, a component and its content, with room for other layouts.
const MAX_BLOBS: usize = 16;

/// The messages of an upload: the header, then the blobs in pieces.
pub(super) fn messages(pack: &PackUpload) -> impl Iterator<Item = PutPackRequest> + Send + use<> {
    let sizes = pack.blobs.iter().map(|blob| blob.len() as u64).collect();
    let header = PackHeader { blob_sizes: sizes, ..pack.header.clone() };
    let blobs = pack.blobs.clone().into_iter().flat_map(pieces).map(Part::Blobs);
    std::iter::once(Part::Header(header))
        .chain(blobs)
        .map(|part| PutPackRequest { part: Some(part) })
}

/// # Errors
/// `InvalidRequest` if the messages are no pack; `ResourceExhausted` beyond `limit` bytes.
pub(super) async fn assemble(
    messages: impl Stream<Item = Result<PutPackRequest, Status>>,
    limit: usize,
) -> Result<PackUpload> {
    let mut messages = std::pin::pin!(messages);
    let first = messages.next().await.transpose().map_err(|status| from_status(&status))?;
    let Some(Part::Header(header)) = first.and_then(|message| message.part) else {
        return Err(invalid("the first message of a pack has its header"));
    };
    let sizes: Vec<usize> =
        header.blob_sizes.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect();
    let whole = sizes.iter().fold(0, |whole: usize, size| whole.saturating_add(*size));
    if sizes.len() > MAX_BLOBS {
        return Err(invalid(&format!("a pack of {} blobs; at most {MAX_BLOBS}", sizes.len())));
    }
    if whole > limit {
        return Err(Error::new(
            anomal_core::Code::ResourceExhausted,
            "REQUEST_TOO_LARGE",
            format!("a pack of {whole} bytes; this engine accepts at most {limit}"),
        ));
    }
    let mut blobs = Vec::new();
    while let Some(message) = messages.next().await {
        match message.map_err(|status| from_status(&status))?.part {
            Some(Part::Blobs(piece)) if piece.len() <= whole - blobs.len() => {
                blobs.extend_from_slice(&piece);
            }
            Some(Part::Blobs(_)) => {
                return Err(invalid("a pack with more bytes than its header says"));
            }
            _ => return Err(invalid("after its header, a pack has blobs alone")),
        }
    }
    if blobs.len() < whole {
        return Err(invalid("a pack with fewer bytes than its header says"));
    }
    let mut rest = Bytes::from(blobs);
    let blobs = sizes.into_iter().map(|size| rest.split_to(size)).collect();
    Ok(PackUpload { header, blobs })
}

fn invalid(message: &str) -> Error {
    Error::new(anomal_core::Code::InvalidRequest, "PACK_INVALID", message)
}

#[cfg(test)]
mod tests {
    use anomal_core::Code;
    use futures::{executor::block_on, stream};

    use super::*;

    fn pack(sizes: &[usize]) -> PackUpload {
        let header = PackHeader { manifest: Bytes::from_static(b"{}"), ..PackHeader::default() };
        let blobs = sizes
            .iter()
            .enumerate()
            .map(|(index, size)| Bytes::from(vec![u8::try_from(index).unwrap(); *size]));
        PackUpload { header, blobs: blobs.collect() }
    }

    fn receive(messages: Vec<PutPackRequest>, limit: usize) -> Result<PackUpload> {
        block_on(assemble(stream::iter(messages.into_iter().map(Ok)), limit))
    }

    #[test]
    fn what_is_sent_is_received() {
        for sizes in [&[][..], &[0], &[3, 0, 5], &[2 << 20, 7, 1 << 20]] {
            let sent = pack(sizes);
            let messages: Vec<_> = messages(&sent).collect();
            assert!(messages.len() > sizes.iter().sum::<usize>() >> 20);
            assert_eq!(receive(messages, 4 << 20).unwrap().blobs, sent.blobs);
        }
    }

    #[test]
    fn other_messages_are_refused() {
        let messages = |pack| messages(&pack).collect::<Vec<_>>();
        let whole = messages(pack(&[5, 9]));
        let cases = [
            (vec![], "the first message"),
            (whole[1..].to_vec(), "the first message"),
            (whole[..2].to_vec(), "fewer bytes"),
            ([&whole[..], &whole[1..2]].concat(), "more bytes"),
            ([&whole[..1], &whole[..1]].concat(), "blobs alone"),
            (messages(pack(&[0; 17])), "17 blobs"),
        ];
        for (messages, part) in cases {
            let error = receive(messages, 100).unwrap_err();
            assert_eq!(error.code, Code::InvalidRequest);
            assert!(error.message.contains(part), "{error}");
        }
        let error = receive(messages(pack(&[5, 9])), 13).unwrap_err();
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::ResourceExhausted, "REQUEST_TOO_LARGE")
        );
    }
}
