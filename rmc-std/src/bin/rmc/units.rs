//! Numbers with units, as they are typed: durations and amounts of bytes.

use std::time::Duration;

/// Parses a duration: a number with its unit, such as `500us`, `20ms`, `1.5s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (whole, fraction, unit) = split(text)?;
    let nanos_per_unit = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" => return Err(format!("{text} has no unit: write {text}ms or {text}s")),
        _ => return Err(format!("unknown unit {unit}: the units are ns, us, ms, s, m and h")),
    };
    scaled(whole, fraction, nanos_per_unit).map(Duration::from_nanos).ok_or_else(|| format!("{text} is too long"))
}

/// Parses an amount of bytes: a number, with k, M or G for the powers of 1000, Ki, Mi or Gi for those of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (whole, fraction, unit) = split(text)?;
    let factor = match unit.strip_suffix('B').unwrap_or(unit) {
        "" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return Err(format!("unknown unit {unit}: write k, M or G (powers of 1000), or Ki, Mi or Gi (of 1024)")),
    };
    scaled(whole, fraction, factor).ok_or_else(|| format!("{text} is too much"))
}

/// Writes an amount of bytes for people.
pub(crate) fn show_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{:02} kB", bytes / 1_000, bytes % 1_000 / 10),
        1_000_000..1_000_000_000 => format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000),
        _ => format!("{}.{:02} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 10_000_000),
    }
}

/// `amount` a second, when so much took `elapsed`.
pub(crate) fn per_second(amount: u64, elapsed: Duration) -> u64 {
    let nanos = elapsed.as_nanos().max(1);
    u64::try_from(u128::from(amount) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

/// Splits a text into the digits before the point, those behind it, and the unit.
fn split(text: &str) -> Result<(&str, &str, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') {
        return Err(format!("{text:?} is not a number with a unit"));
    }
    Ok((whole, fraction, unit.trim()))
}

/// The number times `factor`, rounded down; `None` if it does not fit.
fn scaled(whole: &str, fraction: &str, factor: u64) -> Option<u64> {
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    // More than 18 digits behind the point are below any unit.
    let digits = &fraction[..fraction.len().min(18)];
    let numerator = if digits.is_empty() { 0 } else { digits.parse::<u128>().ok()? };
    let denominator = digits.bytes().fold(1u128, |power, _| power * 10);
    whole.checked_add(u64::try_from(numerator * u128::from(factor) / denominator).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        assert_eq!(duration("500us"), Ok(Duration::from_micros(500)));
        assert_eq!(duration("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(duration(" 3 s "), Ok(Duration::from_secs(3)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("0.25ms"), Ok(Duration::from_micros(250)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn durations_that_mean_nothing_are_refused_with_a_hint() {
        assert_eq!(duration("3"), Err("3 has no unit: write 3ms or 3s".to_owned()));
        assert!(duration("3 parsecs").is_err_and(|error| error.contains("ns, us, ms, s, m and h")));
        for text in ["", "s", ".5s", "1.2.3s", "-1s", "99999999999h"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn bytes_take_decimal_and_binary_units() {
        assert_eq!(bytes("1400"), Ok(1_400));
        assert_eq!(bytes("100M"), Ok(100_000_000));
        assert_eq!(bytes("1.5MB"), Ok(1_500_000));
        assert_eq!(bytes("8Mi"), Ok(8 << 20));
        assert_eq!(bytes("64KiB"), Ok(64 << 10));
        assert_eq!(bytes("0.5Mi"), Ok(512 << 10));
        for text in ["", "M", "1X", "99999999999G"] {
            assert!(bytes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn rates_and_amounts_are_shown() {
        assert_eq!(show_bytes(999), "999 B");
        assert_eq!(show_bytes(1_234_567), "1.23 MB");
        assert_eq!(show_bytes(12_345), "12.34 kB");
        assert_eq!(show_bytes(2_000_000_000), "2.00 GB");
        assert_eq!(per_second(1_000, Duration::from_millis(500)), 2_000);
        assert_eq!(per_second(1, Duration::ZERO), 1_000_000_000);
    }
}
