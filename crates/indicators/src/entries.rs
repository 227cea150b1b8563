//! The entries of one list, by type.

use std::{borrow::Cow, net::IpAddr};

use anomal_spec::{ListMatch, ListType};

use crate::{
    list::Match,
    normal::{address, domain, email, hash, host, prefix, refang, url_forms},
    periods::{Period, Periods},
    prefixes::Prefixes,
    statistics::Refusal,
    texts::Texts,
};

/// The fewest characters of an entry that is no address and no hash.
const SHORTEST: usize = 4;
/// The longest text that is an entry, in bytes.
const LONGEST: usize = 65_536;
/// The shortest prefix of addresses.
const SHORTEST_PREFIX: u8 = 8;

/// Texts with the periods in which they are valid.
#[derive(Default)]
pub(crate) struct TimedTexts {
    texts: Texts,
    periods: Periods,
}

impl TimedTexts {
    pub fn with_capacity(texts: usize, bytes: usize) -> Self {
        Self { texts: Texts::with_capacity(texts, bytes), periods: Periods::default() }
    }

    fn add(&mut self, text: &str, period: Period) -> Result<bool, Refusal> {
        let (number, is_new) = self.texts.insert(text).ok_or(Refusal::TooLong)?;
        self.periods.add(number, is_new, period);
        Ok(is_new)
    }

    fn find(&self, text: &str) -> Option<Match<'_>> {
        let number = self.texts.find(text)?;
        let entry = Cow::Borrowed(self.texts.text(number));
        Some(Match { entry, periods: self.periods.get(number) })
    }
}

/// The entries of a list by type. A value is looked up among each type that the list has.
#[derive(Default)]
pub(crate) struct Entries {
    /// Names that match themselves alone.
    names: TimedTexts,
    /// Names that match their subdomains too.
    zones: TimedTexts,
    /// The fewest labels of a zone: shorter names are not looked up.
    zone_labels: usize,
    prefixes: Prefixes,
    urls: TimedTexts,
    hashes: TimedTexts,
    emails: TimedTexts,
    texts: TimedTexts,
}

impl Entries {
    /// Room for entries of a type, and for their bytes together.
    pub fn with_capacity(
        entry_type: ListType,
        matching: ListMatch,
        count: usize,
        bytes: usize,
    ) -> Self {
        let mut entries = Self::default();
        let texts = match (entry_type, matching) {
            (ListType::Domain, ListMatch::Exact) => &mut entries.names,
            (ListType::Domain, ListMatch::Subdomains) => &mut entries.zones,
            (ListType::Url, _) => &mut entries.urls,
            (ListType::Hash, _) => &mut entries.hashes,
            (ListType::Email, _) => &mut entries.emails,
            (ListType::Text, _) => &mut entries.texts,
            (ListType::Ip, _) => return entries,
        };
        *texts = TimedTexts::with_capacity(count, bytes);
        entries
    }

