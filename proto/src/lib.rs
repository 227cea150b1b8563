//! The gRPC interface of Anomal's engines, generated from `anomal/v1/*.proto`.
//!
//! The messages are the types that the engines speak among themselves too (docs/adr/0002): there is
//! no second set of structs to convert to and from.

/// Version 1 of the interface.
pub mod v1 {
    #![allow(
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        unused_qualifications,
        reason = "generated code"
    )]
    tonic::include_proto!("anomal.v1");
}

/// The encoded `FileDescriptorSet` of all of it, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/anomal_descriptor.bin"));

/// The version of the settings' JSON that requests carry.
pub const SETTINGS_VERSION: u32 = 1;
