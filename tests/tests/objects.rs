//! Objects in place of files: what is read and written is the same, byte for byte, and what breaks off leaves
//! nothing.

mod objects {
    mod credentials;
    mod made;
    mod reading;
    mod web;
    mod writing;
}
