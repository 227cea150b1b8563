//! Calls: rows by client and registered domain.

use anomal_components::{FlagHits, Inputs};
use anomal_core::Result;
use rayon::prelude::*;

use crate::names::DOMAIN;

/// A row with its client and the domain that it calls.
#[derive(Clone, Copy, Default)]
pub struct Call {
    client: u32,
    domain: u32,
    pub row: u32,
}

/// Calls, sorted by client, domain and row.
pub struct Calls(Vec<Call>);

impl Calls {
    /// The calls of rows that have a client and, where there is a column of names, a name. `client` and `name`
    /// are the positions of these columns.
    pub fn from_inputs(inputs: &Inputs<'_>, client: usize, name: usize) -> Result<Self> {
        let clients = inputs.dictionary(client)?;
        let domains = match inputs.get(name) {
            Some(_) => Some(inputs.dictionary(name)?.by_key(&DOMAIN)),
            None => None,
        };
        let call = |(place, row): (usize, u32)| {
            let domain = domains.as_ref().map_or(Some(0), |domains| domains.present(place))?;
            Some(Call { client: clients.present(place)?, domain, row })
        };
        let calls = || (0..clients.codes().len()).zip(0_u32..).filter_map(call);
        // A counting sort: there are few clients, and the calls of each are sorted afterwards.
        let mut next = vec![0; clients.len()];
        calls().for_each(|call| next[call.client as usize] += 1);
        let mut all = 0;
        for place in &mut next {
            all += std::mem::replace(place, all);
        }
        let mut sorted = vec![Call::default(); all];
        for call in calls() {
            let place = &mut next[call.client as usize];
            sorted[*place] = call;
            *place += 1;
        }
        let by_client: Vec<_> = sorted.chunk_by_mut(|a, b| a.client == b.client).collect();
        let order = |call: &Call| (u64::from(call.domain) << u32::BITS) | u64::from(call.row);
        by_client.into_par_iter().for_each(|calls| calls.par_sort_unstable_by_key(order));
        Ok(Self(sorted))
    }

    /// The hits of `judge` in the calls of each client to each domain, where there are at least `least` of them.
    /// `judge` gets the calls in row order; the hits come in row order.
    pub fn hits(
        &self,
        least: usize,
        judge: impl Fn(&[Call]) -> FlagHits + Send + Sync,
    ) -> FlagHits {
        let pairs = self.0.chunk_by(|a, b| (a.client, a.domain) == (b.client, b.domain));
        let pairs: Vec<&[Call]> = pairs.filter(|calls| calls.len() >= least).collect();
        let judged: Vec<FlagHits> = pairs.into_par_iter().map(judge).collect();
        let mut all = FlagHits::default();
        judged.into_iter().for_each(|hits| all.append(hits));
        all.rows.par_sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Mutex};

    use anomal_components::Dictionaries;
    use polars::prelude::Column;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_pair_is_judged_once_with_its_rows_in_order(
            rows in prop::collection::vec((0..4_u8, 0..4_u8), 0..60),
            named in any::<bool>(),
            least in 1..4_usize,
        ) {
            // 0 is no value.
            let text = |kind: &str, number: u8, end: &str| {
                (number > 0).then(|| format!("{kind}{number}{end}"))
            };
            let clients: Vec<_> = rows.iter().map(|(client, _)| text("10.0.0.", *client, "")).collect();
            let names: Vec<_> = rows.iter().map(|(_, name)| text("a.x", *name, ".com")).collect();
            let mut wanted: BTreeMap<_, Vec<u32>> = BTreeMap::new();
            for ((client, name), row) in clients.iter().zip(&names).zip(0..) {
                if client.is_some() && (name.is_some() || !named) {
                    wanted.entry((client, name.as_ref().filter(|_| named))).or_default().push(row);
                }
            }
            let (clients, names) = (Column::new("c".into(), &clients), Column::new("n".into(), &names));
            let columns = vec![Some(&clients), named.then_some(&names)];
            let dictionaries = Dictionaries::default();
            let inputs = Inputs::new(columns, &dictionaries);
            let judged = Mutex::new(Vec::new());
            let hits = Calls::from_inputs(&inputs, 0, 1).unwrap().hits(least, |calls| {
                judged.lock().unwrap().push(calls.iter().map(|call| call.row).collect::<Vec<_>>());
                let mut hits = FlagHits::default();
                hits.add(calls.iter().map(|call| call.row as usize), Vec::new());
                hits
            });
            let mut wanted: Vec<_> = wanted.into_values().filter(|rows| rows.len() >= least).collect();
            let mut judged = judged.into_inner().unwrap();
            wanted.sort_unstable();
            judged.sort_unstable();
            prop_assert_eq!(&judged, &wanted);
            let mut rows: Vec<_> = wanted.into_iter().flatten().map(|row| row as usize).collect();
            rows.sort_unstable();
            prop_assert_eq!(hits.rows.into_iter().map(|hit| hit.0).collect::<Vec<_>>(), rows);
        }
    }
}
