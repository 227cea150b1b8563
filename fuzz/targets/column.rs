//! Columns that guests answer with: whatever the buffers, a message, or a column of the type and length that was wanted.

#![no_main]

use anomal_pack_host::{ColumnBuffers, Kind};
use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fn decode(input: &mut Unstructured<'_>) -> Result<()> {
    let kinds = [Kind::Text, Kind::Integer, Kind::Float, Kind::Boolean, Kind::Datetime];
    let (wanted, rows) = (*input.choose(&kinds)?, usize::from(input.arbitrary::<u8>()?));
    let kind = if input.ratio(9, 10)? { wanted as u8 } else { input.arbitrary()? };
    let claimed = if input.ratio(9, 10)? { u32::try_from(rows).unwrap_or(u32::MAX) } else { input.arbitrary()? };
    let offsets = if input.ratio(1, 2)? {
        // Short ones, which are more often in range.
        let ends = (0..=rows).map(|_| Ok(u32::from(input.arbitrary::<u8>()?).to_le_bytes()));
        ends.collect::<Result<Vec<_>>>()?.concat()
    } else {
        input.arbitrary()?
    };
    let (validity, values) = (input.arbitrary()?, input.arbitrary()?);
    let buffers = ColumnBuffers { kind, rows: claimed, validity, offsets, values };
    if let Ok(column) = buffers.decode(wanted, rows, 1000) {
        assert_eq!(column.len(), rows);
        let again = ColumnBuffers::encode(&column).expect("one of the five types");
        let again = again.decode(wanted, rows, usize::MAX).expect("well formed");
        assert!(again.equals_missing(&column));
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let _ = decode(&mut Unstructured::new(bytes));
});
