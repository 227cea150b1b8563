//! The pack finance: payments, in the columns of the PaySim data set.

mod cash_out;
mod filters;

use anomal_components::Pack;

/// The pack, with one line for each of its components.
pub fn pack() -> Pack {
    Pack::new(
        "finance",
        [
            filters::remove_transactions_lower_than(),
            filters::name_dest_starts_with_c(),
            cash_out::cashout_great_amount(),
        ],
    )
}
