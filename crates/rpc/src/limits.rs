//! Size limits and compression of all services and clients. They are macros since the types that tonic generates have
//! these methods without a trait.

/// A generated service with messages of at most [`crate::MAX_MESSAGE_BYTES`], compressed as the client requests.
#[macro_export]
macro_rules! limited_service {
    ($service:expr) => {
        $service
            .max_decoding_message_size($crate::MAX_MESSAGE_BYTES)
            .max_encoding_message_size($crate::MAX_MESSAGE_BYTES)
            .accept_compressed($crate::CompressionEncoding::Zstd)
            .accept_compressed($crate::CompressionEncoding::Gzip)
            .send_compressed($crate::CompressionEncoding::Zstd)
            .send_compressed($crate::CompressionEncoding::Gzip)
    };
}

/// A generated client with the same limits, and this compression in both directions, if any.
#[macro_export]
macro_rules! limited_client {
    ($client:expr, $compression:expr) => {{
        let client = $client
            .max_decoding_message_size($crate::MAX_MESSAGE_BYTES)
            .max_encoding_message_size($crate::MAX_MESSAGE_BYTES);
        match $compression {
            Some(encoding) => client.send_compressed(encoding).accept_compressed(encoding),
            None => client,
        }
    }};
}
