//! Numbers as bytes, little-endian.

pub(in crate::online) struct Writer(Vec<u8>);

impl Writer {
    pub fn new(version: u8) -> Self {
        Self(vec![version])
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    pub fn count(&mut self, count: u16) {
        self.0.extend(count.to_le_bytes());
    }

    pub fn small(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    pub fn number(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    pub fn signed(&mut self, number: i64) {
        self.0.extend(number.to_le_bytes());
    }

    pub fn real(&mut self, number: f64) {
        self.0.extend(number.to_le_bytes());
    }

    pub fn single(&mut self, number: f32) {
        self.0.extend(number.to_le_bytes());
    }

    pub fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    pub fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend(text.as_bytes());
    }

    pub fn optional(&mut self, number: Option<u64>) {
        self.flag(number.is_some());
        self.number(number.unwrap_or_default());
    }
}

/// None of its methods is an answer behind the end.
pub(in crate::online) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// None: of another version.
    pub fn new(bytes: &'a [u8], version: u8) -> Option<Self> {
        bytes.split_first().filter(|(first, _)| **first == version).map(|(_, rest)| Self(rest))
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub fn flag(&mut self) -> Option<bool> {
        match self.take::<1>()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    pub fn count(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub fn small(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub fn signed(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    pub fn real(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }

    pub fn single(&mut self) -> Option<f32> {
        self.take().map(f32::from_le_bytes)
    }

    /// At most as many as there are bytes left, so that a damaged one allocates nothing.
    pub fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        (length <= self.0.len()).then_some(length)
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(bytes).ok()
    }

    #[expect(clippy::option_option, reason = "damaged, or there is none")]
    pub fn optional(&mut self) -> Option<Option<u64>> {
        let (is_some, number) = (self.flag()?, self.number()?);
        Some(is_some.then_some(number))
    }

    /// Nothing is left.
    pub fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
