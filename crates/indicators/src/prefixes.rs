//! Prefixes of addresses.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

use crate::periods::{Period, Periods};

/// Prefixes, with the periods in which they are valid.
#[derive(Default)]
pub(crate) struct Prefixes {
    v4: PrefixMap<Ipv4Net, u32>,
    v6: PrefixMap<Ipv6Net, u32>,
    periods: Periods,
    count: u32,
}

impl Prefixes {
    /// Adds a prefix. Returns whether it is a new one.
    pub fn add(&mut self, prefix: IpNet, period: Period) -> bool {
        let known = match &prefix {
            IpNet::V4(prefix) => self.v4.get(prefix).copied(),
            IpNet::V6(prefix) => self.v6.get(prefix).copied(),
        };
        let number = known.unwrap_or(self.count);
        if known.is_none() {
            match prefix {
                IpNet::V4(prefix) => self.v4.insert(prefix, number),
                IpNet::V6(prefix) => self.v6.insert(prefix, number),
            };
            self.count += 1;
        }
        self.periods.add(number, known.is_none(), period);
        known.is_none()
    }

    /// The prefixes that contain an address, the longest first, with their periods.
    pub fn find(&self, address: IpAddr) -> Vec<(IpNet, &[Period])> {
        let mut found: Vec<(IpNet, &[Period])> = match address {
            IpAddr::V4(address) => {
                let covering = self.v4.cover(&Ipv4Net::from(address));
                covering
                    .map(|(prefix, number)| (prefix.into(), self.periods.get(*number)))
                    .collect()
            }
            IpAddr::V6(address) => {
                let covering = self.v6.cover(&Ipv6Net::from(address));
                covering
                    .map(|(prefix, number)| (prefix.into(), self.periods.get(*number)))
                    .collect()
            }
        };
        found.reverse();
        found
    }

    pub fn iter(&self) -> impl Iterator<Item = IpNet> {
        self.v4.keys().map(IpNet::from).chain(self.v6.keys().map(IpNet::from))
    }

    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn have_periods(&self) -> bool {
        !self.periods.is_empty()
    }

    pub fn memory(&self) -> usize {
        self.v4.mem_size() + self.v6.mem_size() + self.periods.memory()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    /// Few different bits, so that prefixes contain each other.
    fn prefixes() -> impl Strategy<Value = Vec<IpNet>> {
        let v4 = (0_u32..64, 0_u8..=32).prop_map(|(bits, length)| {
            IpNet::from(Ipv4Net::new_assert(Ipv4Addr::from(bits << 26 | bits), length).trunc())
        });
        let v6 = (0_u128..64, 0_u8..=128).prop_map(|(bits, length)| {
            IpNet::from(Ipv6Net::new_assert(Ipv6Addr::from(bits << 122 | bits), length).trunc())
        });
        proptest::collection::vec(prop_oneof![v4, v6], 0..40)
    }

    proptest! {
        #[test]
        fn found_prefixes_are_those_that_contain_the_address(prefixes in prefixes(), bits in 0_u32..64) {
            let mut map = Prefixes::default();
            for prefix in &prefixes {
                map.add(*prefix, Period::default());
            }
            for address in [
                IpAddr::from(Ipv4Addr::from(bits << 26 | bits)),
                IpAddr::from(Ipv6Addr::from(u128::from(bits) << 122 | u128::from(bits))),
            ] {
                let mut expected: Vec<IpNet> =
                    prefixes.iter().filter(|prefix| prefix.contains(&address)).copied().collect();
                expected.sort_by_key(|prefix| std::cmp::Reverse(prefix.prefix_len()));
                expected.dedup();
                let found: Vec<IpNet> = map.find(address).into_iter().map(|found| found.0).collect();
                prop_assert_eq!(found, expected);
            }
            let mut distinct = prefixes;
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(map.len(), distinct.len());
            prop_assert_eq!(map.iter().count(), distinct.len());
        }
    }
}
