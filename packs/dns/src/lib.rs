//! The pack dns: names and answers of the domain name system.

mod base64_answers;
mod beaconing;
mod calls;
mod domains;
mod filters;
mod names;
mod newly_seen;
mod nxdomain;
mod popularity;
mod query_type;
mod shape;
mod spelling;
mod subdomains;
mod time;
mod windows;

#[cfg(test)]
mod testing;

use anomal_components::Pack;

/// The pack, with one line for each of its components.
pub fn pack() -> Pack {
    Pack::new(
        "dns",
        [
            shape::numbers_in_hostname(),
            shape::hostname_entropy(),
            shape::hostname_b32_entropy(),
            shape::hostname_b64_entropy(),
            shape::hostname_length(),
            shape::label_count(),
            shape::longest_label(),
            shape::vowel_ratio(),
            shape::empty_query_name(),
            shape::entropy(),
            domains::subdomain_length(),
            domains::registered_domain(),
            domains::domain_extract(),
            domains::domain_tld_extract(),
            domains::is_ip(),
            popularity::alexa_1m_rating(),
            popularity::unlisted_domain(),
            spelling::levenshtein(),
            time::zulu_timestamp_hour(),
            time::zulu_timestamp_minutes(),
            filters::remove_status_error(),
            filters::remove_match(),
            filters::remove_tld(),
            filters::remove_alexa_1m(),
            base64_answers::has_dns_data_b64_encoded(),
            beaconing::beaconing_detector(),
            query_type::query_type_rare(),
            newly_seen::newly_seen_domain(),
            subdomains::unique_subdomains(),
            nxdomain::nxdomain_ratio(),
        ],
    )
}
