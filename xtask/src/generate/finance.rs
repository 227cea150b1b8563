//! Mobile payments with the columns of `PaySim` (Lopez-Rojas et al. 2016): accounts pay, transfer, withdraw and deposit
//! money; a few are taken over and emptied by a transfer and a cash-out.

use std::io::{Result, Write};

use super::random::{Random, mix, unit};

const HEADER: &str = "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isFraud";
/// The probability of a fraud, which has two rows.
const FRAUD: f64 = 0.005;
const ROWS_AN_HOUR: u64 = 200;

/// The kinds of payments, with how often out of 100.
const KINDS: &[(&str, u64)] =
    &[("PAYMENT", 34), ("CASH_OUT", 35), ("CASH_IN", 22), ("TRANSFER", 8), ("DEBIT", 1)];

pub fn write(rows: u64, seed: u64, output: &mut impl Write) -> Result<()> {
    let mut random = Random::new(seed);
    writeln!(output, "{HEADER}")?;
    let mut row = 0;
    while row < rows {
        let step = row / ROWS_AN_HOUR + 1;
        if row + 1 < rows && random.chance(FRAUD) {
            let balance = cents(&mut random, 11.0, 1.2);
            let (victim, mule) = (account(&mut random, 'C'), account(&mut random, 'C'));
            let before = cents(&mut random, 6.0, 2.0);
            let first = Payment {
                step,
                kind: "TRANSFER",
                amount: balance,
                sender: (&victim, balance, 0),
                receiver: (&mule, 0, 0),
                fraud: true,
            };
            first.write(output)?;
            let taken = before + balance;
            let market = account(&mut random, 'C');
            let second = Payment {
                step,
                kind: "CASH_OUT",
                amount: balance,
                sender: (&mule, balance, 0),
                receiver: (&market, before, taken),
                fraud: true,
            };
            second.write(output)?;
            row += 2;
        } else {
            ordinary(step, &mut random, output)?;
            row += 1;
        }
    }
    Ok(())
}

/// Amounts are in hundredths of a unit, so that sums are exact.
struct Payment<'a> {
    step: u64,
    kind: &'a str,
    amount: u64,
    /// The account, and its balance before and after.
    sender: (&'a str, u64, u64),
    receiver: (&'a str, u64, u64),
    fraud: bool,
}

impl Payment<'_> {
    fn write(&self, output: &mut impl Write) -> Result<()> {
        let Self { step, kind, amount, sender, receiver, fraud } = self;
        write!(
            output,
            "{step},{kind},{},{},{},{},",
            money(*amount),
            sender.0,
            money(sender.1),
            money(sender.2)
        )?;
        writeln!(
            output,
            "{},{},{},{}",
            receiver.0,
            money(receiver.1),
            money(receiver.2),
            u8::from(*fraud)
        )
    }
}

fn ordinary(step: u64, random: &mut Random, output: &mut impl Write) -> Result<()> {
    let mut turn = random.below(100);
    let kind = KINDS.iter().find(|(_, share)| {
        let found = turn < *share;
        turn = turn.saturating_sub(*share);
        found
    });
    let kind = kind.map_or("PAYMENT", |kind| kind.0);
    let sender = account(random, 'C');
    let balance = cents(random, 9.0, 1.5);
    let wanted = match kind {
        "PAYMENT" | "DEBIT" => cents(random, 8.0, 0.9),
        "TRANSFER" => cents(random, 9.0, 1.0),
        _ => cents(random, 8.8, 1.0),
    };
    let receiver = account(random, if kind == "PAYMENT" { 'M' } else { 'C' });
    let held = if kind == "PAYMENT" { 0 } else { cents(random, 10.0, 1.5) };
    let incoming = kind == "CASH_IN";
    // At most nine tenths of the balance.
    let amount = if incoming { wanted } else { wanted.min(balance * 9 / 10) };
    let after = if incoming { balance + amount } else { balance - amount };
    let reached = match kind {
        "PAYMENT" => 0,
        "CASH_IN" => held.saturating_sub(amount),
        _ => held + amount,
    };
    let sender = (sender.as_str(), balance, after);
    let receiver = (receiver.as_str(), held, reached);
    Payment { step, kind, amount, sender, receiver, fraud: false }.write(output)
}

/// The number of an account; 200 regular ones come often.
fn account(random: &mut Random, kind: char) -> String {
    let regular = random.chance(0.3);
    let holder = if regular { random.below(200) } else { random.below(1 << 40) };
    format!("{kind}{}", mix(holder) % 2_000_000_000)
}

/// An amount in hundredths whose natural logarithm is roughly normal. The exponential is a product of powers of
/// 1 + 1/64, so that every machine rounds it alike.
fn cents(random: &mut Random, mean: f64, deviation: f64) -> u64 {
    // ln(1 + 1/64)
    const STEP: f64 = 0.015_504_186_535_965_254;
    let steps = ((mean + deviation * random.normal()) / STEP).clamp(1.0, 1_200.0);
    let mut value = 1.0_f64;
    let mut left = whole(steps);
    while left > 0 {
        value *= 65.0 / 64.0;
        left -= 1;
    }
    whole(value * (90.0 + 20.0 * unit(mix(whole(steps * 1e6)))))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number, far below 2^53"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    #[test]
    fn has_the_rows_asked_for_and_a_few_frauds() {
        let mut text = Vec::new();
        super::write(5_000, 1, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count(), 5_001);
        let frauds = text.lines().filter(|line| line.ends_with(",1")).count();
        assert!((20..100).contains(&frauds), "{frauds}");
        assert!(text.lines().all(|line| line.matches(',').count() == 9));
    }
}