    /// Adds an entry. Returns whether it is a new one.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn add(
        &mut self,
        text: &str,
        entry_type: ListType,
        matching: ListMatch,
        period: Period,
    ) -> Result<bool, Refusal> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Refusal::Empty);
        }
        if text.len() > LONGEST {
            return Err(Refusal::TooLong);
        }
        if matches!(entry_type, ListType::Text) {
            return self.texts.add(long_enough(text)?, period);
        }
        let text = &*refang(text);
        match entry_type {
            ListType::Domain => self.add_domain(text, matching, period),
            ListType::Ip => self.add_prefix(text, period),
            ListType::Url if text.trim_start_matches('/').is_empty() => Err(Refusal::RootPath),
            ListType::Url => {
                let forms = url_forms(long_enough(text)?).ok_or(Refusal::NotUrl)?;
                self.urls.add(forms.entry(), period)
            }
            ListType::Hash => self.hashes.add(&hash(text).ok_or(Refusal::NotHash)?, period),
            ListType::Email => self.emails.add(&email(text).ok_or(Refusal::NotEmail)?, period),
            ListType::Text => self.texts.add(text, period),
        }
    }

    fn add_domain(
        &mut self,
        text: &str,
        matching: ListMatch,
        period: Period,
    ) -> Result<bool, Refusal> {
        let (text, matching) = match text.strip_prefix("*.").or_else(|| text.strip_prefix('.')) {
            Some(zone) => (zone, ListMatch::Subdomains),
            None => (text, matching),
        };
        let name = domain(long_enough(text)?).ok_or(Refusal::NotDomain)?;
        if matching == ListMatch::Exact {
            return self.names.add(&name, period);
        }
        // A bare suffix has no registered domain.
        if anomal_domains::registered(&name).is_none() {
            return Err(Refusal::PublicSuffix);
        }
        let labels = labels(&name);
        self.zone_labels =
            if self.zones.texts.len() == 0 { labels } else { labels.min(self.zone_labels) };
        self.zones.add(&name, period)
    }

    fn add_prefix(&mut self, text: &str, period: Period) -> Result<bool, Refusal> {
        let prefix = prefix(text).ok_or(Refusal::NotAddress)?;
        if prefix.prefix_len() < SHORTEST_PREFIX {
            return Err(Refusal::TooWide);
        }
        Ok(self.prefixes.add(prefix, period))
    }

    /// Calls a function with each entry that matches a value, the most specific of each type first, until it returns true.
    pub fn find<'a>(&'a self, value: &str, found: &mut dyn FnMut(Match<'a>) -> bool) -> bool {
        let host = || host(value).unwrap_or(value);
        if self.has_domains()
            && let Some(name) = domain(host())
            && self.find_domain(&name, found)
        {
            return true;
        }
        if self.prefixes.len() > 0
            && let Some(address) = address(host())
            && self.find_address(address, found)
        {
            return true;
        }
        if self.urls.texts.len() > 0
            && let Some(forms) = url_forms(value)
            && forms.keys().filter_map(|key| self.urls.find(key)).any(&mut *found)
        {
            return true;
        }
        let some = |texts: &'a TimedTexts| (texts.texts.len() > 0).then_some(texts);
        let hash = some(&self.hashes).and_then(|hashes| hashes.find(&hash(value)?));
        let email = some(&self.emails).and_then(|emails| emails.find(&email(value)?));
        let text = some(&self.texts).and_then(|texts| texts.find(value.trim()));
        [hash, email, text].into_iter().flatten().any(found)
    }

    fn has_domains(&self) -> bool {
        self.names.texts.len() + self.zones.texts.len() > 0
    }

    fn find_domain<'a>(&'a self, name: &str, found: &mut dyn FnMut(Match<'a>) -> bool) -> bool {
        if self.names.find(name).is_some_and(&mut *found) {
            return true;
        }
        if self.zones.texts.len() == 0 {
            return false;
        }
        let mut zone = name;
        for _ in self.zone_labels..=labels(name) {
            if self.zones.find(zone).is_some_and(&mut *found) {
                return true;
            }
            let Some((_, parent)) = zone.split_once('.') else { break };
            zone = parent;
        }
        false
    }

    fn find_address<'a>(
        &'a self,
        address: IpAddr,
        found: &mut dyn FnMut(Match<'a>) -> bool,
    ) -> bool {
        self.prefixes.find(address).into_iter().any(|(prefix, periods)| {
            let entry = if prefix.prefix_len() == prefix.max_prefix_len() {
                prefix.addr().to_string()
            } else {
                prefix.to_string()
            };
            found(Match { entry: Cow::Owned(entry), periods })
        })
    }

    fn all_texts(&self) -> [&TimedTexts; 6] {
        [&self.names, &self.zones, &self.urls, &self.hashes, &self.emails, &self.texts]
    }

    pub fn len(&self) -> usize {
        self.all_texts().map(|texts| texts.texts.len()).iter().sum::<usize>() + self.prefixes.len()
    }

    /// Whether some entries are valid only at some times.
    pub fn have_periods(&self) -> bool {
        self.all_texts().iter().any(|texts| !texts.periods.is_empty())
            || self.prefixes.have_periods()
    }

    /// The bytes of memory that they take.
    pub fn memory(&self) -> usize {
        let texts = self.all_texts().map(|texts| texts.texts.memory() + texts.periods.memory());
        texts.iter().sum::<usize>() + self.prefixes.memory()
    }

    /// Returns memory that was reserved for more entries.
    pub fn shrink(&mut self) {
        let Self { names, zones, urls, hashes, emails, texts, .. } = self;
        for texts in [names, zones, urls, hashes, emails, texts] {
            texts.texts.shrink();
        }
    }

    /// The entries as texts, each with its type.
    pub fn iter(&self) -> impl Iterator<Item = (ListType, String)> {
        let types = [
            ListType::Domain,
            ListType::Domain,
            ListType::Url,
            ListType::Hash,
            ListType::Email,
            ListType::Text,
        ];
        let texts = self.all_texts().into_iter().zip(types).flat_map(|(texts, entry_type)| {
            let numbers = 0..u32::try_from(texts.texts.len()).unwrap_or(u32::MAX);
            numbers.map(move |number| (entry_type, texts.texts.text(number).to_owned()))
        });
        let prefixes = self.prefixes.iter().map(|prefix| (ListType::Ip, prefix.addr().to_string()));
        texts.chain(prefixes)
    }
}

fn labels(name: &str) -> usize {
    memchr::memchr_iter(b'.', name.as_bytes()).count() + 1
}

fn long_enough(text: &str) -> Result<&str, Refusal> {
    if text.chars().take(SHORTEST).count() < SHORTEST { Err(Refusal::TooShort) } else { Ok(text) }
}
