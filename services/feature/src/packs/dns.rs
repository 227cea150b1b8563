//! Names and answers of the domain name system.

mod base64_answers;
mod beaconing;
mod calls;
mod domains;
mod filters;
mod newly_seen;
mod nxdomain;
mod popularity;
mod query_type;
mod shape;
mod spelling;
mod subdomains;
mod time;

use crate::component::Definition;

pub(crate) const COMPONENTS: &[Definition] = &[
    shape::NUMBERS_IN_HOSTNAME,
    shape::HOSTNAME_ENTROPY,
    shape::HOSTNAME_B32_ENTROPY,
    shape::HOSTNAME_B64_ENTROPY,
    shape::HOSTNAME_LENGTH,
    shape::LABEL_COUNT,
    shape::LONGEST_LABEL,
    shape::VOWEL_RATIO,
    shape::EMPTY_QUERY_NAME,
    shape::ENTROPY,
    domains::SUBDOMAIN_LENGTH,
    domains::REGISTERED_DOMAIN,
    domains::DOMAIN_EXTRACT,
    domains::DOMAIN_TLD_EXTRACT,
    domains::IS_IP,
    popularity::ALEXA_1M_RATING,
    spelling::LEVENSHTEIN,
    time::ZULU_TIMESTAMP_HOUR,
    time::ZULU_TIMESTAMP_MINUTES,
    filters::REMOVE_STATUS_ERROR,
    filters::REMOVE_MATCH,
    filters::REMOVE_TLD,
    filters::REMOVE_ALEXA_1M,
    base64_answers::HAS_DNS_DATA_B64_ENCODED,
    beaconing::BEACONING_DETECTOR,
    query_type::QUERY_TYPE_RARE,
    newly_seen::NEWLY_SEEN_DOMAIN,
    subdomains::UNIQUE_SUBDOMAINS,
    nxdomain::NXDOMAIN_RATIO,
];
