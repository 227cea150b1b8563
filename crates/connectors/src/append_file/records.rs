//! Where records end in the text of a file.

/// Where records end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    /// With the line.
    Lines,
    /// With the line, but for line ends within quotes.
    QuotedLines,
}

impl Records {
    /// The end of the last record that ends within so many bytes; 0 if none does.
    pub fn last_end(self, bytes: &[u8], within: usize) -> usize {
        if bytes.len() <= within {
            return bytes.len();
        }
        match self {
            Self::Lines => memchr::memrchr(b'\n', &bytes[..within]).map_or(0, |end| end + 1),
            Self::QuotedLines => Self::quoted_ends(&bytes[..within]).last().unwrap_or(0),
        }
    }

    pub fn first_end(self, bytes: &[u8]) -> usize {
        let end = match self {
            Self::Lines => memchr::memchr(b'\n', bytes).map(|end| end + 1),
            Self::QuotedLines => Self::quoted_ends(bytes).next(),
        };
        end.unwrap_or(bytes.len())
    }

    /// The ends of records. A quote within quotes is doubled, so that each quote begins or ends a quoted part.
    fn quoted_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
        let mut quoted = false;
        memchr::memchr2_iter(b'"', b'\n', bytes).filter_map(move |place| {
            quoted ^= bytes[place] == b'"';
            (!quoted && bytes[place] == b'\n').then_some(place + 1)
        })
    }
}
